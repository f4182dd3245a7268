"""The recommender by brute force: all scores of all users, everything again after each change."""

import numpy as np
from numpy.typing import NDArray


def all_scores(ratings: NDArray[np.float64], features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores ``(n_users, n_items)``: likeness to what a user rated, weighted by the rating."""
    profiles = ratings @ features
    scores: NDArray[np.float64] = profiles @ features.T
    return scores


def rank_of(
    scores: NDArray[np.float64], rated: NDArray[np.bool_], item: int, *, tie: float = 0.0, noise: float = 0.0
) -> int:
    """1 + number of others of a user that score more: by over ``tie`` of the score and ``noise`` of the greatest."""
    own = scores[item]
    others = ~rated & (np.arange(len(scores)) != item)
    return 1 + int((scores[others] > own + tie * abs(own) + noise * np.abs(scores).max()).sum())


def with_row(features: NDArray[np.float64], item: int, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """The feature matrix after one item has changed."""
    changed = features.copy()
    changed[item] = row
    return changed


def ranks_of_item(
    scores: NDArray[np.float64], rated: NDArray[np.bool_], item: int, *, tie: float = 0.0, noise: float = 0.0
) -> NDArray[np.int64]:
    """Rank of an item for every user who has not rated it, in the order of the users; scores ``(n_users, n_items)``."""
    users = [user for user in range(len(scores)) if not rated[user, item]]
    return np.array([rank_of(scores[user], rated[user], item, tie=tie, noise=noise) for user in users], dtype=np.int64)


def top_list(scores: NDArray[np.float64], rated: NDArray[np.bool_], item: int, k: int) -> list[int]:
    """First k candidates of a user; the item comes first among equals, of the others the first in the catalogue."""
    catalogue = np.arange(len(scores))
    best_first = np.lexsort((catalogue, catalogue != item, -np.round(scores, 9)))
    return [int(other) for other in best_first if not rated[other]][:k]
