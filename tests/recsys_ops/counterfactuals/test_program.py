"""The solver behind its array interface: limits that hold, interrupts that stop it."""

import _thread
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from recsys_ops.counterfactuals.program import Program


def cover(n_columns: int, n_rows: int, seed: int = 0) -> Program:
    """A covering problem; with hundreds of columns the proof takes far longer than any limit here."""
    rng = np.random.default_rng(seed)
    program = Program()
    columns = program.add_columns(n_columns, cost=1.0)
    for _ in range(n_rows):
        program.add_row(columns, rng.integers(1, 100, n_columns), lower=float(rng.integers(7, 8) * n_columns))
    return program


def test_the_optimum_is_found_and_proven() -> None:
    program = Program()
    first, second = program.add_columns(2, cost=[1.0, 3.0], upper=5.0)
    program.add_row([first, second], [2.0, 7.0], lower=21.0)
    program.add_row([first], [1.0], upper=3.0)
    solution = program.solve(time.perf_counter() + 10, gap=1e-6)
    assert solution.is_proven
    assert solution.values is not None
    assert solution.values.round().tolist() in ([0.0, 3.0], [3.0, 3.0])
    assert solution.bound == pytest.approx(9.0)


def test_a_program_without_solution_is_proven_to_have_none() -> None:
    program = Program()
    columns = program.add_columns(2)
    program.add_row(columns, 1.0, lower=3.0)
    solution = program.solve(time.perf_counter() + 10, gap=1e-6)
    assert (solution.values, solution.bound, solution.is_proven) == (None, np.inf, True)


def test_a_limit_that_is_hit_leaves_a_valid_bound() -> None:
    solution = cover(300, 60).solve(time.perf_counter() + 0.3, gap=1e-6)
    assert not solution.is_proven
    assert solution.bound <= 300


def test_a_point_that_attains_what_is_known_to_be_least_ends_the_search() -> None:
    program = cover(300, 60)
    known = program.solve(time.perf_counter() + 1, gap=1e-6)
    assert known.values is not None
    assert not known.is_proven
    solution = program.solve(time.perf_counter() + 30, gap=1e-6, enough=round(float(known.values.sum())) + 0.5)
    assert solution.is_proven
    assert solution.values is not None


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background and inherited that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_stops_the_solver_and_is_raised() -> None:
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        cover(300, 60).solve(time.perf_counter() + 60, gap=1e-6)
    timer.join()
    # The solver that follows starts afresh.
    assert cover(8, 3).solve(time.perf_counter() + 10, gap=1e-6).is_proven
