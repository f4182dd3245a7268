"""Limits relative to what an item has, values that stay and paths of categories, alone and under the whole search."""

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.own_limits import own_limits
from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.feasible import feasible_box
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import find_recourses
from tests.twins import recourse as brute
from tests.worlds import World

PRICES = [10.0, 12.0, -4.0, 30.0, None]
PATHS = ["Toys", "Toys > Wood", "Toys > Wood > Trains", "Toys>Plush", "Books", None]


def one_column(cells: list[object], **rule: object) -> EncodedItems:
    return encode_items(pa.table({"x": cells}), [FeatureRule.model_validate({"column": "x", "min_items": 1, **rule})])


def ends(items: EncodedItems, item: int) -> tuple[float, float]:
    columns = own_limits(items, item, items.columns)
    box = feasible_box(columns, items.matrix.toarray()[item])
    return tuple(limit[0] / columns.unit[0] + columns.offset[0] for limit in (box.lower, box.upper))


@pytest.mark.parametrize(
    ("rule", "item", "expected"),
    [
        ({"max_decrease": "20%"}, 1, (9.6, 29.46)),
        ({"max_decrease": "20%", "max_increase": 5}, 1, (9.6, 17)),
        ({"max_decrease": "50%", "lower": 8}, 1, (8, 29.46)),
        ({"max_increase": "50%"}, 2, (-4, -2)),
        ({"max_increase": "0"}, 1, (-4, 12)),
        ({"max_increase": "10%", "lower": 20}, 1, (12, 12)),
        ({"max_decrease": "20%"}, 4, (-4, -4)),
        ({"max_decrease": "10%", "direction": "increase"}, 1, (12, 29.46)),
        ({"max_decrease": "7%", "step": 0.5}, 1, (11.5, 29)),
    ],
)
def test_a_limit_relative_to_the_items_own_number_narrows_those_of_the_column(
    rule: dict[str, object], item: int, expected: tuple[float, float]
) -> None:
    items = one_column(PRICES, kind="number", **rule)
    found = ends(items, item)
    assert found == pytest.approx(expected, abs=0.01)


def test_an_ordinal_moves_by_so_many_places_at_most() -> None:
    items = one_column(["b", "d", None], kind="ordinal", values=["a", "b", "c", "d"], max_increase=1, max_decrease=2)
    assert [ends(items, item) for item in range(3)] == [(1, 3), (2, 4), (1, 2)]


@pytest.mark.parametrize(
    ("item", "rule", "open_values"),
    [
        (0, {"path_separator": ">"}, {"Toys > Wood", "Toys > Wood > Trains", "Toys>Plush"}),
        (1, {"path_separator": ">"}, {"Toys > Wood > Trains"}),
        (2, {"path_separator": ">"}, set()),
        (3, {"path_separator": ">"}, set()),
        (5, {"path_separator": ">"}, {"Toys", "Toys > Wood", "Toys > Wood > Trains", "Toys>Plush", "Books"}),
        (0, {"path_separator": ">", "fixed_values": ["toys > wood"]}, {"Toys > Wood > Trains", "Toys>Plush"}),
        (4, {"fixed_values": ["Books"]}, set()),
        (0, {"fixed_values": ["Books"]}, {"Toys > Wood", "Toys > Wood > Trains", "Toys>Plush"}),
    ],
)
def test_a_category_moves_below_its_own_level_and_never_from_or_to_a_fixed_value(
    item: int, rule: dict[str, object], open_values: set[str]
) -> None:
    items = one_column(PATHS, kind="category", **rule)
    box = feasible_box(own_limits(items, item, items.columns), items.matrix.toarray()[item])
    now = items.matrix.toarray()[item]
    assert {items.columns.value[c] for c in np.flatnonzero((now == 0) & (box.upper > 0))} == open_values


def test_fixed_tags_and_words_neither_come_nor_go() -> None:
    table = pa.table({"tags": [["Vegan", "red"], ["red"], []], "text": ["great bestseller", "great", "bestseller"]})
    rules = [
        FeatureRule(column="tags", kind="tags", min_items=1, fixed_values=("vegan",)),
        FeatureRule(column="text", kind="text", min_items=1, fixed_values=("Bestseller",)),
    ]
    columns = encode_items(table, rules).columns
    assert [columns.value[c] for c in np.flatnonzero(columns.can_rise)] == ["red", "great"]
    assert np.array_equal(columns.can_rise, columns.can_fall)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "tags", "max_increase": 1}, "max_increase is for kinds number and ordinal"),
        ({"kind": "number", "max_decrease": "a fifth"}, "expected a number from 0, or a share such as 20%"),
        ({"kind": "number", "max_decrease": -1}, "expected a number from 0"),
        ({"kind": "ordinal", "values": ["a", "b"], "max_decrease": "20%"}, "expected whole places"),
        ({"kind": "number", "fixed_values": ["a"]}, "fixed_values are for text, tags and category"),
        ({"kind": "tags", "path_separator": ">"}, "path_separator is for kind category"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FeatureRule.model_validate({"column": "x", **rule})


def random_shop(seed: int) -> World:
    """Fourteen products with paths, tags and a price, and rules of every kind above."""
    rng = np.random.default_rng(seed)
    paths = ["A", "A > B", "A > B > C", "A > D", "E", "E > F"]
    n = 14
    table = pa.table(
        {
            "path": [paths[rng.integers(6)] if rng.random() < 0.9 else None for _ in range(n)],
            "tags": [[tag for tag in ("new", "red", "eco", "sale") if rng.random() < 0.4] for _ in range(n)],
            "price": [round(float(rng.uniform(5, 30)), 2) if rng.random() < 0.9 else None for _ in range(n)],
        }
    )
    rules = (
        FeatureRule(column="path", kind="category", min_items=1, path_separator=">", fixed_values=("E",)),
        FeatureRule(column="tags", kind="tags", min_items=1, fixed_values=("eco",)),
        FeatureRule(column="price", kind="number", step=0, max_decrease="20%", max_increase=3),
    )
    opinions = np.where(rng.random((12, n)) < 0.3, rng.integers(1, 6, (12, n)), np.nan)
    return World(table, rules, opinions, 3)


def allowed_rows(world: World, item: int) -> list[np.ndarray]:
    """Every description that the rules allow, the price at its ends, written from the words of the rules."""
    columns, now = world.items.columns, world.features[item]
    cell = world.table.slice(item, 1).to_pylist()[0]
    place = {value: c for c, value in enumerate(columns.value)}
    own = cell["path"]
    paths = [own]
    for value in columns.value:
        is_path = world.rules[columns.rule[place[value]]].column == "path"
        if is_path and value != "E" and own != "E" and value != own and (own is None or value.startswith(f"{own} > ")):
            paths.append(value)
    price = place["price"]
    low, high = columns.lower[price], columns.upper[price]
    prices = {now[price]}
    if cell["price"] is not None:
        for change in (-0.2 * cell["price"], 3.0):
            prices.add(float(np.clip(now[price] + change * columns.unit[price], *sorted((low, max(high, now[price]))))))
    free = [place[tag] for tag in ("new", "red", "sale") if tag in place]
    rows = []
    for path, value, has in product(paths, sorted(prices), product((0, 1), repeat=len(free))):
        row = now.copy()
        row[columns.one_hot >= 0] = 0
        if path is not None:
            row[place[path]] = columns.unit[place[path]]
        row[price] = value
        row[free] = np.array(has) * columns.unit[free]
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_a_recourse_keeps_to_the_limits_of_its_item_and_no_allowed_description_beats_its_bound(seed: int) -> None:
    world = random_shop(seed)
    items = np.arange(14)
    for item, found in zip(items, find_recourses(world.search(RecourseSettings(tolerance=0.0)), items), strict=True):
        if found.features is None:
            continue
        rows = allowed_rows(world, int(item))
        best = max(brute.success(world, int(item), row) for row in rows)
        assert found.success_bound >= best - 1e-9
        assert found.success_after <= best + 1e-9
        price = world.items.columns.value.index("price")
        others = np.arange(len(world.items.columns)) != price
        assert any(np.allclose(found.features[others], row[others]) for row in rows)
        least, most = min(row[price] for row in rows), max(row[price] for row in rows)
        assert least - 1e-9 <= found.features[price] <= most + 1e-9
