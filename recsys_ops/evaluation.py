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

from recsys_ops.errors import InputError
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.linear import Scorer, best_candidates, top_lists
from recsys_ops.quality import is_clear

HELD_OUT_USERS = 0.2
MOST_USERS = 2000
"""Users that are held out at most: the standard error of recall@20 is then about 0.005."""
HELD_OUT_HISTORY = 0.2
HELD_OUT_ITEMS = 0.1
LEAST_HISTORY = 5
"""Users with fewer interactions cannot be held out: they would have none to predict."""

RECALL_DEPTH = 20
NDCG_DEPTH = 100

_USERS_AT_ONCE = 256


class TooFewUsersError(InputError):
    """The data are good, but there is nobody to hold out."""


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
        return is_clear(self.model.ndcg - self.popularity.ndcg)


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
    TooFewUsersError
        Fewer than two users have a history long enough, so that there is nobody to hold out.
    """
    learned_from, given, held_out = split_users(histories, seed=seed)
    model = list_quality(top_lists(fit(learned_from), given, NDCG_DEPTH), held_out)
    return HeldOutQuality(model, list_quality(top_lists(popularity_of(learned_from), given, NDCG_DEPTH), held_out))


@dataclass(frozen=True)
class SameForAll:
    """A recommender with the same ``score (n_items,)`` for everybody."""

    score: NDArray[np.float64]

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``."""
        return np.broadcast_to(self.score, histories.shape)


def popularity_of(histories: sp.csr_array) -> SameForAll:
    """The recommender of what most users have in their histories."""
    return SameForAll(np.bincount(histories.indices, minlength=histories.shape[1]).astype(np.float64))


@dataclass(frozen=True)
class _Only:
    """A recommender of some items only: the others are no candidates."""

    model: Scorer
    is_candidate: NDArray[np.bool_]

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``."""
        return np.where(self.is_candidate, self.model.scores(histories), -np.inf)


def quality_as_given(model: FeatureLinearModel, *, seed: int) -> HeldOutQuality:
    """Recommend by the vectors that users have, and look for interactions that these may have been fitted on.

    Parameters
    ----------
    model : FeatureLinearModel
        With a vector for each user, which no history can be taken out of.
    seed : int
        Of the draw of users and of what of their histories is looked for.

    Returns
    -------
    HeldOutQuality
        An upper bound on what the recommender is worth to users it has not seen.

    Raises
    ------
    InputError
        As ``held_out_quality``.
    """
    users, rng = _draw_users(model.histories, seed)
    given, held_out = _split_histories(model.histories[users], rng)
    every = np.arange(model.features.shape[0])
    lists = np.full((len(users), NDCG_DEPTH), -1, dtype=np.int64)
    for first in range(0, len(users), _USERS_AT_ONCE):
        part = slice(first, first + _USERS_AT_ONCE)
        vectors = model.vectors[users[part]]
        scores = model.feature_scores(vectors, model.features) + model.own_scores(vectors, every)
        lists[part] = best_candidates(scores, given[part], NDCG_DEPTH)
    popularity = popularity_of(model.histories)
    return HeldOutQuality(
        list_quality(lists, held_out), list_quality(top_lists(popularity, given, NDCG_DEPTH), held_out)
    )


@dataclass(frozen=True)
class OfFeatures:
    """A recommender that is linear in features and whose users' vectors are their histories, as a scorer of these."""

    model: FeatureLinearModel

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``."""
        return self.model.feature_scores(histories, self.model.features)


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
    users = _some(rng, np.flatnonzero(np.diff(held_out.indptr)))
    found = [
        list_quality(top_lists(_Only(model, is_hidden), known[users], NDCG_DEPTH), held_out[users])
        for model in (fit(known), SameForAll(rng.random(n_items)))
    ]
    return HeldOutQuality(*found)


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
    TooFewUsersError
        Fewer than two users have a history long enough.
    """
    users, rng = _draw_users(histories, seed)
    is_held_out = np.zeros(histories.shape[0], dtype=bool)
    is_held_out[users] = True
    return histories[~is_held_out], *_split_histories(histories[users], rng)


def _draw_users(histories: sp.csr_array, seed: int) -> tuple[NDArray[np.int64], np.random.Generator]:
    """Users to hold out, and the generator that goes on to draw what of their histories."""
    lengths = np.diff(histories.indptr)
    eligible = np.flatnonzero(lengths >= LEAST_HISTORY)
    if len(eligible) < 2:
        raise TooFewUsersError(
            f"interactions: {len(eligible)} of {len(lengths)} users have {LEAST_HISTORY} interactions or more, and the "
            "quality of a recommender is measured on held-out users of this kind. Give at least 2."
        )
    rng = np.random.default_rng([seed, 20])
    n_held_out = min(MOST_USERS, max(1, int(HELD_OUT_USERS * len(eligible))))
    return np.sort(rng.choice(eligible, size=n_held_out, replace=False)), rng


def _split_histories(theirs: sp.csr_array, rng: np.random.Generator) -> tuple[sp.csr_array, sp.csr_array]:
    """What is given of each history, and what is held out."""
    is_tested = np.zeros(theirs.nnz, dtype=bool)
    for first, last in zip(theirs.indptr, theirs.indptr[1:], strict=False):
        n_tested = int(HELD_OUT_HISTORY * (last - first))
        is_tested[first + rng.choice(last - first, size=n_tested, replace=False)] = True
    return _entries(theirs, ~is_tested), _entries(theirs, is_tested)


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


def _some(rng: np.random.Generator, users: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most as many users as are held out at most."""
    return users if len(users) <= MOST_USERS else np.sort(rng.choice(users, size=MOST_USERS, replace=False))


def _entries(histories: sp.csr_array, kept: NDArray[np.bool_]) -> sp.csr_array:
    """The matrix with some of its entries only; what is stored stays stored, whatever its value."""
    ends = np.concatenate([[0], np.cumsum(kept)])[histories.indptr]
    return sp.csr_array((histories.data[kept], histories.indices[kept], ends), shape=histories.shape)
