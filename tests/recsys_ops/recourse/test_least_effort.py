"""The least overshoot against another solver."""

import numpy as np
import pytest
from scipy.optimize import linprog

from recsys_ops.recourse.least_effort import least_overshoot


@pytest.mark.parametrize("seed", range(10))
def test_overshoot_is_the_least_possible(seed: int) -> None:
    rng = np.random.default_rng(seed)
    effects = rng.uniform(0, 1, (8, 4))
    gaps = effects.sum(axis=1) * rng.uniform(0.2, 0.9, 8)
    weights, least = rng.uniform(0.5, 2, 8), np.array([0.0, 0.0, 0.0, 1.0])
    found = least_overshoot(effects, gaps, weights, np.ones(4), least)
    assert found is not None
    assert np.all(effects @ found >= gaps - 1e-6)
    assert np.all(found >= least - 1e-9)
    assert np.all(found <= 1 + 1e-9)
    slow = linprog(weights @ effects, -effects, -gaps, bounds=np.column_stack([least, np.ones(4)]))
    assert weights @ effects @ found == pytest.approx(slow.fun, rel=1e-6)


def test_gaps_that_no_fractions_close_have_no_solution() -> None:
    assert least_overshoot(np.ones((1, 2)), np.array([3.0]), np.ones(1), np.ones(2), np.zeros(2)) is None


def test_changes_without_an_end_go_as_far_as_needed() -> None:
    found = least_overshoot(np.ones((1, 1)), np.array([50.0]), np.ones(1), np.array([np.inf]), np.zeros(1))
    assert found == pytest.approx([50.0])


def test_a_change_that_cannot_be_made_by_half_is_made_in_full() -> None:
    found = least_overshoot(np.array([[1.0, 1.0]]), np.array([0.5]), np.ones(1), np.ones(2), np.array([1.0, 0.0]))
    assert found == pytest.approx([1.0, 0.0])
