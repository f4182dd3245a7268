"""The summaries of all users against the recommender by brute force."""

from itertools import combinations

import numpy as np
import pytest

from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.user_summary import GAIN_DEPTH, GroupCounts, UserSummary, summarise_users, user_block_size
from tests.twins import ranking
from tests.twins.recourse import all_moves, moved_row
from tests.worlds import World, checkerboard, one_word_world, random_rules, random_world, tie_world

WORLDS = [
    *(random_world(seed) for seed in range(4)),
    random_world(11, density=0.85, k=4),  # users with fewer candidates than places
    tie_world(),
    checkerboard(),
    one_word_world(k=2),
]


def summaries(world: World, first: int, last: int, groups: np.ndarray) -> tuple[UserSummary, GroupCounts]:
    return summarise_users(
        world.model,
        first,
        last,
        k=world.k,
        groups=groups,
        n_groups=2,
        selected=np.arange(world.rated.shape[1]),
        columns=world.items.columns,
    )


def split(world: World) -> np.ndarray:
    """Two groups, and the last user in none."""
    groups = np.arange(len(world.rated)) % 2
    groups[-1] = -1
    return groups


def test_scores_are_likeness_to_what_was_rated_weighted_by_the_rating() -> None:
    world = random_world(1)
    scores = world.model.feature_scores(world.model.vectors, world.items.matrix)
    assert np.allclose(scores, ranking.all_scores(world.ratings, world.features))


@pytest.mark.parametrize("world", WORLDS)
def test_top_scores_are_the_best_of_all_candidates(world: World) -> None:
    top = summaries(world, 0, len(world.rated), split(world))[0].top_scores
    scores = ranking.all_scores(world.ratings, world.features)
    for user in range(len(scores)):
        best = sorted(scores[user][~world.rated[user]], reverse=True)[: world.k + 1]
        assert np.allclose(top[user][: len(best)], best)
        assert np.all(top[user][len(best) :] == -np.inf)


@pytest.mark.parametrize("world", WORLDS)
def test_counts_and_rank_sums_equal_those_of_all_ranks(world: World) -> None:
    groups = split(world)
    counts = summaries(world, 0, len(world.rated), groups)[1]
    scores = ranking.all_scores(world.ratings, world.features)
    for group in range(2):
        for item in range(world.rated.shape[1]):
            users = [u for u in np.flatnonzero(groups == group) if not world.rated[u, item]]
            closest = [ranking.rank_of(scores[u], world.rated[u], item, tie=1e-12) for u in users]
            assert counts.n_candidates[group, item] == len(users)
            assert counts.rank_sums[group, item] == sum(closest)
            assert counts.n_in_top[group, item] == sum(rank <= world.k for rank in closest)


def test_items_that_tie_share_the_best_rank_and_all_count_as_in_the_top() -> None:
    world = tie_world(k=2)
    counts = summaries(world, 0, 3, np.zeros(3, dtype=int))[1]
    assert counts.n_in_top[0].tolist() == [0, 3, 3, 3, 0]
    assert counts.rank_sums[0].tolist() == [0, 3, 3, 3, 12]


def test_on_a_checkerboard_everybody_sees_the_one_item_left_of_their_colour() -> None:
    counts = summaries(checkerboard(6), 0, 6, np.zeros(6, dtype=int))[1]
    assert counts.n_in_top[0].tolist() == [1] * 6
    assert counts.n_candidates[0].tolist() == [4] * 6


@pytest.mark.parametrize("size", [1, 3, 5])
def test_sums_over_blocks_do_not_depend_on_the_size_of_the_blocks(size: int) -> None:
    world = random_world(2)
    groups, n_users = split(world), len(world.rated)
    whole_users, whole = summaries(world, 0, n_users, groups)
    parts = [summaries(world, first, min(first + size, n_users), groups) for first in range(0, n_users, size)]
    total = parts[0][1]
    for _, counts in parts[1:]:
        total = total + counts
    assert np.array_equal(total.n_candidates, whole.n_candidates)
    assert np.array_equal(total.n_in_top, whole.n_in_top)
    assert np.array_equal(total.rank_sums, whole.rank_sums)
    assert np.allclose(np.concatenate([users.top_scores for users, _ in parts]), whole_users.top_scores)
    assert np.allclose(np.concatenate([users.gains for users, _ in parts]), whole_users.gains)


def test_block_sizes_are_powers_of_two_within_bounds() -> None:
    sizes = [user_block_size(n_items, 5000) for n_items in (10, 10_000, 100_000, 10_000_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(8 <= size <= 1024 and size & (size - 1) == 0 for size in sizes)


@pytest.mark.parametrize("seed", range(12))
def test_gains_bound_what_any_changes_add_to_any_score(seed: int) -> None:
    world = random_world(seed, n_users=6, n_items=8)
    gains = world.summary().gains
    profiles = world.ratings @ world.features
    for item in range(len(world.features)):
        moves = all_moves(world.items, world.features[item])
        for n_changes in (1, 2):
            for subset in combinations(moves, n_changes):
                if len({move.unit for move in subset}) == n_changes:
                    added = profiles @ (moved_row(world.features[item], subset) - world.features[item])
                    assert np.all(added <= gains[:, n_changes - 1] * (1 + 1e-9) + 1e-12)


def test_gains_never_shrink_with_more_changes_and_have_a_fixed_depth() -> None:
    gains = random_world(4).summary().gains
    assert gains.shape[1] == GAIN_DEPTH
    assert np.all(np.diff(gains, axis=1) >= 0)


def test_gains_are_infinite_where_a_liked_word_has_no_bound() -> None:
    world = one_word_world(upper=float("inf"))
    assert np.all(world.summary().gains == np.inf)


@pytest.mark.parametrize("kind", ["category", "text"])
def test_a_catalogue_without_anything_to_change_has_no_gains(kind: str) -> None:
    column = {"category": "kind", "text": "plot"}[kind]
    world = random_world(1, rules=[FeatureRule(column=column, kind=kind, min_items=1, mutable=False)])
    assert np.all(world.summary().gains == 0)


def test_random_rules_cover_every_kind_of_feature() -> None:
    kinds = {rule.kind for seed in range(3) for rule in random_rules(np.random.default_rng(seed))}
    assert kinds == {"text", "tags", "category", "number"}
