"""Objectives of top lists the obvious way: loops over users, thresholds by root finding, Gini over all pairs."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq


def soft_list(scores: NDArray[np.float64], length: int, softness: float) -> NDArray[np.float64]:
    """How much each candidate of one user is in its list."""
    if len(scores) <= length:
        return np.ones(len(scores))

    def weights(threshold: float) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-np.clip((scores - threshold) / softness, -500, 500)))

    reach = softness * 100
    return weights(
        brentq(lambda t: weights(t).sum() - length, scores.min() - reach, scores.max() + reach, xtol=1e-15, rtol=1e-15)
    )


def true_list(scores: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """1 for the best candidates of one user."""
    best = sorted(range(len(scores)), key=lambda item: -scores[item])[:length]
    return np.array([float(item in best) for item in range(len(scores))])


def value(kind: str, shares: NDArray[np.float64], rated: NDArray[np.bool_], groups: NDArray[np.bool_]) -> float:
    """The objective of the items' shares of the slots."""
    n_items = len(shares)
    if kind == "popularity":
        return float(sum(shares[item] * rated[:, item].sum() / len(rated) for item in range(n_items)))
    if kind == "gini":
        return float(sum(abs(one - other) for one in shares for other in shares) / (2 * n_items * shares.sum()))
    total = 0.0
    for members in groups.T:
        apart = sum((shares[item] - 1 / n_items) / groups[item].sum() for item in np.flatnonzero(members))
        total += apart**2
    return total


def shares(
    predictions: NDArray[np.float64], rated: NDArray[np.bool_], length: int, softness: float | None
) -> NDArray[np.float64]:
    """Share of all slots that each item has; the true lists with softness None."""
    slots = np.zeros(predictions.shape[1])
    for user, scores in enumerate(predictions):
        mine = np.flatnonzero(~rated[user])
        known = scores[mine]
        slots[mine] += true_list(known, length) if softness is None else soft_list(known, length, softness)
    return slots / slots.sum()
