"""How the objective changes with every rating of the artificial users.

The paper's gradient (eq. 9) lets a rating move the factors of its item only; the exact one (fixed_point.py) lets it
move everything. Both are of rank 2 r, and are kept in factors.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.objectives import Objective, Predictions
from recsys_ops.models.mf import Fit, HalfStep, gram_matrices
from recsys_ops.models.mf_rows import (
    RowBlock,
    RowMap,
    packed_outer,
    predicted,
    solve_packed,
    transposed_rows,
)


@dataclass(frozen=True)
class Sensitivity:
    """Derivative of the objective by the ratings of artificial users, in factored form.

    The derivative by the rating of artificial user i of item j is
    ``artificial[i] . items[j] + shift[i] . values[j]``: the first term is eq. 9, the second is zero in the paper.
    """

    artificial: NDArray[np.float64]
    items: NDArray[np.float64]
    shift: NDArray[np.float64]
    values: NDArray[np.float64]

    def dense(self) -> NDArray[np.float64]:
        """All derivatives, shape (n_artificial, n_items)."""
        return self.artificial @ self.items.T + self.shift @ self.values.T

    def at(self, ratings: sp.csr_array) -> NDArray[np.float64]:
        """Derivatives by the stored ratings only, shape (nnz,)."""
        return predicted(ratings, self.artificial, self.items) + predicted(ratings, self.shift, self.values)


def paper_gradient(
    rows: RowMap,
    objective: Objective,
    predictions: Predictions,
    fit: Fit,
    artificial: sp.csr_array,
    regularisation: float,
    *,
    evaluated: RowMap | None = None,
) -> Sensitivity:
    """Eq. 9, item block by item block: ``g_j' U S_j^-1 u~_i``.

    Parameters
    ----------
    rows : RowMap
        Ratings that were fitted.
    objective : Objective
    predictions : Predictions
        Of ``fit`` on the ratings that the objective is about.
    fit : Fit
    artificial : csr_array, shape (n_artificial, n_items)
    regularisation : float
    evaluated : RowMap, optional
        Ratings that the objective is about; by default those that were fitted.

    Returns
    -------
    Sensitivity
    """
    users = fit.factors.users
    step = HalfStep(users, packed_outer(users), regularisation, transposed_rows(artificial), fit.artificial)
    folded = np.concatenate((evaluated or rows).map("items", item_gradient, (objective, predictions)))
    items = np.concatenate(rows.map("items", gradient_columns, (step, folded)))
    return Sensitivity(fit.artificial, items, np.zeros_like(fit.artificial), fit.factors.items)


def gradient_columns(block: RowBlock, shared: tuple[HalfStep, NDArray[np.float64]]) -> NDArray[np.float64]:
    """``S_j^-1 U' g_j`` for the items of a block, shape (n_rows, rank); ``U' g_j`` of all items is given."""
    step, folded = shared
    return solve_packed(gram_matrices(block, step), folded[block.first : block.last], step.regularisation)


def item_gradient(block: RowBlock, shared: tuple[Objective, Predictions]) -> NDArray[np.float64]:
    """``U' g_j`` for the items of a block: ``Objective.item_gradient`` as a row map calls it."""
    return shared[0].item_gradient(block, shared[1])


def user_gradient(block: RowBlock, shared: tuple[Objective, Predictions]) -> NDArray[np.float64]:
    """``V' g_i`` for the users of a block: ``Objective.user_gradient`` as a row map calls it."""
    return shared[0].user_gradient(block, shared[1])
