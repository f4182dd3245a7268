"""What each column of the feature matrix holds, by hand."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.errors import InputError
from recsys_ops.features.encode import EncodedItems, encode_items, fix_features
from recsys_ops.features.rules import FeatureRule, repeated_name
from tests.worlds import random_world


def encoded(values: list[object], **rule: object) -> EncodedItems:
    table = pa.table({"x": pa.array(values)})
    return encode_items(table, [FeatureRule.model_validate({"column": "x", "min_items": 1, **rule})])


def in_provider_units(items: EncodedItems) -> np.ndarray:
    return items.matrix.toarray() / items.columns.unit + items.columns.offset


def test_words_count_as_often_as_they_occur() -> None:
    items = encoded(["heist robot heist", "robot"], kind="text")
    assert items.columns.value == ("heist", "robot")
    assert np.allclose(in_provider_units(items), [[2, 1], [0, 1]])


def test_a_word_weighs_its_occurrences_times_its_inverse_document_frequency() -> None:
    items = encoded(["heist robot heist", "robot", "robot"], kind="text")
    idf = np.log(4 / np.array([2, 4])) + 1
    expected = np.array([[2, 1], [0, 1], [0, 1]]) * idf
    mean_length = np.linalg.norm(expected, axis=1).mean()
    assert np.allclose(items.matrix.toarray(), expected / mean_length)
    assert np.allclose(items.columns.unit, idf / mean_length)


def test_words_can_be_counted_without_inverse_document_frequency() -> None:
    items = encoded(["heist robot heist", "robot"], kind="text", weighting="count")
    mean_length = (np.sqrt(5) + 1) / 2
    assert np.allclose(items.matrix.toarray(), np.array([[2, 1], [0, 1]]) / mean_length)


def test_a_longer_description_does_not_make_its_words_count_less() -> None:
    items = encoded(["heist", "heist robot ghost piano"], kind="text")
    column = items.columns.value.index("heist")
    assert items.matrix[0, column] == items.matrix[1, column] > 0


def test_english_stop_words_and_single_letters_are_dropped() -> None:
    items = encoded(["The café is a x robot", "and the CAFÉ"], kind="text")
    assert items.columns.value == ("café", "robot")
    assert np.allclose(in_provider_units(items), [[1, 1], [1, 0]])


def test_a_missing_text_is_an_empty_one() -> None:
    items = encoded(["heist", None, ""], kind="text")
    assert np.allclose(items.matrix.toarray()[1:], 0)


def test_the_limit_of_a_word_is_the_lower_99th_percentile_of_its_occurrences_where_it_occurs() -> None:
    counts = [1] * 150 + [2] * 48 + [7, 30]  # of 200 counts the 199th by size is at position floor(199 * 0.99) = 197
    items = encoded([" ".join(["heist"] * n) for n in counts] + ["robot"] * 500, kind="text", weighting="count")
    upper = items.columns.upper / items.columns.unit
    assert dict(zip(items.columns.value, upper, strict=True)) == pytest.approx({"heist": 2, "robot": 1})


def test_a_limit_given_for_words_holds_for_each_word() -> None:
    items = encoded(["heist heist", "robot"], kind="text", upper=3)
    assert np.allclose(items.columns.upper / items.columns.unit, 3)


def test_words_move_in_whole_occurrences_unless_the_rule_says_otherwise() -> None:
    items = encoded(["heist heist", "robot"], kind="text")
    assert np.allclose(items.columns.step / items.columns.unit, 1)
    assert np.all(encoded(["heist", "robot"], kind="text", step=0).columns.step == 0)


@pytest.mark.parametrize("values", [[["b", "a", "a"], ["b"], None], ["a | b|", "b", None], ["b|a|a", " b", ""]])
def test_tags_come_as_lists_or_as_separated_strings(values: list[object]) -> None:
    items = encoded(values, kind="tags")
    assert items.columns.value == ("a", "b")
    assert in_provider_units(items).tolist() == [[1, 1], [0, 1], [0, 0]]


def test_a_null_in_a_list_is_no_tag() -> None:
    items = encoded([["x", None], ["None"], [None], None], kind="tags")
    assert items.columns.value == ("None", "x")
    assert in_provider_units(items).tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("kind", ["tags", "category"])
def test_composed_and_decomposed_values_are_the_same(kind: str) -> None:
    assert encoded(["Cafe\u0301", "Caf\u00e9"], kind=kind).columns.value == ("Caf\u00e9",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1e308, -1e308], r"'x' has numbers that cannot be scaled: 1e\+308 is too large\. Write the column in another"),
        ([5e-324, 0.0], "'x' has numbers that cannot be scaled: their range of 4.94066e-324 is too small"),
    ],
)
def test_numbers_that_arithmetic_cannot_scale_are_an_input_error(values: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        encoded(values, kind="number")


@pytest.mark.parametrize("size", [1e99, 1e-99])
def test_numbers_of_any_other_size_are_features(size: float) -> None:
    items = encoded([0.0, size, 3 * size], kind="number")
    assert np.allclose(in_provider_units(items)[:, 0] / size, [0, 1, 3])
    assert np.isfinite([items.columns.unit[0], items.columns.step[0], items.columns.span[0]]).all()


def test_tags_are_separated_by_what_the_rule_says() -> None:
    assert encoded(["a;b", "b"], kind="tags", separator=";").columns.value == ("a", "b")


def test_a_category_is_one_of_its_values() -> None:
    items = encoded(["film", "series", None, "film"], kind="category")
    assert items.columns.value == ("film", "series")
    assert np.allclose(items.matrix.toarray(), [[1, 0], [0, 1], [0, 0], [1, 0]])
    assert items.columns.one_hot.tolist() == [0, 0]


def test_two_categories_are_different() -> None:
    table = pa.table({"a": ["x", "y"], "b": ["u", "v"]})
    rules = [FeatureRule(column=name, kind="category", min_items=1) for name in "ab"]
    columns = encode_items(table, rules).columns
    assert columns.one_hot.tolist() == [0, 0, 1, 1]


def test_a_number_runs_from_nothing_to_its_range_and_limits_are_in_the_provider_s_units() -> None:
    items = encoded([10.0, 20.0, 30.0, None, float("nan")], kind="number", lower=15, upper=25, step=5)
    mean_length = (0.5 + 1) / 2
    assert np.allclose(items.matrix.toarray()[:, 0], np.array([0, 0.5, 1, 0, 0]) / mean_length)
    columns = items.columns
    lower, upper, step = (value[0] / columns.unit[0] for value in (columns.lower, columns.upper, columns.step))
    assert [lower + columns.offset[0], upper + columns.offset[0], step] == pytest.approx([15, 25, 5])


def test_a_number_is_limited_by_what_items_have_by_default() -> None:
    values = [float(n) for n in range(101)]
    columns = encoded(values, kind="number").columns
    assert columns.lower[0] == 0
    assert columns.upper[0] / columns.unit[0] == pytest.approx(99)


@pytest.mark.parametrize(
    ("values", "rule", "step"),
    [
        ([0.0, 100.0], {}, 0.1),
        ([0.0, 99.9], {}, 0.01),
        ([5.0, 60.0], {}, 0.01),
        ([0.001, 0.004], {}, 1e-6),
        ([0.0, 5e6], {}, 1000.0),
        ([0.0, 100.0], {"lower": 1, "upper": 3}, 0.001),
        ([0.0, 100.0], {"upper": float("inf")}, 0.1),
        ([5.0, 5.0, None], {}, 0.001),
        ([0.0, 100.0], {"step": 2.5}, 2.5),
        ([0.0, 100.0], {"step": 0}, 0.0),
    ],
)
def test_a_number_without_a_step_moves_in_the_power_of_ten_below_a_thousandth_of_its_range(
    values: list[object], rule: dict[str, object], step: float
) -> None:
    columns = encoded(values, kind="number", **rule).columns
    assert columns.step[0] / columns.unit[0] == pytest.approx(step)
    assert columns.from_zero[0] == ("step" not in rule)


@pytest.mark.parametrize(
    ("values", "rule", "message"),
    [
        (
            [10.0, 20.0, 30.0], {"kind": "number", "lower": 90},
            "items: column 'x': lower 90 is above 29.8, the 99th percentile of what items have, so that its rule "
            "allows no value. Name lower and upper in the rule with values of the column between them.",
        ),
        ([10.0, 20.0], {"kind": "number", "upper": 5}, "'x': 10, the least that items have, is above upper 5, so"),
        (
            ["ghost ghost ghost", "robot"], {"kind": "text", "lower": 2},
            "'x': lower 2 is above 1, the 99th percentile of what items have of 'robot', so that",
        ),
    ],
)  # fmt: skip
def test_limits_that_leave_no_value_of_the_catalogue_are_an_input_error(
    values: list[object], rule: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        encoded(values, **rule)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "text", "lower": -1}, "feature 'x': limits of text are occurrences of a word, 0 or more, not -1"),
        ({"kind": "number", "upper": float("nan")}, "feature 'x': a limit is nan, not a number"),
        ({"kind": "tags", "upper": 2}, r"feature 'x': limits of tags are 0 \(absent\) or 1 \(present\), not 2"),
        ({"kind": "tags", "lower": 0.5}, r"limits of tags are 0 .* not 0\.5"),
        ({"kind": "category", "upper": 1}, r"feature 'x': a category has no limits \(found 1\)"),
    ],
)
def test_limits_that_mean_nothing_for_a_kind_are_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeatureRule.model_validate({"column": "x", **rule})


@pytest.mark.parametrize(("rule", "limits"), [({}, (0, 1)), ({"upper": 0}, (0, 0)), ({"lower": 1}, (1, 1))])
def test_limits_of_tags_are_absent_and_present(rule: dict[str, object], limits: tuple[int, int]) -> None:
    columns = encoded([["a"], ["b"]], kind="tags", **rule).columns
    assert np.allclose(columns.lower / columns.unit, limits[0])
    assert np.allclose(columns.upper / columns.unit, limits[1])
    assert np.allclose(columns.span, columns.unit)


def test_an_upper_limit_of_zero_is_a_limit() -> None:
    columns = encoded([-10.0, -5.0, 10.0], kind="number", upper=0).columns
    assert columns.upper[0] / columns.unit[0] + columns.offset[0] == pytest.approx(0)


@pytest.mark.parametrize("values", [[5.0, 5.0], [None, None, 3.0]])
def test_a_number_that_is_the_same_everywhere_says_nothing(values: list[object]) -> None:
    assert encoded(values, kind="number").matrix.nnz == 0


def test_blocks_weigh_alike_whatever_their_units() -> None:
    world = random_world(3)
    matrix, columns = world.features, world.items.columns
    for position, rule in enumerate(world.rules):
        lengths = np.linalg.norm(matrix[:, columns.rule == position], axis=1)
        assert lengths[lengths > 0].mean() == pytest.approx(rule.weight)


def test_words_tags_and_categories_of_too_few_items_are_dropped() -> None:
    assert encoded(["heist robot", "heist"], kind="text", min_items=2).columns.value == ("heist",)
    assert encoded([["a", "b"], ["a"]], kind="tags", min_items=2).columns.value == ("a",)
    assert encoded(["u", "u", "v"], kind="category", min_items=2).columns.value == ("u",)


@pytest.mark.parametrize("values", [["heist", "robot"], ["the", "of"], [None, ""]])
def test_no_feature_left_is_an_input_error(values: list[object]) -> None:
    with pytest.raises(InputError, match=r"no feature is left.*lower min_items"):
        encode_items(pa.table({"x": pa.array(values, pa.string())}), [FeatureRule(column="x", kind="text")])


def test_a_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'y' is missing.*found x"):
        encode_items(pa.table({"x": ["a"]}), [FeatureRule(column="y", kind="text")])


def test_what_may_not_change_can_neither_rise_nor_fall() -> None:
    fixed = encoded(["heist", "robot"], kind="text", mutable=False).columns
    assert not fixed.can_rise.any()
    assert not fixed.can_fall.any()


@pytest.mark.parametrize(
    ("direction", "rise", "fall"), [("free", True, True), ("increase", True, False), ("decrease", False, True)]
)
def test_a_direction_says_which_way_features_may_move(direction: str, rise: bool, fall: bool) -> None:
    columns = encoded([1.0, 2.0], kind="number", direction=direction).columns
    assert (bool(columns.can_rise[0]), bool(columns.can_fall[0])) == (rise, fall)


def test_features_and_limits_are_never_negative() -> None:
    for seed in range(10):
        items = random_world(seed).items
        assert items.matrix.min() >= 0
        assert items.columns.lower.min() >= 0
        assert np.allclose(items.columns.greatest, items.matrix.toarray().max(axis=0))


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lower 3\.0 is above upper 2\.0"):
        FeatureRule(column="x", kind="number", lower=3, upper=2)


def test_two_features_of_one_name_are_named() -> None:
    rules = [FeatureRule(column="a", kind="text", label="kind"), FeatureRule(column="kind", kind="category")]
    assert repeated_name(rules) == "columns 'a' and 'kind' are both called 'kind'. Give each a label of its own."
    assert repeated_name(rules[:1]) is None


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(ValueError, match="mutabel"):
        FeatureRule.model_validate({"column": "x", "kind": "text", "mutabel": False})


def test_an_ordinal_is_its_place_among_its_values_and_moves_by_places() -> None:
    rule = FeatureRule(column="size", kind="ordinal", values=("S", "M", "L"), direction="increase")
    items = encode_items(pa.table({"size": ["M", "S", None, "L"]}), [rule])
    columns = items.columns
    places = items.matrix.toarray()[:, 0] / columns.unit[0] + columns.offset[0]
    assert places.tolist() == [2, 1, 1, 3]
    assert (columns.can_rise[0], columns.can_fall[0]) == (True, False)
    assert columns.step[0] == pytest.approx(columns.unit[0])
    assert [(limit[0] / columns.unit[0]) for limit in (columns.lower, columns.upper, columns.span)] == [0, 2, 2]


def test_the_limits_of_an_ordinal_are_places() -> None:
    rule = FeatureRule(column="size", kind="ordinal", values=("1", "2", "3", "4"), lower=2, upper=3)
    columns = encode_items(pa.table({"size": [1, 4]}), [rule]).columns
    assert [round(limit[0] / columns.unit[0]) for limit in (columns.lower, columns.upper, columns.span)] == [1, 2, 1]


def test_a_value_that_an_ordinal_does_not_list_is_an_input_error() -> None:
    rule = FeatureRule(column="size", kind="ordinal", values=("S", "M"))
    with pytest.raises(InputError, match=r"'size' has 2 values .* \(first: row 1 = XL; listed: S, M\)\. Add them"):
        encode_items(pa.table({"size": ["S", "XL", "XXL"]}), [rule])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "ordinal"}, "at least two different values"),
        ({"kind": "ordinal", "values": ("S", "S")}, "at least two different values"),
        ({"kind": "ordinal", "values": ("S", "M"), "upper": 3}, "limit 3 is no place in its 2 values"),
        ({"kind": "ordinal", "values": ("S", "M"), "step": 0.5}, "moves in whole places"),
        ({"kind": "category", "values": ("S", "M")}, "values are for kind ordinal"),
    ],
)
def test_an_ordinal_says_what_its_values_are(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeatureRule.model_validate({"column": "size", **settings})


def test_the_range_of_a_feature_is_that_of_its_rule_or_of_what_items_have() -> None:
    table = pa.table({"price": [10.0, 12.0, 30.0], "plot": ["heist heist heist", "heist", "ghost"]})
    text = FeatureRule(column="plot", kind="text", min_items=1, upper=1)
    for rule, price in (
        (FeatureRule(column="price", kind="number"), 20),
        (_between(12, 20), 8),
        (_between(12, None), 18),
    ):
        columns = encode_items(table, [rule, text]).columns
        assert (columns.span / columns.unit).tolist() == pytest.approx([price, 1, 1])
    without = encode_items(table, [text.model_copy(update={"upper": None})]).columns
    assert (without.span / without.unit).tolist() == pytest.approx([1, 3])


def _between(lower: float, upper: float | None) -> FeatureRule:
    return FeatureRule(column="price", kind="number", lower=lower, upper=upper)


def test_features_that_someone_cannot_change_are_fixed_and_the_others_as_they_were() -> None:
    items = random_world(0).items
    names = [rule.name for rule in items.rules]
    fixed = fix_features(items, {names[0], "of no rule"})
    of_first = items.columns.rule == 0
    assert of_first.any()
    for way in ("can_rise", "can_fall"):
        before, after = getattr(items.columns, way), getattr(fixed.columns, way)
        assert not after[of_first].any()
        assert np.array_equal(after[~of_first], before[~of_first])
    assert fix_features(items, set()) is items


def test_a_tag_that_someone_cannot_change_is_fixed_and_other_tags_are_not() -> None:
    table = pa.table({"genres": [["drama", "comedy"], []], "price": [1.0, 2.0]})
    rules = [FeatureRule(column="genres", kind="tags", min_items=1, label="genre"), _between(1, 2)]
    items = encode_items(table, rules)
    for names, free in (
        ({"genre: drama"}, ["comedy", "price"]),
        ({"genre"}, ["price"]),
        ({"genre: price", "drama", "genres: drama"}, ["comedy", "drama", "price"]),
    ):
        columns = fix_features(items, names).columns
        assert np.array_equal(columns.can_rise, columns.can_fall)
        assert [columns.value[column] for column in np.flatnonzero(columns.can_rise)] == free
