"""Who acts on what is told, and knows nothing else, gets what is stored; and is never sent where the rules forbid."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.options import Offer, find_options
from recsys_ops.recourse.problem import make_cases
from recsys_ops.recourse.proposal import Limits, run_recommender
from recsys_ops.recourse.solve import Recourse
from tests.twins import recourse as twin
from tests.twins.feasible import is_feasible
from tests.twins.provider import told_row
from tests.worlds import World, random_rules, random_world

LIMITS = [
    Limits(tolerance=0.0, max_changes=3),
    Limits(tolerance=0.2, max_changes=2, max_proximity=0.8),
    Limits(tolerance=0.0, max_changes=2, max_cost=2.0),
]


def world_of(seed: int, *, disliked: bool = False, **price: object) -> World:
    """A random world with rules of its own for the price."""
    rules = random_rules(np.random.default_rng(seed))[:3]
    rule = FeatureRule.model_validate({"column": "price", "kind": "number", **price})
    world = random_world(seed, rules=[*rules, rule])
    return replace(world, opinions=world.opinions - 3) if disliked else world


def all_options(world: World, limits: Limits) -> list[Recourse]:
    items = np.arange(len(world.features))
    found = find_options(world.model, world.items, world.group(), items, limits, Offer(3))
    return [option for options in found for option in options if option.features is not None]


def assert_as_told(world: World, option: Recourse) -> None:
    row = told_row(world, option.item, option.changes)
    assert row == pytest.approx(option.features, abs=1e-12)
    (case,) = make_cases(world.model, world.items, world.group(), np.array([option.item]))
    assert case.success(run_recommender(world.model, world.group(), row)) == option.success_after


@pytest.mark.parametrize("price", [{}, {"step": 0}, {"step": 2.5}, {"upper": float("inf")}])
@pytest.mark.parametrize("limits", LIMITS)
def test_acting_on_what_is_told_reaches_whom_the_row_says(limits: Limits, price: dict[str, object]) -> None:
    n_prices = 0
    for seed in range(3):
        world = world_of(seed, disliked=seed == 1 and "upper" not in price, **price)
        for option in all_options(world, limits):
            n_prices += any(change.feature == "price" for change in option.changes)
            assert_as_told(world, option)
    assert n_prices


def test_a_number_without_a_step_of_its_own_is_told_in_few_decimals_and_so_is_what_is_stored() -> None:
    told = []
    for seed in range(4):
        world = world_of(seed)
        column = len(world.items.columns) - 1
        for option in all_options(world, LIMITS[0]):
            for change in option.changes:
                if change.feature == "price":
                    told.append(change.after)
                    stored = option.features[column] / world.items.columns.unit[column]
                    assert stored + world.items.columns.offset[column] == pytest.approx(float(change.after), abs=1e-12)
    assert told
    assert {len(value.partition(".")[2]) for value in told} == {2}


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6), lower=st.sampled_from([None, 15, 18.123]), upper=st.sampled_from([19, 24.5, 40]),
    step=st.sampled_from([None, 0, 0.7, 2.5]), limits=st.sampled_from(LIMITS), disliked=st.booleans(),
    tags=st.sampled_from([{}, {"upper": 0}, {"lower": 1}]),
)  # fmt: skip
def test_what_moves_is_within_its_bounds_wherever_the_item_stood(
    seed: int, lower: float | None, upper: float, step: float | None, limits: Limits, disliked: bool,
    tags: dict[str, int],
) -> None:  # fmt: skip
    world = world_of(seed, disliked=disliked, lower=lower, upper=upper, step=step)
    rules = [rule if rule.kind != "tags" else FeatureRule.model_validate(rule.model_dump() | tags)
             for rule in world.rules]  # fmt: skip
    world = replace(world, rules=tuple(rules))
    for option in all_options(world, limits):
        assert is_feasible(world, option.item, option.features)
        assert_as_told(world, option)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_brute_force_finds_within_the_bounds_is_better_than_the_bound_told(seed: int) -> None:
    world = world_of(seed, disliked=seed % 2 == 1, lower=18.123, upper=24.5, step=[None, 2.5][seed // 3])
    for option in all_options(world, LIMITS[0]):
        best = twin.best_success(world, option.item, 3, tie=1e-9)
        assert option.success_bound >= best.success[-1] - 1e-9
        assert option.success_after <= option.success_bound + 1e-9
        assert option.lower_bound <= best.fewest_for(option.success_after)
