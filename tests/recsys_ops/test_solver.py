"""What HiGHS says, read in one place: optimal, infeasible, out of time, for linear and mixed programs."""

import time

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.solver import Solution, solve_program


def cover(n_columns: int, needed: float, *, is_whole: bool, **options: float) -> Solution:
    """Least of ``sum x`` with ``2 sum x >= needed``, x in 0 .. 1."""
    return solve_program(
        sp.csr_array(np.full((1, n_columns), 2.0)),
        cost=[1.0] * n_columns,
        lower=[0.0] * n_columns,
        upper=[1.0] * n_columns,
        row_lower=[needed],
        row_upper=[np.inf],
        is_whole=np.ones(n_columns, dtype=bool) if is_whole else None,
        **options,
    )


@pytest.mark.parametrize(("is_whole", "wanted"), [(False, 1.5), (True, 2.0)])
def test_the_optimum_of_a_linear_and_of_a_mixed_program_is_its_own_bound(is_whole: bool, wanted: float) -> None:
    solution = cover(4, 3.0, is_whole=is_whole)
    assert solution.is_proven
    assert solution.values is not None
    assert solution.values.sum() == pytest.approx(wanted)
    assert (solution.objective, solution.bound) == (pytest.approx(wanted), pytest.approx(wanted))


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_program_without_a_point_is_proven_to_have_none(is_whole: bool) -> None:
    solution = cover(2, 5.0, is_whole=is_whole)
    assert (solution.values, solution.objective, solution.bound, solution.is_proven) == (None, np.inf, np.inf, True)


def test_a_deadline_that_has_passed_leaves_nothing_proven() -> None:
    rng = np.random.default_rng(0)
    matrix = sp.csr_array(rng.integers(1, 100, (60, 300)).astype(np.float64))
    started = time.perf_counter()
    solution = solve_program(
        matrix, cost=np.ones(300), lower=np.zeros(300), upper=np.ones(300), row_lower=np.full(60, 2100.0),
        row_upper=np.full(60, np.inf), is_whole=np.ones(300, dtype=bool), deadline=started,
    )  # fmt: skip
    assert not solution.is_proven
    assert solution.bound <= 300
    assert time.perf_counter() - started < 5
