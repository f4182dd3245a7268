"""How well a matrix factorisation predicts ratings it has not seen."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.mf import AlsSettings, fit_als
from recsys_ops.models.mf_rows import LocalRows, predicted
from recsys_ops.models.mf_validation import hold_out
from recsys_ops.quality import Figure, Quality, is_clear


def measure_ratings(ratings: sp.csr_array, settings: AlsSettings, *, share: float, seed: int) -> Quality | None:
    """Error of predicted ratings that were held out, beside that of the items' mean ratings.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
    settings : AlsSettings
        Of the matrix factorisation.
    share : float
        Of each user's ratings that is held out.
    seed : int

    Returns
    -------
    Quality or None
        None where no user has ratings enough to hold one out.

    Notes
    -----
    Cost: one fit.
    """
    train, held_out = hold_out(ratings, share, seed=seed)
    if not held_out.nnz:
        return None
    factors = fit_als(LocalRows(train), settings).factors
    missed = np.square(held_out.data - predicted(held_out, factors.users, factors.items))
    missed_by_mean = np.square(held_out.data - _item_means(train)[held_out.indices])
    gains = missed_by_mean - missed
    figure = Figure("RMSE", float(np.sqrt(missed.mean())), None, float(np.sqrt(missed_by_mean.mean())))
    return Quality(
        f"matrix factorisation of rank {settings.rank}", "mean rating of the item", (figure,),
        is_clear(gains), int((np.diff(held_out.indptr) > 0).sum()), "",
    )  # fmt: skip


def _item_means(ratings: sp.csr_array) -> NDArray[np.float64]:
    """Mean rating of each item, of those without ratings the mean of all, shape (n_items,)."""
    n_items = ratings.shape[1]
    counts = np.bincount(ratings.indices, minlength=n_items)
    sums = np.bincount(ratings.indices, weights=ratings.data, minlength=n_items)
    return np.where(counts > 0, sums / np.maximum(counts, 1), ratings.data.mean())
