"""Tags that come as JSON lists in a column of strings, such as ``["vegan", "gift"]`` in a CSV file."""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.features.blocks import tags_of

_LIST = r"(?s)^\s*(\[.*\]|\{.*\})\s*$"
_OTHER_NOTATION = r"^\s*(\[\s*[\"'\[{]|\{\s*\")"


def with_json_lists(column: ChunkedArray, separator: str, name: str, source: str) -> ChunkedArray:
    """Read cells that are JSON lists as such.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Strings or lists of strings.
    separator : str
        What separates the tags of cells that are no lists.
    name, source : str
        Column and file, for messages.

    Returns
    -------
    pyarrow.ChunkedArray
        The column itself where no cell is a JSON list, else lists of strings.

    Raises
    ------
    InputError
        A cell is a list of another notation, such as Python's, a list of lists, or an object.
    """
    if not pa.types.is_string(column.type):
        return column
    looks_listed = pc.fill_null(pc.match_substring_regex(column, _LIST), False).to_numpy()
    if not looks_listed.any():
        return column
    cells: list[Any] = column.to_pylist()
    lists = {int(row): _parsed(cells[row]) for row in np.flatnonzero(looks_listed)}
    odd = pc.fill_null(pc.match_substring_regex(column, _OTHER_NOTATION), False).to_numpy()
    rows = [row for row, tags in lists.items() if tags is None and odd[row]]
    if rows:
        raise InputError(
            f"{source}: column '{name}' has {len(rows)} lists of tags that are not JSON (first: row {rows[0]} = "
            f"{cells[rows[0]]}). Write JSON lists of strings, or tags separated by {separator}."
        )
    if all(tags is None for tags in lists.values()):
        return column
    listed = [_of_cell(cell, lists.get(row), separator) for row, cell in enumerate(cells)]
    return pa.chunked_array([pa.array(listed, pa.list_(pa.string()))])


def _parsed(cell: str) -> list[str] | None:
    """The tags of a JSON list of strings and numbers, None for anything else."""
    try:
        tags = json.loads(cell, parse_int=str, parse_float=str)
    except ValueError:
        return None
    if not isinstance(tags, list) or not all(tag is None or isinstance(tag, str) for tag in tags):
        return None
    return [tag for tag in tags if tag is not None]


def _of_cell(cell: str | None, tags: list[str] | None, separator: str) -> list[str] | None:
    return tags_of(cell, separator) if tags is None and cell is not None else tags
