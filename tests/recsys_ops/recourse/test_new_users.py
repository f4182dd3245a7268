"""Success for users to come: the search never sees whom it is measured on, and the interval is Wilson's."""

from dataclasses import replace

import numpy as np
import pytest

from recsys_ops.recourse.new_users import cross_fit, wilson, without_users
from recsys_ops.recourse.plausible import fit_plausibility
from recsys_ops.recourse.problem import Case, make_cases
from recsys_ops.recourse.proposal import Proposal
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.within_limits import propose_within_limits
from tests.worlds import World, random_world

SETTINGS = RecourseSettings(max_changes=2, knee=True)


def propose(case: Case) -> Proposal:
    return propose_within_limits(case, case.features[case.search.group.columns])


def case_of(world: World, users: list[int] | None = None) -> Case:
    plausibility = fit_plausibility(world.items, np.arange(world.items.matrix.shape[0]), 0.1)
    search = replace(world.search(SETTINGS, group=world.group(users)), plausibility=plausibility)
    return make_cases(search, np.array([1]))[0]


@pytest.mark.parametrize("seed", range(6))
def test_a_case_without_some_users_is_that_of_a_group_without_them(seed: int) -> None:
    world = random_world(seed, n_users=30)
    left_out = np.arange(30) % 3 == seed % 3
    masked = propose(without_users(case_of(world), left_out))
    smaller = propose(case_of(world, np.flatnonzero(~left_out).tolist()))
    assert np.allclose(masked.features, smaller.features)


@pytest.mark.parametrize("seed", range(3))
def test_every_user_is_measured_once_with_what_was_found_without_them(seed: int) -> None:
    world = random_world(seed, n_users=40)
    case = case_of(world)
    unseen: list[np.ndarray] = []

    def watched(part: Case) -> Proposal:
        unseen.append(case.targets & ~part.targets)
        return propose(part)

    found = cross_fit(case, watched, folds=3, seed=0)
    assert found is not None
    assert np.array_equal(np.sum(unseen, axis=0), case.targets.astype(int))
    reached = sum(
        int((case.satisfied(case.rescore(propose(without_users(case, fold)).features)) & fold).sum()) for fold in unseen
    )
    assert found.success == reached / case.n_targets
    assert 0 <= found.lower <= found.success <= found.upper <= 1


def test_a_group_that_is_too_small_for_its_folds_says_nothing() -> None:
    assert cross_fit(case_of(random_world(0, n_users=12)), propose, folds=4, seed=0) is None


def test_the_interval_is_wilsons() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
