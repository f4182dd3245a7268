"""Recommenders fitted on what a caller in Python has: a table of ids, a sparse matrix, or an array.

The jobs fit the same recommenders by ``make_recommender``; here the ids of the items stay with the model.
"""

from dataclasses import replace
from typing import Any

import scipy.sparse as sp

from recsys_ops.datasets.interactions import Interactions, read_interactions
from recsys_ops.errors import InputError
from recsys_ops.models import als, ease
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.linear import LinearRecommender, history_matrix
from recsys_ops.ridge import ridge_of


def fit_ease(
    interactions: Any,
    *,
    ridge: float | None = None,
    ratings: bool = False,
    greatest_rating: float | None = None,
    seed: int = 0,
) -> LinearRecommender:
    """Fit EASE, the recommender to take up to about 30,000 items.

    Parameters
    ----------
    interactions : DataFrame or pyarrow.Table, sparse matrix, or array
        Of user_id, item_id and, if there are ratings, rating; or of shape (n_users, n_items), where positions are ids.
    ridge : float, > 0, optional
        Penalty on squared weights; by default chosen on held-out users, as the jobs do (``choose_ridge``).
    ratings : bool
        Learn from ratings divided by the greatest one, instead of from ones.
    greatest_rating : float, optional
        With ``ratings``: the greatest rating possible; by default the greatest one given.
    seed : int, >= 0
        Of the draw of held-out users, where the penalty is chosen.

    Returns
    -------
    LinearRecommender
        For ``recsys_ops.explain``; it knows the ids of the items.

    Raises
    ------
    InputError
        As ``read_interactions``, or there are no interactions.
    ConfigError
        ``ridge`` is out of its range, the weights do not fit into memory, or ratings are wanted where there are none.
    """
    given, inputs = _inputs(interactions, ratings, greatest_rating)
    ridge = ridge_of("ease", ridge, inputs, seed=seed)
    return replace(ease.fit_ease(inputs, ridge=ridge), item_ids=given.item_ids)


def fit_als(
    interactions: Any,
    *,
    rank: int = als.RANK,
    regularization: float | None = None,
    alpha: float = als.CONFIDENCE,
    iterations: int = als.ITERATIONS,
    seed: int = 0,
    ratings: bool = False,
    greatest_rating: float | None = None,
) -> FoldInRecommender:
    """Fit implicit ALS, for catalogues of any size.

    Parameters
    ----------
    interactions, ratings, greatest_rating
        As in ``fit_ease``.
    rank, regularization, alpha, iterations, seed
        As in ``recsys_ops.models.als.fit_als``.

    Returns
    -------
    FoldInRecommender
        For ``recsys_ops.explain``; it knows the ids of the items.

    Raises
    ------
    InputError
        As ``read_interactions``, or there are no interactions.
    ConfigError
        A setting is out of its range, or ratings are wanted where there are none.
    """
    given, inputs = _inputs(interactions, ratings, greatest_rating)
    found = als.fit_als(inputs, rank=rank, regularization=regularization, alpha=alpha, iterations=iterations, seed=seed)
    return replace(found, item_ids=given.item_ids)


def _inputs(interactions: Any, ratings: bool, greatest_rating: float | None) -> tuple[Interactions, sp.csr_array]:
    given = read_interactions(interactions)
    if not given.ratings.nnz:
        raise InputError("interactions: there are none to learn from. Give at least one.")
    scale = given.rating_scale(ratings=ratings, greatest_rating=greatest_rating)
    return given, history_matrix(given.ratings, binary=not ratings, scale=scale)
