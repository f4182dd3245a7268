"""The exact gradient through the fixed point of ALS, for all ratings of the artificial users at once.

At a minimum of the fit its derivatives are zero, and they stay zero when a rating changes. The implicit function
theorem turns this into one linear system, H z = dR/d(factors), with H the Hessian of half the loss. Users are
eliminated (their blocks of H are rank x rank), and the system of the items is solved by conjugate gradients; a product
with H costs what an iteration of ALS costs.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.gradient import Sensitivity, item_gradient, user_gradient
from recsys_ops.antidote.objectives import Objective, Predictions
from recsys_ops.models.mf import Fit, HalfStep, gram_matrices, join
from recsys_ops.models.mf_rows import (
    RowBlock,
    RowMap,
    cut_block,
    packed_outer,
    packed_pairs,
    solve_packed,
    transposed_rows,
)


@dataclass(frozen=True)
class Coupling:
    """How rows of one side answer to a direction in which the factors of the other side move.

    ``mine`` factors of all rows of the side; ``packed`` the change of the others' outer products, ``direction`` that of
    their factors; ``extra``, ``extra_packed``, ``extra_direction`` the same for artificial users, where rows are items.
    """

    mine: NDArray[np.float64]
    packed: NDArray[np.float64]
    direction: NDArray[np.float64]
    extra: sp.csr_array | None = None
    extra_packed: NDArray[np.float64] | None = None
    extra_direction: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _System:
    """Everything of one fit that the products with its Hessian read."""

    rows: RowMap
    fit: Fit
    regularisation: float
    added: RowBlock
    added_items: sp.csr_array
    user_grams: NDArray[np.float64]
    added_grams: NDArray[np.float64]
    item_grams: NDArray[np.float64]

    def users_answer(self, direction: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How real and artificial users move when the items move, to first order and with the sign turned."""
        items = self.fit.factors.items
        packed = _packed_change(items, direction)
        real = join(self.rows.map("users", couple, Coupling(self.fit.factors.users, packed, direction)))[0]
        added = couple(self.added, Coupling(self.fit.artificial, packed, direction))[0]
        return (
            solve_packed(self.user_grams, real, self.regularisation),
            solve_packed(self.added_grams, added, self.regularisation),
        )

    def items_answer(self, users: NDArray[np.float64], added: NDArray[np.float64]) -> NDArray[np.float64]:
        """How the items' equations change when users move."""
        coupling = Coupling(
            self.fit.factors.items, _packed_change(self.fit.factors.users, users), users,
            self.added_items, _packed_change(self.fit.artificial, added), added,
        )  # fmt: skip
        return join(self.rows.map("items", couple, coupling))[0]

    def reduced(self, direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """Product with the Hessian of the items, users eliminated."""
        own = _times_packed(self.item_grams, direction) + self.regularisation * direction
        return own - self.items_answer(*self.users_answer(direction))


def exact_gradient(
    rows: RowMap,
    objective: Objective,
    predictions: Predictions,
    fit: Fit,
    artificial: sp.csr_array,
    regularisation: float,
    *,
    evaluated: RowMap | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 60,
) -> Sensitivity:
    """Gradient of the objective through the ALS fixed point.

    Parameters
    ----------
    rows : RowMap
        Ratings that were fitted.
    objective : Objective
    predictions : Predictions
        Of ``fit`` on the ratings that the objective is about.
    fit : Fit
        At a minimum; the nearer, the more exact.
    artificial : csr_array, shape (n_artificial, n_items)
    regularisation : float
    evaluated : RowMap, optional
        Ratings that the objective is about; by default those that were fitted.
    tolerance : float
        Of conjugate gradients: norm of the residual against that of the right side.
    max_iterations : int

    Returns
    -------
    Sensitivity

    Notes
    -----
    Rotating all factors changes nothing, so H is singular; the right side has no part in those directions, and
    conjugate gradients never leave their complement.
    """
    shared = (objective, predictions)
    evaluated = rows if evaluated is None else evaluated
    by_user = np.concatenate(evaluated.map("users", user_gradient, shared))
    by_item = np.concatenate(evaluated.map("items", item_gradient, shared))
    system = _system(rows, fit, artificial, regularisation)
    answer = solve_packed(system.user_grams, by_user, regularisation)
    right = by_item - system.items_answer(answer, np.zeros_like(fit.artificial))
    items = _conjugate_gradients(system, right, tolerance, max_iterations)
    _, added = system.users_answer(items)
    return Sensitivity(fit.artificial, items, -added, fit.factors.items)


def couple(block: RowBlock, coupling: Coupling) -> tuple[NDArray[np.float64]]:
    """Change of ``(sum_j v_j v_j') u_i - sum_j x_ij v_j`` for the rows i of a block, shape (n_rows, rank)."""
    grams, right = block.pattern @ coupling.packed, block.ratings @ coupling.direction
    if coupling.extra is not None and coupling.extra.nnz:
        extra = cut_block(coupling.extra, block.first, block.last)
        grams += extra.pattern @ np.asarray(coupling.extra_packed)
        right += extra.ratings @ np.asarray(coupling.extra_direction)
    return (_times_packed(grams, coupling.mine[block.first : block.last]) - right,)


def _system(rows: RowMap, fit: Fit, artificial: sp.csr_array, regularisation: float) -> _System:
    users, items = fit.factors.users, fit.factors.items
    added, added_items = cut_block(artificial, 0, int(artificial.shape[0])), transposed_rows(artificial)
    for_users = HalfStep(items, packed_outer(items), regularisation)
    for_items = HalfStep(users, packed_outer(users), regularisation, added_items, fit.artificial)
    return _System(
        rows, fit, regularisation, added, added_items,
        user_grams=np.concatenate(rows.map("users", gram_matrices, for_users)),
        added_grams=gram_matrices(added, for_users),
        item_grams=np.concatenate(rows.map("items", gram_matrices, for_items)),
    )  # fmt: skip


def _conjugate_gradients(
    system: _System, right: NDArray[np.float64], tolerance: float, max_iterations: int
) -> NDArray[np.float64]:
    """Solve ``reduced(z) = right``, preconditioned by the items' own blocks."""
    solution, residual = np.zeros_like(right), right.copy()
    wanted = tolerance * float(np.linalg.norm(right))
    preconditioned = solve_packed(system.item_grams, residual, system.regularisation)
    direction, product = preconditioned, float(np.sum(residual * preconditioned))
    for _ in range(max_iterations):
        if float(np.linalg.norm(residual)) <= wanted:
            break
        image = system.reduced(direction)
        curvature = float(np.sum(direction * image))
        if curvature <= 0:  # not at a minimum; what has been found points the right way
            break
        solution = solution + product / curvature * direction
        residual = residual - product / curvature * image
        preconditioned = solve_packed(system.item_grams, residual, system.regularisation)
        before, product = product, float(np.sum(residual * preconditioned))
        direction = preconditioned + product / before * direction
    return solution


def _packed_change(factors: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change of each row's outer product with itself, lower triangle."""
    row, column = packed_pairs(factors.shape[1])
    change: NDArray[np.float64] = factors[:, row] * direction[:, column] + direction[:, row] * factors[:, column]
    return change


def _times_packed(matrices: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Product of each row with its own symmetric matrix, given as a lower triangle."""
    product = np.zeros_like(rows)
    for position, (row, column) in enumerate(zip(*packed_pairs(rows.shape[1]), strict=True)):
        product[:, row] += matrices[:, position] * rows[:, column]
        if row != column:
            product[:, column] += matrices[:, position] * rows[:, row]
    return product
