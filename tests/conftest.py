"""For all tests: strict numerics, and one Ray per session on the loopback interface."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

pytest_plugins = ("tests.suites.object_store",)

# The same random cases in every run, so that a run tells about the change and not about the draw.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts Ray or a server stays in one process, one after the other; the library's tests may run beside it."""
    for item in items:
        if not item.path.is_relative_to(Path(__file__).parent / "recsys_ops"):
            item.add_marker(pytest.mark.xdist_group("machine"))


@pytest.fixture(autouse=True)
def strict_numerics() -> Iterator[None]:
    """Division by zero, overflow and invalid operations are errors, not warnings."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One Ray of two workers for the tests that ask for it."""
    from jobs.runtime.cluster import connect

    with connect("local", 2):
        yield
