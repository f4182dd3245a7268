"""What the text of a CSV file means."""

from typing import Any

import pyarrow as pa
import pytest

from recsys_ops.datasets.interpret import cast_ids, interpreted


def meaning(values: list[str | None], kind: str | None = None) -> list[Any]:
    column = interpreted(pa.table({"x": pa.array(values, pa.string())}), {} if kind is None else {"x": kind})
    found: list[Any] = column.column("x").to_pylist()
    return found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["3", None, "-12", "0"], [3, None, -12, 0]),
        (["9223372036854775807", "1"], [9223372036854775807, 1]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["00034", "1"], ["00034", "1"]),
        ([" 1", "2"], [" 1", "2"]),
        (["+1"], ["+1"]),
        (["-0"], ["-0"]),
        (["0x10"], ["0x10"]),
        (["1.0", "2"], ["1.0", "2"]),
        (["0195153448", "080442957X"], ["0195153448", "080442957X"]),
    ],
)
def test_ids_are_integers_only_if_each_is_written_as_its_integer(written: list[str | None], read: list[Any]) -> None:
    assert meaning(written, "id") == read


@pytest.mark.parametrize("kind", ["string", "text", "tags", "category", "ordinal"])
def test_text_stays_as_written(kind: str) -> None:
    assert meaning(["7.50", "008", "true", None, ""], kind) == ["7.50", "008", "true", None, ""]


def test_numbers_are_numbers_if_all_values_are() -> None:
    assert meaning([" 007", "2"], "number") == [7, 2]
    assert meaning(["1.5 ", "-inf", "1e3", None], "number") == [1.5, -float("inf"), 1000.0, None]
    assert meaning(["18446744073709551615"], "number") == [18446744073709551615]
    assert meaning(["1,5", "2"], "number") == ["1,5", "2"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["20", " 30", None], [20, 30, None]),
        (["02139", "94040"], ["02139", "94040"]),
        (["1.5", "2"], [1.5, 2.0]),
        (["True", "false"], [True, False]),
        (["Ulm", "2"], ["Ulm", "2"]),
        ([None, None], [None, None]),
    ],
)
def test_a_column_that_nothing_names_is_what_all_of_its_values_allow(
    written: list[str | None], read: list[Any]
) -> None:
    assert meaning(written) == read


def test_a_string_is_no_integer_id_unless_it_is_written_as_one() -> None:
    assert cast_ids(pa.array(["7", "12"]), pa.int64()).to_pylist() == [7, 12]
    assert cast_ids(pa.array([7]), pa.string()).to_pylist() == ["7"]
    with pytest.raises(pa.ArrowInvalid):
        cast_ids(pa.array(["007"]), pa.int64())
