"""Real items that another item may become like: which ones its rules and caps allow, and whom each would reach.

The scores of a real item's features do not depend on which item takes them on, so that one pass over the candidates of
several cases serves all of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.distances import Distances
from recsys_ops.features.encode import FeatureColumns
from recsys_ops.features.own_limits import own_limits
from recsys_ops.recourse.feasible import are_feasible, feasible_box, real_columns
from recsys_ops.recourse.problem import Case, Search

_SCORED = 32
"""Real items whose scores for the whole group are held at a time."""

_CHECKED = 1024
"""Real items whose dense features are held at a time."""


@dataclass(frozen=True)
class Tried:
    """What m real items do for one case: ``items (m,)``, ``distances`` of m changes, ``n_satisfied (m,)`` targets."""

    items: NDArray[np.intp]
    distances: Distances
    n_satisfied: NDArray[np.int64]


def try_real_items(search: Search, cases: Sequence[Case], candidates: Sequence[NDArray[np.intp]]) -> list[Tried]:
    """Give each case's item the features of its candidates, as far as rules and caps allow them.

    Parameters
    ----------
    search : Search
        Of all cases.
    cases : sequence of Case
    candidates : sequence of ndarray
        Real items of each case, ascending.

    Returns
    -------
    list of Tried
        Items ascending; of those with equal features the first, and none with the features of the case's own item.

    Notes
    -----
    Time: two sparse products per candidate, whatever the number of cases. Memory: 8 bytes x (users + items) x 32,
    and 8 bytes x features x 1,024.
    """
    columns = real_columns(search.items)
    allowed = [_within(case, columns, real) for case, real in zip(cases, candidates, strict=True)]
    counts = _count_satisfied(search, cases, [real for real, _ in allowed])
    return [Tried(real, distances, count) for (real, distances), count in zip(allowed, counts, strict=True)]


def numbered(matrix: sp.csr_array) -> NDArray[np.int64]:
    """Number the rows of a sparse matrix, equal ones by the same number, ``(n_rows,)``."""
    numbers: dict[tuple[bytes, bytes], int] = {}
    rows = (slice(start, end) for start, end in pairwise(matrix.indptr))
    keys = ((matrix.indices[row].tobytes(), matrix.data[row].tobytes()) for row in rows)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _within(case: Case, columns: FeatureColumns, real: NDArray[np.intp]) -> tuple[NDArray[np.intp], Distances]:
    """Candidates that rules (those of ``columns``) and caps allow, each row of features once, and how far they are."""
    matrix, caps = case.search.items.matrix, case.search.settings.caps
    columns = own_limits(case.search.items, case.item, columns)
    box = feasible_box(columns, case.features)
    _, first = np.unique(numbered(matrix[real]), return_index=True)
    real = real[np.sort(first)]
    kept, measured = [real[:0]], [case.distances_to(np.zeros((0, len(columns))))]
    for start in range(0, len(real), _CHECKED):
        block = real[start : start + _CHECKED]
        rows = matrix[block].toarray()
        distances = case.distances_to(rows)
        allowed = caps.allow(distances) & (distances.sparsity > 0) & are_feasible(columns, case.features, rows, box)
        kept.append(block[allowed])
        measured.append(Distances(distances.sparsity[allowed], distances.proximity[allowed], distances.cost[allowed]))
    return np.concatenate(kept), Distances(
        np.concatenate([distances.sparsity for distances in measured]),
        np.concatenate([distances.proximity for distances in measured]),
        np.concatenate([distances.cost for distances in measured]),
    )


def _count_satisfied(
    search: Search, cases: Sequence[Case], candidates: Sequence[NDArray[np.intp]]
) -> list[NDArray[np.int64]]:
    """Targets of each case that have its item in their top k with each candidate's features, by the recommender."""
    everything = np.unique(np.concatenate([np.array([], dtype=np.intp), *candidates]))
    counts = [np.zeros(len(real), dtype=np.int64) for real in candidates]
    for start in range(0, len(everything), _SCORED):
        block = everything[start : start + _SCORED]
        by_features = search.feature_scores(search.items.matrix[block]).T
        for case, real, count in zip(cases, candidates, counts, strict=True):
            first, last = np.searchsorted(real, block[0]), np.searchsorted(real, block[-1], side="right")
            taken = by_features[np.searchsorted(block, real[first:last])] + case.own
            count[first:last] = case.satisfied(taken).sum(axis=1)
    return counts
