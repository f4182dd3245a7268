"""How easily artificial users are told from real ones: attributes of shilling detectors, and the ratings they give.

A user is suspect who lies far from the others in how many items it rates, how far its ratings are from the items'
means, or how near its nearest neighbours are. No detector is trained, so it knows nothing of the algorithm.
Source: Chirita, Nejdl and Zamfir (2005), Preventing shilling attacks in online recommender systems (RDMA, degree of
similarity with top neighbours); Burke, Mobasher, Williams and Bhaumik (2006) for the length of profiles.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.mf_rows import with_values

NEIGHBOURS = 25
"""Nearest neighbours whose similarity is averaged, as in the source."""

MOST_USERS = 2000
"""Real users that artificial ones are compared with; of more, as many are drawn."""


@dataclass(frozen=True)
class Detection:
    """Probability that an artificial user looks more suspect than a real one: 0.5 is chance, 1 is always.

    ``auc`` by all attributes together; ``length``, ``deviation`` and ``similarity`` by one each. ``rating_distance``
    is the total variation distance between the shares of whole stars in artificial and in real ratings, 0 to 1.
    """

    auc: float
    length: float
    deviation: float
    similarity: float
    rating_distance: float


def detect(real: sp.csr_array, artificial: sp.csr_array, *, seed: int) -> Detection:
    """Compare artificial users with real ones, as somebody sees them who has the ratings of both.

    Parameters
    ----------
    real : csr_array, shape (n_users, n_items)
        Stars.
    artificial : csr_array, shape (n_artificial, n_items)
        At least one user.
    seed : int
        Of the draw of real users.

    Returns
    -------
    Detection

    Notes
    -----
    Memory: similarities of all users compared, at most 2,000 and the artificial ones, with each other.
    """
    chosen = np.arange(real.shape[0])
    if len(chosen) > MOST_USERS:
        chosen = np.sort(np.random.default_rng([seed, 3]).choice(chosen, MOST_USERS, replace=False))
    means, counts = _item_means(sp.csr_array(sp.vstack([real, artificial])))
    users = sp.csr_array(sp.vstack([real[chosen], artificial]))
    attributes = (_lengths(users), _deviations(users, means, counts), _similarities(users))
    length, deviation, similarity = (_oddness(one) for one in attributes)
    n_real, together = len(chosen), length + deviation + similarity
    return Detection(
        _auc(together, n_real), _auc(length, n_real), _auc(deviation, n_real), _auc(similarity, n_real),
        _rating_distance(real.data, artificial.data),
    )  # fmt: skip


def _item_means(ratings: sp.csr_array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    counts = np.bincount(ratings.indices, minlength=ratings.shape[1]).astype(np.float64)
    sums = np.bincount(ratings.indices, weights=ratings.data, minlength=ratings.shape[1])
    return sums / np.maximum(counts, 1.0), counts


def _lengths(users: sp.csr_array) -> NDArray[np.float64]:
    return np.log1p(np.diff(users.indptr).astype(np.float64))


def _deviations(users: sp.csr_array, means: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rating deviation from mean agreement: distances from the items' means, each over the item's ratings, averaged."""
    apart = np.abs(users.data - means[users.indices]) / np.maximum(counts[users.indices], 1.0)
    totals: NDArray[np.float64] = with_values(users, apart) @ np.ones(users.shape[1])
    averaged: NDArray[np.float64] = totals / np.maximum(np.diff(users.indptr), 1)
    return averaged


def _similarities(users: sp.csr_array) -> NDArray[np.float64]:
    """Mean cosine, of ratings less the user's mean, with the nearest neighbours."""
    lengths = np.diff(users.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    means = np.bincount(row, weights=users.data, minlength=len(lengths)) / np.maximum(lengths, 1)
    centred = users.data - means[row]
    norms = np.sqrt(np.bincount(row, weights=centred**2, minlength=len(lengths)))
    unit = with_values(users, centred / np.maximum(norms[row], 1e-12))
    similar = (unit @ unit.T).toarray()
    np.fill_diagonal(similar, -np.inf)
    n = min(NEIGHBOURS, len(lengths) - 1)
    nearest: NDArray[np.float64] = -np.partition(-similar, n - 1, axis=1)[:, :n].mean(axis=1)
    return nearest


def _oddness(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance from the median, in median distances."""
    apart = np.abs(values - np.median(values))
    scale = np.median(apart) or apart.mean() or 1.0
    squared: NDArray[np.float64] = (apart / scale) ** 2
    return squared


def _auc(scores: NDArray[np.float64], n_real: int) -> float:
    """Area under the ROC curve, ties half, of artificial users (behind the real ones)."""
    n_artificial = len(scores) - n_real
    real = np.sort(scores[:n_real])
    below, upto = (np.searchsorted(real, scores[n_real:], side=side).sum() for side in ("left", "right"))
    return float((below + upto) / (2 * n_real * n_artificial))


def _rating_distance(real: NDArray[np.float64], artificial: NDArray[np.float64]) -> float:
    stars, place = np.unique(np.round(np.concatenate([real, artificial])), return_inverse=True)
    shares = [
        np.bincount(part, minlength=len(stars)) / max(len(part), 1) for part in (place[: len(real)], place[len(real) :])
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
