"""The question: which features of an item must change so that a group of users gets it in their top k?

For a user who has not rated item a, the scores of all other items do not depend on a's features. "a enters the top k
of u" is therefore one inequality, ``x . p_u > threshold_u(a)``, with the k-th best score among u's other candidates.
Thresholds of all items come from the k + 1 best scores of each user.
Source: RecRec (Verma et al., CIKM 2023), eq. 1; the reduction to thresholds is ours.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.metrics import list_positions
from recsys_ops.models.content import ContentModel

TIE = 1e-9
"""Relative difference of scores below which two are the same: rounding of sums in another order."""

MARGIN = 1e-6
"""Relative margin above the threshold that a claim "in the top k" needs; a thousand times TIE."""

MOST_SAMPLED = 2000
"""Users whose profiles a group holds at most, 8 MOST_SAMPLED x SCREENED bytes; all users count in every result."""

SCREENED = 512
"""Columns the search looks at per group; bounds look at all."""

NO_THRESHOLD = 1e-6
"""Thresholds below this share of the size that a user's scores can have are as good as 0."""


@dataclass(frozen=True)
class TargetGroup:
    """A group of users and what the search needs of them; shared by all items.

    ``ratings (n_users, n_items)`` of the group only; ``top_scores (n_users, k + 1)``; ``gains (n_users, depth)``;
    ``sizes (n_users,)`` that their scores can have where nothing cancels; ``sample (n_sampled,)`` positions of the
    users whose profiles are searched; ``columns (n_columns,)`` features searched; ``profiles (n_sampled, n_columns)``.
    """

    label: str
    users: NDArray[np.int64]
    ratings: sp.csr_array
    top_scores: NDArray[np.float64]
    gains: NDArray[np.float64]
    sizes: NDArray[np.float64]
    sample: NDArray[np.int64]
    columns: NDArray[np.int64]
    profiles: NDArray[np.float64]

    @property
    def k(self) -> int:
        """Length of the lists that users see."""
        return int(self.top_scores.shape[1]) - 1

    @property
    def sample_scales(self) -> NDArray[np.float64]:
        """By what the scores of each sampled user are divided, so that all count alike."""
        return scales(self.top_scores[self.sample, -2], self.sizes[self.sample])


def scales(thresholds: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of each threshold, 1 where it is none to divide by.

    Where likes and dislikes cancel, what is left of the scores is rounding; divided by that, a user outweighs all.

    Parameters
    ----------
    thresholds, sizes : ndarray, shape (n,)
        Thresholds of users, and the ``sizes`` of their group.

    Returns
    -------
    ndarray, shape (n,), > 0
    """
    size = np.where(np.isfinite(thresholds), np.abs(thresholds), 0.0)
    return np.where(size > NO_THRESHOLD * sizes, size, 1.0)


def searched_of(group: TargetGroup, columns: FeatureColumns) -> TargetGroup:
    """The group with those of its searched columns that ``columns`` let change, fewer where a provider fixed some."""
    free = (columns.can_rise | columns.can_fall)[group.columns]
    return replace(group, columns=group.columns[free], profiles=group.profiles[:, free])


@dataclass(frozen=True)
class Case:
    """One item and one group; arrays over the group's users.

    ``targets`` may be shown the item; ``in_top`` see it already; ``thresholds`` must be exceeded to be in the top k;
    ``others (n_users, k)`` best scores of the other candidates, descending; ``missing`` what the score must gain for
    the claim "in the top k": not more than 0 for users who see the item already, who are lost below it, and -inf for
    those who cannot be lost or are no targets.
    """

    item: int
    features: NDArray[np.float64]
    targets: NDArray[np.bool_]
    scores: NDArray[np.float64]
    in_top: NDArray[np.bool_]
    thresholds: NDArray[np.float64]
    others: NDArray[np.float64]
    missing: NDArray[np.float64]

    def satisfied(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which targets have the item in their top k at these scores, by the claim's margin."""
        scale = np.maximum(np.abs(np.where(np.isfinite(self.thresholds), self.thresholds, 0.0)), TIE)
        entered = scores > self.thresholds + MARGIN * scale
        stayed = self.in_top & (scores >= self.scores - TIE * scale)
        satisfied: NDArray[np.bool_] = self.targets & (entered | stayed)
        return satisfied

    def success(self, scores: NDArray[np.float64]) -> float:
        """Share of the targets that have the item in their top k."""
        return float(self.satisfied(scores).sum() / self.targets.sum())

    def positions(self, scores: NDArray[np.float64]) -> NDArray[np.intp]:
        """0-based positions of the item in the targets' lists, k for outside."""
        shown = self.targets
        return list_positions(self.others[shown], scores[shown] + TIE * np.abs(scores[shown]))


def make_group(
    model: ContentModel,
    columns: FeatureColumns,
    *,
    label: str,
    users: NDArray[np.int64],
    top_scores: NDArray[np.float64],
    gains: NDArray[np.float64],
    n_sampled: int,
    rng: np.random.Generator,
) -> TargetGroup:
    """Draw the sample of a target group and the feature columns worth searching.

    Parameters
    ----------
    model : ContentModel
    columns : FeatureColumns
    label : str
    users : ndarray, shape (n,)
        Users of the group.
    top_scores, gains : ndarray, shapes (n_model_users, k + 1) and (n_model_users, depth)
        Summaries of all users.
    n_sampled : int
        Users to search over, at most n.
    rng : numpy.random.Generator
        Draws the sample.

    Returns
    -------
    TargetGroup

    Notes
    -----
    Memory: 8 n_sampled x SCREENED bytes, besides one block of profiles at a time.
    """
    sample = np.sort(rng.choice(len(users), size=min(n_sampled, len(users)), replace=False))
    ratings = model.ratings[users]
    sizes = _score_sizes(model, ratings)
    weights = 1.0 / scales(top_scores[users][sample, -2], sizes[sample])
    kept = _screen(model, columns, ratings[sample], weights)
    profiles = (ratings[sample] @ model.features[:, kept]).toarray()
    return TargetGroup(label, users, ratings, top_scores[users], gains[users], sizes, sample, kept, profiles)


def _score_sizes(model: ContentModel, ratings: sp.csr_array) -> NDArray[np.float64]:
    """What the terms of a user's score of a real item sum to at most, each by its absolute value."""
    norms = np.sqrt(np.asarray(model.features.multiply(model.features).sum(axis=1)).ravel())
    sizes: NDArray[np.float64] = (abs(ratings) @ norms) * norms.max(initial=0.0)
    return sizes


def _screen(
    model: ContentModel, columns: FeatureColumns, ratings: sp.csr_array, weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Mutable columns with the most to gain over the sample, each user counting alike; categories whole."""
    worth = np.asarray(model.features.T @ (ratings.T @ weights)).ravel()
    span = np.where(columns.upper > columns.lower, columns.upper - columns.lower, columns.span)
    span = np.where(np.isfinite(span), span, 1.0)
    mutable = np.where(worth > 0, columns.can_rise, columns.can_fall)
    gain = np.where(mutable, np.abs(worth) * span, 0.0)
    whole = (columns.one_hot >= 0) & columns.can_rise
    single = np.flatnonzero((columns.one_hot < 0) & (gain > 0))
    best = single[np.argsort(-gain[single], kind="stable")[:SCREENED]]
    return np.sort(np.concatenate([best, np.flatnonzero(whole)])).astype(np.int64)


def make_cases(model: ContentModel, items: EncodedItems, group: TargetGroup, asked: NDArray[np.int64]) -> list[Case]:
    """Thresholds and present standing of some items in a group.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    asked : ndarray, shape (n_asked,)
        Items.

    Returns
    -------
    list of Case
        In the order of ``asked``.
    """
    rows = items.matrix[asked]
    dense = rows.toarray()
    scores = model.scores(group.ratings, rows)
    known = group.ratings[:, asked]
    known.data = np.ones_like(known.data)  # a rating of 0 is a rating
    rated = known.toarray() != 0
    return [_make_case(group, int(item), dense[n], scores[:, n], ~rated[:, n]) for n, item in enumerate(asked)]


def _make_case(
    group: TargetGroup,
    item: int,
    features: NDArray[np.float64],
    scores: NDArray[np.float64],
    targets: NDArray[np.bool_],
) -> Case:
    top, k = group.top_scores, group.k
    tie = TIE * np.abs(scores)
    in_top = targets & (scores + tie >= top[:, k - 1])
    place = (top[:, :k] > (scores + tie)[:, None]).sum(axis=1)
    without = np.where(np.arange(k) >= place[:, None], top[:, 1:], top[:, :-1])
    others = np.where(in_top[:, None], without, top[:, :k])
    thresholds = others[:, -1]
    counted = targets & np.isfinite(thresholds)
    finite = np.where(counted, thresholds, 0.0)
    scale = np.maximum(np.abs(finite), TIE)
    # Twice the margin of the claim: what is asked for here must still hold after rounding.
    entry = finite + 2 * MARGIN * scale - scores
    missing = np.where(counted, np.where(in_top, np.minimum(entry, -TIE * scale / 2), entry), -np.inf)
    return Case(item, features, targets, scores, in_top, thresholds, others, missing)
