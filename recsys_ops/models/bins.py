"""Bins of the variables of a likelihood: runs of values that share one density.

All leaves of a variable share its bins, and the optimiser may need a binary for each: they are few. Whatever the
aggregation, values stand for whole totals of a category, so that bins are runs of totals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.aggregate import Aggregation


@dataclass(frozen=True)
class Bins:
    """Bin i of a variable is ``edges[i] <= value < edges[i + 1]``; ``is_discrete (n_variables,)``.

    The first and the last bin take what lies outside the edges, at the density that they have within them.
    """

    edges: Sequence[NDArray[np.float64]]
    is_discrete: NDArray[np.bool_]

    def count(self, variable: int, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many values are in each bin of a variable."""
        edges = self.edges[variable]
        return np.bincount(np.searchsorted(edges[1:-1], values, side="right"), minlength=len(edges) - 1)


def make_bins(amounts: sp.csr_array, aggregation: Aggregation, n_bins: int) -> Bins:
    """Bins of each variable: 0 by itself, and runs of totals with about as many users each.

    Parameters
    ----------
    amounts : csr_array, shape (n_users, n_items)
    aggregation : Aggregation
    n_bins : int, >= 2

    Returns
    -------
    Bins
        Edges of whole totals; those of means lie half a unit below, out of the reach of rounding.
    """
    edges = [_edges(column, n_bins) for column in aggregation.totals(amounts).T]
    if aggregation.kind == "disjunction":
        edges = [np.array([0.0, 1.0, 2.0])] * aggregation.n_variables
    if not aggregation.is_discrete:
        below = [np.maximum(whole - 0.5, 0.0) for whole in edges]
        edges = [aggregation.values(half, np.full(len(half), variable)) for variable, half in enumerate(below)]
    return Bins(edges, np.full(aggregation.n_variables, aggregation.is_discrete))


def _edges(totals: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """0, 1, the least total of each later bin, and one more than the greatest."""
    some = totals[totals > 0] if totals.any() else np.ones(1)
    inner = np.quantile(some, np.arange(1, n_bins - 1) / (n_bins - 1), method="higher")
    return np.unique([0.0, 1.0, *inner, some.max() + 1.0])
