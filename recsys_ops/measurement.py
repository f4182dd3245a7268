"""The quality of any recommender that a job takes by name, as figures beside those of popularity.

To add a recommender: a name in ``FITTED`` of ``models/recommender.py`` or ``models/feature_recommender.py`` is measured
as it stands; one of features whose users' vectors are their histories has a line in ``_OF_HISTORIES``.
"""

from collections.abc import Callable

import scipy.sparse as sp

from recsys_ops.arrow import Array
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.evaluation import (
    NDCG_DEPTH,
    RECALL_DEPTH,
    HeldOutQuality,
    OfFeatures,
    cold_item_quality,
    held_out_quality,
    quality_as_given,
)
from recsys_ops.features.encode import encode_items
from recsys_ops.models.ease import RIDGE
from recsys_ops.models.feature_linear import content_model, cosine_model
from recsys_ops.models.feature_recommender import BROUGHT, COSINE, check_feature_model, make_feature_model
from recsys_ops.models.feature_recommender import FITTED as FEATURE_FITTED
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.linear import Scorer, history_matrix
from recsys_ops.models.recommender import FITTED, check_recommender, make_recommender
from recsys_ops.quality import Figure, Quality, standard_error
from recsys_ops.ridge import PENALISED, ridge_of

FROM_FEATURES = (*FEATURE_FITTED, COSINE)
"""Recommenders that know features, and so items without ratings."""

_OF_HISTORIES = {"content": content_model, COSINE: cosine_model}
"""Recommenders of features whose users' vectors are their histories."""

Fit = Callable[[sp.csr_array], Scorer]


def fit_of(
    name: str, dataset: Dataset, histories: sp.csr_array, *, ridge: float = RIDGE, model_ids: Array | None = None,
    seed: int = 0,
) -> Fit:  # fmt: skip
    """How a recommender is made of the histories of some users.

    Parameters
    ----------
    name : str
        Of a recommender that takes histories; one that was fitted elsewhere is read once and stays as it is.
    dataset : Dataset
    histories : csr_array, shape (n_users, n_items)
        Of all users.
    ridge : float
    model_ids : pyarrow.Array, optional
    seed : int
        Of what is fitted.

    Returns
    -------
    callable
        Histories of the users to learn from -> what scores items by histories.

    Raises
    ------
    ConfigError, InputError
        As ``make_recommender``.
    """
    if name in FROM_FEATURES:
        features = encode_items(dataset.items, dataset.rules).matrix
        if name == "hybrid":
            return lambda known: fit_hybrid(known, features, ridge=ridge, seed=seed)
        return lambda known: OfFeatures(_OF_HISTORIES[name](features, known))
    if name in FITTED:
        return lambda known: make_recommender(name, known, ridge=ridge, item_ids=dataset.item_ids)
    model = make_recommender(name, histories, item_ids=dataset.item_ids, model_ids=model_ids)
    return lambda known: model


def measure_lists(
    name: str, dataset: Dataset, *, ridge: float | None = None, binary: bool = True, model_ids: Array | None = None,
    seed: int = 0,
) -> Quality:  # fmt: skip
    """Quality of the lists of a recommender, beside those of popularity.

    Parameters
    ----------
    name : str
        Of any recommender that a job takes with ``--model``.
    dataset : Dataset
    ridge : float, optional
        Penalty of EASE, also of the one that ``hybrid`` starts from; by default ``choose_ridge``.
    binary : bool
        Whether histories are ones or ratings divided by the greatest one possible.
    model_ids : pyarrow.Array, optional
        Ids of the rows of a file that names none.
    seed : int
        Of the draw of held-out users, and of what is fitted.

    Returns
    -------
    Quality

    Raises
    ------
    ConfigError, InputError
        As ``make_recommender``, ``make_feature_model`` and ``held_out_quality``.

    Notes
    -----
    Cost: one fit on the other users, and the lists of 2,000 users at most. Nothing is fitted where the recommender was
    fitted elsewhere. Memory: that of one fit, and blocks of scores.
    """
    if is_of_users(name):
        model = make_feature_model(name, dataset, encode_items(dataset.items, dataset.rules), seed=seed)
        return _of_lists(
            name, quality_as_given(model, seed=seed), "with vectors that may have been fitted on these users"
        )
    histories = history_matrix(dataset.ratings, binary=binary, scale=dataset.rating_range[1])
    ridge = ridge_of(name, ridge, histories, seed=seed)
    fit = fit_of(name, dataset, histories, ridge=ridge, model_ids=model_ids, seed=seed)
    note = "" if name in (*FITTED, *FROM_FEATURES) else "fitted elsewhere, perhaps on these users"
    note = f"ridge {ridge:g}" if name in PENALISED else note
    return _of_lists(name, held_out_quality(histories, fit, seed=seed), note)


def measure_without_ratings(
    name: str, dataset: Dataset, *, ridge: float | None = None, binary: bool = True, seed: int = 0
) -> Quality:
    """Quality of the lists of items that a recommender has seen no interaction of, beside those in random order.

    Parameters
    ----------
    name : str
        One of ``FROM_FEATURES``.
    dataset : Dataset
    ridge, binary, seed
        As ``measure_lists``.

    Returns
    -------
    Quality

    Raises
    ------
    ConfigError, InputError
        As ``make_recommender`` and ``cold_item_quality``.
    """
    histories = history_matrix(dataset.ratings, binary=binary, scale=dataset.rating_range[1])
    ridge = ridge_of(name, ridge, histories, seed=seed)
    fit = fit_of(name, dataset, histories, ridge=ridge, seed=seed)
    return _of_lists(name, cold_item_quality(histories, fit, seed=seed), "of items without ratings", baseline="chance")


def describe_recommender(
    dataset: Dataset, name: str, *, ridge: float | None = None, binary: bool = True, model_ids: Array | None = None,
    seed: int = 0,
) -> list[tuple[str, str]]:  # fmt: skip
    """Held-out quality in the lines that ``recsys-ops validate --model`` shows.

    Parameters
    ----------
    dataset : Dataset
    name : str
    ridge, binary, model_ids, seed
        As ``measure_lists``.

    Returns
    -------
    list of tuple of str
        Name and value of each line, the verdict last.

    Raises
    ------
    ConfigError, InputError
        As ``measure_lists``.
    """
    kind, histories = name, history_matrix(dataset.ratings, binary=binary, scale=dataset.rating_range[1])
    if name in PENALISED:
        ridge = ridge_of(name, ridge, histories, seed=seed)
        kind = f"{name}, ridge {ridge:g}"
    found = measure_lists(name, dataset, ridge=ridge, binary=binary, model_ids=model_ids, seed=seed)
    note = f"; {found.note}" if found.note and name not in PENALISED else ""
    lines = [
        ("recommender", kind if is_of_users(name) else f"{kind}, histories of {'ones' if binary else 'ratings'}"),
        ("held-out users", f"{found.n_users:,}{note}"),
        *((figure.measure, _compared(figure, found.baseline)) for figure in found.figures),
    ]
    if name in FROM_FEATURES:
        cold = measure_without_ratings(name, dataset, ridge=ridge, binary=binary, seed=seed)
        compared = "; ".join(f"{figure.measure} {_compared(figure, cold.baseline)}" for figure in cold.figures)
        lines.append(("of items without ratings", compared))
    return [*lines, ("verdict", found.verdict)]


def _compared(figure: Figure, baseline: str) -> str:
    return f"{figure.value:.3f} (standard error {figure.standard_error:.3f}; {baseline} {figure.baseline:.3f})"


def is_of_users(name: str) -> bool:
    """Whether a recommender has vectors of the users of the data, and takes no histories."""
    return name.partition(":")[0] in BROUGHT


def check_measured(name: str) -> None:
    """Refuse a name that ``measure_lists`` does not know; raises ConfigError."""
    if is_of_users(name):
        check_feature_model(name)
    elif name not in FROM_FEATURES:
        check_recommender(name)


def _of_lists(name: str, found: HeldOutQuality, note: str, *, baseline: str = "popularity") -> Quality:
    figures = tuple(
        Figure(measure, float(ours.mean()), standard_error(ours), float(theirs.mean()))
        for measure, ours, theirs in (
            (f"recall@{RECALL_DEPTH}", found.model.recall, found.popularity.recall),
            (f"nDCG@{NDCG_DEPTH}", found.model.ndcg, found.popularity.ndcg),
        )
    )
    return Quality(name, baseline, figures, found.is_better, len(found.model.recall), note)
