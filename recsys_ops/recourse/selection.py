"""Which few of many valid recourses to offer, so that a person has a choice.

``study`` is the selection of the 362-person study: one of the sparsest, one of the most proximate, the rest at random,
so that distances vary. ``diverse`` maximises the least difference between any two that are offered. ``distance``
spreads them over all distances, for a study of how distance matters.
Source: Tominaga, Yamashita and Kurashima 2024, section 3.2.3; the diverse set is max-min dispersion.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import Distances

Selection = Literal["study", "diverse", "distance"]


def select_as_in_study(distances: Distances, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """One of the sparsest, one of the most proximate of the others, then others at random.

    Parameters
    ----------
    distances : Distances
        Of m valid recourses; among equals the first is preferred.
    n : int
        How many to select.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (min(n, m),)
        Positions, in the order of the selection.
    """
    sparsest = np.lexsort((distances.proximity, distances.sparsity))
    most_proximate = np.lexsort((distances.sparsity, distances.proximity))
    chosen = [int(sparsest[0])] if n else []
    if n > 1 and len(sparsest) > 1:
        chosen.append(int(most_proximate[most_proximate != chosen[0]][0]))
    left = np.setdiff1d(np.arange(len(sparsest)), chosen)
    drawn = rng.choice(left, size=min(n - len(chosen), len(left)), replace=False)
    return np.concatenate([np.array(chosen, dtype=np.intp), drawn])


def select_spread(distances: Distances, n: int) -> NDArray[np.intp]:
    """The first recourse, then again and again the one whose distances are farthest from those selected.

    Parameters
    ----------
    distances : Distances
        Of m recourses; sparsity and proximity count the same, each by its range.
    n : int

    Returns
    -------
    ndarray, shape (min(n, m),)
        Positions, in the order of the selection; among equals the first is preferred.

    Notes
    -----
    The least difference is at least half of the greatest possible one (Gonzalez 1985, farthest-first traversal).
    """
    measures = np.column_stack([distances.sparsity, distances.proximity]).astype(np.float64)
    measures /= np.maximum(np.ptp(measures, axis=0), 1e-12) if len(measures) else 1.0
    difference = np.abs(measures[:, None] - measures[None]).sum(axis=2)
    chosen: list[int] = []
    for _ in range(min(n, len(measures))):
        least = difference[:, chosen].min(axis=1) if chosen else np.zeros(len(measures))
        least[chosen] = -1.0
        chosen.append(int(np.argmax(np.round(least, 9))))
    return np.array(chosen, dtype=np.intp)


def select_diverse(difference: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """The n recourses whose least difference between any two is greatest.

    Parameters
    ----------
    difference : ndarray, shape (m, m), symmetric
    n : int

    Returns
    -------
    ndarray, shape (min(n, m),)
        Ascending positions; of several such sets the first.

    Notes
    -----
    Exact: a binary search over the differences for the greatest at which n recourses are pairwise that different, each
    step a search for a clique. Exponential in n at worst; a few milliseconds for 5 of 40.
    """
    m = len(difference)
    if n >= m or n < 2:
        return np.arange(min(n, m))
    levels = np.unique(difference[np.triu_indices(m, 1)])
    best, low, high = list(range(n)), 0, len(levels) - 1
    while low <= high:
        middle = (low + high) // 2
        found = _clique(difference >= levels[middle], n, [], list(range(m)))
        if found is None:
            high = middle - 1
        else:
            best, low = found, middle + 1
    return np.array(best, dtype=np.intp)


def _clique(adjacent: NDArray[np.bool_], n: int, chosen: list[int], candidates: list[int]) -> list[int] | None:
    """The first n pairwise adjacent positions in lexicographic order."""
    if len(chosen) == n:
        return chosen
    for place, one in enumerate(candidates):
        if len(chosen) + len(candidates) - place < n:
            break
        others = [other for other in candidates[place + 1 :] if adjacent[one, other]]
        found = _clique(adjacent, n, [*chosen, one], others)
        if found is not None:
            return found
    return None
