"""Recourse that halves the mean rank: what it says is what ranking everything again gives, and its proofs hold."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.features.changes import describe_changes
from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.plausible import fit_plausibility
from recsys_ops.recourse.rank_aim import find_rank_recourses
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse
from recsys_ops.status import Status
from tests.recsys_ops.recourse.test_both_signs import learned_world, world_of_likes_and_dislikes
from tests.twins import ranking
from tests.twins import recourse as twin
from tests.twins.grid import every_row
from tests.worlds import World, one_word_world, random_world, text_rule

N_MOST = 3
SETTINGS = RecourseSettings(tolerance=0.0, max_changes=N_MOST, aim="rank")


def mean_rank(world: World, item: int, row: NDArray[np.float64]) -> float:
    """Mean rank of an item with these features, everything ranked again."""
    scores = world.scores(ranking.with_row(world.features, item, row))
    return float(ranking.ranks_of_item(scores, world.rated, item, tie=1e-9, noise=1e-14).mean())


def best_by_changes(world: World, item: int) -> NDArray[np.float64]:
    """Least mean rank after at most 0 .. N_MOST changes, each made in full (best where no profile is negative)."""
    row = world.features[item]
    moves, best = twin.all_moves(world.items, row), np.full(N_MOST + 1, np.inf)
    for n in range(N_MOST + 1):
        for subset in combinations(moves, n):
            if len({move.unit for move in subset}) == n:
                best[n] = min(best[n], mean_rank(world, item, twin.moved_row(row, subset)))
    return np.minimum.accumulate(best)


def searched(world: World, settings: RecourseSettings = SETTINGS) -> list[Recourse]:
    found = find_rank_recourses(world.search(settings), np.arange(len(world.features)))
    return [one for one in found if one.rank_after is not None]


def check_claims(world: World, found: Recourse, best: NDArray[np.float64]) -> None:
    """Everything said of one recourse, given the least mean rank after at most n changes."""
    assert found.features is not None
    assert found.rank_before == pytest.approx(mean_rank(world, found.item, world.features[found.item]))
    assert found.rank_after == pytest.approx(mean_rank(world, found.item, found.features))
    assert found.changes == describe_changes(world.items, found.item, found.features)
    assert found.rank_bound <= best[-1] + 1e-9
    assert (found.reason is None) == (2 * found.rank_after <= found.rank_before + 1e-9)
    enough = np.flatnonzero(2 * best <= found.rank_before + 1e-9)
    if found.reason is None:
        assert found.lower_bound <= enough[0] <= len(found.changes)
        assert (found.status is Status.OPTIMAL) == (found.lower_bound == len(found.changes))
    if found.status is Status.INFEASIBLE:
        assert not len(enough)


def test_ranks_are_the_recommenders_and_the_fewest_changes_are_mostly_found() -> None:
    rules = (
        text_rule(upper=2),
        FeatureRule(column="genres", kind="tags", min_items=1),
        FeatureRule(column="kind", kind="category", min_items=1),
    )
    possible = reached = fewest = 0
    for seed in range(4):
        world = random_world(seed, n_users=8, n_items=14, k=1, rules=rules)
        for found in searched(world)[:4]:
            best = best_by_changes(world, found.item)
            check_claims(world, found, best)
            enough = np.flatnonzero(2 * best <= found.rank_before + 1e-9)
            possible += len(enough) > 0
            reached += found.serves
            fewest += found.serves and len(found.changes) == enough[0]
            assert [point.n_changes for point in found.frontier] == list(range(len(found.frontier)))
            assert found.frontier[0].rank == pytest.approx(found.rank_before)
            assert all(point.rank >= best[point.n_changes] - 1e-9 for point in found.frontier)
    assert possible >= 10
    assert reached >= 0.9 * possible
    assert fewest >= 0.8 * possible


@pytest.mark.parametrize("seed", range(12))
def test_no_claim_about_likes_and_dislikes_is_contradicted_by_any_description(seed: int) -> None:
    world = learned_world(seed, "lightfm") if seed % 2 else world_of_likes_and_dislikes(seed)
    found = next(iter(searched(world, replace(SETTINGS, max_changes=4))), None)
    if found is None:
        return
    best = np.full(5, np.inf)
    for n_changes, row in every_row(world, found.item):
        best[n_changes] = min(best[n_changes], mean_rank(world, found.item, row))
    check_claims(world, found, np.minimum.accumulate(best))


def test_a_change_is_made_only_as_far_as_it_takes() -> None:
    world = one_word_world(upper=8)
    found = {one.item: one for one in searched(world)}
    assert [change.text for change in found[3].changes] == ["use the word 'heist' twice"]
    assert (found[3].rank_before, found[3].rank_after, found[3].status) == (3.0, 1.0, Status.OPTIMAL)


def test_words_without_a_limit_go_as_far_as_real_items_and_are_bounded_by_the_first_place() -> None:
    found = {one.item: one for one in searched(one_word_world(upper=float("inf")))}
    assert found[3].rank_after == found[3].rank_bound == 1.0


def test_caps_and_plausibility_hold() -> None:
    world = random_world(4, n_items=16, k=1, rules=(text_rule(upper=2), FeatureRule(column="genres", kind="tags")))
    plausibility = fit_plausibility(world.items, np.arange(16), 0.2)
    capped = replace(SETTINGS, max_proximity=1.2)
    search = replace(world.search(capped), plausibility=plausibility)
    found = [one for one in find_rank_recourses(search, np.arange(16)) if one.changes]
    assert found
    for one in found:
        assert one.proximity <= 1.2 + 1e-6
        assert all(change.support >= 0.2 - 1e-9 for change in one.changes)
        assert one.rank_after == pytest.approx(mean_rank(world, one.item, one.features))


def test_what_is_in_every_list_or_known_to_everybody_needs_no_search() -> None:
    world = one_word_world(k=1)
    found = find_rank_recourses(world.search(SETTINGS), np.arange(5))
    assert [one.status for one in found if one.item in (0, 1, 4)] == [
        Status.INFEASIBLE, Status.ALREADY_SATISFIED, Status.INFEASIBLE
    ]  # fmt: skip
    assert [one.n_targets for one in found if one.item in (0, 4)] == [0, 0]
