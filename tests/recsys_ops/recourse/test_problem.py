"""Thresholds and present standing against all ranks."""

import numpy as np
import pytest

from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.group import TargetGroup, scales
from recsys_ops.recourse.problem import Case, make_cases
from tests.twins import ranking
from tests.twins import recourse as twin
from tests.worlds import World, checkerboard, one_word_world, random_world, tie_world

WORLDS = [*(random_world(seed) for seed in range(6)), random_world(9, density=0.85, k=4), tie_world(), checkerboard()]


def cases(world: World, group: TargetGroup | None = None) -> list[Case]:
    return make_cases(world.search(group=group), np.arange(len(world.features)))


@pytest.mark.parametrize("world", WORLDS)
def test_targets_are_those_who_have_not_rated_the_item(world: World) -> None:
    for case in cases(world):
        assert np.array_equal(case.targets, ~world.rated[:, case.item])


@pytest.mark.parametrize("world", WORLDS)
def test_thresholds_are_the_kth_best_scores_of_the_other_candidates(world: World) -> None:
    for case in cases(world):
        users = np.flatnonzero(case.targets)
        assert np.allclose(case.thresholds[users], twin.others_best(world, case.item, users))


@pytest.mark.parametrize("world", WORLDS)
def test_who_sees_an_item_already_equals_its_ranks(world: World) -> None:
    for case in cases(world):
        ranks = ranking.ranks_of_item(world.scores(world.features), world.rated, case.item, tie=1e-9)
        assert np.array_equal(case.in_top[case.targets], ranks <= world.k)
        assert not case.in_top[~case.targets].any()


@pytest.mark.parametrize("world", WORLDS)
def test_positions_are_ranks_from_zero_cut_at_k(world: World) -> None:
    for case in cases(world):
        ranks = ranking.ranks_of_item(world.scores(world.features), world.rated, case.item, tie=1e-9)
        assert np.array_equal(case.positions(case.scores), np.minimum(ranks - 1, world.k))


@pytest.mark.parametrize("world", WORLDS)
def test_a_score_raised_by_what_is_missing_satisfies_the_user_and_one_just_below_does_not(world: World) -> None:
    for case in cases(world):
        needy = case.missing > 0
        if needy.any():
            missing = np.where(np.isfinite(case.missing), case.missing, 0.0)
            assert case.satisfied(case.scores + missing)[needy].all()
            assert not case.satisfied(case.scores + missing * (1 - 1e-4) - 1e-4)[needy].any()


@pytest.mark.parametrize("world", WORLDS)
def test_success_at_present_is_the_share_of_targets_who_see_the_item(world: World) -> None:
    for case in cases(world):
        if case.targets.any():
            assert case.success(case.scores) == pytest.approx(case.in_top[case.targets].mean())


def test_a_group_of_some_users_has_their_ratings_and_scores_in_their_order() -> None:
    world = random_world(3)
    users = [9, 2, 5]
    group = world.group(users)
    assert np.array_equal(group.histories.toarray(), world.ratings[users])
    assert np.array_equal(group.top_scores, world.summary().top_scores[users])
    for case in cases(world, group):
        assert np.allclose(case.scores, ranking.all_scores(world.ratings, world.features)[users, case.item])


def test_a_group_samples_users_without_repetition_and_in_order() -> None:
    group = random_world(3).group(n_sampled=5, seed=1)
    assert len(group.sample) == 5
    assert np.all(np.diff(group.sample) > 0)
    assert np.array_equal(group.sample, random_world(3).group(n_sampled=5, seed=1).sample)


def test_profiles_are_those_of_the_sample_over_the_searched_columns() -> None:
    world = random_world(4)
    group = world.group(n_sampled=6)
    profiles = world.ratings @ world.features
    assert np.allclose(group.profiles, profiles[np.ix_(group.sample, group.columns)])


def test_the_search_looks_only_at_what_may_change_and_moves_somebody() -> None:
    for seed in range(10):
        world = random_world(seed)
        group, columns = world.group(), world.items.columns
        assert (columns.can_rise | columns.can_fall)[group.columns].all()
        single = group.columns[columns.one_hot[group.columns] < 0]
        assert np.all((world.ratings @ world.features)[:, single].max(axis=0) > 0)


def test_a_category_is_searched_as_a_whole() -> None:
    world = random_world(1, rules=[FeatureRule(column="kind", kind="category", min_items=1)])
    assert world.group().columns.tolist() == list(range(len(world.items.columns)))


def test_an_item_that_ties_at_the_last_place_is_in_the_list() -> None:
    for case in cases(tie_world(k=1))[1:4]:
        assert case.in_top.all()
        assert case.satisfied(case.scores).all()


def test_claiming_a_place_takes_more_than_a_tie() -> None:
    case = cases(one_word_world(k=1))[3]
    assert not case.satisfied(case.thresholds).any()
    assert not case.satisfied(case.thresholds * (1 + 1e-8)).any()
    assert case.satisfied(case.thresholds * (1 + 1e-5)).all()


def test_rounding_does_not_push_an_item_out_of_its_list() -> None:
    case = cases(tie_world(k=2))[1]
    assert case.satisfied(case.scores * (1 - 1e-12)).all()
    assert not case.satisfied(case.scores * (1 - 1e-6)).any()


def test_a_threshold_that_is_what_rounding_leaves_of_cancelling_ratings_is_none() -> None:
    thresholds = np.array([3.0, -2.0, 1.1e-16, -4e-15, 0.0, -np.inf])
    assert scales(thresholds, np.full(6, 20.0)).tolist() == [3.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    assert scales(np.array([3e-9]), np.array([2e-8])) == [3e-9]


@pytest.mark.parametrize("world", WORLDS)
def test_no_score_of_a_real_item_is_greater_than_its_user_s_scores_can_be(world: World) -> None:
    scores = np.abs(world.ratings @ world.features @ world.features.T)
    assert np.all(scores <= world.group().sizes[:, None] * (1 + 1e-9))
