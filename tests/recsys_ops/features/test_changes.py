"""Changes in the provider's terms: what is told is what the recommender sees once it is done."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.features.changes import Change, describe_changes
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
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
    return describe_changes(items, before, after)


@pytest.mark.parametrize(
    ("item", "word", "times", "before", "after", "text"),
    [
        (2, "heist", 1, 0, 1, "add the word 'heist'"),
        (2, "heist", 3, 0, 3, "add the word 'heist' (3 times)"),
        (0, "heist", 0, 1, 0, "remove the word 'heist'"),
        (0, "robot", 5, 2, 5, "use the word 'robot' 5 times instead of 2"),
        (0, "robot", 1, 2, 1, "use the word 'robot' 1 times instead of 2"),
    ],
)
def test_words_are_added_removed_and_repeated(
    items: EncodedItems, item: int, word: str, times: int, before: int, after: int, text: str
) -> None:
    told = change(items, item, **{word: times})
    assert told == [Change("description", f"'{word}' x {before}", f"'{word}' x {after}", text)]


def test_tags_are_added_and_removed(items: EncodedItems) -> None:
    assert change(items, 0, comedy=1) == [Change("genre: comedy", "absent", "present", "add the genre 'comedy'")]
    assert change(items, 1, comedy=0) == [Change("genre: comedy", "present", "absent", "remove the genre 'comedy'")]


def test_a_number_goes_from_one_value_to_another(items: EncodedItems) -> None:
    assert change(items, 0, price=19.90) == [Change("price", "24.90", "19.90", "price 24.90 -> 19.90")]


def test_a_category_takes_the_place_of_another_in_one_change(items: EncodedItems) -> None:
    before = items.matrix.toarray()[0]
    members = np.flatnonzero(items.columns.one_hot >= 0)
    after = before.copy()
    after[members] = after[members][::-1]
    assert describe_changes(items, before, after) == [
        Change("category", "drama", "thriller", "category thriller instead of drama")
    ]


def test_a_first_category_comes_instead_of_none(items: EncodedItems) -> None:
    before = items.matrix.toarray()[2]
    after = before.copy()
    after[items.columns.value.index("thriller")] = 1
    assert [told.text for told in describe_changes(items, before, after)] == ["category thriller instead of none"]


def test_an_ordinal_takes_the_place_of_another_value() -> None:
    rule = FeatureRule(column="size", kind="ordinal", values=("S", "M", "L"), label="bottle size")
    items = encode_items(pa.table({"size": ["S", "L"]}), [rule])
    small, large = items.matrix.toarray()
    assert describe_changes(items, small, large) == [Change("bottle size", "S", "L", "bottle size L instead of S")]


def test_several_changes_come_in_the_order_of_the_columns(items: EncodedItems) -> None:
    told = change(items, 0, price=19.90, heist=2, comedy=1)
    assert [one.feature for one in told] == ["description", "genre: comedy", "price"]


def test_rounding_is_no_change(items: EncodedItems) -> None:
    row = items.matrix.toarray()[0]
    assert describe_changes(items, row, row + 1e-10) == []


def acted_upon(world_items: EncodedItems, row: dict[str, object], told: list[Change]) -> dict[str, object]:
    """What the provider of an item makes of it, reading nothing but the changes."""
    words = str(row["plot"] or "").split()
    tags = list(row["genres"])  # type: ignore[call-overload]
    acted = dict(row)
    for one in told:
        feature, _, tag = one.feature.partition(": ")
        if feature == "plot":
            word, _, times = one.after.partition(" x ")
            word = word.strip("'")
            words = [other for other in words if other != word] + [word] * int(times)
        elif feature == "genres":
            tags = [*tags, tag] if one.after == "present" else [other for other in tags if other != tag]
        elif feature == "kind":
            acted["kind"] = one.after
        else:
            acted["price"] = float(one.after)
    return {**acted, "plot": " ".join(words), "genres": tags}


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
    rows[item] = acted_upon(items, original, describe_changes(items, before, after))
    again = raw_values(rows[item], items)
    assert np.allclose((again - columns.offset) * columns.unit, after, atol=1e-9)


def raw_values(row: dict[str, object], items: EncodedItems) -> np.ndarray:
    """Values of one item in the provider's units, counted by hand."""
    columns = items.columns
    values = []
    for column, value in enumerate(columns.value):
        kind = items.rules[columns.rule[column]].kind
        if kind == "text":
            values.append(float(str(row["plot"]).split().count(value)))
        elif kind == "tags":
            values.append(float(value in row["genres"]))  # type: ignore[operator]
        elif kind == "category":
            values.append(float(row["kind"] == value))
        else:
            values.append(float(columns.offset[column]) if row["price"] is None else float(row["price"]))  # type: ignore[arg-type]
    return np.array(values)


def test_encoding_the_items_again_with_the_same_words_gives_the_promised_row_up_to_the_scale_of_its_block() -> None:
    rules = [FeatureRule(column="plot", kind="text", min_items=1, weighting="count")]
    world = random_world(5, rules=rules)
    items, columns = world.items, world.items.columns
    before = world.features[1]
    after = before.copy()
    after[columns.value.index(WORDS[0])] = 3 * columns.unit[0]
    rows = world.table.to_pylist()
    rows[1] = acted_upon(items, rows[1], describe_changes(items, before, after))
    again = encode_items(pa.table({"plot": [row["plot"] for row in rows]}), rules)
    assert again.columns.value == columns.value
    assert np.allclose(again.matrix.toarray()[1] / again.columns.unit, after / columns.unit)
