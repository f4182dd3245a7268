"""How well the recommender would predict ratings not given yet, so that fairness also holds for them.

Artificial ratings tuned to the errors on given ratings fit these errors, even those of a validation split;
held-out users then fare worse. What carries over is the part of an error that depends on the model. So an unseen rating
is taken to be the prediction of a well regularised reference model plus noise; the noise of each user and each item is
the reference's cross-validated loss. The recommender is evaluated on unrated pairs, more often of popular items.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.objectives import measure
from recsys_ops.antidote.problem import EvaluationRatings
from recsys_ops.models.mf import AlsSettings, Factors, fit_als
from recsys_ops.models.mf_rows import LocalRows, predicted, with_values
from recsys_ops.models.mf_validation import chosen_entries, folds, validate

PENALTIES = (1.0, 3.0, 8.0, 15.0, 30.0)
"""Regularisations of the reference that are tried."""


def choose_reference(ratings: sp.csr_array, rank: int, *, seed: int) -> AlsSettings:
    """The model that predicts held-out ratings best, of the rank given and twice that, more or less regularised.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    rank : int
        Of the recommender; the reference may be larger, because its regularisation is chosen on held-out ratings.
    seed : int
        Of the split into four fifths and one fifth, and of the fits.

    Returns
    -------
    AlsSettings
    """
    candidates = [(size, penalty) for size in (rank, 2 * rank) for penalty in PENALTIES]
    best = validate(ratings, candidates, seed=seed, splits=1)[0]
    return AlsSettings(best.rank, best.regularisation, seed=seed)


def expect_unseen(ratings: sp.csr_array, reference: AlsSettings, *, seed: int, n_folds: int = 5) -> EvaluationRatings:
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

    Returns
    -------
    EvaluationRatings
        At as many unrated pairs per user as the user has ratings, at most all.

    Notes
    -----
    Memory: one row of the catalogue and the pairs; time: n_users draws over the catalogue, n_folds + 1 fits.
    """
    user_noise, item_noise = _noise(ratings, reference, seed=seed, n_folds=n_folds)
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


def _noise(
    ratings: sp.csr_array, reference: AlsSettings, *, seed: int, n_folds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean squared error of held-out ratings of each user and of each item, the overall mean where there are none.

    A fold that holds out all ratings of a user, or of an item, knows nothing of it; its errors there are not noise.
    """
    n_users, n_items = ratings.shape
    errors, counts = (np.zeros(n_users), np.zeros(n_items)), (np.zeros(n_users), np.zeros(n_items))
    for train, held_out in folds(ratings, n_folds, seed=seed):
        factors: Factors = fit_als(LocalRows(train), reference).factors
        seen = measure(LocalRows(_both_known(held_out, train)), factors)
        for total, part in zip(errors, (seen.user_errors, seen.item_errors), strict=True):
            total += part
        for total, part in zip(counts, (seen.user_counts, seen.item_counts), strict=True):
            total += part
    mean = errors[0].sum() / max(counts[0].sum(), 1.0)
    users, items = (np.where(n > 0, e, mean) / np.maximum(n, 1.0) for e, n in zip(errors, counts, strict=True))
    return users, items


def _both_known(held_out: sp.csr_array, train: sp.csr_array) -> sp.csr_array:
    """Held-out ratings whose user and item also have ratings that are fitted."""
    users = np.repeat(np.arange(held_out.shape[0]), np.diff(held_out.indptr))
    rated_items = np.bincount(train.indices, minlength=train.shape[1]) > 0
    known = (np.diff(train.indptr) > 0)[users] & rated_items[held_out.indices]
    return chosen_entries(held_out, known)
