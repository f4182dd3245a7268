"""The mixed-integer programs against all combinations of actions."""

import numpy as np
import pytest

from recsys_ops.recourse.coverage import Coverage
from recsys_ops.recourse.exact import fewest_actions, most_users
from tests.twins import recourse as twin


def problem(seed: int, *, losing: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effects of 7 actions on 9 users; the last two exclude each other."""
    rng = np.random.default_rng(seed)
    effects = rng.uniform(0, 1, (9, 7)) * (rng.random((9, 7)) < 0.6)
    if losing:
        effects[:, 5:] -= 0.4
    return effects, rng.uniform(0.3, 2.0, 9), np.array([0, 1, 2, 3, 4, 5, 5])


@pytest.mark.parametrize("losing", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_most_users_equals_the_best_combination(seed: int, losing: bool) -> None:
    effects, gaps, units = problem(seed, losing=losing)
    for n_most in (1, 2, 4):
        result = most_users(Coverage(effects, gaps, units, n_most), time_limit=10)
        assert result.proven
        assert result.objective == twin.most_users(effects, gaps, units.tolist(), n_most) == result.bound
        assert (effects[:, result.actions].sum(axis=1) >= gaps - 1e-6).sum() >= result.objective
        assert len(result.actions) <= n_most
        assert not {5, 6} <= set(result.actions.tolist())


@pytest.mark.parametrize("losing", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_fewest_actions_equals_the_smallest_combination(seed: int, losing: bool) -> None:
    effects, gaps, units = problem(seed, losing=losing)
    possible = twin.most_users(effects, gaps, units.tolist(), len(units))
    for wanted in range(1, possible + 1):
        result = fewest_actions(Coverage(effects, gaps, units, len(units)), n_required=wanted, time_limit=10)
        assert result.proven
        assert result.objective == twin.fewest_actions(effects, gaps, units.tolist(), wanted) == len(result.actions)
        assert (effects[:, result.actions].sum(axis=1) >= gaps - 1e-6).sum() >= wanted


def test_more_users_than_can_be_reached_have_no_solution() -> None:
    effects, gaps, units = problem(0)
    result = fewest_actions(Coverage(effects, gaps * 100, units, len(units)), n_required=1, time_limit=10)
    assert result.objective == -1
    assert not result.proven


def test_no_user_in_need_needs_no_action() -> None:
    result = most_users(Coverage(np.zeros((0, 3)), np.zeros(0), np.arange(3), 2), time_limit=1)
    assert (result.objective, result.bound, len(result.actions)) == (0, 0.0, 0)
    assert result.proven


def test_an_action_that_helps_one_and_loses_another_is_weighed() -> None:
    effects = np.array([[1.0, 0.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    result = most_users(Coverage(effects, np.ones(3), np.arange(3), 2), time_limit=1)
    assert result.objective == 2
    result = most_users(Coverage(effects, np.ones(3), np.arange(3), 3), time_limit=1)
    assert result.objective == 3
    assert result.actions.tolist() == [0, 1, 2]
