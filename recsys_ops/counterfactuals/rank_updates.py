"""What removals do to a model that folds a history in, without solving its regression again.

With ``A = Y'Y + regularization I + sum_j w_j y_j y_j'`` and ``q`` the user's vector, taking from the interactions S
changes their weights by ``-W`` and their part of the right-hand side by ``-c``. By Sherman, Morrison and Woodbury

    q_S = q - A^-1 Y_S' (I - W K_SS)^-1 e_S         K = Y_H A^-1 Y_H',    e = c - W (Y_H q)

so that a removal of t interactions costs t^3 + t d multiplications in place of n d^2 + d^3. For all single removals
together that is O(n d^2). The regression itself, solved anew, confirms what is found. Where the penalty grows with the
history, A is that of the length that is left, a regression for each.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.fold_in import FoldInRecommender


def fold_in_scores(
    recommender: FoldInRecommender,
    history: NDArray[np.int64],
    amounts: NDArray[np.int64],
    scale: float,
    columns: NDArray[np.int64],
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """A function that scores some items once units are taken from a history.

    Parameters
    ----------
    recommender : FoldInRecommender
    history, amounts : ndarray, shape (n,)
    scale : float
    columns : ndarray, shape (m,)
        Items to score.

    Returns
    -------
    callable
        From units taken ``(n_removals, n)`` to scores ``(n_removals, m)``, up to rounding.
    """
    length = int(np.count_nonzero(amounts))

    @cache
    def with_left(n_left: int) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        return _scores_by(recommender, recommender.gram_of(n_left), history, amounts, scale, columns=columns)

    def scored(taken: NDArray[np.int64]) -> NDArray[np.float64]:
        if not recommender.grows:
            return with_left(length)(taken)
        scores = np.empty((len(taken), len(columns)))
        n_left = np.count_nonzero(amounts - taken, axis=1)
        for n in np.unique(n_left):
            scores[n_left == n] = with_left(int(n))(taken[n_left == n])
        return scores

    return scored


def _scores_by(
    recommender: FoldInRecommender,
    gram: NDArray[np.float64],
    history: NDArray[np.int64],
    amounts: NDArray[np.int64],
    scale: float,
    *,
    columns: NDArray[np.int64],
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """The same with ``Y'Y`` and a penalty given, ``gram (d, d)``."""
    own, others = recommender.rows(history), recommender.rows(columns)
    confidence = recommender.alpha * amounts / scale
    weight = np.where(amounts > 0, confidence - 1.0, 0.0)
    matrix = gram + (own.T * weight) @ own
    through = np.linalg.solve(matrix, own.T)
    vector = through @ confidence
    kernel, fitted = own @ through, own @ vector
    offsets = 0.0 if recommender.offsets is None else recommender.offsets[columns]

    def scored(taken: NDArray[np.int64]) -> NDArray[np.float64]:
        touched, positions = _touched(taken)
        left = np.take_along_axis(amounts - taken, positions, axis=1)
        lost = np.where(touched, confidence[positions] - recommender.alpha * left / scale, 0.0)
        # What is taken entirely has the confidence 1 of all other items from then on.
        reduced = np.where(touched & (left == 0), lost - 1.0, lost)
        errors = lost - reduced * fitted[positions]
        system = np.eye(positions.shape[1]) - reduced[:, :, None] * kernel[positions[:, :, None], positions[:, None, :]]
        steps = np.zeros(taken.shape)
        solved = np.linalg.solve(system, errors[:, :, None])[:, :, 0]
        np.add.at(steps, (np.arange(len(taken))[:, None], positions), np.where(touched, solved, 0.0))
        scores: NDArray[np.float64] = (vector - steps @ through.T) @ others.T + offsets
        return scores

    return scored


def _touched(taken: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Positions that each removal touches, ``(n_removals, most)``, and which of these places are filled."""
    counts = np.count_nonzero(taken, axis=1)
    most = max(int(counts.max(initial=0)), 1)
    positions = np.argsort(taken == 0, axis=1, kind="stable")[:, :most]
    return np.arange(most) < counts[:, None], positions
