"""What a night is compared by: figures of its data, of its recommender and of its advice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.features.encode import EncodedItems
from recsys_ops.quality import Quality
from recsys_ops.status import Status
from recsys_ops.tables import FIGURES

Kind = Literal["count", "share", "rate", "churn", "mean", "measure", "seconds"]
"""share: of one value among several, 0 where it is not named; rate: any other share; mean, measure: with a spread."""

LEAST_SHARE = 0.01
"""Values that fewer items or users have get no figure."""

_OF_A_MEDIAN = 1.2533
"""Standard error of a median as a multiple of that of a mean, for normal values."""

ADVICE_COLUMNS = ["option", "status", "reason", "n_changes", "success_after", "since"]
"""Columns of ``recourse`` that are read."""


@dataclass(frozen=True)
class Figure:
    """A figure of a night; ``spread``: standard deviation of what a mean is of, or standard error of any other kind."""

    kind: Kind
    value: float
    spread: float = 0.0


Figures = dict[str, Figure]


def figures_table(figures: Figures) -> pa.Table:
    """The figures as they are stored, one row each."""
    rows = [{"figure": name, **vars(figure)} for name, figure in figures.items()]
    return pa.Table.from_pylist(rows, schema=FIGURES)


def read_figures(table: pa.Table) -> Figures:
    """Inverse of ``figures_table``."""
    return {row["figure"]: Figure(row["kind"], row["value"], row["spread"]) for row in table.to_pylist()}


def data_figures(dataset: Dataset, groups: Sequence[str], group_of_user: NDArray[np.int64]) -> Figures:
    """Sizes, ratings, and shares of the groups.

    Parameters
    ----------
    dataset : Dataset
    groups : sequence of str
        Labels; none of groups that are equal parts of a number, whose labels move with it.
    group_of_user : ndarray, shape (n_users,)
        Position of each user's group, -1 for none.
    """
    values, n_rejected = dataset.ratings.data, dataset.rejected.num_rows
    found = {
        "users": Figure("count", dataset.n_users),
        "items": Figure("count", dataset.n_items),
        "sellers": Figure("count", pc.count_distinct(dataset.items.column("seller_id")).as_py()),
        "interactions": Figure("count", len(values)),
        "rejected rows": _rate(n_rejected, n_rejected + len(values)),
    }
    if dataset.values != "ones" and len(values):
        found[f"mean of {dataset.values}"] = _mean(values)
    if groups:
        sizes = np.bincount(group_of_user[group_of_user >= 0], minlength=len(groups))
        found |= _shares("users in group", groups, sizes, dataset.n_users)
    return found


def feature_figures(encoded: EncodedItems) -> Figures:
    """Of each feature column of the items: means of numbers and lengths, shares of values, and of items without any."""
    matrix, columns = encoded.matrix, encoded.columns
    n_items = matrix.shape[0]
    is_there = matrix.data != 0
    item_of_entry = np.repeat(np.arange(n_items), np.diff(matrix.indptr))[is_there]
    rule_of_entry = np.asarray(columns.rule)[matrix.indices[is_there]]
    n_with = np.bincount(matrix.indices[is_there], minlength=matrix.shape[1])
    found: Figures = {}
    for number, rule in enumerate(encoded.rules):
        name = rule.column
        if rule.kind in ("text", "tags"):
            lengths = np.bincount(item_of_entry[rule_of_entry == number], minlength=n_items)
            what = "words" if rule.kind == "text" else "values"
            found[f"{name}: {what} of an item"] = _mean(lengths)
            found[f"{name}: without"] = _rate(int(np.sum(lengths == 0)), n_items)
            if rule.kind == "tags":
                own = np.flatnonzero(np.asarray(columns.rule) == number)
                found |= _shares(name, [columns.value[column] for column in own], n_with[own], n_items)
            continue
        cells = encoded.cells.column(name)
        found[f"{name}: without"] = _rate(cells.null_count, n_items)
        if rule.kind == "number":
            values = np.asarray(pc.cast(cells.drop_null(), pa.float64()).to_numpy())
            if len(values):
                found[f"{name}: mean"] = _mean(values)
            continue
        counts = pc.value_counts(cells.drop_null()).to_pylist()
        counts.sort(key=lambda entry: (-entry["counts"], str(entry["values"])))
        labels, sizes = [str(entry["values"]) for entry in counts], [entry["counts"] for entry in counts]
        found |= _shares(name, labels, np.array(sizes, dtype=np.int64), n_items)
    return found


def quality_figures(quality: Quality | None) -> Figures:
    """Measures of the recommender on users held out, with their standard errors where these are known."""
    if quality is None:
        return {}
    return {
        f"recommender: {one.measure}": Figure("measure", one.value, one.standard_error or 0.0)
        for one in quality.figures
    }


def advice_figures(tables: Iterable[pa.Table], n_standing: int | None) -> Figures:
    """Cases, shares of their statuses, median success, and how much of the earlier advice no longer stands.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Rows of ``recourse``, with the columns ``ADVICE_COLUMNS``.
    n_standing : int or None
        Cases with earlier advice that could be kept; None where there was no earlier run.

    Returns
    -------
    dict
        Of a night that its deadline cut only the number of cases: what was started is no fair sample of the night.
    """
    counts, success, n_kept = dict.fromkeys(Status, 0), [np.empty(0)], 0
    for table in tables:
        first = table.select(ADVICE_COLUMNS).filter(pc.field("option") == 0)
        for entry in pc.value_counts(first["status"]).to_pylist():
            counts[Status(entry["values"])] += entry["counts"]
        serves = first.filter((pc.field("n_changes") > 0) & pc.field("reason").is_null())
        success.append(serves["success_after"].to_numpy())
        n_kept += len(serves) - serves["since"].null_count
    n_cases = sum(counts.values())
    found = {"cases": Figure("count", n_cases)}
    if not n_cases or counts.pop(Status.NOT_STARTED):
        return found
    found |= {f"cases: {status}": _rate(count, n_cases) for status, count in counts.items()}
    reached = np.concatenate(success)
    if len(reached):
        error = _OF_A_MEDIAN * float(reached.std()) / float(np.sqrt(len(reached)))
        found["success, median"] = Figure("rate", float(np.median(reached)), error)
    if n_standing:
        found["earlier advice given up"] = _rate(n_standing - n_kept, n_standing, "churn")
    return found


def _mean(values: NDArray[np.number]) -> Figure:
    exact = np.asarray(values, dtype=np.float64)
    return Figure("mean", float(exact.mean()), float(exact.std()))


def _rate(n_such: int, n_all: int, kind: Kind = "rate") -> Figure:
    """A share of so many, with its standard error; that of one in none is not 0 (Agresti and Coull 1998)."""
    of = max(n_all, 1)
    likely = (n_such + 1) / (of + 2)
    return Figure(kind, n_such / of, float(np.sqrt(likely * (1 - likely) / of)))


def _shares(name: str, labels: Sequence[str], sizes: NDArray[np.int64], n_all: int) -> Figures:
    return {
        f"{name}: {label}": _rate(int(size), n_all, "share")
        for label, size in zip(labels, sizes, strict=True)
        if size >= LEAST_SHARE * n_all
    }
