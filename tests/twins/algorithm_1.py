"""RecRec's Algorithm 1 as the paper writes it: gradient descent, and every rank recomputed in every iteration."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def updated_ranks(
    features: sp.csr_array, item: int, changed: NDArray[np.float64], ratings: sp.csr_array, users: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Lines 14 to 22: score all items for each user by likeness to each rated item, sort, look the item up."""
    replaced = features.tolil()
    replaced[item] = changed
    now = replaced.tocsr()
    ranks = np.empty(len(users), dtype=np.int64)
    for row, user in enumerate(users):
        rated = ratings.indices[ratings.indptr[user] : ratings.indptr[user + 1]]
        stars = ratings.data[ratings.indptr[user] : ratings.indptr[user + 1]]
        likeness = (now @ features[rated].T).toarray()
        scores = (likeness * stars).sum(axis=1)
        scores[rated] = -np.inf
        order = np.argsort(-scores, kind="stable")
        ranks[row] = 1 + int(np.flatnonzero(order == item)[0])
    return ranks


def compute_recourse(
    features: sp.csr_array,
    ratings: sp.csr_array,
    users: NDArray[np.int64],
    item: int,
    mutable: NDArray[np.bool_],
    *,
    k: int,
    l1_weight: float,
    learning_rate: float,
    max_iterations: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Lines 1 to 13: the changed features, the final ranks and the iterations taken."""
    original = features[[item]].toarray()[0]
    changed = original.copy()
    left = users
    ranks = updated_ranks(features, item, changed, ratings, users)
    iteration = 0
    while len(left) and iteration < max_iterations:
        iteration += 1
        gradient = -np.asarray((ratings[left] @ features).sum(axis=0)).ravel()
        gradient += l1_weight * np.sign(changed - original)
        changed = np.where(mutable, np.maximum(changed - learning_rate * gradient, 0.0), original)
        ranks = updated_ranks(features, item, changed, ratings, users)
        left = users[ranks > k]
    return changed, ranks, iteration


def hard_threshold(
    features: sp.csr_array,
    ratings: sp.csr_array,
    users: NDArray[np.int64],
    item: int,
    changed: NDArray[np.float64],
    *,
    k: int,
    tolerance: float,
    most_reversions: int | None = None,
) -> tuple[NDArray[np.float64], int]:
    """Revert the smallest changes one by one while the success stays within the tolerance; features, reversions."""
    original = features[[item]].toarray()[0]
    best = (updated_ranks(features, item, changed, ratings, users) <= k).mean()
    reversions = 0
    for column in smallest_first(original, changed)[:most_reversions]:
        tried = changed.copy()
        tried[column] = original[column]
        reversions += 1
        if (updated_ranks(features, item, tried, ratings, users) <= k).mean() < (1 - tolerance) * best:
            break
        changed = tried
    return changed, reversions


def smallest_first(original: NDArray[np.float64], changed: NDArray[np.float64]) -> NDArray[np.int64]:
    """Changed columns in the order in which they are reverted."""
    moved = np.flatnonzero(changed != original)
    order: NDArray[np.int64] = moved[np.argsort(np.abs(changed - original)[moved], kind="stable")]
    return order
