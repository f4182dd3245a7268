"""Columns of one input table: are they there, are they of a usable type, and one Arrow type for each meaning."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.json_tags import with_json_lists
from recsys_ops.datasets.problems import Problems, did_you_mean
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.tables import TableContract

_EXPECTED = {
    "id": "integers or strings",
    "number": "a number",
    "string": "a string",
    "text": "a string",
    "tags": "a string or a list of strings",
    "category": "a string, an integer or true/false",
    "ordinal": "a string or an integer",
}
_NUMBER_TEXT = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"


def normalise(
    table: pa.Table,
    contract: TableContract,
    source: str,
    rules: Sequence[FeatureRule] = (),
    names: Mapping[str, str] | None = None,
) -> pa.Table:
    """Check the columns of a table and bring each to its canonical type.

    Parameters
    ----------
    table : pyarrow.Table
        With the contract's column names.
    contract : TableContract
        Columns it must have.
    source : str
        File name for messages.
    rules : sequence of FeatureRule
        Feature columns it must have as well.
    names : mapping of str to str, optional
        The file's own names of the contract's columns, for messages.

    Returns
    -------
    pyarrow.Table
        Strings are ``string``, ratings and floats ``double``, integers other than ids ``int64`` or ``uint64``. Tags
        written as JSON lists are lists. Columns that are neither in the contract or the rules nor numbers, strings,
        booleans or lists of strings are left out.

    Raises
    ------
    InputError
        A column is missing or of a type that it cannot have, a number is greater than a double can hold, a list of tags
        is not JSON, or there is no row. All of them are said at once.
    """
    problems = Problems()
    required = {rule.column: rule.kind for rule in rules} | contract.columns
    for name in [name for name in required if name not in table.column_names]:
        is_rule = name not in contract.columns
        problems.found.append((_missing_feature if is_rule else _missing_message)(table, contract, source, name))
    wanted = contract.optional | required
    if table.num_rows == 0:
        problems.found.append(f"{source}: the table has no rows. Give at least one.")
    separators = {rule.column: rule.separator for rule in rules}
    columns = {}
    for name in table.column_names:
        if wanted.get(name) == "time":
            columns[name] = table.column(name)  # is looked at only where a time is needed
        elif name in wanted:
            shown = (names or {}).get(name, name)
            with problems.noted():
                given = table.column(name)
                plain = _plain(given, is_id=wanted[name] == "id")
                column: Any = given if plain is None else plain  # what has no meaning is refused below
                for kind in {wanted[name], *(rule.kind for rule in rules if rule.column == name)}:
                    column = _checked(column, kind, shown, source, contract)
                is_tags = wanted[name] == "tags"
                columns[name] = with_json_lists(column, separators.get(name, "|"), shown, source) if is_tags else column
        elif contract.name != "interactions":
            column = _unnamed(table.column(name))
            if column is not None:
                columns[name] = column
    problems.stop()
    return table_of(columns)


def _missing_message(table: pa.Table, contract: TableContract, source: str, name: str) -> str:
    remedy = f"Name the column that holds it under tables.{contract.name}.columns in features.yaml."
    if not contract.is_in_mapping:
        remedy = f"The table needs {', '.join(contract.columns)}."
    guess = did_you_mean(name, table.column_names)
    return f"{source}: column '{name}' is missing (found {', '.join(table.column_names) or 'none'}).{guess} {remedy}"


def _missing_feature(table: pa.Table, contract: TableContract, source: str, name: str) -> str:
    guess = did_you_mean(name, table.column_names)
    where = "features.yaml" if contract.is_in_mapping else "the rules"
    return (
        f"{source}: column '{name}' is missing (found {', '.join(table.column_names) or 'none'}), but features name it."
        f"{guess} Correct features in {where}, or add the column."
    )


def _unnamed(column: ChunkedArray) -> ChunkedArray | None:
    """A column that nothing has named yet, in its canonical type; None where it has none, which is no error."""
    try:
        return _plain(column, is_id=False)
    except pa.ArrowException:
        return None


def _plain(column: ChunkedArray, *, is_id: bool) -> ChunkedArray | None:
    """The column in its canonical type; None for a type that has no meaning here."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    target = _canonical(kind, is_id=is_id)
    if target is None:
        return None
    return column if target == kind else pc.cast(column, target)


def _canonical(kind: pa.DataType, *, is_id: bool) -> pa.DataType | None:
    if _is_text(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_integer(kind):
        return kind if is_id or kind == pa.uint64() else pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = kind.value_type.value_type if pa.types.is_dictionary(kind.value_type) else kind.value_type
        return pa.list_(pa.string()) if _is_text(inner) or pa.types.is_null(inner) else None  # null: all empty
    return kind if pa.types.is_boolean(kind) else None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _checked(column: ChunkedArray, kind: str, name: str, source: str, contract: TableContract) -> Any:
    """The column if it can hold what ``kind`` says, ratings as double and titles as strings."""
    found = column.type
    is_string, is_integer = pa.types.is_string(found), pa.types.is_integer(found)
    is_all_null = is_string and column.null_count == len(column)
    if kind == "number" and (is_integer or pa.types.is_floating(found) or is_all_null):
        return _as_double(column, name, source)
    if kind == "string" and is_integer:  # a CSV file of titles such as 1984
        return pc.cast(column, pa.string())
    if is_string and kind != "number":
        return column
    if is_integer and kind in ("id", "category", "ordinal"):
        return column
    if (kind == "category" and pa.types.is_boolean(found)) or (kind == "tags" and found == pa.list_(pa.string())):
        return column
    first = _first_offenders(column) if kind == "number" else ""
    raise InputError(
        f"{source}: column '{name}' is {found}, expected {_EXPECTED[kind]}"
        f"{first}. Correct the column{', or name another one in features.yaml' if contract.is_in_mapping else ''}."
    )


def _as_double(column: ChunkedArray, name: str, source: str) -> ChunkedArray:
    double: ChunkedArray = pc.cast(column, pa.float64(), safe=False)
    if not pa.types.is_integer(column.type):
        return double
    least_too_great = 2.0**64 if column.type == pa.uint64() else 2.0**63  # what it is cast to depends on the processor
    is_same = pc.and_(pc.less(double, least_too_great), pc.equal(pc.cast(double, column.type, safe=False), column))
    rows = np.flatnonzero(~pc.fill_null(is_same, True).to_numpy())
    if len(rows):
        shown = ", ".join(f"row {row} = {column[int(row)].as_py()}" for row in rows[:3])
        raise InputError(
            f"{source}: column '{name}' has {len(rows)} integers that no floating-point number holds (first: {shown}). "
            "Round them, or give them kind category if they are names."
        )
    return double


def _first_offenders(column: ChunkedArray) -> str:
    """Where texts stand in place of numbers."""
    if not pa.types.is_string(column.type):
        return ""
    is_bad = pc.invert(pc.fill_null(pc.match_substring_regex(column, _NUMBER_TEXT), True))
    rows = pc.indices_nonzero(is_bad).to_pylist()
    if not rows:
        return " (numbers written as strings)"
    shown = ", ".join(f"row {row} = {column[row].as_py()!r}" for row in rows[:3])
    word = column[rows[0]].as_py()
    hint = "" if re.search(r"\d", word) else f"; if {word!r} is no value, give the table missing: [{word!r}]"
    return f" ({len(rows)} of {len(column)} values are not numbers, first: {shown}{hint})"
