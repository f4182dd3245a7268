"""The linear recommender one user, one item, one interaction at a time."""

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def all_scores(weights: NDArray[np.float64], histories: sp.csr_array) -> NDArray[np.float64]:
    """Scores added up over the history in the order of the items."""
    n_users, n_items = histories.shape
    scores = np.zeros((n_users, n_items))
    for user in range(n_users):
        for item, value in history_of(histories, user):
            for target in range(n_items):
                scores[user, target] += value * float(weights[item, target])
    return scores


def history_of(histories: sp.csr_array, user: int) -> Iterable[tuple[int, float]]:
    """Items and values that are stored for a user."""
    part = slice(histories.indptr[user], histories.indptr[user + 1])
    return sorted(zip(histories.indices[part].tolist(), histories.data[part].tolist(), strict=True))


def top_list(scores: NDArray[np.float64], history: Iterable[int], n: int) -> list[int]:
    """Everything sorted, then cut; -1 where there are too few."""
    known = set(history)
    ranked = sorted((-score, item) for item, score in enumerate(scores.tolist()) if item not in known)
    return ([item for _, item in ranked] + [-1] * n)[:n]
