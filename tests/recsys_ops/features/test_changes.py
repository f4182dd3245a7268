"""Changes in the provider's terms: what is stated is what the recommender sees once it is done."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.features.changes import Change, describe_changes
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
from tests.twins.provider import acted_upon, raw_values
from tests.worlds import WORDS, random_world

TABLE = pa.table(
    {
        "plot": ["heist robot robot", "heist ghost", "ghost robot"],
        "genres": [["drama"], ["comedy", "drama"], []],
        "kind": ["drama", "thriller", None],
        "price": [24.90, 19.90, 10.0],
    }
)
RULES = (
    FeatureRule(column="plot", kind="text", min_items=1, label="description"),
    FeatureRule(column="genres", kind="tags", min_items=1, label="genre"),
    FeatureRule(column="kind", kind="category", min_items=1, label="category"),
    FeatureRule(column="price", kind="number"),
)


@pytest.fixture
def items() -> EncodedItems:
    return encode_items(TABLE, RULES)


def change(items: EncodedItems, item: int, **provider_values: float) -> list[Change]:
    """Changes of an item to given values, in the provider's units."""
    before = items.matrix.toarray()[item]
    after = before.copy()
    for name, value in provider_values.items():
        column = items.columns.value.index(name)
        after[column] = (value - items.columns.offset[column]) * items.columns.unit[column]
    return describe_changes(items, item, after)


@pytest.mark.parametrize(
    ("item", "word", "times", "before", "after", "text"),
    [
        (2, "heist", 1, 0, 1, "add the word 'heist'"),
        (2, "heist", 3, 0, 3, "use the word 'heist' 3 times"),
        (0, "heist", 0, 1, 0, "remove the word 'heist'"),
        (0, "robot", 5, 2, 5, "use the word 'robot' 5 times instead of twice"),
        (0, "robot", 1, 2, 1, "use the word 'robot' once instead of twice"),
    ],
)
def test_words_are_added_removed_and_repeated(
    items: EncodedItems, item: int, word: str, times: int, before: int, after: int, text: str
) -> None:
    assert change(items, item, **{word: times}) == [
        Change("description", f"'{word}' x {before}", f"'{word}' x {after}", text)
    ]


def test_tags_are_added_and_removed(items: EncodedItems) -> None:
    assert change(items, 0, comedy=1) == [Change("genre: comedy", "absent", "present", "add the genre 'comedy'")]
    assert change(items, 1, comedy=0) == [Change("genre: comedy", "present", "absent", "remove the genre 'comedy'")]


def test_a_number_goes_from_one_value_to_another(items: EncodedItems) -> None:
    assert change(items, 0, price=19.90) == [Change("price", "24.90", "19.90", "lower the price from 24.90 to 19.90")]


@pytest.mark.parametrize(
    ("prices", "rule", "after", "text"),
    [
        ([10.0, 60.0], {}, 55.56, "raise the price from 10.00 to 55.56"),
        ([33.333, 60.0], {}, 40, "raise the price from 33.333 to 40.00"),
        ([10.0, 60.0], {"step": 0}, 55.5531371234, "raise the price from 10 to 55.5531371234"),
        ([10.0, 60.0], {"step": 0.5}, 11, "raise the price from 10.0 to 11.0"),
        ([24.9, 60.0], {"step": 0.25}, 25.15, "raise the price from 24.90 to 25.15"),
        ([1990.0, 2020.0], {"step": 1}, 1991, "raise the price from 1990 to 1991"),
        ([0.001, 0.004], {}, 0.002345, "raise the price from 0.001000 to 0.002345"),
        ([1.5e9, 1.6e9], {}, 1.51e9, "raise the price from 1500000000 to 1510000000"),
        ([-3.0, 7.0], {}, 0, "raise the price from -3.00 to 0.00"),
        ([None, 54.0], {"lower": 21, "step": 1}, 55, "set the price to 55"),
        ([float("nan"), 7.0, 21.0], {}, 21, "set the price to 21.00"),
    ],
)
def test_numbers_are_stated_in_the_decimals_of_their_steps_and_never_with_fewer_than_they_have(
    prices: list[float | None], rule: dict[str, object], after: float, text: str
) -> None:
    table = pa.table({"price": pa.array(prices)})
    items = encode_items(
        table, [FeatureRule.model_validate({"column": "price", "kind": "number", "upper": float("inf")} | rule)]
    )
    (stated,) = change(items, 0, price=after)
    assert stated.text == text
    assert float(stated.after) == after
    assert stated.before == ("none" if text.startswith("set") else text.split()[4])


def test_a_value_that_is_rare_or_missing_is_stated_as_written() -> None:
    table = pa.table({"kind": ["rare", "a", "a", None], "size": [None, "S", "M", "L"], "lot": [7, 8, 8, 9]})
    sizes = FeatureRule(column="size", kind="ordinal", values=("S", "M", "L"))
    items = encode_items(table, [FeatureRule(column=name, kind="category") for name in ("kind", "lot")] + [sizes])
    row = items.matrix.toarray()[1]
    row[items.columns.value.index("size")] = 2 * items.columns.unit[-1]
    stated = [[(one.before, one.text) for one in describe_changes(items, item, row)] for item in (0, 3)]
    assert stated == [
        [
            ("rare", "change the kind from 'rare' to 'a'"),
            ("7", "change the lot from '7' to '8'"),
            ("none", "set the size to 'L'"),
        ],
        [("none", "set the kind to 'a'"), ("9", "change the lot from '9' to '8'")],
    ]


def test_words_of_which_there_may_be_any_amount_are_stated_in_full() -> None:
    rule = FeatureRule(column="plot", kind="text", min_items=1, step=0, weighting="count")
    items = encode_items(TABLE, [rule])
    assert [one.text for one in change(items, 2, robot=1.23456789)] == [
        "use the word 'robot' 1.23456789 times instead of once"
    ]


def test_a_category_takes_the_place_of_another_in_one_change(items: EncodedItems) -> None:
    before = items.matrix.toarray()[0]
    members = np.flatnonzero(items.columns.one_hot >= 0)
    after = before.copy()
    after[members] = after[members][::-1]
    assert describe_changes(items, 0, after) == [
        Change("category", "drama", "thriller", "change the category from 'drama' to 'thriller'")
    ]


def test_a_first_category_comes_instead_of_none(items: EncodedItems) -> None:
    after = items.matrix.toarray()[2]
    after[items.columns.value.index("thriller")] = 1
    assert [one.text for one in describe_changes(items, 2, after)] == ["set the category to 'thriller'"]


def test_an_ordinal_takes_the_place_of_another_value() -> None:
    rule = FeatureRule(column="size", kind="ordinal", values=("S", "M", "L"), label="bottle size")
    items = encode_items(pa.table({"size": ["S", "L"]}), [rule])
    large = items.matrix.toarray()[1]
    assert describe_changes(items, 0, large) == [
        Change("bottle size", "S", "L", "change the bottle size from 'S' to 'L'")
    ]


def test_several_changes_come_in_the_order_of_the_columns(items: EncodedItems) -> None:
    changes = change(items, 0, price=19.90, heist=2, comedy=1)
    assert [one.feature for one in changes] == ["description", "genre: comedy", "price"]


def test_rounding_is_no_change(items: EncodedItems) -> None:
    row = items.matrix.toarray()[0]
    assert describe_changes(items, 0, row + 1e-10) == []


@pytest.mark.parametrize("seed", range(20))
def test_acting_on_the_changes_gives_the_row_that_was_promised(seed: int) -> None:
    rules = [
        FeatureRule(column="plot", kind="text", min_items=1),
        FeatureRule(column="genres", kind="tags", min_items=1),
        FeatureRule(column="kind", kind="category", min_items=1),
        FeatureRule(column="price", kind="number"),
    ]
    world = random_world(seed, rules=rules)
    rng = np.random.default_rng(seed)
    items, columns = world.items, world.items.columns
    item = int(rng.integers(len(world.features)))
    before = world.features[item]
    after = before.copy()
    for column in rng.choice(np.flatnonzero(columns.one_hot < 0), size=5, replace=False):
        kind = items.rules[columns.rule[column]].kind
        value = {"text": rng.integers(0, 5), "tags": rng.integers(2), "number": round(rng.uniform(5, 30), 2)}[kind]
        after[column] = (value - columns.offset[column]) * columns.unit[column]
    members = np.flatnonzero(columns.one_hot >= 0)
    chosen = rng.choice(members)
    after[members] = 0
    after[chosen] = columns.upper[chosen]

    rows = world.table.to_pylist()
    original = rows[item]
    rows[item] = acted_upon(original, describe_changes(items, item, after))
    again = raw_values(rows[item], items)
    assert np.allclose((again - columns.offset) * columns.unit, after, atol=1e-9)


def test_encoding_the_items_again_with_the_same_words_gives_the_promised_row_up_to_the_scale_of_its_block() -> None:
    rules = [FeatureRule(column="plot", kind="text", min_items=1, weighting="count")]
    world = random_world(5, rules=rules)
    items, columns = world.items, world.items.columns
    before = world.features[1]
    after = before.copy()
    after[columns.value.index(WORDS[0])] = 3 * columns.unit[0]
    rows = world.table.to_pylist()
    rows[1] = acted_upon(rows[1], describe_changes(items, 1, after))
    again = encode_items(pa.table({"plot": [row["plot"] for row in rows]}), rules)
    assert again.columns.value == columns.value
    assert np.allclose(again.matrix.toarray()[1] / again.columns.unit, after / columns.unit)
