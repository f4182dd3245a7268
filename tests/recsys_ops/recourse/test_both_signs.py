"""Profiles of both signs: what helps one user may harm another, and a part of a change may do what the whole does not.

Bounds, proofs and ranks against every description that the rules allow.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.brought_factors import Factors
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.user_summary import summarise_users
from recsys_ops.recourse.coverage import Coverage
from recsys_ops.recourse.exact import fewest_actions
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import find_recourses
from recsys_ops.status import Status
from tests.twins.grid import best_by_changes
from tests.twins.recourse import success_range
from tests.worlds import World

LEARNED = ("hybrid", "lightfm", "towers")


def number(column: str, *, upper: float = 1.0, step: float = 0.25) -> FeatureRule:
    """A number that the provider may set between 0 and ``upper``."""
    return FeatureRule(column=column, kind="number", lower=0.0, upper=upper, step=step)


def world_of_likes_and_dislikes(seed: int) -> World:
    """A few items of two or three numbers and perhaps a category, rated from -2 to 3."""
    rng = np.random.default_rng([seed, 99])
    n_items, n_users, n_numbers = int(rng.integers(5, 8)), int(rng.integers(2, 5)), int(rng.integers(2, 4))
    table: dict[str, object] = {}
    rules = []
    for place in range(n_numbers):
        values = rng.integers(0, 5, n_items) / 4.0
        if rng.random() < 0.3:
            values = np.maximum(values, 0.5)  # the rule allows less than any item has
        values[0] = 1.0
        table[f"x{place}"] = values
        rules.append(number(f"x{place}"))
    if rng.random() < 0.4:
        table["kind"] = ["pqr"[rng.integers(3)] for _ in range(n_items)]
        rules.append(FeatureRule(column="kind", kind="category", min_items=1))
    opinions = np.full((n_users, n_items), np.nan)
    rated = rng.random(opinions.shape) < 0.45
    opinions[rated] = rng.choice([-2, -1, 1, 2, 3], rated.sum())
    return World(pa.table(table), tuple(rules), opinions, int(rng.integers(1, 3)))


def learned_world(seed: int, model: str) -> World:
    """The same items and ratings with a learned model, whose users and coordinates are of any scale."""
    world = world_of_likes_and_dislikes(seed)
    rng = np.random.default_rng([seed, 98])
    (n_users, n_items), n_features, rank = world.opinions.shape, world.features.shape[1], int(rng.integers(1, 4))
    if model == "hybrid":
        stored = world.model.histories
        fitted = fit_hybrid(stored, world.items.matrix, rank=rank, ridge=float(10.0 ** rng.uniform(-1, 2)))
        factors = Factors(stored @ fitted.fold_in, fitted.own, fitted.feature_map)
    else:
        users, feature_map = rng.normal(size=(n_users, rank)), rng.normal(size=(n_features, rank))
        own = rng.normal(size=(n_items, rank)) * (rng.random() < 0.7)
        if model == "lightfm":  # biases: one more coordinate, which is 1 for every user
            users, own = np.column_stack([users, np.ones(n_users)]), np.column_stack([own, rng.normal(size=n_items)])
            feature_map = np.column_stack([feature_map, rng.normal(size=n_features)])
        factors = Factors(users, own, feature_map)
    of_users = 10.0 ** rng.uniform(-30, 30, (n_users, 1))
    of_coordinates = 10.0 ** rng.uniform(-10, 10, factors.users.shape[1])
    scaled = Factors(
        factors.users * of_users * of_coordinates, factors.own / of_coordinates, factors.feature_map / of_coordinates
    )
    return replace(world, factors=scaled)


@pytest.mark.parametrize("prove_seconds", [0.0, 5.0])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_no_claim_is_contradicted_by_any_description_that_the_rules_allow(prove_seconds: float, seed: int) -> None:
    world = world_of_likes_and_dislikes(seed)
    assume((~world.rated[:, seed % len(world.features)]).any())
    check_claims(world, seed % len(world.features), prove_seconds)


@pytest.mark.parametrize("model", LEARNED)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_no_claim_about_a_learned_model_is_contradicted_either(model: str, seed: int) -> None:
    check_claims(learned_world(seed, model), seed % 5, 5.0 * (seed % 2))


@pytest.mark.benchmark
@pytest.mark.parametrize("model", LEARNED)
def test_no_claim_about_thousands_of_learned_models_is_contradicted(model: str) -> None:
    for seed in range(2000):
        check_claims(learned_world(seed, model), seed % 5, 5.0 * (seed % 4 == 0))


def check_claims(world: World, item: int, prove_seconds: float) -> None:
    """Compare what is claimed about an item with every description that the rules allow it."""
    wanted = RecourseSettings(tolerance=0.0, max_changes=4, prove_seconds=prove_seconds)
    (found,) = find_recourses(world.search(wanted), np.array([item]))
    if found.success_bound is None or found.success_after is None or found.lower_bound is None:
        return
    assert found.features is not None
    least, most = success_range(world, item, found.features)
    assert least - 1e-9 <= found.success_after <= most + 1e-9
    best = best_by_changes(world, item)
    assert found.success_bound >= max(best.values()) - 1e-9
    as_good = [n for n, success in best.items() if success >= found.success_after - 1e-9]
    assert found.lower_bound <= min(as_good, default=found.lower_bound)
    if found.status is Status.INFEASIBLE:
        assert max(best.values()) <= (found.success_before or 0.0) + 1e-9


def test_a_part_of_a_change_is_proven_enough_where_the_whole_loses_a_user() -> None:
    names = ("Apple", "Bread", "Corn", "Rice", "Tofu")
    table = pa.table({"x": [1.0, 0, 0, 0.65, 0], "y": [0, 1.0, 0, 0.4, 0], "z": [0, 0, 1.0, 0, 0]})
    opinions = np.full((2, len(names)), np.nan)
    opinions[0, :3] = [2.0, -2.0, 2.0]
    opinions[1, 1] = 1.0
    world = World(table, tuple(number(column, step=0.1) for column in "xyz"), opinions, 1)
    wanted = RecourseSettings(tolerance=0.0, prove_seconds=5.0)
    (found,) = find_recourses(world.search(wanted), np.array([names.index("Tofu")]))
    assert (found.status, len(found.changes), found.lower_bound, found.success_after) == (Status.OPTIMAL, 2, 2, 1.0)
    assert {change.feature: float(change.after) for change in found.changes} == pytest.approx({"x": 1.0, "y": 0.5})


def test_a_declared_limit_below_the_least_value_of_all_items_may_be_used() -> None:
    table = pa.table({"price": [20, 5, 20, 5, 5], "brand": list("zxzxy")})
    opinions = np.full((1, 5), np.nan)
    opinions[0, :3] = [-2.0, 1.0, -2.0]
    rules = (
        number("price", upper=20, step=1.0),
        FeatureRule(column="brand", kind="category", mutable=False, min_items=1),
    )
    (found,) = find_recourses(World(table, rules, opinions, 1).search(), np.array([4]))
    assert found.serves
    assert found.success_after == 1.0
    assert float(found.changes[0].after) < 5


def test_ranks_and_success_agree_about_scores_that_differ_by_rounding_only() -> None:
    tags = [["p"], ["q"], ["r"], ["z"], ["p", "q", "r"], ["z"]]
    opinions = np.array([[3.2, 1.4, 0.3, 4.9, np.nan, np.nan]])
    world = World(pa.table({"tag": tags}), (FeatureRule(column="tag", kind="tags", min_items=1),), opinions, 1)
    scores = world.model.feature_scores(world.model.vectors, world.items.matrix[[4, 5]])[0]
    assert scores[0] != scores[1]
    _, counts = summarise_users(
        world.model, 0, 1, k=1, groups=np.array([0]), n_groups=1, selected=np.array([4, 5]), columns=world.items.columns
    )
    assert counts.rank_sums.tolist() == [[1, 1]]
    assert counts.n_in_top[0, [4, 5]].tolist() == [1, 1]


def test_likes_and_dislikes_that_cancel_leave_a_score_of_nothing() -> None:
    tags = [["p"], ["q"], ["r"], ["z"], ["p", "q", "r", "z"], []]
    opinions = np.array([[0.2, 4.1, 4.6, -8.9, np.nan, np.nan]])
    world = World(pa.table({"tag": tags}), (FeatureRule(column="tag", kind="tags", min_items=1),), opinions, 1)
    assert world.model.feature_scores(world.model.vectors, world.items.matrix[[4]])[0, 0] < 0
    (found,) = find_recourses(world.search(RecourseSettings(min_success=0.5)), np.array([4]))
    assert found.status is Status.ALREADY_SATISFIED
    assert found.success_before == 1.0


@pytest.mark.parametrize("seed", range(10))
def test_the_fewest_actions_in_parts_equal_those_of_every_combination_of_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    effects, gaps = rng.uniform(-1, 1, (4, 3)), rng.uniform(0.2, 0.8, 4)
    n_steps = 4
    shares = np.stack(np.meshgrid(*[np.arange(n_steps + 1) / n_steps] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    n_closed = (shares @ effects.T >= gaps - 1e-9).sum(axis=1)
    coverage = Coverage(effects, gaps, np.arange(3), n_most=3, steps=np.full(3, float(n_steps)))
    for wanted in range(1, int(n_closed.max()) + 1):
        result = fewest_actions(coverage, n_required=wanted, time_limit=10)
        assert result.proven
        assert result.objective == (shares[n_closed >= wanted] > 0).sum(axis=1).min()
        closed = effects[:, result.actions] @ result.shares >= gaps - 1e-6
        assert closed.sum() >= wanted
