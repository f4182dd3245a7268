"""Ranks of items for the users of a group, by the recommender: one pass over the group, a block of users at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import tie
from recsys_ops.models.user_summary import user_block_size
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.together import scores_of_block


@dataclass(frozen=True)
class Block:
    """Users ``users`` of a group: ``scores (n, n_items)``, -inf where rated, the same ``ascending``, and profiles."""

    users: slice
    scores: NDArray[np.float64]
    ascending: NDArray[np.float64]
    profiles: NDArray[np.float64]


def ranks_now(
    search: Search, selected: NDArray[np.int64], parts: Sequence[float]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ranks of items, and the scores that would make parts of them.

    Parameters
    ----------
    search : Search
    selected : ndarray, shape (m,)
        Items.
    parts : sequence of float, > 0 and < 1

    Returns
    -------
    ranks : ndarray, shape (n_users, m)
        0 for users who have rated the item.
    scores : ndarray, shape (n_parts, n_users, m)
        Of the other candidate at this part of the rank (rounded down), or at rank k where that is less; -inf where the
        item is in the top k already or is no candidate.

    Notes
    -----
    Time: one pass over the group, as ``summarise_users``. Memory: one block, and 8 (n_parts + 1) bytes x n_users x m.
    """
    n_users, k = len(search.group.users), search.group.k
    ranks = np.zeros((n_users, len(selected)), dtype=np.int64)
    scores = np.full((len(parts), n_users, len(selected)), -np.inf)
    for block in _blocks(search):
        present = block.scores[:, selected]
        found = _ranks(search, block, present, present)
        ranks[block.users] = np.where(np.isfinite(present), found, 0)
        for n, part in enumerate(parts):
            place = np.maximum(np.floor(part * found).astype(np.int64), k)
            at = np.take_along_axis(block.ascending, np.maximum(block.ascending.shape[1] - place, 0), axis=1)
            scores[n, block.users] = np.where(np.isfinite(present) & (found > place), at, -np.inf)
    return ranks, scores


def rank_sums_of_rows(search: Search, items: NDArray[np.int64], rows: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of changed items, each alone, summed over the users who have not rated it.

    Parameters
    ----------
    search : Search
    items : ndarray, shape (m,)
    rows : ndarray, shape (m, n_features)
        Features of these items after changes.

    Returns
    -------
    ndarray, shape (m,)
    """
    features = sp.csr_array(rows)

    def scores(block: Block) -> NDArray[np.float64]:
        vectors = search.group.vectors[block.users]
        moved: NDArray[np.float64] = (features @ block.profiles.T).T + search.model.own_scores(vectors, items)
        return moved

    return rank_sums(search, items, scores)


def rank_sums(
    search: Search, items: NDArray[np.int64], scores: Callable[[Block], NDArray[np.float64]]
) -> NDArray[np.int64]:
    """Ranks that items would have with other scores, each alone, summed over the users who have not rated it.

    Parameters
    ----------
    search : Search
    items : ndarray, shape (m,)
    scores : callable
        ``scores(block)``, shape (n, m), of the items for the users of the block.

    Returns
    -------
    ndarray, shape (m,)
        Integers, whatever the blocks.
    """
    total = np.zeros(len(items), dtype=np.int64)
    for block in _blocks(search):
        present = block.scores[:, items]
        total += np.where(np.isfinite(present), _ranks(search, block, present, scores(block)), 0).sum(axis=0)
    return total


def _blocks(search: Search) -> Iterator[Block]:
    group = search.group
    model = replace(search.model, histories=group.histories, vectors=group.vectors)
    size = user_block_size(*search.items.matrix.shape)
    for first in range(0, len(group.users), size):
        last = min(first + size, len(group.users))
        scores, profiles = scores_of_block(model, first, last)
        yield Block(slice(first, last), scores, np.sort(scores, axis=1), profiles)


def _ranks(search: Search, block: Block, present: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 + other candidates with a higher score, ``(n, m)``; ``present`` scores of the items are their own."""
    tied = moved + tie(moved, search.group.sizes[block.users, None])
    above = [
        len(ascending) - np.searchsorted(ascending, wanted, side="right")
        for ascending, wanted in zip(block.ascending, tied, strict=True)
    ]
    ranks: NDArray[np.int64] = 1 + np.array(above, dtype=np.int64).reshape(tied.shape) - (present > tied)
    return ranks
