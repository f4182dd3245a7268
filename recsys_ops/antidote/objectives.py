"""What a recommender should be less of, or more: polarised, unfair to single users, unfair to groups.

An objective is a number of the predicted ratings of real users, ``X^ = U V'``, and its derivative ``G = dR/dX^``
where it is needed: folded into the factors, ``U' g_j`` per item and ``V' g_i`` per user. The n_users x n_items matrix
is never formed. A further objective is one more class with the three methods of ``Objective``.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.mf import Factors, join
from recsys_ops.models.mf_rows import RowBlock, RowMap, Side, predicted, times, with_values


@dataclass(frozen=True)
class Predictions:
    """Factors, and their squared errors on given ratings summed per user and per item, with the number of ratings."""

    factors: Factors
    user_errors: NDArray[np.float64]
    user_counts: NDArray[np.float64]
    item_errors: NDArray[np.float64]
    item_counts: NDArray[np.float64]

    @property
    def rmse(self) -> float:
        """Root mean squared error over all given ratings, in stars."""
        return float(np.sqrt(self.user_errors.sum() / max(self.user_counts.sum(), 1.0)))

    @property
    def user_losses(self) -> NDArray[np.float64]:
        """Mean squared error of each user, shape (n_users,), nan without ratings (paper, eq. 12)."""
        return _mean(self.user_errors, self.user_counts)

    def group_losses(self, side: Side, membership: sp.csr_array) -> NDArray[np.float64]:
        """Mean squared error over the ratings of each group (paper, eq. 14).

        Parameters
        ----------
        side : "users" or "items"
            What the groups consist of.
        membership : csr_array, shape (n_users or n_items, n_groups)
            Ones; a row may be in several groups, or in none.

        Returns
        -------
        ndarray, shape (n_groups,)
            nan for a group without ratings.
        """
        errors, counts = self.of(side)
        return _mean(membership.T @ errors, membership.T @ counts)

    def of(self, side: Side) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Summed squared errors and counts per row of one side."""
        if side == "users":
            return self.user_errors, self.user_counts
        return self.item_errors, self.item_counts


class Objective(Protocol):
    """A number of the predicted ratings, with its derivative folded into the factors."""

    def value(self, predictions: Predictions) -> float:
        """The objective for given predictions."""

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``sum_i G[i, j] u_i`` for the items j of a block, shape (n_rows, rank): derivative by the item factors."""

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``sum_j G[i, j] v_j`` for the users i of a block, shape (n_rows, rank): derivative by the user factors."""


@dataclass(frozen=True)
class Polarisation:
    """Variance of an item's predicted ratings over the users, averaged over items (paper, eq. 10 and 11)."""

    def value(self, predictions: Predictions) -> float:
        """``(1/d) sum_j v_j' C v_j`` with C the covariance of the user factors, in squared stars."""
        users, items = predictions.factors.users, predictions.factors.items
        return float(np.sum((items.T @ items) * _covariance(users)) / len(items))

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``(2/d) C v_j`` (paper, eq. 21, folded into U)."""
        factors = predictions.factors
        return times(factors.items[block.first : block.last], _covariance(factors.users) * 2 / len(factors.items))

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``2/(n d) V'V (u_i - mean)``."""
        users, items = predictions.factors.users, predictions.factors.items
        centred = users[block.first : block.last] - users.mean(axis=0)
        return times(centred, items.T @ items * 2 / (len(users) * len(items)))


@dataclass(frozen=True)
class IndividualUnfairness:
    """Variance of the users' losses, over the users with ratings (paper, eq. 12 and 13)."""

    def value(self, predictions: Predictions) -> float:
        """In stars to the fourth."""
        losses = predictions.user_losses
        return _variance(losses)

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """Sum over the raters, each weighted by how much worse than the mean it fares (paper, eq. 26)."""
        return _error_gradient("items", block, predictions, users=self._weights(predictions))

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """Sum over the rated items."""
        return _error_gradient("users", block, predictions, users=self._weights(predictions))

    def _weights(self, predictions: Predictions) -> NDArray[np.float64]:
        return _variance_weights(predictions.user_errors, predictions.user_counts)


@dataclass(frozen=True)
class GroupUnfairness:
    """Variance of the groups' losses, over the groups with ratings (paper, eq. 14 and 15).

    ``membership (n_users or n_items, n_groups)`` of ones; a row may be in several groups, or in none.
    """

    side: Side
    membership: sp.csr_array

    def value(self, predictions: Predictions) -> float:
        """In stars to the fourth."""
        return _variance(predictions.group_losses(self.side, self.membership))

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """Sum over the raters, weighted by how much worse than the mean their, or the item's, groups fare (eq. 30)."""
        return _error_gradient("items", block, predictions, **{self.side: self._weights(predictions)})

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """Sum over the rated items."""
        return _error_gradient("users", block, predictions, **{self.side: self._weights(predictions)})

    def _weights(self, predictions: Predictions) -> NDArray[np.float64]:
        errors, counts = predictions.of(self.side)
        weights: NDArray[np.float64] = self.membership @ _variance_weights(
            self.membership.T @ errors, self.membership.T @ counts
        )
        return weights


@dataclass(frozen=True)
class SquaredError:
    """Mean squared error over all ratings: not an aim of its own, but what a limit on accuracy lost is made of."""

    def value(self, predictions: Predictions) -> float:
        """In squared stars."""
        return predictions.rmse**2

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``2/|Omega|`` times the sum of the errors of an item's raters."""
        return _error_gradient("items", block, predictions) * self._scale(predictions)

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """The same over the rated items."""
        return _error_gradient("users", block, predictions) * self._scale(predictions)

    def _scale(self, predictions: Predictions) -> float:
        return 2 / max(float(predictions.user_counts.sum()), 1.0)


@dataclass(frozen=True)
class WeightedSum:
    """Several objectives at once: pairs of a weight and an objective."""

    terms: tuple[tuple[float, Objective], ...]

    def value(self, predictions: Predictions) -> float:
        """Sum of the weighted values."""
        return sum(weight * term.value(predictions) for weight, term in self.terms)

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """Sum of the weighted gradients."""
        return _sum_up([weight * term.item_gradient(block, predictions) for weight, term in self.terms])

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """Sum of the weighted gradients."""
        return _sum_up([weight * term.user_gradient(block, predictions) for weight, term in self.terms])


def measure(rows: RowMap, factors: Factors) -> Predictions:
    """Errors of factors on ratings, those they were fitted to or held-out ones.

    Parameters
    ----------
    rows : RowMap
        Ratings of the real users.
    factors : Factors

    Returns
    -------
    Predictions
    """
    by_user = join(rows.map("users", squared_errors, (factors.users, factors.items)))
    by_item = join(rows.map("items", squared_errors, (factors.items, factors.users)))
    return Predictions(factors, *by_user, *by_item)


def squared_errors(
    block: RowBlock, factors: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Summed squared errors and number of ratings of each row of a block.

    Parameters
    ----------
    block : RowBlock
    factors : pair of ndarray
        Of all rows of the block's side, and of the other side.
    """
    mine, others = factors
    errors = block.ratings.data - predicted(block.pattern, mine[block.first : block.last], others)
    sums = with_values(block.pattern, errors**2) @ np.ones(block.pattern.shape[1])
    return sums, np.diff(block.pattern.indptr).astype(np.float64)


def _error_gradient(
    side: Side,
    block: RowBlock,
    predictions: Predictions,
    *,
    users: NDArray[np.float64] | None = None,
    items: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Derivative by the factors of one side where G is the error of a rating times a weight of its user or item."""
    factors = predictions.factors
    mine, others = (factors.items, factors.users) if side == "items" else (factors.users, factors.items)
    of_row, of_other = (items, users) if side == "items" else (users, items)
    errors = predicted(block.pattern, mine[block.first : block.last], others) - block.ratings.data
    if of_other is not None:
        errors *= of_other[block.pattern.indices]
    gradient: NDArray[np.float64] = with_values(block.pattern, errors) @ others
    return gradient if of_row is None else gradient * of_row[block.first : block.last, None]


def _variance_weights(errors: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor of (x^ - x) in the derivative of the variance of the mean squared errors, 0 where nothing is rated."""
    known = counts > 0
    losses = np.where(known, errors, 0.0) / np.maximum(counts, 1.0)
    n_known = max(int(known.sum()), 1)
    mean = losses.sum() / n_known
    return np.where(known, 4 * (losses - mean) / (n_known * np.maximum(counts, 1.0)), 0.0)


def _variance(losses: NDArray[np.float64]) -> float:
    known = losses[~np.isnan(losses)]
    return float(np.var(known)) if len(known) else 0.0


def _mean(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(counts > 0, sums, np.nan) / np.maximum(counts, 1.0)


def _covariance(users: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = users - users.mean(axis=0)
    covariance: NDArray[np.float64] = centred.T @ centred / len(users)
    return covariance


def _sum_up(terms: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    total = np.zeros_like(terms[0])
    for term in terms:
        total += term
    return total
