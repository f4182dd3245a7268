"""What a recourse achieves and what it costs, as numbers."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RBO_PERSISTENCE = 0.5
"""The paper's p: half of the weight lies on the first rank."""


@cache
def move_overlaps(depth: int, persistence: float = RBO_PERSISTENCE) -> NDArray[np.float64]:
    """Rank-biased overlap of a list with itself after one item has moved, for every move.

    One item's features change, so all others keep their order: a list before and after differs in where that
    item stands, and the overlap is a function of two positions. RBO is extrapolated from the given depth
    (Webber, Moffat and Zobel 2010, eq. 32, of equal lists to that depth).

    Parameters
    ----------
    depth : int
        Length of the lists that users see, k.
    persistence : float
        p of RBO, 0 < p < 1.

    Returns
    -------
    ndarray, shape (depth + 1, depth + 1), read-only
        Entry [before, after]: 0-based positions, ``depth`` for outside of the list.
    """
    place = np.arange(depth + 1)
    ranks = np.arange(1, depth + 1)
    first = np.minimum(place[:, None], place[None, :])[..., None]
    last = np.maximum(place[:, None], place[None, :])[..., None]
    # Between its two positions the moved item is in one list only, and one other item is in the other only.
    shared = ranks - ((ranks > first) & (ranks <= last))
    agreement = shared / ranks
    weights = (1 - persistence) * persistence ** (ranks - 1)
    overlaps: NDArray[np.float64] = agreement @ weights + agreement[..., -1] * persistence**depth
    overlaps.setflags(write=False)
    return overlaps


def list_positions(top_scores: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """0-based position of an item in lists of other items' scores, the length of the lists for outside.

    Parameters
    ----------
    top_scores : ndarray, shape (n_users, k)
        Descending best scores of the other candidates.
    scores : ndarray, shape (n_users,)
        Scores of the item.
    """
    positions: NDArray[np.intp] = (top_scores > scores[:, None]).sum(axis=1)
    return positions
