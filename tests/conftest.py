"""For all tests: strict numerics, one Ray per session on the loopback interface, and who may start processes."""

import multiprocessing.process
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

pytest_plugins = ("tests.suites.object_store",)

# Ray's workers give way to all other processes by default, here to tests that run beside those that wait for them.
os.environ.setdefault("RAY_worker_niceness", "0")

# The same random cases in every run, so that a run tells about the change and not about the draw.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def machine() -> None:
    """Requested, directly or not, by every test that starts Ray or another process; the others may not start any."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module that need ``machine`` in one process of ``--dist loadgroup``, one after the other.

    What they start is shared by the module, and costs more than most of its tests; an S3 server by all that need one.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        if "object_store_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("S3 server"))
        elif _needs_machine(item):
            item.add_marker(pytest.mark.xdist_group(item.path.as_posix()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """The fixtures of a test without ``machine`` start no process."""
    with _only_with_machine(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test without ``machine`` starts no process, and uses no Ray that another test left running."""
    with _only_with_machine(item):
        yield


def _needs_machine(item: pytest.Item) -> bool:
    return "machine" in getattr(item, "fixturenames", ())


@contextmanager
def _only_with_machine(item: pytest.Item) -> Iterator[None]:
    if _needs_machine(item):
        yield
        return

    start = subprocess.Popen.__init__

    def refuse(*args: Any, **options: Any) -> None:
        if len(args) > 1 and args[1][0] == "lscpu":  # scikit-learn counts the cores, once per process
            return start(*args, **options)
        pytest.fail("starts Ray or another process without the fixture 'machine' (see tests/conftest.py)")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", refuse)
        patch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
        if "ray" in sys.modules:
            patch.setattr("ray.init", refuse)
            patch.setattr("ray.is_initialized", lambda: False)
        yield


@pytest.fixture(autouse=True)
def strict_numerics() -> Iterator[None]:
    """Division by zero, overflow and invalid operations are errors, not warnings."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(scope="session")
def ray_session(machine: None) -> Iterator[None]:
    """One Ray of two workers for the tests that request it."""
    from jobs.runtime.cluster import connect

    with connect("local", 2):
        yield
