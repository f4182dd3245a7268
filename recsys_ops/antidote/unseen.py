"""How well the recommender would predict ratings not given yet, so that fairness also holds for them.

Artificial ratings tuned to the errors on given ratings fit these errors, even those of a validation split;
held-out users then fare worse. What carries over is the part of an error that depends on the model. So an unseen rating
is taken to be the prediction of a well regularised reference model plus noise; the noise of each user and each item is
the reference's cross-validated loss. The recommender is evaluated on unrated pairs, more often of popular items.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.objectives import measure
from recsys_ops.antidote.problem import EvaluationRatings
from recsys_ops.models.mf import AlsSettings, Factors, fit_als
from recsys_ops.models.mf_rows import LocalRows, predicted, with_values
from recsys_ops.models.mf_validation import Validated, chosen_entries, folds, validate

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Applies a function to each of some arguments, results in order: ``map`` here, in the jobs tasks of Ray."""

PENALTIES = (1.0, 3.0, 8.0, 15.0, 30.0)
"""Regularisations of the reference that are tried."""


def choose_reference(ratings: sp.csr_array, rank: int, *, seed: int, each: Each = map) -> AlsSettings:
    """The model that predicts held-out ratings best, of the rank given and twice that, more or less regularised.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    rank : int
        Of the recommender; the reference may be larger, because its regularisation is chosen on held-out ratings.
    seed : int
        Of the split into four fifths and one fifth, and of the fits.
    each : callable
        Runs the independent fits.

    Returns
    -------
    AlsSettings
    """
    candidates = [(size, penalty) for size in (rank, 2 * rank) for penalty in PENALTIES]
    best = min(each(partial(_validated, ratings, seed), candidates), key=lambda candidate: candidate.rmse)
    return AlsSettings(best.rank, best.regularisation, seed=seed)


def expect_unseen(
    ratings: sp.csr_array, reference: AlsSettings, *, seed: int, n_folds: int = 5, each: Each = map
) -> EvaluationRatings:
    """The ratings to evaluate on: what unseen ratings are expected to be.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
        Ratings of the real users, those that are fitted.
    reference : AlsSettings
        A model that predicts unseen ratings well, as ``choose_reference`` finds it.
    seed : int
        Of the folds and of the pairs drawn.
    n_folds : int
        Of the cross-validation.
    each : callable
        Runs the independent fits.

    Returns
    -------
    EvaluationRatings
        At as many unrated pairs per user as the user has ratings, at most all.

    Notes
    -----
    Memory: one row of the catalogue and the pairs; time: n_users draws over the catalogue, n_folds + 1 fits.
    """
    user_noise, item_noise = _noise(ratings, reference, seed=seed, n_folds=n_folds, each=each)
    factors = fit_als(LocalRows(ratings), reference).factors
    pairs = unrated_pairs(ratings, seed=seed)
    values = predicted(pairs, factors.users, factors.items)
    return EvaluationRatings(LocalRows(with_values(pairs, values)), user_noise, item_noise)


def unrated_pairs(ratings: sp.csr_array, *, seed: int) -> sp.csr_array:
    """For each user as many items as it rated among those it did not, popular ones more likely.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    seed : int

    Returns
    -------
    csr_array, shape (n_users, n_items)
        Of ones.
    """
    n_users, n_items = ratings.shape
    popularity = np.bincount(ratings.indices, minlength=n_items) + 1.0
    chosen = []
    for user in range(n_users):
        rated = ratings.indices[ratings.indptr[user] : ratings.indptr[user + 1]]
        # The smallest of exponential waiting times: a draw without replacement, weighted by popularity.
        waiting = np.random.default_rng([seed, user]).exponential(size=n_items) / popularity
        waiting[rated] = np.inf
        n = min(len(rated), n_items - len(rated))
        chosen.append(np.sort(np.argpartition(waiting, n - 1)[:n]) if n else rated[:0])
    ends = np.cumsum([0, *(len(items) for items in chosen)])
    items = np.concatenate(chosen) if chosen else np.array([], np.int64)
    return sp.csr_array((np.ones(len(items)), items, ends), shape=ratings.shape)


def _validated(ratings: sp.csr_array, seed: int, candidate: tuple[int, float]) -> Validated:
    return validate(ratings, [candidate], seed=seed, splits=1)[0]


def _noise(
    ratings: sp.csr_array, reference: AlsSettings, *, seed: int, n_folds: int, each: Each
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean squared error of held-out ratings of each user and of each item, the overall mean where there are none.

    A fold that holds out all ratings of a user, or of an item, knows nothing of it; its errors there are not noise.
    """
    parts = list(each(partial(_fold_errors, ratings, reference, seed, n_folds), range(n_folds)))
    user_errors, user_counts, item_errors, item_counts = (sum(arrays) for arrays in zip(*parts, strict=True))
    mean = user_errors.sum() / max(user_counts.sum(), 1.0)
    users, items = (
        np.where(counts > 0, errors, mean) / np.maximum(counts, 1.0)
        for errors, counts in ((user_errors, user_counts), (item_errors, item_counts))
    )
    return users, items


def _fold_errors(
    ratings: sp.csr_array, reference: AlsSettings, seed: int, n_folds: int, fold: int
) -> tuple[NDArray[np.float64], ...]:
    """Squared errors and counts of one fold's held-out ratings, per user and per item."""
    train, held_out = next(islice(folds(ratings, n_folds, seed=seed), fold, None))
    factors: Factors = fit_als(LocalRows(train), reference).factors
    seen = measure(LocalRows(_both_known(held_out, train)), factors)
    return seen.user_errors, seen.user_counts, seen.item_errors, seen.item_counts


def _both_known(held_out: sp.csr_array, train: sp.csr_array) -> sp.csr_array:
    """Held-out ratings whose user and item also have ratings that are fitted."""
    users = np.repeat(np.arange(held_out.shape[0]), np.diff(held_out.indptr))
    rated_items = np.bincount(train.indices, minlength=train.shape[1]) > 0
    known = (np.diff(train.indptr) > 0)[users] & rated_items[held_out.indices]
    return chosen_entries(held_out, known)
