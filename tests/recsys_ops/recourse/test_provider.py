"""Whoever acts on the stated changes alone gets what is stored, and never breaks a rule."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.options import Offer, find_options
from recsys_ops.recourse.problem import make_cases
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse
from tests.twins import recourse as twin
from tests.twins.feasible import is_feasible
from tests.twins.provider import row_after
from tests.worlds import World, random_rules, random_world

SETTINGS = [
    RecourseSettings(tolerance=0.0, max_changes=3),
    RecourseSettings(tolerance=0.2, max_changes=2, max_proximity=0.8),
    RecourseSettings(tolerance=0.0, max_changes=2, max_cost=2.0),
]


def world_of(seed: int, *, disliked: bool = False, **price: object) -> World:
    """A random world with rules of its own for the price."""
    rules = random_rules(np.random.default_rng(seed))[:3]
    rule = FeatureRule.model_validate({"column": "price", "kind": "number", **price})
    world = random_world(seed, rules=[*rules, rule])
    return replace(world, opinions=world.opinions - 3) if disliked else world


def all_options(world: World, search_settings: RecourseSettings) -> list[Recourse]:
    items = np.arange(len(world.features))
    found = find_options(world.search(search_settings), items, Offer(3))
    return [option for options in found for option in options if option.features is not None]


def assert_as_stated(world: World, option: Recourse) -> None:
    row = row_after(world, option.item, option.changes)
    assert row == pytest.approx(option.features, abs=1e-12)
    (case,) = make_cases(world.search(), np.array([option.item]))
    assert case.success(case.rescore(row)) == option.success_after


@pytest.mark.parametrize("price", [{}, {"step": 0}, {"step": 2.5}, {"upper": float("inf")}])
@pytest.mark.parametrize("search_settings", SETTINGS)
def test_acting_on_the_stated_changes_reaches_whom_the_row_says(
    search_settings: RecourseSettings, price: dict[str, object]
) -> None:
    n_prices = 0
    for seed in range(2):
        world = world_of(seed, disliked=seed == 1 and "upper" not in price, **price)
        for option in all_options(world, search_settings):
            n_prices += any(change.feature == "price" for change in option.changes)
            assert_as_stated(world, option)
    assert n_prices


def test_a_number_without_a_step_of_its_own_is_stated_and_stored_in_few_decimals() -> None:
    stated = []
    for seed in range(2):
        world = world_of(seed)
        column = len(world.items.columns) - 1
        for option in all_options(world, SETTINGS[0]):
            for change in option.changes:
                if change.feature == "price":
                    stated.append(change.after)
                    stored = option.features[column] / world.items.columns.unit[column]
                    assert stored + world.items.columns.offset[column] == pytest.approx(float(change.after), abs=1e-12)
    assert stated
    assert {len(value.partition(".")[2]) for value in stated} == {2}


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10**6), lower=st.sampled_from([None, 15, 18.123]), upper=st.sampled_from([19, 24.5, 40]),
    step=st.sampled_from([None, 0, 0.7, 2.5]), search_settings=st.sampled_from(SETTINGS), disliked=st.booleans(),
    tags=st.sampled_from([{}, {"upper": 0}, {"lower": 1}]),
)  # fmt: skip
def test_what_moves_is_within_its_limits_wherever_the_item_stood(
    seed: int, lower: float | None, upper: float, step: float | None, search_settings: RecourseSettings, disliked: bool,
    tags: dict[str, int],
) -> None:  # fmt: skip
    world = world_of(seed, disliked=disliked, lower=lower, upper=upper, step=step)
    rules = [rule if rule.kind != "tags" else FeatureRule.model_validate(rule.model_dump() | tags)
             for rule in world.rules]  # fmt: skip
    world = replace(world, rules=tuple(rules))
    for option in all_options(world, search_settings):
        assert is_feasible(world, option.item, option.features)
        assert_as_stated(world, option)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_brute_force_finds_within_the_limits_is_better_than_the_stated_bound(seed: int) -> None:
    world = world_of(seed, disliked=seed % 2 == 1, lower=18.123, upper=24.5, step=[None, 2.5][seed // 3])
    for option in all_options(world, SETTINGS[0]):
        best = twin.best_success(world, option.item, 3, tie=1e-9)
        assert option.success_bound >= best.success[-1] - 1e-9
        assert option.success_after <= option.success_bound + 1e-9
        assert option.lower_bound <= best.fewest_for(option.success_after)
