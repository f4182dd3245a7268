"""For all tests: strict numerics, and one Ray per session on the loopback interface."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

pytest_plugins = ("tests.suites.object_store",)

# The same random cases in every run, so that a run tells about the change and not about the draw.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


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
