"""Recourse under caps on proximity, cost and success against every combination of changes of every length."""

from dataclasses import replace

import numpy as np
import pytest

from recsys_ops.features.caps import Caps
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses
from recsys_ops.status import Status
from tests.twins import caps as twin
from tests.twins import distances
from tests.twins.feasible import is_feasible
from tests.worlds import World, one_word_world, random_world, tags_and_a_kind

SEVERAL = [
    RecourseSettings(tolerance=0.0, max_changes=2, max_proximity=0.7),
    RecourseSettings(tolerance=0.0, max_changes=2, max_proximity=1.4),
    RecourseSettings(tolerance=0.0, max_changes=3, max_cost=2.5),
    RecourseSettings(tolerance=0.0, max_changes=2, max_proximity=1.2, max_cost=3.0),
]
TIE = 1e-9


def dear_world(seed: int, **size: int) -> World:
    """A random world whose features differ in cost."""
    world = random_world(seed, **size)
    rules = tuple(
        rule.model_copy(update={"cost": cost}) for rule, cost in zip(world.rules, (1, 2, 3, 0.5), strict=True)
    )
    return World(world.table, rules, world.opinions, world.k)


def recourses(world: World, settings: RecourseSettings) -> list[Recourse]:
    return find_recourses(world.search(settings), np.arange(len(world.features)))


def spent(world: World, found: Recourse) -> tuple[int, float, float]:
    """Sparsity, proximity and cost, feature by feature."""
    row = world.features[found.item]
    changed = {
        (rule, -1 if world.rules[rule].kind == "category" else int(column))
        for column in np.flatnonzero(np.abs(found.features - row) > TIE)
        for rule in [int(world.items.columns.rule[column])]
    }
    return *distances.between_rows(world.items, row, found.features), sum(world.rules[rule].cost for rule, _ in changed)


@pytest.mark.parametrize("settings", SEVERAL)
def test_no_recourse_exceeds_a_cap_or_breaks_a_rule(settings: RecourseSettings) -> None:
    for seed in range(3):
        world = dear_world(seed)
        for found in recourses(world, settings):
            if found.features is None:
                continue
            sparsity, proximity, cost = spent(world, found)
            assert sparsity <= settings.max_changes
            assert proximity <= settings.max_proximity + 1e-6
            assert cost <= settings.max_cost
            assert (found.sparsity, found.cost) == (sparsity, cost)
            assert found.proximity == pytest.approx(proximity)
            assert is_feasible(world, found.item, found.features)


@pytest.mark.parametrize("settings", SEVERAL)
def test_the_bound_holds_for_the_best_within_the_caps_that_brute_force_finds(settings: RecourseSettings) -> None:
    losses = []
    for seed in range(3):
        world = dear_world(seed, n_items=8)
        for found in recourses(world, settings):
            if found.features is None:
                continue
            best = twin.best_success(world, found.item, settings.caps, tie=TIE)
            assert found.success_bound >= best - 1e-9
            assert found.success_before - 1e-9 <= found.success_after <= found.success_bound + 1e-9
            assert found.status is not Status.INFEASIBLE or best <= found.success_after + 1e-9
            losses.append(best - found.success_after)
    assert len(losses) > 15
    assert np.mean(losses) <= 0.03


def test_success_within_caps_is_close_to_the_best_that_brute_force_finds() -> None:
    """Measured: the mean loss is well below a point."""
    settings = RecourseSettings(tolerance=0.0, max_changes=2, max_proximity=1.0)
    losses = []
    for seed in range(10, 14):
        world = random_world(seed)
        for found in recourses(world, settings):
            if found.features is not None:
                losses.append(twin.best_success(world, found.item, settings.caps) - found.success_after)
    assert np.mean(losses) <= 0.01


@pytest.mark.parametrize("seed", range(2))
def test_caps_that_bind_nothing_change_nothing(seed: int) -> None:
    world = random_world(seed)
    free, wide = (
        RecourseSettings(tolerance=0.0, max_changes=3),
        RecourseSettings(0.0, 3, max_proximity=1000.0, max_cost=1000.0),
    )
    for one, other in zip(recourses(world, free), recourses(world, wide), strict=True):
        assert one.changes == other.changes
        assert one.success_after == other.success_after


def test_a_success_below_the_one_wanted_is_stated_and_infeasible_where_the_bound_is_below_too() -> None:
    settings, wanted, seen = RecourseSettings(tolerance=0.3, max_changes=2, max_proximity=0.3), 0.7, set()
    for seed in range(2):
        world = random_world(seed)
        strict = replace(settings, min_success=wanted)
        for any_gain, found in zip(recourses(world, settings), recourses(world, strict), strict=True):
            if found.status is Status.ALREADY_SATISFIED:
                assert found.success_before >= wanted
                continue
            seen.add(found.status)
            assert (found.status is Status.INFEASIBLE) == (found.success_bound < wanted)
            assert found.serves == (found.reason is None) == (found.success_after >= wanted)
            assert found.success_after >= any_gain.success_after - 1e-9
            if not found.serves:
                assert found.gap == found.success_bound - found.success_after
                assert found.success_after == pytest.approx(found.success_unthresholded)
                assert f"{found.success_after:.1%} of the group is the most that was reached" in found.reason
                assert f"at most {found.success_bound:.1%} is possible, and 70.0% is wanted" in found.reason
    assert {Status.INFEASIBLE, Status.OPTIMAL} <= seen


def tagged(seed: int) -> World:
    """Seven tags and a category, for worlds in which the search misses what trying everything finds."""
    rng = np.random.default_rng(seed)
    table, rules = tags_and_a_kind(rng, 14, tags="abcdefg", share=0.35)
    opinions = np.where(rng.random((16, 14)) < 0.3, rng.integers(1, 6, (16, 14)), np.nan)
    return World(table, rules, opinions, 2)


@pytest.mark.parametrize(("seed", "item"), [(3, 3), (5, 0), (76, 6), (108, 1)])
def test_what_exists_and_was_not_found_is_not_called_proven_impossible(seed: int, item: int) -> None:
    world, settings = tagged(seed), RecourseSettings(tolerance=0.0, max_changes=3, max_proximity=2.0)
    best = twin.best_success(world, item, settings.caps, tie=-1e-5)
    found = recourses(world, replace(settings, min_success=best))[item]
    assert found.success_after < best <= found.success_bound
    assert (found.status, found.serves) == (Status.FEASIBLE, False)
    assert found.gap >= best - found.success_after
    assert f"at most {found.success_bound:.1%} is possible, and {best:.1%} is wanted" in found.reason


def test_nothing_found_is_as_far_from_the_bound_as_its_gap_says() -> None:
    found = recourses(tagged(76), RecourseSettings(tolerance=0.0, max_changes=3, max_proximity=2.0))[6]
    assert (found.status, found.changes, found.serves) == (Status.FEASIBLE, [], False)
    assert (found.success_after, found.gap) == (0.0, 0.75)
    assert "nothing found" in found.reason


def test_a_word_is_used_no_more_often_than_the_cap_on_proximity_allows() -> None:
    """Three times brings item 3 to the top of every list, twice next to item 1, once next to item 2."""
    world = one_word_world(k=2)
    for most, n_words in ((1.0, 2), (0.7, 2), (0.5, 1), (0.3, 0)):
        found = recourses(world, RecourseSettings(tolerance=0.0, max_proximity=most))[3]
        assert found.proximity == pytest.approx(n_words / 3 if found.changes else 0)
        assert found.proximity <= most
        assert (found.success_after == 1) == (n_words == 2)


def test_a_feature_that_costs_more_than_the_cap_stays() -> None:
    world = one_word_world(k=2, cost=3.0)
    assert recourses(world, RecourseSettings(max_cost=3.0))[3].changes
    found = recourses(world, RecourseSettings(max_cost=2.9))[3]
    assert (found.status, found.changes) == (Status.INFEASIBLE, [])
    assert "the caps (10 changes, cost 2.9)" in found.reason


@pytest.mark.parametrize("caps", [RecourseSettings(max_proximity=1.5), RecourseSettings(max_cost=1.0)])
def test_a_cap_ends_features_without_limits(caps: RecourseSettings) -> None:
    world = one_word_world(k=1, upper=float("inf"))
    found = recourses(world, replace(caps, tolerance=0.0))[3]
    assert found.success_after == 1
    assert Caps(10, caps.max_proximity, caps.max_cost).proximity >= found.proximity
