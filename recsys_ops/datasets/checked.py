"""One table while its rows are checked: stop with one message that says where the bad ones are, or set them aside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.errors import InputError
from recsys_ops.features.blocks import GREATEST_SIZE
from recsys_ops.features.rules import FeatureRule
from recsys_ops.tables import rejected_schema

OnBadRows = Literal["stop", "quarantine"]

QUARANTINE = "pass --on-bad-rows quarantine"


@dataclass
class CheckedRows:
    """One table while it is checked: which of its rows still hold, and why the others do not.

    ``names`` are the file's own of the contract's columns. Bad rows stop the check, or, with ``problems``, are said
    there.
    """

    name: str
    source: str
    table: pa.Table
    on_bad_rows: OnBadRows
    problems: list[str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    holds: np.ndarray = field(init=False)
    rejected: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holds = np.ones(self.table.num_rows, dtype=bool)

    def reject(self, is_bad: np.ndarray, column: str, reason: str, remedy: str, shown: str | None = None) -> None:
        """Stop at rows where ``is_bad``, or note them; rows noted before are not noted again.

        ``reason`` completes "column ... has n values ..." and ``shown`` names another column to show next to it.
        """
        rows = np.flatnonzero(is_bad & self.holds)
        if len(rows) == 0:
            return
        self.holds[rows] = False
        if self.on_bad_rows == "stop":
            message = self._message(rows, column, reason, remedy, shown)
            if self.problems is None:
                raise InputError(message)
            self.problems.append(message)
            return
        n = len(rows)
        values = self._values(rows, column, shown)
        cells = {"table": [self.name] * n, "row": rows, "column": [column] * n, "value": values, "reason": [reason] * n}
        self.rejected.append(table_of(cells, rejected_schema()))

    def kept(self) -> pa.Table:
        """The rows that hold; stops when none does."""
        if self.holds.all():
            return self.table
        if not self.holds.any():
            n_rows = self.table.num_rows
            raise InputError(f"{self.source}: every row was rejected ({n_rows} of {n_rows}). Correct the file.")
        return self.table.filter(pa.array(self.holds))

    def _message(self, rows: np.ndarray, column: str, reason: str, remedy: str, shown: str | None) -> str:
        pairs = zip(rows[:3].tolist(), self._values(rows[:3], column, shown), strict=True)
        first = ", ".join(f"row {row} = {value}" for row, value in pairs)
        values = "value" if len(rows) == 1 else "values"
        name = self.names.get(column, column)
        meant = "" if name == column else f" ({column})"
        return f"{self.source}: column '{name}'{meant} has {len(rows)} {values} {reason} (first: {first}). {remedy}"

    def _values(self, rows: np.ndarray, column: str, shown: str | None) -> list[str]:
        """Values in the rows, as text."""
        columns = [column] if shown is None else [shown, column]
        cells = [_as_text(self.table.column(name).take(pa.array(rows))) for name in columns]
        texts = [pc.fill_null(cell, "null").to_pylist() for cell in cells]
        return [", ".join(parts) for parts in zip(*texts, strict=True)]


def _as_text(cells: ChunkedArray) -> ChunkedArray:
    is_list = pa.types.is_list(cells.type)
    text: ChunkedArray = pc.binary_join(cells, "|") if is_list else pc.cast(cells, pa.string())
    return text


def check_null(rows: CheckedRows, column: str, remedy: str) -> None:
    """Reject rows without a value in ``column``."""
    values = rows.table.column(column)
    if values.null_count:
        rows.reject(pc.is_null(values).to_numpy(), column, "missing", remedy)


def check_id(rows: CheckedRows, column: str, remedy: str) -> None:
    """Reject rows whose id is missing, or a text without a letter: one id for all whom a shop does not know."""
    check_null(rows, column, remedy)
    ids = rows.table.column(column)
    if pa.types.is_string(ids.type):
        different = pc.unique(ids)
        blank = different.filter(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(different)), 0))
        if len(blank):
            rows.reject(pc.is_in(ids, value_set=blank).to_numpy(), column, "that are blank", remedy)


def check_numbers(rows: CheckedRows, rules: Iterable[FeatureRule], remedy: str) -> None:
    """Reject rows with an infinite or huge value of a feature that is a number; NaN is a missing value, as null is."""
    for rule in rules:
        if rule.kind == "number":
            values = pc.fill_null(rows.table.column(rule.column), 0.0).to_numpy()
            rows.reject(np.isinf(values), rule.column, "of infinity", remedy)
            rows.reject(np.abs(values) > GREATEST_SIZE, rule.column, f"beyond {GREATEST_SIZE:g}", remedy)


def codes_of(ids: ChunkedArray) -> np.ndarray:
    """A number per row, the same for equal values; -1 for null."""
    return positions_of(ids, pc.unique(ids).drop_null())


def repeats(codes: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """Where a row that holds has the code of an earlier one that holds."""
    rows = np.flatnonzero(holds)
    order = rows[np.argsort(codes[rows], kind="stable")]
    is_repeated = np.zeros(len(codes), dtype=bool)
    is_repeated[order[1:][codes[order[1:]] == codes[order[:-1]]]] = True
    return is_repeated
