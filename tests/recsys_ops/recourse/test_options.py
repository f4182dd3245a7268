"""Options: every one valid by brute force, different from the others, within the caps, and chosen as selected."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.features.distances import measure, pairwise_difference
from recsys_ops.features.plans import Plans, column_names
from recsys_ops.recourse.options import Offer, find_options
from recsys_ops.recourse.pool import Wanted, make_pool, moves_between
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses, solve_cases
from recsys_ops.recourse.standing import Standing, columns_by_name, targets_of
from recsys_ops.status import Status
from tests.twins import distances
from tests.twins import recourse as twin
from tests.twins.feasible import is_feasible
from tests.worlds import World, one_word_world, random_rules, random_world

SETTINGS = RecourseSettings(tolerance=0.2, max_changes=3)
CAPPED = RecourseSettings(tolerance=0.2, max_changes=3, max_proximity=1.5)


def options_of(world: World, settings: RecourseSettings, offer: Offer) -> list[list[Recourse]]:
    return find_options(world.search(settings), np.arange(len(world.features)), offer)


def endless(seed: int) -> World:
    """Words without an upper limit, any amount of them."""
    rules = [rule for rule in random_rules(np.random.default_rng(seed)) if rule.kind == "text"]
    return random_world(seed, rules=[rules[0].model_copy(update={"upper": float("inf"), "step": 0.0})])


@pytest.mark.parametrize("select", ["study", "diverse"])
@pytest.mark.parametrize("settings", [SETTINGS, CAPPED])
def test_every_option_is_valid_feasible_within_the_caps_and_different(settings: RecourseSettings, select: str) -> None:
    n_options = []
    for seed in range(2):
        world = random_world(seed)
        singles = find_recourses(world.search(settings), np.arange(len(world.features)))
        for single, options in zip(singles, options_of(world, settings, Offer(5, select)), strict=True):
            assert [option.option for option in options] == list(range(len(options)))
            if not single.changes:
                assert str(options) == str([single])
                continue
            n_options.append(len(options))
            gained = single.success_unthresholded - single.success_before
            for option in options:
                least, most = twin.success_range(world, option.item, option.features)
                assert least - 1e-9 <= option.success_after <= most + 1e-9
                assert option.success_after >= single.success_before + 0.8 * gained - 1e-9
                sparsity, proximity = distances.between_rows(world.items, world.features[option.item], option.features)
                assert option.sparsity == sparsity <= settings.max_changes
                assert option.proximity == pytest.approx(proximity)
                assert proximity <= settings.max_proximity + 1e-6
                assert is_feasible(world, option.item, option.features)
            for one, other in combinations(options, 2):
                assert not np.allclose(one.features, other.features)
                assert one.changes != other.changes
    assert max(n_options) == 5
    assert np.mean(n_options) > 2


@pytest.mark.parametrize("seed", range(2))
def test_one_option_is_the_recourse_without_options(seed: int) -> None:
    world = random_world(seed)
    singles = find_recourses(world.search(SETTINGS), np.arange(len(world.features)))
    for select in ("study", "diverse"):
        for single, options in zip(singles, options_of(world, SETTINGS, Offer(1, select)), strict=True):
            assert str([single]) == str(options)


@pytest.mark.parametrize("seed", range(2))
def test_the_studys_first_two_are_a_sparsest_and_a_most_proximate_of_all_offered(seed: int) -> None:
    for options in options_of(random_world(seed), SETTINGS, Offer(5)):
        if len(options) > 2:
            assert options[0].sparsity == min(option.sparsity for option in options)
            assert options[1].proximity == min(option.proximity for option in options[1:])
            assert options[0].frontier
            assert not any(option.frontier for option in options[1:])


@pytest.mark.parametrize("seed", range(2))
def test_no_other_options_of_the_same_pool_differ_more(seed: int) -> None:
    world = random_world(seed)
    offer = Offer(3, "diverse", seed=5)
    items = np.arange(len(world.features))
    chosen = options_of(world, SETTINGS, offer)
    compared = 0
    for solved, options in zip(solve_cases(world.search(SETTINGS), items), chosen, strict=True):
        if len(options) < 3:
            continue
        found = solved.recourse
        least = found.success_before + 0.8 * (found.success_unthresholded - found.success_before)
        wanted = Wanted(found.features, int(np.ceil(min(least, found.success_after) * found.n_targets - 1e-6)))
        pool = make_pool(solved.case, wanted, n_searches=3, rng=offer.rng(solved.case))
        rows = np.array([option.features for option in options])
        difference = pairwise_difference(world.items.columns, rows)
        best = distances.most_diverse(pairwise_difference(world.items.columns, pool), 3)
        assert distances.least_difference(difference, range(3)) == pytest.approx(best)
        compared += 1
    assert compared


@pytest.mark.parametrize("settings", [SETTINGS, CAPPED])
def test_options_by_distance_go_from_near_to_far_and_each_is_worth_acting_for(settings: RecourseSettings) -> None:
    nearest, n_options = [], []
    world = random_world(1)
    singles = find_recourses(world.search(settings), np.arange(len(world.features)))
    for single, options in zip(singles, options_of(world, settings, Offer(5, "distance")), strict=True):
        assert str(options[0]) == str(single)
        if not single.changes:
            continue
        nearest.append(min(option.sparsity for option in options))
        n_options.append(len(options))
        for option in options:
            least, most = twin.success_range(world, option.item, option.features)
            assert least - 1e-9 <= option.success_after <= most + 1e-9
            assert option.success_after > single.success_before
            assert option.sparsity <= settings.max_changes
            assert option.proximity <= settings.max_proximity + 1e-6
            assert is_feasible(world, option.item, option.features)
        for one, other in combinations(options, 2):
            assert one.changes != other.changes
    assert np.mean(np.array(nearest) == 1) > 0.8
    assert np.mean(n_options) > 3


def fewest_first(item: int, plans: Plans) -> NDArray[np.float64]:
    """As if a provider was ever less likely to make one change more."""
    return plans.gain * 0.3**plans.sparsity


@pytest.mark.parametrize("settings", [SETTINGS, CAPPED])
def test_what_is_expected_to_gain_most_comes_first_and_is_a_recourse_like_others(settings: RecourseSettings) -> None:
    nearer = 0
    world = random_world(1)
    items = np.arange(len(world.features))
    singles = find_recourses(world.search(settings), items)
    likeliest = find_options(world.search(settings), items, Offer(3), None, fewest_first)
    for single, options in zip(singles, likeliest, strict=True):
        first = options[0]
        if not single.changes:
            assert str(options) == str([single])
            continue
        gains = [found.success_after - found.success_before for found in (single, first)]
        expected = [gain * 0.3**found.sparsity for gain, found in zip(gains, (single, first), strict=True)]
        assert expected[1] >= expected[0] - 1e-12
        nearer += first.sparsity < single.sparsity
        least, most = twin.success_range(world, first.item, first.features)
        assert least - 1e-9 <= first.success_after <= most + 1e-9
        assert is_feasible(world, first.item, first.features)
        assert first.sparsity <= settings.max_changes
        assert first.lower_bound <= len(first.changes)
        assert [option.option for option in options] == list(range(len(options)))
        for one, other in combinations(options, 2):
            assert one.changes != other.changes
    assert nearer > 2


def without_price(item: int, plans: Plans) -> NDArray[np.float64]:
    """As if no provider ever changed a price."""
    return plans.gain * (plans.changes(["price"])[:, 0] == 0)


def columns_changed(found: Recourse) -> set[str]:
    return column_names(change.feature for change in found.changes)


def test_a_provider_who_never_changes_a_column_is_asked_for_others() -> None:
    spared = with_price = 0
    for seed in (0, 2):
        world = random_world(seed)
        items = np.arange(len(world.features))
        singles = find_recourses(world.search(SETTINGS), items)
        likeliest = find_options(world.search(SETTINGS), items, Offer(1), None, without_price)
        for single, (first,) in zip(singles, likeliest, strict=True):
            if "price" in columns_changed(single) and len(columns_changed(single)) > 1:
                with_price += 1
                spared += "price" not in columns_changed(first)
    assert spared > 0.5 * with_price > 0


def test_earlier_advice_stands_only_while_it_is_expected_to_gain_nearly_as_much() -> None:
    world = random_world(1)
    items = np.arange(len(world.features))
    named = columns_by_name(world.items)
    alone = find_options(world.search(SETTINGS), items, Offer(1))
    standing = {}
    for (found,) in alone:
        changes = [{"feature": one.feature, "before": one.before, "after": one.after} for one in found.changes]
        targets = targets_of(world.items, named, changes)
        if changes and targets is not None:
            standing[found.item] = Standing(targets, "yesterday")
    kept = find_options(world.search(SETTINGS), items, Offer(1), standing)
    weighed = find_options(world.search(SETTINGS), items, Offer(1), standing, fewest_first)
    stood, fell = 0, 0
    for (old,), (new,) in zip(kept, weighed, strict=True):
        if old.since is None:
            continue
        stood, fell = stood + (new.since is not None), fell + (new.since is None)
        values = [(one.success_after - one.success_before) * 0.3**one.sparsity for one in (old, new)]
        assert values[0] >= 0.8 * values[1] - 1e-12 if new.since else values[0] < 0.8 * values[1]
    assert min(stood, fell) > 0


def test_seeds_draw_other_options_and_a_seed_the_same_whatever_else_is_searched() -> None:
    world = random_world(3)
    first, again, other = (options_of(world, SETTINGS, Offer(5, seed=seed)) for seed in (0, 0, 1))
    assert str(first) == str(again)
    assert str(first) != str(other)
    for item in range(0, len(world.features), 5):
        alone = find_options(world.search(SETTINGS), np.array([item]), Offer(5))[0]
        assert [option.changes for option in alone] == [option.changes for option in first[item]]


@pytest.mark.parametrize("seed", range(2))
def test_features_without_limits_have_options_too(seed: int) -> None:
    world, settings = endless(seed), RecourseSettings(tolerance=0.2, max_changes=4, overlap=0.0)
    for options in options_of(world, settings, Offer(3)):
        for option in options:
            if option.features is not None and option.changes:
                least, most = twin.success_range(world, option.item, option.features)
                assert least - 1e-9 <= option.success_after <= most + 1e-9
                assert option.sparsity <= 4


def test_a_case_without_another_recourse_has_one_option() -> None:
    options = options_of(one_word_world(k=1), SETTINGS, Offer(5))[3]
    assert len(options) == 1
    assert options[0].changes


@pytest.mark.parametrize("seed", range(2))
def test_the_moves_between_two_rows_make_one_of_the_other(seed: int) -> None:
    world = random_world(seed)
    for options in options_of(world, SETTINGS, Offer(4)):
        for option in options:
            if option.features is not None and option.changes:
                before = world.features[option.item]
                moves = moves_between(world.items.columns, before, option.features)
                assert len(moves) == measure(world.items.columns, before, option.features[None]).sparsity[0]
                assert np.allclose(moves.apply(before, np.arange(len(moves))), option.features)


def test_what_reaches_less_than_wanted_has_no_options() -> None:
    settings = RecourseSettings(tolerance=0.0, max_changes=1, min_success=1.0)
    short = [
        options
        for seed in range(3)
        for options in options_of(random_world(seed), settings, Offer(5))
        if options[0].reason is not None
    ]
    assert {options[0].status for options in short} == {Status.INFEASIBLE, Status.FEASIBLE}
    assert all(len(options) == 1 for options in short)
