"""A target group: its users, the sample of them that is searched, and the features worth searching."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.encode import FeatureColumns
from recsys_ops.models.feature_linear import FeatureLinearModel, Matrix
from recsys_ops.models.user_summary import UserSummary
from recsys_ops.recourse.all_groups import Parts

MOST_SAMPLED = 2000
"""Users whose profiles a group holds at most, 8 MOST_SAMPLED x SCREENED bytes; all users count in every result."""

SCREENED = 512
"""Columns the search looks at per group; bounds look at all."""

NO_THRESHOLD = 1e-6
"""Thresholds below this share of the size that a user's scores can have count as 0."""


@dataclass(frozen=True)
class TargetGroup:
    """A group of users and what the search needs of them; shared by all items.

    ``histories (n_users, n_items)`` and ``vectors (n_users, m)`` of the group only; ``top_scores (n_users, k + 1)``;
    ``gains (n_users, depth)``; ``sizes (n_users,)`` that their scores can have where nothing cancels;
    ``sample (n_sampled,)`` positions of the users whose profiles are searched; ``columns (n_columns,)`` features
    searched; ``profiles (n_sampled, n_columns)``. A user who counts several times stands in it several times; ``parts``
    of a union of groups.
    """

    label: str
    users: NDArray[np.int64]
    histories: sp.csr_array
    vectors: Matrix
    top_scores: NDArray[np.float64]
    gains: NDArray[np.float64]
    sizes: NDArray[np.float64]
    sample: NDArray[np.int64]
    columns: NDArray[np.int64]
    profiles: NDArray[np.float64]
    parts: Parts | None = None

    @property
    def times(self) -> NDArray[np.int64]:
        """How often the user of each row stands in the group, ``(n_users,)``."""
        _, place, counts = np.unique(self.users, return_inverse=True, return_counts=True)
        return counts[place]

    @property
    def k(self) -> int:
        """Length of the lists that users see."""
        return int(self.top_scores.shape[1]) - 1

    @property
    def sample_scales(self) -> NDArray[np.float64]:
        """By what the scores of each sampled user are divided, so that every user counts the same."""
        return scales(self.top_scores[self.sample, -2], self.sizes[self.sample])


def scales(thresholds: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of each threshold, 1 where it is none to divide by.

    Where likes and dislikes cancel, the scores that remain are rounding; divided by that, a user outweighs all.

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


def draw_sample(n_users: int, n_sampled: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions of the users of a group that are searched, ascending; all of them where ``n_sampled`` is no less."""
    return np.sort(rng.choice(n_users, size=min(n_sampled, n_users), replace=False))


def make_group(
    model: FeatureLinearModel,
    columns: FeatureColumns,
    summary: UserSummary,
    *,
    label: str,
    users: NDArray[np.int64],
    sample: NDArray[np.int64],
) -> TargetGroup:
    """A target group with the feature columns worth searching for its sample.

    Parameters
    ----------
    model : FeatureLinearModel
    columns : FeatureColumns
    summary : UserSummary
        Of all users of the model.
    label : str
    users : ndarray, shape (n,)
        Users of the group.
    sample : ndarray, shape (n_sampled,)
        Positions in ``users`` to search over, as ``draw_sample`` gives them.

    Returns
    -------
    TargetGroup

    Notes
    -----
    Memory: 8 n_sampled x SCREENED bytes, and one block of profiles at a time.
    """
    of_group = model.of_users(users)
    histories, vectors = of_group.histories, of_group.vectors
    top_scores, gains = summary.top_scores[users], summary.gains[users]
    sizes = model.score_sizes(vectors)
    weights = 1.0 / scales(top_scores[sample, -2], sizes[sample])
    kept = _screen(model, columns, vectors[sample], weights)
    profiles = model.profiles(vectors[sample], kept)
    return TargetGroup(label, users, histories, vectors, top_scores, gains, sizes, sample, kept, profiles)


def without_fixed(group: TargetGroup, columns: FeatureColumns) -> TargetGroup:
    """The group with those of its searched columns that ``columns`` let change, fewer where a provider fixed some."""
    free = (columns.can_rise | columns.can_fall)[group.columns]
    return replace(group, columns=group.columns[free], profiles=group.profiles[:, free])


def _screen(
    model: FeatureLinearModel, columns: FeatureColumns, vectors: Matrix, weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Mutable columns with the most to gain over the sample, each user by weight; categories whole."""
    rise, fall = model.signed_worth(vectors, weights)
    span = np.where(columns.upper > columns.lower, columns.upper - columns.lower, columns.span)
    span = np.where(np.isfinite(span), span, 1.0)
    gain = np.maximum(np.where(columns.can_rise, rise, 0.0), np.where(columns.can_fall, fall, 0.0)) * span
    whole = (columns.one_hot >= 0) & columns.can_rise
    single = np.flatnonzero((columns.one_hot < 0) & (gain > 0))
    best = single[np.argsort(-gain[single], kind="stable")[:SCREENED]]
    return np.sort(np.concatenate([best, np.flatnonzero(whole)])).astype(np.int64)
