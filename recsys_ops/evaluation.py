"""Is the recommender any good? Its lists for users it has not been fitted on, against those of mere popularity.

Strong generalisation, the protocol of Liang et al. (2018) and Steck (2019): a share of the users is held out and
the model fitted on the others. Of each held-out user, most of the history is given and the rest must be recommended.
Explaining a model that does no better than popularity explains nothing about the user.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.datasets.dataset import Dataset
from recsys_ops.errors import InputError
from recsys_ops.features.encode import encode_items
from recsys_ops.models.feature_linear import FeatureLinearModel, content_model
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.linear import Scorer, best_candidates, history_matrix, top_lists
from recsys_ops.models.recommender import FITTED, check_recommender, make_recommender

FROM_FEATURES = ("content", "hybrid")
"""Recommenders that know items by their features: those of recourse, which also score items without ratings."""

HELD_OUT_USERS = 0.2
HELD_OUT_HISTORY = 0.2
HELD_OUT_ITEMS = 0.1
LEAST_HISTORY = 5
"""Users with fewer interactions cannot be held out: they would have none to predict."""

RECALL_DEPTH = 20
NDCG_DEPTH = 100

_STANDARD_ERRORS = 2.0
_BETTER = "better than popularity"
_NOT_BETTER = "not better than popularity: do not explain this model"


@dataclass(frozen=True)
class ListQuality:
    """``recall`` and ``ndcg`` of each held-out user, shape (n_users,)."""

    recall: NDArray[np.float64]
    ndcg: NDArray[np.float64]


@dataclass(frozen=True)
class HeldOutQuality:
    """Quality of a recommender's lists and, for the same users, of the list of the most popular items."""

    model: ListQuality
    popularity: ListQuality

    @property
    def is_better(self) -> bool:
        """Whether nDCG exceeds that of popularity by two standard errors of the users' differences."""
        gains = self.model.ndcg - self.popularity.ndcg
        return bool(gains.mean() > _STANDARD_ERRORS * standard_error(gains))


def describe_recommender(
    dataset: Dataset, name: str, *, ridge: float, binary: bool, seed: int
) -> list[tuple[str, str]]:
    """Held-out quality in the lines that ``recsys-ops validate --recommender`` shows.

    Parameters
    ----------
    dataset : Dataset
    name : str
        As in ``make_recommender``; weights from a file are taken as they are, and are not fitted again.
    ridge : float
        Penalty of EASE.
    binary : bool
        Whether histories are ones or ratings divided by the greatest one possible.
    seed : int
        Of the draw of held-out users.

    Returns
    -------
    list of tuple of str
        Name and value of each line, the verdict last.

    Raises
    ------
    ConfigError, InputError
        As ``make_recommender`` and ``held_out_quality``.
    """
    histories = history_matrix(dataset.ratings, binary=binary, scale=dataset.rating_range[1])
    fit = _fitter(dataset, name, ridge=ridge)
    quality = held_out_quality(histories, fit, seed=seed)
    kind = f"{name}, ridge {ridge:g}" if name in ("ease", "hybrid") else name
    source = "" if name in (*FITTED, *FROM_FEATURES) else "; fitted elsewhere, perhaps on these users"
    lines = [
        ("recommender", f"{kind}, histories of {'ones' if binary else 'ratings'}"),
        ("held-out users", f"{len(quality.model.recall):,}{source}"),
        (f"recall@{RECALL_DEPTH}", _compared(quality.model.recall, quality.popularity.recall)),
        (f"nDCG@{NDCG_DEPTH}", _compared(quality.model.ndcg, quality.popularity.ndcg)),
    ]
    if name in FROM_FEATURES:
        cold = cold_item_quality(histories, fit, seed=seed)
        lines.append(
            (
                "of items without ratings",
                f"recall@{RECALL_DEPTH} {_compared(cold.model.recall, cold.popularity.recall)}",
            )
        )
    return [*lines, ("verdict", _BETTER if quality.is_better else _NOT_BETTER)]


def check_evaluated(name: str) -> None:
    """Refuse a name that ``describe_recommender`` does not know; raises ConfigError."""
    if name not in FROM_FEATURES:
        check_recommender(name)


def _fitter(dataset: Dataset, name: str, *, ridge: float) -> Callable[[sp.csr_array], Scorer]:
    if name not in FROM_FEATURES:
        return lambda known: make_recommender(name, known, ridge=ridge, item_ids=dataset.item_ids)
    features = encode_items(dataset.items, dataset.rules).matrix
    if name == "hybrid":
        return lambda known: fit_hybrid(known, features, ridge=ridge)
    return lambda known: ContentScorer(content_model(features, known))


@dataclass(frozen=True)
class ContentScorer:
    """The content recommender as a scorer of histories, like the others."""

    model: FeatureLinearModel

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``."""
        return self.model.feature_scores(histories, self.model.features)


def held_out_quality(histories: sp.csr_array, fit: Callable[[sp.csr_array], Scorer], *, seed: int) -> HeldOutQuality:
    """Fit on most users and recommend to the others.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        As the recommender takes them.
    fit : callable
        Histories of the users to learn from -> what scores items by histories.
    seed : int
        Of the draw of users and of what of their histories is held out.

    Returns
    -------
    HeldOutQuality

    Raises
    ------
    InputError
        Fewer than two users have a history long enough, so that there is nobody to hold out.
    """
    learned_from, given, held_out = split_users(histories, seed=seed)
    model = list_quality(top_lists(fit(learned_from), given, NDCG_DEPTH), held_out)
    popularity = np.bincount(learned_from.indices, minlength=histories.shape[1]).astype(np.float64)
    same_for_all = np.broadcast_to(popularity, given.shape)
    return HeldOutQuality(model, list_quality(best_candidates(same_for_all, given, NDCG_DEPTH), held_out))


def cold_item_quality(histories: sp.csr_array, fit: Callable[[sp.csr_array], Scorer], *, seed: int) -> HeldOutQuality:
    """Fit without any interaction of some items, and recommend these to the users who have them.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
    fit : callable
        As ``held_out_quality``.
    seed : int
        Of the draw of items.

    Returns
    -------
    HeldOutQuality
        Among the hidden items only; popularity, which knows nothing of them, is a list in random order.

    Raises
    ------
    InputError
        There are fewer than ten items.
    """
    n_items = histories.shape[1]
    if n_items < 1 / HELD_OUT_ITEMS:
        raise InputError(
            f"items: the catalogue has {n_items} items, too few to hide {HELD_OUT_ITEMS:.0%} of them and to measure a "
            "recommender on these."
        )
    rng = np.random.default_rng([seed, 21])
    is_hidden = np.zeros(n_items, dtype=bool)
    is_hidden[rng.choice(n_items, size=int(HELD_OUT_ITEMS * n_items), replace=False)] = True
    hidden = is_hidden[histories.indices]
    known, held_out = _entries(histories, ~hidden), _entries(histories, hidden)
    users = np.flatnonzero(np.diff(held_out.indptr))
    others = sp.csr_array(np.where(is_hidden, 0.0, 1.0)[None])  # the other items are no candidates
    barred = sp.csr_array(sp.vstack([others] * len(users), format="csr")) if len(users) else histories[:0]
    random_order = np.broadcast_to(rng.random(n_items), (len(users), n_items))
    model = list_quality(best_candidates(fit(known).scores(known[users]), barred, NDCG_DEPTH), held_out[users])
    return HeldOutQuality(model, list_quality(best_candidates(random_order, barred, NDCG_DEPTH), held_out[users]))


def split_users(histories: sp.csr_array, *, seed: int) -> tuple[sp.csr_array, sp.csr_array, sp.csr_array]:
    """Hold out a share of the users, and a share of the history of each.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
    seed : int

    Returns
    -------
    learned_from : csr_array, shape (n_learned, n_items)
        All other users, those without a history included.
    given, held_out : csr_array, shape (n_held_out, n_items)
        The two parts of the histories of the held-out users; the second has at least one entry in each row.

    Raises
    ------
    InputError
        Fewer than two users have a history long enough.
    """
    lengths = np.diff(histories.indptr)
    eligible = np.flatnonzero(lengths >= LEAST_HISTORY)
    if len(eligible) < 2:
        raise InputError(
            f"interactions: {len(eligible)} of {len(lengths)} users have {LEAST_HISTORY} interactions or more, and the "
            "quality of a recommender is measured on held-out users of this kind. Give at least 2."
        )
    rng = np.random.default_rng([seed, 20])
    n_held_out = max(1, int(HELD_OUT_USERS * len(eligible)))
    users = np.sort(rng.choice(eligible, size=n_held_out, replace=False))
    is_held_out = np.zeros(len(lengths), dtype=bool)
    is_held_out[users] = True
    theirs = histories[users]
    is_tested = np.zeros(theirs.nnz, dtype=bool)
    for first, last in zip(theirs.indptr, theirs.indptr[1:], strict=False):
        n_tested = int(HELD_OUT_HISTORY * (last - first))
        is_tested[first + rng.choice(last - first, size=n_tested, replace=False)] = True
    return histories[~is_held_out], _entries(theirs, ~is_tested), _entries(theirs, is_tested)


def list_quality(lists: NDArray[np.int64], held_out: sp.csr_array) -> ListQuality:
    """Recall and normalised discounted cumulative gain of recommended lists.

    ``recall`` is the number of held-out items among the first 20 over the most there can be; ``ndcg`` the sum of
    ``1 / log2(1 + rank)`` over the held-out items among the first 100, divided by that of a perfect list.

    Parameters
    ----------
    lists : ndarray, shape (n_users, 100)
        Positions, -1 for none.
    held_out : csr_array, shape (n_users, n_items)
        What should have been recommended; at least one item each.

    Returns
    -------
    ListQuality
    """
    n_users, n_items = held_out.shape
    counts = np.diff(held_out.indptr)
    wanted = np.repeat(np.arange(n_users), counts) * n_items + held_out.indices
    is_hit = np.isin(np.arange(n_users)[:, None] * n_items + lists, wanted) & (lists >= 0)
    recall = is_hit[:, :RECALL_DEPTH].sum(axis=1) / np.minimum(counts, RECALL_DEPTH)
    discounts = 1 / np.log2(np.arange(2, lists.shape[1] + 2))
    ideal = np.cumsum(discounts)[np.minimum(counts, lists.shape[1]) - 1]
    return ListQuality(recall, (is_hit * discounts).sum(axis=1) / ideal)


def standard_error(values: NDArray[np.float64]) -> float:
    """Standard error of the mean; 0 for a single value."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def _compared(model: NDArray[np.float64], popularity: NDArray[np.float64]) -> str:
    return f"{model.mean():.3f} (standard error {standard_error(model):.3f}; popularity {popularity.mean():.3f})"


def _entries(histories: sp.csr_array, kept: NDArray[np.bool_]) -> sp.csr_array:
    """The matrix with some of its entries only; what is stored stays stored, whatever its value."""
    ends = np.concatenate([[0], np.cumsum(kept)])[histories.indptr]
    return sp.csr_array((histories.data[kept], histories.indices[kept], ends), shape=histories.shape)
