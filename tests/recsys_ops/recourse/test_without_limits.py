"""Features without an upper limit: everybody whom any word moves can be reached."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.features.rules import FeatureRule
from recsys_ops.metrics import move_overlaps
from recsys_ops.recourse.problem import make_cases
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses
from recsys_ops.recourse.without_limits import SHARES
from recsys_ops.status import Status
from tests.twins import recourse as twin
from tests.worlds import World, one_word_world, random_world, text_rule


def endless(seed: int, **rule: object) -> World:
    return random_world(seed, n_users=20, rules=[text_rule(upper=float("inf"), direction="increase", **rule)])


def recourses(world: World, settings: RecourseSettings) -> list[Recourse]:
    found = find_recourses(world.search(settings), np.arange(len(world.features)))
    return [one for one in found if one.features is not None]


def movable(world: World, item: int) -> float:
    """Share of the targets who see the item already or whose score some word moves."""
    targets = ~world.rated[:, item]
    moved = (world.ratings @ world.features > 0).any(axis=1)
    seen = np.zeros(len(targets), dtype=bool)
    users = np.flatnonzero(targets)
    scores = world.ratings[users] @ world.features @ world.features[item]
    seen[users] = scores + 1e-9 * np.abs(scores) >= twin.others_best(world, item, users)
    return float((moved | seen)[targets].mean())


@pytest.mark.parametrize("seed", range(4))
def test_everybody_whom_a_word_moves_is_reached_before_thresholding(seed: int) -> None:
    world = endless(seed)
    for found in recourses(world, RecourseSettings(tolerance=0.2)):
        assert found.success_unthresholded == pytest.approx(movable(world, found.item))


@pytest.mark.parametrize("step", [0, None])
@pytest.mark.parametrize("seed", range(3))
def test_verified_success_is_what_the_recommender_says(seed: int, step: float | None) -> None:
    world = endless(seed, step=step)
    for found in recourses(world, RecourseSettings(tolerance=0.2)):
        least, most = twin.success_range(world, found.item, found.features)
        assert least - 1e-9 <= found.success_after <= most + 1e-9
        assert np.all(found.features >= world.features[found.item] - 1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_no_more_is_given_up_than_tolerated_and_no_more_changed_than_allowed(seed: int) -> None:
    for found in recourses(endless(seed), RecourseSettings(tolerance=0.2, max_changes=8)):
        gained = found.success_unthresholded - found.success_before
        assert len(found.changes) <= 8
        assert found.success_after >= found.success_before + 0.8 * gained - 1e-9


@pytest.mark.parametrize("direction", ["increase", "free"])
@pytest.mark.parametrize("seed", range(5))
def test_words_that_users_dislike_are_no_obstacle(seed: int, direction: str) -> None:
    liked = random_world(seed, n_users=12, n_items=10, rules=[text_rule(upper=float("inf"), direction=direction)])
    world = World(liked.table, liked.rules, liked.opinions - 3.3, liked.k)
    for found in recourses(world, RecourseSettings(tolerance=0.2, max_changes=5)):
        least, most = twin.success_range(world, found.item, found.features)
        assert least - 1e-9 <= found.success_after <= most + 1e-9
        assert found.success_after >= found.success_before
        assert len(found.changes) <= 5


def test_lists_overlap_as_much_as_wanted_where_that_is_possible() -> None:
    """Wanting more overlap never gives less of it, and sometimes costs further changes."""
    more = fewer = 0
    for seed in range(4):
        world = endless(seed, step=0)
        loose = recourses(world, RecourseSettings(overlap=0.0))
        tight = recourses(world, RecourseSettings(overlap=0.95))
        for one, other in zip(loose, tight, strict=True):
            assert other.rbo >= one.rbo - 1e-9 or other.rbo >= 0.95
            more += len(other.changes) > len(one.changes)
            fewer += len(other.changes) < len(one.changes)
    assert more > fewer


@pytest.mark.parametrize("seed", range(2))
def test_users_are_given_up_where_lists_would_change_more_than_they_may(seed: int) -> None:
    """Of a recourse that turns lists too far, no part gains anybody and leaves them; not all are given up."""
    world = endless(seed, step=0)
    cases = {case.item: case for case in make_cases(world.search(RecourseSettings()), np.arange(len(world.features)))}
    loose, tight = (recourses(world, RecourseSettings(overlap=overlap)) for overlap in (0.0, 0.95))
    n_kept = 0
    for one, other in zip(loose, tight, strict=True):
        case = cases[other.item]
        for share in SHARES if other.rbo < 0.95 else ():
            scores = case.rescore(case.features + share * (other.features - case.features))
            before, after = case.positions(case.scores), case.positions(scores)
            overlaps = move_overlaps(world.k)[before, after].mean() >= 0.95
            assert not (overlaps and case.success(scores) > other.success_before)
        n_kept += one.rbo < 0.95 <= other.rbo
        assert other.success_after > other.success_before or one.success_after == one.success_before
    assert n_kept


def test_a_least_success_comes_before_the_overlap() -> None:
    world = endless(0, step=0)
    strict, free = (recourses(world, RecourseSettings(overlap=overlap, min_success=0.5)) for overlap in (1.0, 0.0))
    for found, one in zip(strict, free, strict=True):
        assert found.success_after >= min(0.5, one.success_after) - 1e-9


def test_one_word_is_enough_for_everybody_who_likes_it() -> None:
    found = recourses(one_word_world(upper=float("inf"), k=1), RecourseSettings(tolerance=0.0))
    moved = next(one for one in found if one.item == 3)
    assert [change.text for change in moved.changes] == ["use the word 'heist' 3 times"]
    assert (moved.success_after, moved.success_unthresholded, moved.success_bound) == (1.0, 1.0, 1.0)
    assert moved.status is Status.OPTIMAL


def test_the_bound_of_success_holds_without_limits_of_features() -> None:
    for seed in range(4):
        for found in recourses(endless(seed), RecourseSettings()):
            assert found.success_bound >= found.success_after - 1e-9
            assert found.lower_bound <= len(found.changes)


def a_word_each(n: int = 12, **rule: object) -> World:
    """Everybody rated a plot of one word and may see another of it; the last two plots have none of these words."""
    words = [f"word{letter}" for letter in "abcdefghijkl"[:n]]
    opinions = np.full((n, 2 * n + 2), np.nan)
    opinions[np.arange(n), np.arange(n)] = 5.0
    table = pa.table({"plot": [*words, *words, "zulu", "zulu yankee"]})
    return World(table, (text_rule(**{"upper": float("inf"), **rule}),), opinions, 1)


@pytest.mark.parametrize("n_most", [1, 4, 8, 11])
def test_as_many_are_reached_as_so_few_changes_can_where_nobody_shares_a_word(n_most: int) -> None:
    world = a_word_each()
    found = recourses(world, RecourseSettings(tolerance=0.0, max_changes=n_most))[-2]
    assert found.item == 24
    assert len(found.changes) == n_most
    assert found.success_after == found.success_unthresholded == pytest.approx(n_most / 12)
    tolerant = recourses(world, RecourseSettings(tolerance=0.2, max_changes=n_most))[-2]
    assert len(tolerant.changes) == np.ceil(0.8 * n_most)


@pytest.mark.parametrize("n_most", [1, 2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_something_is_found_wherever_one_word_reaches_somebody(seed: int, n_most: int) -> None:
    world = endless(seed)
    for found in recourses(world, RecourseSettings(tolerance=0.0, max_changes=n_most)):
        if found.success_before < movable(world, found.item):
            assert found.success_after > found.success_before
            assert 1 <= len(found.changes) <= n_most


def test_a_feature_with_an_end_that_is_too_near_keeps_nobody_else_from_being_reached() -> None:
    """Half of the users like a word; to the others a tag brings the item nearer, but not as near as an old drama."""
    table = pa.table(
        {
            "plot": ["heist", "", "heist heist", "", ""],
            "genres": [[], ["drama"], [], ["drama"], []],
            "era": [[], ["old"], [], ["old"], []],
        }
    )
    opinions = np.full((4, 5), np.nan)
    opinions[:2, 0] = 5.0
    opinions[2:, 1] = 5.0
    rules = (
        text_rule(weighting="count", upper=float("inf")),
        FeatureRule(column="genres", kind="tags", min_items=1, weight=0.5),
        FeatureRule(column="era", kind="tags", min_items=1, mutable=False),
    )
    found = recourses(World(table, rules, opinions, 1), RecourseSettings(tolerance=0.0))[-1]
    assert [change.feature for change in found.changes] == ["plot"]
    assert found.success_after == found.success_unthresholded == 0.5


def test_a_user_whose_threshold_is_nothing_is_reached_as_well() -> None:
    """The item is disliked at present, and what is seen in its place leaves the user cold."""
    table = pa.table({"plot": ["heist", "robot", "robot heist", "ghost"]})
    opinions = np.array([[5.0, -5.0, np.nan, np.nan], [1.0, -4.0, np.nan, np.nan]])
    world = World(table, (text_rule(weighting="count", upper=float("inf")),), opinions, 1)
    found = next(one for one in recourses(world, RecourseSettings(tolerance=0.0)) if one.item == 2)
    assert found.success_after == 1.0
