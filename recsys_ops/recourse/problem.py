"""The question: which features of an item must change so that a group of users gets it in their top k?

For a user who has not rated item a, the scores of all other items do not depend on a's features. "a enters the top k
of u" is therefore one inequality, ``x . p_u > threshold_u(a)``, with the k-th best score among u's other candidates.
Thresholds of all items come from the k + 1 best scores of each user.
Source: RecRec (Verma et al., CIKM 2023), eq. 1; the reduction to thresholds is ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.changes import Change, describe_changes
from recsys_ops.features.distances import Distances, measure
from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.features.own_limits import own_limits
from recsys_ops.metrics import list_positions, move_overlaps
from recsys_ops.models.feature_linear import CANCELLED, TIE, FeatureLinearModel, tie
from recsys_ops.recourse.all_groups import PartSuccess, success_by_part
from recsys_ops.recourse.feasible import Box, feasible_box
from recsys_ops.recourse.group import SCREENED, TargetGroup
from recsys_ops.recourse.plausible import Plausibility, change_support, plausible_columns, relax_support
from recsys_ops.recourse.settings import RecourseSettings

MARGIN = 1e-6
"""Relative margin above the threshold that a claim "in the top k" needs; a thousand times TIE."""


@dataclass(frozen=True)
class Search:
    """What the cases of one target group have in common: recommender, items, group and settings.

    Without ``plausibility`` a change need not be true. ``advised`` by item: columns and the signs of their changes in
    advice given earlier, of which a little less is required (``plausible.ADVISED_SHARE``).
    """

    model: FeatureLinearModel
    items: EncodedItems
    group: TargetGroup
    settings: RecourseSettings
    plausibility: Plausibility | None = None
    advised: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def columns(self) -> FeatureColumns:
        """What the columns of the items' features mean and how they may change."""
        return self.items.columns

    def feature_scores(self, features: sp.csr_array) -> NDArray[np.float64]:
        """What features ``(m, n_features)`` add to the scores of the group, ``(n_users, m)``."""
        return self.model.feature_scores(self.group.vectors, features)


@dataclass(frozen=True)
class Case:
    """One item and one group; arrays over the group's users.

    ``features (n_features,)`` of the item at present, ``columns`` with the limits that hold for it, ``box`` what its
    provider may make of them; ``support (n_features,)``, if plausibility counts, the probability that a real item
    like it has each; ``targets`` may be shown the item; ``own`` is the part of its ``scores`` that no feature
    adds; ``in_top`` see it already; ``thresholds`` must be exceeded to be in the top k; ``others (n_users, k)`` best
    scores of the other candidates, descending; ``missing`` what the score must gain for the claim "in the top k": not
    more than 0 for users who see the item already, who are lost below it, and -inf for those who cannot be lost or are
    no targets.
    """

    search: Search
    item: int
    features: NDArray[np.float64]
    columns: FeatureColumns
    box: Box
    support: NDArray[np.float64] | None
    targets: NDArray[np.bool_]
    own: NDArray[np.float64]
    scores: NDArray[np.float64]
    in_top: NDArray[np.bool_]
    thresholds: NDArray[np.float64]
    others: NDArray[np.float64]
    missing: NDArray[np.float64]

    @property
    def n_targets(self) -> int:
        """Users who may be shown the item."""
        return int(self.targets.sum())

    @property
    def searched(self) -> NDArray[np.int64]:
        """Columns that the search looks at: the group's or, where only some changes are plausible, all of these."""
        if self.support is None:
            return self.search.group.columns
        moves = np.flatnonzero((self.box.upper > self.features) | (self.box.lower < self.features))
        return moves if len(moves) <= SCREENED else np.intersect1d(moves, self.search.group.columns)

    @property
    def sample_missing(self) -> NDArray[np.float64]:
        """``missing`` of the sampled users, ``(n_sampled,)``."""
        return self.missing[self.search.group.sample]

    def rescore(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of the item with changed features by the recommender itself, ``(n_users,)``."""
        return self.rescore_all(features[None])[:, 0]

    def rescore_all(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for several rows of changed features ``(m, n_features)``, ``(n_users, m)``."""
        return self.search.feature_scores(sp.csr_array(rows)) + self.own[:, None]

    def satisfied(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which targets have the item in their top k at these scores, by the claim's margin."""
        scale = np.maximum(np.abs(np.where(np.isfinite(self.thresholds), self.thresholds, 0.0)), TIE)
        entered = scores > self.thresholds + MARGIN * scale
        stayed = self.in_top & (scores >= self.scores - TIE * scale - CANCELLED * self.search.group.sizes)
        satisfied: NDArray[np.bool_] = self.targets & (entered | stayed)
        return satisfied

    def success(self, scores: NDArray[np.float64]) -> float:
        """Share of the targets that have the item in their top k."""
        return float(self.satisfied(scores).sum() / self.targets.sum())

    def success_by_part(self, after: NDArray[np.bool_]) -> list[PartSuccess] | None:
        """Success in each group of a union, from who has the item in the end ``(n_users,)``; None for one group."""
        parts = self.search.group.parts
        return None if parts is None else success_by_part(parts, self.targets, self.satisfied(self.scores), after)

    def positions(self, scores: NDArray[np.float64]) -> NDArray[np.intp]:
        """0-based positions of the item in the targets' lists, k for outside."""
        shown = self.targets
        return list_positions(self.others[shown], (scores + tie(scores, self.search.group.sizes))[shown])

    @cached_property
    def _positions_now(self) -> NDArray[np.intp]:
        return self.positions(self.scores)

    def overlap(self, scores: NDArray[np.float64]) -> float:
        """Mean rank-biased overlap of the targets' lists at present with those at other scores of the item."""
        return float(move_overlaps(self.search.group.k)[self._positions_now, self.positions(scores)].mean())

    def changes_to(self, features: NDArray[np.float64]) -> list[Change]:
        """What the provider must do to give the item these features."""
        changes = describe_changes(self.search.items, self.item, features, self.search.settings.language)
        plausibility, support = self.search.plausibility, self.support
        if plausibility is None or support is None:
            return changes
        moves = [(change.column, self.features[change.column], features[change.column]) for change in changes]
        supports = [change_support(plausibility, self.columns, self.item, support, move) for move in moves]
        return [replace(change, support=support) for change, support in zip(changes, supports, strict=True)]

    def distances_to(self, rows: NDArray[np.float64]) -> Distances:
        """How far changed features ``(m, n_features)`` are from those at present."""
        return measure(self.search.columns, self.features, rows)

    def breaks_pairs(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which changed features ``(m, n_features)`` break a pair of labels that those at present do not."""
        return self.columns.pairs.newly_broken(self.features, rows)

    def is_within_caps(self, features: NDArray[np.float64]) -> bool:
        """Whether changed features ``(n_features,)`` exceed no cap."""
        return bool(self.search.settings.caps.allow(self.distances_to(features[None]))[0])


def make_cases(search: Search, selected: NDArray[np.int64]) -> list[Case]:
    """Thresholds and present standing of some items in the group.

    Parameters
    ----------
    search : Search
    selected : ndarray, shape (n_selected,)
        Items.

    Returns
    -------
    list of Case
        In the order of ``selected``.
    """
    group, rows = search.group, search.items.matrix[selected]
    dense = rows.toarray()
    by_features, own = search.feature_scores(rows), search.model.own_scores(group.vectors, selected)
    known = group.histories[:, selected]
    known.data = np.ones_like(known.data)  # a rating of 0 is a rating
    rated = known.toarray() != 0
    standing = [_standing(search, (by_features[:, n], own[:, n]), ~rated[:, n]) for n in range(len(selected))]
    supports = [None] * len(selected) if search.plausibility is None else search.plausibility.supports(selected)
    return [
        Case(search, int(item), dense[n], *_limits(search, int(item), dense[n], supports[n]), supports[n], *standing[n])
        for n, item in enumerate(selected)
    ]


def _limits(
    search: Search, item: int, features: NDArray[np.float64], support: NDArray[np.float64] | None
) -> tuple[FeatureColumns, Box]:
    """Columns with the limits of one item, and what its provider may make of it."""
    columns = own_limits(search.items, item, search.columns)
    if search.plausibility is not None and support is not None:
        relaxed = relax_support(support, search.advised.get(item, ()))
        columns = plausible_columns(search.plausibility, replace(search.items, columns=columns), item, relaxed)
    return columns, feasible_box(columns, features)


def _standing(
    search: Search, parts: tuple[NDArray[np.float64], NDArray[np.float64]], targets: NDArray[np.bool_]
) -> tuple[NDArray[Any], ...]:
    """Where an item stands with each user: the fields of a case from ``targets`` on."""
    top, k = search.group.top_scores, search.group.k
    by_features, own = parts
    scores = by_features + own
    tied = scores + tie(scores, search.group.sizes)
    in_top = targets & (tied >= top[:, k - 1])
    place = (top[:, :k] > tied[:, None]).sum(axis=1)
    without = np.where(np.arange(k) >= place[:, None], top[:, 1:], top[:, :-1])
    others = np.where(in_top[:, None], without, top[:, :k])
    thresholds = others[:, -1]
    counted = targets & np.isfinite(thresholds)
    finite = np.where(counted, thresholds, 0.0)
    scale = np.maximum(np.abs(finite), TIE)
    # Twice the margin of the claim: what is required here must still hold after rounding.
    entry = finite + 2 * MARGIN * scale - scores
    missing = np.where(counted, np.where(in_top, np.minimum(entry, -TIE * scale / 2), entry), -np.inf)
    return targets, own, scores, in_top, thresholds, others, missing
