"""Plausible changes only: what is let through, what is said of it, and that bounds and proofs hold for what is left."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.plausible import (
    Plausibility,
    change_support,
    fit_plausibility,
    plausible_columns,
    relax_support,
)
from recsys_ops.recourse.problem import Search, make_cases
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import find_recourses, success_of_any_change
from recsys_ops.status import Status
from tests.twins import recourse as brute
from tests.worlds import World, one_word_world, random_world, text_rule

SETTINGS = RecourseSettings(tolerance=0.0, max_changes=3)


def shelf_world() -> World:
    """Forty sauces and forty books; a sauce without 'spicy' most likely is spicy, and no book is."""
    sauces = [["sauce", "kitchen", "spicy"][: 2 if item == 0 else 3] for item in range(40)]
    books = [["book", "paper"] for _ in range(40)]
    table = pa.table(
        {
            "shelves": sauces + books,
            "kind": ["food"] * 40 + ["print"] * 40,
            "price": [float(3 + item % 5) for item in range(40)] + [20.0 + item % 10 for item in range(40)],
            "text": ["hot sauce"] * 39 + ["hot hot sauce"] + ["good book"] * 40,
        }
    )
    rules = (
        FeatureRule(column="shelves", kind="tags", label="shelf"),
        FeatureRule(column="kind", kind="category"),
        FeatureRule(column="price", kind="number", step=0.5),
        FeatureRule(column="text", kind="text", weighting="count", upper=4),
    )
    opinions = np.where(np.random.default_rng(0).random((6, 80)) < 0.2, 3.0, np.nan)
    opinions[:, 0] = np.nan
    return World(table, rules, opinions, 1)


def plausibility_of(world: World, level: float) -> Plausibility:
    return fit_plausibility(world.items, np.arange(world.items.matrix.shape[0]), level)


def test_an_item_may_get_what_real_items_like_it_have_and_nothing_else() -> None:
    world = shelf_world()
    plausibility = plausibility_of(world, 0.5)
    support = plausibility.supports(np.array([0]))[0]
    columns = plausible_columns(plausibility, world.items, 0, support)
    may_get = [columns.value[c] for c in np.flatnonzero(columns.can_rise & (columns.upper > world.features[0]))]
    assert "spicy" in may_get
    assert not {"book", "paper", "good"} & set(may_get)


def test_a_category_stays_unless_its_rule_says_that_it_may_change() -> None:
    world = shelf_world()
    declared = (world.rules[0], FeatureRule(column="kind", kind="category", mutable=True), *world.rules[2:])
    for rules, changes in ((world.rules, False), (declared, True)):
        one = World(world.table, rules, world.opinions, 1)
        plausibility = plausibility_of(one, 1e-6)
        columns = plausible_columns(plausibility, one.items, 0, plausibility.supports(np.array([0]))[0])
        assert columns.can_rise[columns.one_hot >= 0].any() == changes


def test_a_number_stays_among_those_of_its_category_and_a_word_is_not_repeated_past_what_others_do() -> None:
    world = shelf_world()
    plausibility = plausibility_of(world, 0.5)
    columns = plausible_columns(plausibility, world.items, 1, plausibility.supports(np.array([1]))[0])
    price, hot = columns.value.index("price"), columns.value.index("hot")
    limits = np.array([columns.lower[price], columns.upper[price]]) / columns.unit[price] + columns.offset[price]
    assert limits.tolist() == [3.0, 7.0]
    assert columns.upper[hot] / columns.unit[hot] == 1.0


def test_the_support_of_a_change_is_that_of_the_item_as_the_change_leaves_it() -> None:
    world = shelf_world()
    plausibility = plausibility_of(world, 0.5)
    support = plausibility.supports(np.array([0]))[0]
    columns, value = world.items.columns, world.items.columns.value.index
    unit = columns.unit

    def of(name: str, before: float, after: float) -> float:
        column = value(name)
        return change_support(plausibility, columns, 0, support, (column, before * unit[column], after * unit[column]))

    assert of("spicy", 0, 1) == support[value("spicy")] > 0.5
    assert of("kitchen", 1, 0) == 1 - support[value("kitchen")] < 0.5
    assert of("hot", 1, 2) == pytest.approx(1 / 40)
    assert of("hot", 0, 2) == pytest.approx(support[value("hot")] / 40)
    assert of("price", 0, 7 - 3) == pytest.approx(2 * 8 / 40)


def restricted_best(search: Search, world: World, item: int, n_most: int) -> NDArray[np.float64]:
    """Best success of 0 .. n_most moves among those whose every single support reaches the level, by brute force."""
    plausibility = search.plausibility
    assert plausibility is not None
    support = plausibility.supports(np.array([item]))[0]
    columns, row = world.items.columns, world.features[item]
    declared = [rule.kind != "category" or "mutable" in rule.model_fields_set for rule in world.items.rules]
    moves = []
    for column in range(len(columns)):
        rule = world.items.rules[columns.rule[column]]
        if not rule.mutable or not declared[columns.rule[column]] or rule.kind == "number":
            continue
        unit = columns.unit[column]
        if rule.kind == "category":
            ends = [1.0] if row[column] == 0 else []
        else:
            ends = [float(end) for end in range(int(np.floor(columns.upper[column] / unit + 1e-9)) + 1)]
        for end in ends:
            before = row[column] / unit
            allowed = {"free": True, "increase": end > before, "decrease": end < before}[rule.direction]
            move = (column, row[column], end * unit)
            is_real = change_support(plausibility, columns, item, support, move) >= plausibility.level - 1e-9
            is_real &= end > 0 or support[column] < plausibility.level
            if abs(end - before) > 1e-9 and allowed and is_real:
                cleared = tuple(np.flatnonzero(columns.rule == columns.rule[column])) if rule.kind == "category" else ()
                unit_of = ("category", int(columns.rule[column])) if cleared else ("single", column)
                moves.append(brute.Move(column, end * unit, tuple(int(one) for one in cleared), unit_of))
    best = np.zeros(n_most + 1)
    for n in range(n_most + 1):
        for subset in combinations(moves, n):
            if len({move.unit for move in subset}) == n:
                best[n] = max(best[n], brute.success(world, item, brute.moved_row(row, subset), tie=1e-9))
    return np.maximum.accumulate(best)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_and_proofs_hold_for_the_plausible_changes_and_are_met_on_small_worlds(seed: int) -> None:
    rules = (
        text_rule(upper=2, direction=["free", "increase"][seed % 2]),
        FeatureRule(column="genres", kind="tags", min_items=1),
        FeatureRule(column="kind", kind="category", min_items=1, mutable=True),
        FeatureRule(column="price", kind="number", mutable=False),
    )
    world = random_world(seed, rules=rules)
    settings = SETTINGS if seed % 3 else replace(SETTINGS, prove_seconds=5.0)
    search = replace(world.search(settings), plausibility=plausibility_of(world, 0.3))
    chosen = np.flatnonzero((~world.rated).any(axis=0))[:3]
    for found in find_recourses(search, chosen):
        if found.status is Status.ALREADY_SATISFIED or not found.n_targets:
            continue
        assert found.success_after is not None
        assert found.success_bound is not None
        assert found.lower_bound is not None
        best = restricted_best(search, world, found.item, 3)
        assert found.success_after <= best[3] + 1e-9
        assert found.success_bound >= best[3] - 1e-9
        enough = np.flatnonzero(best >= found.success_after - 1e-9)
        assert found.lower_bound <= enough[0]
        assert all(change.support is not None and change.support >= 0.3 - 1e-9 for change in found.changes)
        if settings.prove_seconds and found.serves:
            assert found.lower_bound == enough[0] or found.status is Status.FEASIBLE


@pytest.mark.parametrize("seed", range(4))
def test_what_any_change_reaches_is_found_without_the_rule_and_is_the_best_single_change(seed: int) -> None:
    world = random_world(seed, rules=(text_rule(upper=2), FeatureRule(column="genres", kind="tags", min_items=1)))
    free = world.search(replace(SETTINGS, max_changes=1))
    search = replace(free, plausibility=plausibility_of(world, 0.9))
    for item in np.flatnonzero((~world.rated).any(axis=0)):
        reached = success_of_any_change(search, int(item))
        assert reached == pytest.approx(find_recourses(free, np.array([item]))[0].success_after)
        lost, won = (brute.best_success(world, int(item), 1, tie=tie).success[1] for tie in (-1e-5, 1e-9))
        assert lost - 1e-9 <= reached <= won + 1e-9


def test_what_any_change_reaches_is_known_where_words_have_no_limit_and_not_without_users() -> None:
    world = one_word_world(upper=float("inf"))
    search = replace(world.search(SETTINGS), plausibility=plausibility_of(world, 0.5))
    assert [success_of_any_change(search, item) for item in (3, 4)] == [1.0, None]


def test_without_plausibility_nothing_is_limited_and_nothing_is_said_of_support() -> None:
    world = random_world(3)
    (case,) = make_cases(world.search(SETTINGS), np.array([1]))
    assert case.support is None
    assert case.columns is case.search.columns
    assert np.array_equal(case.searched, case.search.group.columns)
    found = find_recourses(world.search(SETTINGS), np.arange(4))
    assert all(change.support is None for one in found for change in one.changes)


def test_what_was_advised_is_admitted_down_to_a_part_of_the_level_and_nothing_else_is() -> None:
    world = shelf_world()
    spicy = list(world.items.columns.value).index("spicy")
    plausibility = plausibility_of(world, 0.25)
    for likely, advised, admitted in [(0.26, 0, True), (0.21, 0, False), (0.21, 1, True), (0.19, 1, False)]:
        support = plausibility.supports(np.array([0]))[0]
        support[spicy] = likely
        relaxed = relax_support(support, [(spicy, 1)] * advised)
        columns = plausible_columns(plausibility, world.items, 0, relaxed)
        assert (columns.upper[spicy] > 0) == admitted
        case = make_cases(replace(world.search(SETTINGS), plausibility=plausibility), np.array([0]))[0]
        assert case.support is not None
        assert case.support[spicy] > 0.5  # said as it is
    removed = relax_support(np.array([0.3, 0.3]), [(0, -1)])
    np.testing.assert_allclose(removed, [0.24, 0.3])
