"""What the text of a CSV file means: as the contract and the rules say, and for other columns what all values allow."""

from collections.abc import Iterable, Mapping
from typing import Literal

import pyarrow as pa

from recsys_ops.arrow import ChunkedArray, Column, table_of
from recsys_ops.arrow import compute as pc

_TIMES = (pa.timestamp("us"), pa.timestamp("us", "UTC"))
_LEADING_ZERO = r"^[-+]?0\d"
_HEXADECIMAL = r"^[-+]?0[xX]"
_COMMA_NUMBER = r"^[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"

Decimal = Literal[".", ","]


def interpreted(
    table: pa.Table, kinds: Mapping[str, str], *, with_others: bool = True, decimal: Decimal = "."
) -> pa.Table:
    """Give a table of text its types.

    Parameters
    ----------
    table : pyarrow.Table
        Strings.
    kinds : mapping of str to str
        What columns hold: ``id``, ``number``, or a kind of text (``string``, ``text``, ``tags``, ``category``,
        ``ordinal``).
    decimal : "." or ","
        What stands before the decimals of numbers; with the comma, points between thousands are read over.
    with_others : bool
        Whether columns that ``kinds`` does not name are interpreted, or stay text.

    Returns
    -------
    pyarrow.Table
        Ids are integers only if every one is written as the integer is, so that no id changes; numbers are numbers if
        all values are; text stays as written. Columns that ``kinds`` does not name are integers, floats, booleans or
        times if all values are, else strings.
    """
    text = {name: table.column(name) for name in table.column_names}
    names = [name for name in text if with_others or name in kinds]
    return table_of(text | {name: _interpreted(text[name], kinds.get(name), decimal) for name in names})


def cast_ids(ids: Column, wanted: pa.DataType) -> Column:
    """Ids in the type of those they are looked up in.

    Parameters
    ----------
    ids : pyarrow.Array or ChunkedArray
    wanted : pyarrow.DataType

    Returns
    -------
    pyarrow.Array or ChunkedArray

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError
        An id cannot be of that type, or would be another one: a string "007" is not the integer 7.
    """
    cast: Column = pc.cast(ids, wanted)
    if pa.types.is_string(ids.type) and not _is_same_text(cast, ids):
        raise pa.ArrowInvalid("a string is not written as the integer is")
    return cast


def _interpreted(text: ChunkedArray, kind: str | None, decimal: Decimal) -> ChunkedArray:
    if kind == "id":
        found = _integers_as_written(text)
    elif kind == "number":
        numbers = _with_points(pc.utf8_trim_whitespace(text), decimal)
        cast = _numbers(numbers)
        found = numbers if cast is None else cast  # so that only what is no number is named, not all with a comma
    elif kind is None and text.null_count < len(text):
        found = _what_all_values_allow(_with_points(pc.utf8_trim_whitespace(text), decimal))
    else:
        found = None
    return text if found is None else found


def _with_points(text: ChunkedArray, decimal: Decimal) -> ChunkedArray:
    """Numbers with a decimal comma as those with a point; what is no such number stays as it is."""
    if decimal == ".":
        return text
    is_number = pc.match_substring_regex(text, _COMMA_NUMBER)
    converted: ChunkedArray = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
    chosen: ChunkedArray = pc.if_else(is_number, converted, text)
    return chosen


def _numbers(text: ChunkedArray) -> ChunkedArray | None:
    if pc.any(pc.match_substring_regex(text, _HEXADECIMAL)).as_py():  # 0x10 is a name, which pyarrow takes for 16
        return None
    return next(
        (cast for kind in (pa.int64(), pa.uint64(), pa.float64()) if (cast := _cast(text, kind)) is not None), None
    )


def _what_all_values_allow(text: ChunkedArray) -> ChunkedArray | None:
    integers = _integers_as_written(text)
    if integers is not None:
        return integers
    has_leading_zeros = pc.any(pc.match_substring_regex(text, _LEADING_ZERO)).as_py()
    kinds = (pa.bool_(), *_TIMES)
    return _first_cast(text, kinds if has_leading_zeros else (pa.float64(), *kinds))


def _integers_as_written(text: ChunkedArray) -> ChunkedArray | None:
    integers = _cast(text, pa.int64())
    return integers if integers is not None and _is_same_text(integers, text) else None


def _is_same_text(values: Column, text: Column) -> bool:
    return bool(pc.all(pc.equal(pc.cast(values, pa.string()), text)).as_py() is not False)


def _first_cast(text: ChunkedArray, kinds: Iterable[pa.DataType]) -> ChunkedArray | None:
    return next((cast for kind in kinds if (cast := _cast(text, kind)) is not None), None)


def _cast(text: ChunkedArray, kind: pa.DataType) -> ChunkedArray | None:
    try:
        cast: ChunkedArray = pc.cast(text, kind)
    except pa.ArrowInvalid:
        return None
    return cast
