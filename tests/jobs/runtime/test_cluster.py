"""Connecting to Ray, without starting one."""

import pytest

from jobs.runtime.cluster import connect
from recsys_ops.errors import ConfigError


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no other test had left a Ray running in this process."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", "no Ray cluster answers"),
        ("ray://127.0.0.1:10001", "Ray Client is not supported"),
        ("nowhere", "expected host:port"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_seconds(address: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"--address {address}: .*{told}"), connect(address):
        pass


def test_zero_workers_is_refused() -> None:
    with pytest.raises(ConfigError, match="--workers 0 is below 1"), connect("local", 0):
        pass
