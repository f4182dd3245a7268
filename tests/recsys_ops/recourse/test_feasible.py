"""Limits of an item's features, in the provider's units."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.feasible import are_feasible, feasible_box, onto_steps, real_columns
from tests.twins import recourse as twin
from tests.twins.feasible import is_feasible
from tests.worlds import random_world, text_rule


def price(**rule: object) -> EncodedItems:
    table = pa.table({"price": [10.0, 12.0, 27.0, 30.0]})
    return encode_items(table, [FeatureRule.model_validate({"column": "price", "kind": "number", **rule})])


def limits(items: EncodedItems, item: int) -> tuple[float, float]:
    box = feasible_box(items.columns, items.matrix.toarray()[item])
    unit, offset = items.columns.unit[0], items.columns.offset[0]
    return box.lower[0] / unit + offset, box.upper[0] / unit + offset


@pytest.mark.parametrize(
    ("rule", "item", "expected"),
    [
        ({"lower": 10, "upper": 25}, 1, (10, 25)),
        ({"lower": 10, "upper": 25, "direction": "increase"}, 1, (12, 25)),
        ({"lower": 10, "upper": 25, "direction": "decrease"}, 1, (10, 12)),
        ({"lower": 10, "upper": 25, "mutable": False}, 1, (12, 12)),
        ({"lower": 10, "upper": 25, "step": 5}, 1, (12, 22)),
        ({"lower": 11, "upper": 25, "step": 0.5}, 1, (11, 25)),
        ({"lower": 10, "upper": 25}, 2, (10, 27)),
        ({"lower": 11, "upper": 25}, 0, (10, 25)),
        ({"lower": 10, "upper": 25, "step": 5}, 2, (12, 27)),
        ({"upper": float("inf")}, 1, (10, np.inf)),
        ({"lower": 10.123, "upper": 24.987}, 1, (10.13, 24.98)),
        ({"lower": 20, "upper": 25}, 1, (12, 25)),
        ({"lower": 20, "upper": 25, "step": 50}, 1, (12, 12)),
        ({"lower": 20, "upper": 25, "direction": "decrease"}, 1, (12, 12)),
        ({"lower": 10, "upper": 25, "direction": "increase"}, 3, (30, 30)),
    ],
)
def test_limits_follow_the_rule_and_leave_what_is_outside_where_it_is(
    rule: dict[str, object], item: int, expected: tuple[float, float]
) -> None:
    assert limits(price(**rule), item) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rule", "item", "wanted", "reached"),
    [
        ({"lower": 20, "upper": 25}, 1, 12.5, 20),
        ({"lower": 20, "upper": 25}, 1, 21.2391, 21.24),
        ({"lower": 20, "upper": 25}, 3, 29.5, 25),
        ({"lower": 20, "upper": 25}, 3, 22.2219, 22.221),
        ({"lower": 20, "upper": 25, "step": 5}, 1, 13, 22),
        ({"lower": 20, "upper": 26, "step": 3}, 3, 29, 24),
        ({"lower": 20, "upper": float("inf")}, 1, 13, 20),
        ({"lower": 10.123, "upper": 25}, 1, 10.5, 10.5),
    ],
)
def test_a_value_outside_of_the_limits_moves_into_them_or_not_at_all(
    rule: dict[str, object], item: int, wanted: float, reached: float
) -> None:
    items = price(**rule)
    columns, now = items.columns, items.matrix.toarray()[item]
    box = feasible_box(columns, now)
    moved = onto_steps(columns, now, (np.array([wanted]) - columns.offset) * columns.unit, box)
    assert moved / columns.unit + columns.offset == pytest.approx([reached])
    assert np.array_equal(onto_steps(columns, now, now, box), now)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10**6), lower=st.sampled_from([None, 8, 15.5]), upper=st.sampled_from([None, 17, 22.5]),
    step=st.sampled_from([None, 0, 2.5]), tags=st.sampled_from([{}, {"upper": 0}, {"lower": 1}]),
)  # fmt: skip
def test_the_rules_allow_of_real_items_what_the_twin_allows(
    seed: int, lower: float | None, upper: float | None, step: float | None, tags: dict[str, int]
) -> None:
    rules = [
        text_rule(upper=1 + seed % 2),
        FeatureRule.model_validate({"column": "genres", "kind": "tags", "min_items": 1, **tags}),
        FeatureRule(column="price", kind="number", lower=lower, upper=upper, step=step),
    ]
    world = random_world(seed, rules=rules)
    real = real_columns(world.items)
    for item, row in enumerate(world.features):
        allowed = are_feasible(real, row, world.features, feasible_box(real, row))
        expected = [is_feasible(world, item, other, is_real=True) for other in world.features]
        assert allowed.tolist() == expected


@pytest.mark.parametrize("seed", range(10))
def test_the_box_spans_every_single_change_that_the_rules_allow(seed: int) -> None:
    world = random_world(seed)
    for row in world.features:
        box = feasible_box(world.items.columns, row)
        lower, upper = row.copy(), row.copy()
        for move in twin.all_moves(world.items, row):
            changed = twin.moved_row(row, [move])
            lower, upper = np.minimum(lower, changed), np.maximum(upper, changed)
        single = world.items.columns.one_hot < 0
        assert np.allclose(box.lower[single], lower[single])
        assert np.allclose(box.upper[single], upper[single])
        assert np.all(box.lower <= row)
        assert np.all(row <= box.upper)


@pytest.mark.parametrize(("wanted", "reached"), [(12.0, 12.0), (12.1, 17.0), (17.0, 17.0), (21.0, 22.0), (11.0, 7.0)])
def test_wanted_values_move_on_to_the_next_step_of_the_grid(wanted: float, reached: float) -> None:
    items = price(step=5, lower=0, upper=30)
    columns = items.columns
    now = items.matrix.toarray()[1]
    endless = feasible_box(columns, now)
    endless.lower[:] = -np.inf
    moved = onto_steps(columns, now, (np.array([wanted]) - columns.offset) * columns.unit, endless)
    assert moved / columns.unit + columns.offset == pytest.approx([reached])


def test_steps_end_at_the_limit() -> None:
    items = price(step=5, lower=10, upper=25)
    columns, now = items.columns, items.matrix.toarray()[1]
    box = feasible_box(columns, now)
    moved = onto_steps(columns, now, np.array([100.0]), box)
    assert moved / columns.unit + columns.offset == pytest.approx([22])


def test_values_of_a_step_of_zero_stay_as_wanted() -> None:
    items = price(lower=10, upper=25, step=0)
    columns, now = items.columns, items.matrix.toarray()[1]
    wanted = now + 0.123 * columns.unit
    assert np.array_equal(onto_steps(columns, now, wanted, feasible_box(columns, now)), wanted)
