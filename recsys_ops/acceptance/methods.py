"""Which method's explanations do people rate higher? Points per person and method, compared within people.

As in the survey of LiCE (section V): Friedman's test of all methods, then Wilcoxon's of each pair with Bonferroni's
correction; and what the size and plausibility of an explanation do, by the mixed model.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from recsys_ops.acceptance.propensity import Propensity, fit_propensity
from recsys_ops.arrow import Array, in_one_chunk
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.checked import QUARANTINE, CheckedRows, OnBadRows, check_null, codes_of
from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import InputError
from recsys_ops.tables import METHOD_RATINGS, rejected_schema

ATTRIBUTES = ("size", "plausibility")
_LEAST_PEOPLE = 6
"""With fewer, no two methods can differ at the level of 5 %, whatever people say."""


@dataclass(frozen=True)
class MethodRatings:
    """Points of explanations: ``person``, ``method (n,)`` as positions in ``people`` and ``methods``, ``points (n,)``.

    ``attributes``: size and plausibility of the explanations, those that the table has. ``rejected`` rows are those
    that quarantine set aside.
    """

    people: Array
    methods: tuple[str, ...]
    person: NDArray[np.int64]
    method: NDArray[np.int64]
    points: NDArray[np.float64]
    attributes: dict[str, NDArray[np.float64]]
    rejected: pa.Table


@dataclass(frozen=True)
class Method:
    """Points of one method: over the people who rated every method, and their mean rank (1 is the lowest)."""

    name: str
    n: int
    mean: float
    median: float
    mean_rank: float


@dataclass(frozen=True)
class Pair:
    """Two methods: mean difference of the first less the second, and the signed-rank test of it.

    ``effect`` is the rank-biserial correlation: 1 where everybody prefers the first, -1 the second.
    """

    first: str
    second: str
    difference: float
    statistic: float
    p: float
    p_adjusted: float
    effect: float


@dataclass(frozen=True)
class Comparison:
    """All of it: ``chi2`` and ``p`` of Friedman's test are None for two methods; ``agreement`` is Kendall's W.

    ``n_people`` rated every method, ``n_left_out`` did not.
    """

    n_people: int
    n_left_out: int
    methods: tuple[Method, ...]
    chi2: float | None
    p: float | None
    agreement: float | None
    pairs: tuple[Pair, ...]
    attributes: dict[str, Propensity]


def read_method_ratings(url: str, *, greatest: int = 6, on_bad_rows: OnBadRows = "stop") -> MethodRatings:
    """Read ratings of explanations.

    Parameters
    ----------
    url : str
        Table of the contract ``METHOD_RATINGS`` at any fsspec URL.
    greatest : int
        Points are whole numbers from 1 to it.
    on_bad_rows : "stop" or "quarantine"

    Returns
    -------
    MethodRatings

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, or rows are bad and ``on_bad_rows`` is "stop": points that are no
        whole number in the range, a missing person or method, an attribute that is no number.
    """
    source = url.rstrip("/").rpartition("/")[2]
    kinds = METHOD_RATINGS.columns | METHOD_RATINGS.optional
    table = normalise(read_table(url, source, kinds=kinds), METHOD_RATINGS, source)
    rows = CheckedRows("method_ratings", source, table, on_bad_rows)
    remedy = f"Correct them, or {QUARANTINE}."
    attributes = [name for name in ATTRIBUTES if name in table.column_names]
    for name in (*METHOD_RATINGS.columns, *attributes):
        check_null(rows, name, remedy)
    given = pc.fill_null(pc.cast(table["rating"], pa.float64()), 1.0).to_numpy()
    rows.reject(
        ~np.isin(given, np.arange(1, greatest + 1)), "rating", f"that is no whole number 1 to {greatest}", remedy
    )
    for name in attributes:
        values = pc.fill_null(pc.cast(table[name], pa.float64()), 0.0).to_numpy()
        rows.reject(~np.isfinite(values), name, "that is no number", remedy)
    kept = rows.kept()
    methods = sorted(str(name) for name in pc.unique(kept["method"]).to_pylist())
    if len(methods) < 2:
        raise InputError(f"{source}: all ratings are of method '{methods[0]}'. Give those of two methods or more.")
    numbers = {name: kept[name].to_numpy().astype(np.float64) for name in ("rating", *attributes)}
    people = in_one_chunk(pa.chunked_array([pc.unique(kept["person_id"])]))
    method = np.array([methods.index(str(name)) for name in kept["method"].to_pylist()])
    rejected = pa.concat_tables([rejected_schema().empty_table(), *rows.rejected])
    person, points = codes_of(kept["person_id"]), numbers.pop("rating")
    return MethodRatings(people, tuple(methods), person, method.astype(np.int64), points, numbers, rejected)


def compare_methods(ratings: MethodRatings) -> Comparison:
    """Compare the methods within the people who rated all of them, by their mean points for each.

    Parameters
    ----------
    ratings : MethodRatings

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        Fewer than six people rated every method.
    """
    n_people, n_methods = len(ratings.people), len(ratings.methods)
    cell = ratings.person * n_methods + ratings.method
    counts = np.bincount(cell, minlength=n_people * n_methods).reshape(n_people, n_methods)
    sums = np.bincount(cell, ratings.points, n_people * n_methods).reshape(n_people, n_methods)
    whole = (counts > 0).all(axis=1)
    if whole.sum() < _LEAST_PEOPLE:
        raise InputError(
            f"ratings: {int(whole.sum())} people rated every method (of {n_people}), at least {_LEAST_PEOPLE} needed. "
            "Leave a method out that few rated, or ask more people."
        )
    means = np.round(sums[whole] / counts[whole], 9)  # so that equal means tie
    ranks = rankdata(means, axis=1)
    methods = tuple(
        Method(name, int(counts[:, n].sum()), float(means[:, n].mean()), float(np.median(means[:, n])),
               float(ranks[:, n].mean()))
        for n, name in enumerate(ratings.methods)
    )  # fmt: skip
    chi2, p = _friedman(means)
    agreement = None if chi2 is None else chi2 / (len(means) * (n_methods - 1))
    attributes = {
        name: fit_propensity(values, ratings.points, ratings.person, seed=0)
        for name, values in ratings.attributes.items()
    }
    n_out = n_people - len(means)
    return Comparison(len(means), n_out, methods, chi2, p, agreement, _pairs(means, ratings.methods), attributes)


def _friedman(means: NDArray[np.float64]) -> tuple[float | None, float | None]:
    if means.shape[1] < 3:
        return None, None
    if np.ptp(means, axis=1).max() == 0:
        return 0.0, 1.0
    found = friedmanchisquare(*means.T)
    return float(found.statistic), float(found.pvalue)


def _pairs(means: NDArray[np.float64], names: tuple[str, ...]) -> tuple[Pair, ...]:
    places = list(combinations(range(len(names)), 2))
    found = []
    for a, b in places:
        difference = means[:, a] - means[:, b]
        statistic, p = _signed_ranks(difference)
        adjusted = min(1.0, p * len(places))
        found.append(
            Pair(names[a], names[b], float(difference.mean()), statistic, p, adjusted, rank_biserial(difference))
        )
    return tuple(found)


def _signed_ranks(difference: NDArray[np.float64]) -> tuple[float, float]:
    if not difference.any():
        return 0.0, 1.0
    found = wilcoxon(difference)
    return float(found.statistic), float(found.pvalue)


def rank_biserial(difference: NDArray[np.float64]) -> float:
    """Share of the ranks of the differences that are positive less that of the negative; no difference counts nothing.

    Parameters
    ----------
    difference : ndarray, shape (n,)

    Returns
    -------
    float
        Source: Kerby 2014, Comprehensive Psychology 3, 11.IT.3.1.
    """
    some = difference[difference != 0]
    if len(some) == 0:
        return 0.0
    ranks = rankdata(np.abs(some))
    return float((ranks @ np.sign(some)) / ranks.sum())
