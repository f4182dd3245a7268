"""People's reactions to the recourses of committed runs, joined to how far those recourses were.

A case is one recourse that was shown: ``<run>/<item>/<group>/<option>``, made from its row in the recourse table.
Ratings of a recourse that changes something which the person cannot change say nothing about distance and are left out
of the fits, as in the study of recourse (Tominaga et al. 2024, section 4); what cannot be changed is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray, in_one_chunk, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.checked import QUARANTINE, CheckedRows, OnBadRows, check_null, codes_of, repeats
from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import InputError
from recsys_ops.runs import Run
from recsys_ops.tables import FEEDBACK, rejected_schema

LEAST_RATING, GREATEST_RATING = 1, 7
ATTENTION = ("passed", "failed")
"""What a questionnaire says of the question that tests attention."""
DECISIONS = ("done", "dismissed")
"""What a person can decide about a recourse."""
SEPARATOR = "|"
"""Between impossible features that come as one string."""

_MEASURES = {"sparsity": ("sparsity", "n_changes"), "proximity": ("proximity", "l1")}
"""Columns of the recourse table that hold each distance: the first that the run has."""


@dataclass(frozen=True)
class RatedCases:
    """The recourses of some runs that can be rated: ``table`` of case_id, seller_id, item_id, distances, changes, gain.

    ``gain`` is the share of the group that is gained; ``measured_by`` names the column of the runs behind each
    distance.
    """

    table: pa.Table
    measured_by: dict[str, str]


@dataclass(frozen=True)
class Feedback:
    """Ratings that keep the contract, sorted by person and case, with the seller and distances of each case.

    ``table`` has case_id, person_id, accept, act, impossible_features (lists), decision, comment, attention, seller_id,
    item_id, sparsity, proximity, and the ``features`` that the case changes; ``rejected`` the rows that quarantine set
    aside.
    """

    table: pa.Table
    measured_by: dict[str, str]
    rejected: pa.Table

    @property
    def possible(self) -> pa.Table:
        """The ratings, by people who read with attention, of recourses in which the person finds nothing impossible."""
        is_possible = pc.equal(pc.list_value_length(self.table["impossible_features"]), 0)
        is_rated = pc.and_(is_possible, pc.is_valid(self.table["act"]))
        return self.table.filter(pc.and_(is_rated, pc.invert(self.is_inattentive)))

    @property
    def is_inattentive(self) -> ChunkedArray:
        """Of each row, whether its person failed the question that tests attention."""
        found: ChunkedArray = pc.fill_null(pc.equal(self.table["attention"], ATTENTION[1]), False)
        return found


def case_ids(run_id: str, recourses: pa.Table) -> ChunkedArray:
    """Name every recourse of a run, the same whenever it is read.

    Parameters
    ----------
    run_id : str
    recourses : pyarrow.Table
        With item_id, group and option of the recourse table.

    Returns
    -------
    ChunkedArray of string
        ``run/item/group/option``, with '/' and '%' inside a part as in URLs, so that no two cases have one name.
    """
    parts = [pc.cast(recourses[name], pa.string()) for name in ("item_id", "group", "option")]
    escaped = [pc.replace_substring(pc.replace_substring(part, "%", "%25"), "/", "%2F") for part in parts]
    ids: ChunkedArray = pc.binary_join_element_wise(pa.scalar(run_id), *escaped, "/")
    return ids


def read_cases(runs: Sequence[Run]) -> RatedCases:
    """The recourses of the runs that change something.

    Parameters
    ----------
    runs : sequence of Run
        Of the recourse job.

    Returns
    -------
    RatedCases

    Raises
    ------
    InputError
        The runs do not measure distance in the same way: they were made by different versions.
    """
    measures = [_measured_by(run) for run in runs]
    for run, measured_by in zip(runs, measures, strict=True):
        if measured_by != measures[0]:
            here, there = (" and ".join(found.values()) for found in (measured_by, measures[0]))
            raise InputError(
                f"run {run.run_id}: measures distance by {here}, but run {runs[0].run_id} by {there}. "
                "Give runs of one version of recsys-ops."
            )
    tables = [_cases_of(run, measures[0]) for run in runs]
    for name in ("seller_id", "item_id"):
        types = {str(table.schema.field(name).type) for table in tables}
        if len(types) > 1:
            raise InputError(f"runs: {name} is {' and '.join(sorted(types))}. Give runs of the same data.")
    return RatedCases(pa.concat_tables(tables), measures[0])


def _measured_by(run: Run) -> dict[str, str]:
    found = run.table("recourse").schema.names
    return {distance: next(name for name in names if name in found) for distance, names in _MEASURES.items()}


def _cases_of(run: Run, measured_by: dict[str, str]) -> pa.Table:
    gained = ["success_before", "success_after"]
    columns = ["item_id", "seller_id", "group", "option", "changes", *gained, *measured_by.values()]
    rows = run.table("recourse").to_table(columns=columns, filter=pc.field("n_changes") > 0)
    return table_of(
        {"case_id": case_ids(run.run_id, rows)}
        | {name: rows[name] for name in ("seller_id", "item_id", "changes")}
        | {distance: pc.cast(rows[name], pa.float64()) for distance, name in measured_by.items()}
        | {"gain": pc.subtract(rows["success_after"], rows["success_before"])}
    )


def read_feedback(url: str, cases: RatedCases, *, on_bad_rows: OnBadRows = "stop") -> Feedback:
    """Read ratings and join them to their cases.

    Parameters
    ----------
    url : str
        Table of the contract ``FEEDBACK`` in a file at any fsspec URL; impossible features as a list, or as one string
        with ``|`` between them, empty for none. Both ratings may be missing where a row says something else.
    cases : RatedCases
    on_bad_rows : "stop" or "quarantine"
        Stop at the first kind of bad rows, or set all bad rows aside. Of ratings of one case by one person the first
        is kept.

    Returns
    -------
    Feedback

    Raises
    ------
    InputError
        The file cannot be read, a column is missing or of the wrong type, or rows are bad and ``on_bad_rows`` is
        "stop": an unknown case, a rating that is not a whole number 1..7 or that is missing, a decision or
        attention of another name, a person twice for a case, an impossible feature that the case does not change.
    """
    source = url.rstrip("/").rpartition("/")[2]
    rows = CheckedRows("feedback", source, _read(url, source), on_bad_rows)
    for column in ("case_id", "person_id"):
        check_null(rows, column, f"Give each row a {column}, or {QUARANTINE}.")
    _check_word(rows, "decision", DECISIONS)
    _check_word(rows, "attention", ATTENTION)
    for column in ("accept", "act"):
        _check_rating(rows, column)
    position = positions_of(rows.table["case_id"], in_one_chunk(cases.table["case_id"]))
    remedy = f"Name the runs that were rated with --run, remove these rows, or {QUARANTINE}."
    rows.reject(position < 0, "case_id", "that is no recourse of the runs", remedy)
    codes = [codes_of(rows.table[column]) for column in ("person_id", "case_id")]
    pairs = codes[0] * (int(codes[1].max(initial=0)) + 1) + codes[1]
    remedy = f"Keep one row per person and case, or {QUARANTINE}."
    rows.reject(repeats(pairs, rows.holds), "case_id", "rated before by the same person", remedy, shown="person_id")
    _check_features(rows, position, cases)
    kept = rows.kept()
    about = cases.table.take(pa.array(position[rows.holds], pa.int64()))
    for name in ("seller_id", "item_id", "sparsity", "proximity"):
        kept = kept.append_column(name, about[name])
    kept = kept.append_column("features", _features_of(about["changes"]))
    rejected = pa.concat_tables([rejected_schema().empty_table(), *rows.rejected])
    return Feedback(kept.sort_by([("person_id", "ascending"), ("case_id", "ascending")]), cases.measured_by, rejected)


def _read(url: str, source: str) -> pa.Table:
    """The columns of the contract, those that may be missing empty, and in them no text as null."""
    table = normalise(read_table(url, source, kinds=FEEDBACK.columns | FEEDBACK.optional), FEEDBACK, source)
    texts = {
        name: _null_for_nothing(table[name]) if name in table.column_names else pa.nulls(len(table), pa.string())
        for name in FEEDBACK.optional
    }
    columns = {name: table[name] for name in FEEDBACK.columns}
    return table_of(columns | {"impossible_features": _as_lists(table["impossible_features"])} | texts)


def _null_for_nothing(text: ChunkedArray) -> ChunkedArray:
    is_text = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(text), ""), False)
    cells: ChunkedArray = pc.if_else(is_text, text, pa.scalar(None, pa.string()))
    return cells


def _features_of(changes: ChunkedArray) -> ChunkedArray:
    """Names of what is changed, each once."""
    cells: list[Any] = changes.to_pylist()
    named = [list(dict.fromkeys(change["feature"] for change in cell or ())) for cell in cells]
    return pa.chunked_array([pa.array(named, pa.list_(pa.string()))])


def _as_lists(column: ChunkedArray) -> ChunkedArray:
    """Impossible features as lists, each once in its list, empty for none."""
    is_text = pa.types.is_string(column.type)
    cells = [(cell or "").split(SEPARATOR) if is_text else cell or [] for cell in column.to_pylist()]
    if is_text:
        cells = [[part.strip() for part in cell if part.strip()] for cell in cells]
    named = [list(dict.fromkeys(part for part in cell if part is not None)) for cell in cells]
    return pa.chunked_array([pa.array(named, pa.list_(pa.string()))])


def _check_word(rows: CheckedRows, column: str, known: tuple[str, ...]) -> None:
    words = rows.table[column]
    is_known = pc.or_(pc.is_null(words), pc.is_in(words, value_set=pa.array(known))).to_numpy()
    rows.reject(~is_known, column, f"that is not {' or '.join(known)}", f"Correct them, or {QUARANTINE}.")


def _check_rating(rows: CheckedRows, column: str) -> None:
    """Reject what is no rating; both may be missing together where the row has a decision or something impossible."""
    correct = f"Correct them, or {QUARANTINE}."
    table = rows.table
    says_more = pc.or_(
        pc.is_valid(table["decision"]), pc.greater(pc.list_value_length(table["impossible_features"]), 0)
    )
    is_unrated = pc.and_(pc.is_null(table["accept"]), pc.is_null(table["act"]))
    is_missing = pc.and_(pc.is_null(table[column]), pc.invert(pc.and_(is_unrated, says_more)))
    rows.reject(is_missing.to_numpy(), column, "missing", correct)
    values = pc.fill_null(rows.table[column], LEAST_RATING).to_numpy()
    is_rating = np.isin(values, np.arange(LEAST_RATING, GREATEST_RATING + 1))
    rows.reject(~is_rating, column, f"that is no whole number {LEAST_RATING} to {GREATEST_RATING}", correct)


def _check_features(rows: CheckedRows, position: np.ndarray, cases: RatedCases) -> None:
    """Reject rows that call something impossible which the case does not change: a misspelt name would do nothing."""
    marked = rows.table["impossible_features"]
    some = np.flatnonzero((pc.list_value_length(marked).to_numpy() > 0) & rows.holds)
    changed: list[Any] = cases.table["changes"].take(pa.array(position[some], pa.int64())).to_pylist()
    is_bad = np.zeros(len(position), dtype=bool)
    named: list[Any] = marked.take(pa.array(some, pa.int64())).to_pylist()
    for row, features, changes in zip(some, named, changed, strict=True):
        is_bad[row] = not set(features) <= {change["feature"] for change in changes}
    remedy = f"Name features as the column 'changes' of the run does, or {QUARANTINE}."
    rows.reject(is_bad, "impossible_features", "that the case does not change", remedy, shown="case_id")
