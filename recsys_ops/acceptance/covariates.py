"""What is known of the people who rated: numbers and categories, as columns of the mixed model."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import Array, ChunkedArray, in_one_chunk
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.checked import QUARANTINE, CheckedRows, OnBadRows, check_null, codes_of, repeats
from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import InputError
from recsys_ops.tables import PEOPLE, rejected_schema

_SAME = 1e-8
"""Share of a column's size that is left of it beside the others, below which it says nothing of its own."""


@dataclass(frozen=True)
class Covariate:
    """One property of people: ``columns (n_people, n_columns)``, and what a unit of each is worth, ``units``.

    A number has one column, in standard deviations with mean 0. A category has one per level but the commonest, the
    ``reference``, each 1 for the people of the level; level and reference of a number are empty.
    """

    name: str
    columns: NDArray[np.float64]
    units: NDArray[np.float64]
    levels: tuple[str, ...]
    reference: str


@dataclass(frozen=True)
class Covariates:
    """The properties of people, and which people they are known of, ``is_known (n_people,)``.

    Rows of the others are nan. ``rejected`` are the rows that quarantine set aside.
    """

    covariates: tuple[Covariate, ...]
    is_known: NDArray[np.bool_]
    rejected: pa.Table

    @property
    def n_columns(self) -> int:
        """Columns of all of them."""
        return sum(one.columns.shape[1] for one in self.covariates)


def read_covariates(url: str, people: Array, *, on_bad_rows: OnBadRows = "stop") -> Covariates:
    """Read what is known of people.

    Parameters
    ----------
    url : str
        A table of person_id and one column per property (numbers, strings or true/false), at any fsspec URL.
    people : Array
        Ids of those who rated; rows of others are not used.
    on_bad_rows : "stop" or "quarantine"
        Stop where something is missing, or leave the people out of whom it is.

    Returns
    -------
    Covariates
        In the order of the file's columns.

    Raises
    ------
    InputError
        The file cannot be read, a person has two rows, a value is missing, or a property is the same for everybody or
        follows from those before it; without quarantine, a person who rated has no row.
    """
    source = url.rstrip("/").rpartition("/")[2]
    written = read_table(url, source, kinds=PEOPLE.columns)
    table = normalise(written, PEOPLE, source)
    _check_types(source, written, table, people)
    names = [name for name in table.column_names if name != "person_id"]
    if not names:
        raise InputError(f"{source}: no column beside person_id. Give one per property of people, such as age.")
    rows = CheckedRows("people", source, table, on_bad_rows)
    for name in ("person_id", *names):
        check_null(rows, name, f"Give each person one, or {QUARANTINE}.")
        if pa.types.is_floating(table[name].type):
            is_number = np.isfinite(pc.fill_null(table[name], 0.0).to_numpy())
            rows.reject(~is_number, name, "that is no number", f"Give each person one, or {QUARANTINE}.")
    remedy = f"Keep one row per person, or {QUARANTINE}."
    rows.reject(repeats(codes_of(table["person_id"]), rows.holds), "person_id", "named before", remedy)
    kept = rows.kept()
    place = positions_of(people, in_one_chunk(kept["person_id"]))
    is_known = place >= 0
    _check_known(source, people, is_known, on_bad_rows)
    found = [
        _covariate(name, kept[name].take(pa.array(place[is_known], pa.int64())), is_known, source) for name in names
    ]
    _check_own(source, found, is_known)
    rejected = pa.concat_tables([rejected_schema().empty_table(), *rows.rejected])
    return Covariates(tuple(found), is_known, rejected)


def _check_types(source: str, written: pa.Table, table: pa.Table, people: Array) -> None:
    for name in written.column_names:
        if name not in table.column_names or pa.types.is_list(table[name].type):
            raise InputError(
                f"{source}: column '{name}' is {written[name].type}, expected a number, a string or true/false. "
                "Convert it, or leave it out."
            )
    if table["person_id"].type != people.type:
        raise InputError(
            f"{source}: person_id is {table['person_id'].type}, in the feedback {people.type}. Give both one type."
        )


def _check_known(source: str, people: Array, is_known: NDArray[np.bool_], on_bad_rows: OnBadRows) -> None:
    lacking = np.flatnonzero(~is_known)
    if len(lacking) == len(people):
        raise InputError(f"{source}: nobody who rated has a row. Name people as the feedback does.")
    if len(lacking) and on_bad_rows == "stop":
        first = ", ".join(str(people[int(one)].as_py()) for one in lacking[:3])
        raise InputError(
            f"{source}: {len(lacking)} of {len(people)} people who rated have no row (first: {first}). "
            f"Give each a row, or {QUARANTINE}."
        )


def _covariate(name: str, values: ChunkedArray, is_known: NDArray[np.bool_], source: str) -> Covariate:
    if len(pc.unique(values)) < 2:
        raise InputError(f"{source}: column '{name}' is the same for everybody who rated. Leave it out.")
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        numbers = pc.cast(values, pa.float64()).to_numpy()
        sd = float(numbers.std())
        return Covariate(name, _of_all((numbers - numbers.mean())[:, None] / sd, is_known), np.array([sd]), ("",), "")
    texts = np.array(pc.cast(values, pa.string()).to_pylist())
    labels, counts = np.unique(texts, return_counts=True)
    by_count = labels[np.argsort(-counts, kind="stable")]
    levels = tuple(str(label) for label in np.sort(by_count[1:]))
    columns = (texts[:, None] == np.array(levels)).astype(np.float64)
    return Covariate(name, _of_all(columns, is_known), np.ones(len(levels)), levels, str(by_count[0]))


def _of_all(columns: NDArray[np.float64], is_known: NDArray[np.bool_]) -> NDArray[np.float64]:
    whole = np.full((len(is_known), columns.shape[1]), np.nan)
    whole[is_known] = columns
    return whole


def _check_own(source: str, found: list[Covariate], is_known: NDArray[np.bool_]) -> None:
    """Refuse a property that the others before it determine: what it does cannot be separated from what they do."""
    before = np.ones((int(is_known.sum()), 1))
    if sum(one.columns.shape[1] for one in found) >= len(before):
        return  # too few people for any test
    for one in found:
        for column in one.columns[is_known].T:
            left = column - before @ np.linalg.lstsq(before, column, rcond=None)[0]
            if float(left @ left) <= _SAME * float(column @ column):
                raise InputError(
                    f"{source}: column '{one.name}' follows from the columns before it. Leave it out, or these."
                )
            before = np.column_stack([before, column])
