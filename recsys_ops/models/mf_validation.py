"""Rank and regularisation that predict ratings the factors have not seen, and the splits that show it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError
from recsys_ops.models.mf import AlsSettings, fit_als
from recsys_ops.models.mf_rows import LocalRows, predicted


@dataclass(frozen=True)
class Validated:
    """``rmse`` of held-out ratings, mean over the splits, and its standard deviation ``spread``, both in stars."""

    rank: int
    regularisation: float
    rmse: float
    spread: float


def hold_out(ratings: sp.csr_array, share: float, *, seed: int) -> tuple[sp.csr_array, sp.csr_array]:
    """Set a share of each user's ratings aside.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    share : float, 0 <= share < 1
        Rounded to whole ratings of each user, who keeps at least one.
    seed : int

    Returns
    -------
    train, held_out : csr_array, shape (n_users, n_items)

    Raises
    ------
    ConfigError
        The share is outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ConfigError(f"--hold-out {share:g}: expected a share of at least 0 and below 1. Use 0.2, for example.")
    user, place = _shuffled_places(ratings, seed)
    held_out = place < n_held_out(ratings, share)[user]
    return chosen_entries(ratings, ~held_out), chosen_entries(ratings, held_out)


def n_held_out(ratings: sp.csr_array, share: float) -> NDArray[np.int64]:
    """How many ratings of each user ``hold_out`` sets aside, shape (n_users,), whatever the seed."""
    lengths = np.diff(ratings.indptr)
    counts: NDArray[np.int64] = np.minimum(np.round(share * lengths), np.maximum(lengths - 1, 0)).astype(np.int64)
    return counts


def folds(ratings: sp.csr_array, n_folds: int, *, seed: int) -> Iterator[tuple[sp.csr_array, sp.csr_array]]:
    """Cut each user's ratings into parts of equal size, and set each part aside once.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    n_folds : int, 2 or more
    seed : int

    Yields
    ------
    train, held_out : csr_array, shape (n_users, n_items)
    """
    _, place = _shuffled_places(ratings, seed)
    for fold in range(n_folds):
        held_out = place % n_folds == fold
        yield chosen_entries(ratings, ~held_out), chosen_entries(ratings, held_out)


def validate(
    ratings: sp.csr_array, candidates: Sequence[tuple[int, float]], *, seed: int, share: float = 0.2, splits: int = 3
) -> list[Validated]:
    """Held-out RMSE of each rank and regularisation.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    candidates : sequence of (rank, regularisation)
    seed : int
        Of the splits, the same ones for all candidates, and of the fits.
    share : float
        Of each user's ratings that is held out.
    splits : int

    Returns
    -------
    list of Validated
        The best first.
    """
    pairs = [hold_out(ratings, share, seed=seed + split) for split in range(splits)]
    rows = [(LocalRows(train), held_out) for train, held_out in pairs]
    found = []
    for rank, regularisation in candidates:
        settings = AlsSettings(rank, regularisation, seed=seed)
        errors = []
        for train, held_out in rows:
            factors = fit_als(train, settings).factors
            misses = held_out.data - predicted(held_out, factors.users, factors.items)
            errors.append(float(np.sqrt(np.mean(misses**2))) if len(misses) else float("nan"))
        found.append(Validated(rank, regularisation, float(np.mean(errors)), float(np.std(errors))))
    return sorted(found, key=lambda candidate: candidate.rmse)


def _shuffled_places(ratings: sp.csr_array, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """User of each rating, and its place in a random order of the user's ratings."""
    user = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    order = np.lexsort((np.random.default_rng([seed]).random(ratings.nnz), user))
    place = np.empty(ratings.nnz, dtype=np.int64)
    place[order] = np.arange(ratings.nnz)
    return user, place - ratings.indptr[user]


def chosen_entries(ratings: sp.csr_array, kept: NDArray[np.bool_]) -> sp.csr_array:
    """Some of the ratings: ``kept (nnz,)`` in the order of the entries."""
    ends = np.concatenate([[0], np.cumsum(kept)])[ratings.indptr]
    return sp.csr_array((ratings.data[kept], ratings.indices[kept], ends), shape=ratings.shape)
