"""Connecting to Ray, without starting one."""

import socket
import subprocess
import sys
from typing import Any

import pytest
from ray.exceptions import AuthenticationError

from jobs.runtime.cluster import connect
from recsys_ops.errors import ConfigError


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no other test had left a Ray running in this process."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster answers"),
        ("ray://127.0.0.1:10001", "Ray Client is not supported"),
        ("nowhere", "expected host:port"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_seconds(address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"--address {address}: .*{message}"), connect(address):
        pass


def test_zero_workers_is_refused() -> None:
    with pytest.raises(ConfigError, match="--workers 0 is below 1"), connect("local", 0):
        pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ConnectionError("Failed to connect"),
            "something answers, .* If the cluster has a token: Set RAY_AUTH_MODE=token",
        ),
        (AuthenticationError("no token is there. A page of advice."), "no token is there. Set RAY_AUTH_MODE=token"),
    ],
)
def test_a_cluster_that_answers_and_lets_nobody_in_has_a_message_of_its_own(
    monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr("ray.init", refuse)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"--address {address}: {message}"), connect(address):
            pass


@pytest.mark.usefixtures("machine")
def test_a_temporary_folder_that_cannot_be_used_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/dev/null")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    script = "from jobs.runtime.cluster import connect\nwith connect(): pass"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "ConfigError: Ray cannot be started on this machine (NotADirectoryError: " in done.stderr
    assert "Its temporary folder is /dev/null; RAY_TMPDIR names another" in done.stderr
