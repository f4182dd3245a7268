"""The experiment of RecRec once more: what a recourse reaches in a whole group, by the share of it that is searched.

Verma et al. 2023, section 4: five groups of users of equal size; in each the items whose mean rank is nearest to 11,
21, 51 and 101 and that at most 1 % of the group has in the top 10; the recommender by content; words without limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.datasets import Dataset, user_groups
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.models.user_summary import (
    GroupCounts,
    UserSummary,
    join_summaries,
    summarise_users,
    user_block_size,
)
from recsys_ops.recourse.group import draw_sample, make_group
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses

RANKS = (11, 21, 51, 101)
"""Mean ranks of the items of the paper."""

N_GROUPS, K, SEEN_BY = 5, 10, 0.01

LEAST_CHANGES, FEATURES_PER_CHANGE = 14, 500
"""A recourse changes up to 14 features, or one of 500 (0.2 %): the paper has no cap, and hardly any changes."""

_TAGS_WEIGHT = 0.2
"""Of tags beside counts of words: as much as entries of 0 and 1 weigh there."""

_NUMBERS = (
    "mean_rank", "share_searched", "success_before", "success_all_changes", "success_after", "share_changed",
)  # fmt: skip
CELLS = pa.schema(
    [pa.field(name, pa.string()) for name in ("group", "item_id")]
    + [pa.field(name, pa.int64()) for name in ("seed", "rank")]
    + [pa.field(name, pa.float64()) for name in _NUMBERS]
    + [pa.field("n_changes", pa.int64()), pa.field("rbo", pa.float64())]
)
"""A row per group, rank, share searched and seed. ``success_all_changes`` is before changes are reverted that matter
least, ``success_after`` after that; both of the whole group."""


@dataclass(frozen=True)
class Experiment:
    """A data set as the paper uses it: recommender, groups of users, and every user summarised."""

    dataset: Dataset
    items: EncodedItems
    model: FeatureLinearModel
    labels: list[str]
    group_of_user: NDArray[np.int64]
    summary: UserSummary
    counts: GroupCounts

    @property
    def settings(self) -> RecourseSettings:
        """What the search may do."""
        return RecourseSettings(max_changes=max(LEAST_CHANGES, len(self.items.columns) // FEATURES_PER_CHANGE))

    def mean_ranks(self, group: int) -> NDArray[np.float64]:
        """Mean rank of each item in a group; infinite where more than ``SEEN_BY`` of it, or nobody, can be shown it."""
        shown = self.counts.n_candidates[group]
        allowed = (shown > 0) & (self.counts.n_in_top[group] <= SEEN_BY * shown)
        return np.where(allowed, self.counts.rank_sums[group] / np.maximum(shown, 1), np.inf)


def paper_rules(rules: Sequence[FeatureRule]) -> tuple[FeatureRule, ...]:
    """The rules of a data set as the paper has its features: counts of words take any value from 0 up.

    Parameters
    ----------
    rules : sequence of FeatureRule
        Of the data set. Categories and numbers stay as they are: one value each, and its own limits.

    Returns
    -------
    tuple of FeatureRule
    """
    return tuple(
        rule.model_copy(update={"weighting": "count", "upper": float("inf"), "step": 0.0})
        if rule.kind == "text"
        else rule.model_copy(update={"weight": _TAGS_WEIGHT})
        if rule.kind == "tags"
        else rule
        for rule in rules
    )


def prepare(dataset: Dataset, groups: str) -> Experiment:
    """Fit the recommender and summarise all users, a block at a time.

    Parameters
    ----------
    dataset : Dataset
    groups : str
        A numeric column of the users, which is cut into five groups of equal size.

    Returns
    -------
    Experiment

    Raises
    ------
    ConfigError
        There is no such column, or fewer than five users have a value in it.

    Notes
    -----
    Memory: of ``summarise_users``; one block of users x items, and (k + depth) numbers per user.
    """
    items = encode_items(dataset.items, paper_rules(dataset.rules))
    model = make_feature_model("content", dataset, items)
    labels, group_of_user = user_groups(dataset, f"{groups}:{N_GROUPS}")
    size, n = user_block_size(*items.matrix.shape), dataset.n_users
    summarise = partial(
        summarise_users, model, k=K, groups=group_of_user, n_groups=N_GROUPS, selected=np.arange(dataset.n_items),
        columns=items.columns,
    )  # fmt: skip
    summary, counts = join_summaries(summarise(first, min(first + size, n)) for first in range(0, n, size))
    return Experiment(dataset, items, model, labels, group_of_user, summary, counts)


def replicate(
    experiment: Experiment, shares: Sequence[float], *, seed: int, groups: Sequence[int] = range(N_GROUPS)
) -> pa.Table:
    """Recourses by share of the group that is searched, for one draw of who is.

    Parameters
    ----------
    experiment : Experiment
    shares : sequence of float, > 0 and <= 1
        Of each group, rounded up to whole users.
    seed : int
        Of the draw. With the same one, a larger share is not a superset of a smaller.
    groups : sequence of int, 0 to 4

    Returns
    -------
    pyarrow.Table
        Schema ``CELLS``. Groups without an item that few see have no rows.

    Raises
    ------
    ConfigError
        No group has such an item.
    """
    rows = []
    for group in groups:
        near = experiment.mean_ranks(group)
        if not np.isfinite(near).any():
            continue
        selected = np.array([int(np.argmin(np.abs(near - rank))) for rank in RANKS])
        for share in shares:
            found = find_recourses(_search(experiment, group, share, seed), selected)
            about = {"group": experiment.labels[group], "seed": seed, "share_searched": share}
            rows += [
                about | {"rank": rank, "mean_rank": float(near[one.item])} | _measures(experiment.dataset, one)
                for rank, one in zip(RANKS, found, strict=True)
            ]
    if not rows:
        raise ConfigError(
            f"no item is in the top {K} of at most {SEEN_BY:.0%} of a group of users: the catalogue is too small for "
            "this experiment. Take a larger --data."
        )
    return pa.Table.from_pylist(rows, schema=CELLS)


def _search(experiment: Experiment, group: int, share: float, seed: int) -> Search:
    users = np.flatnonzero(experiment.group_of_user == group)
    sample = draw_sample(len(users), int(np.ceil(share * len(users))), np.random.default_rng([seed, group]))
    target = make_group(
        experiment.model, experiment.items.columns, experiment.summary, label=experiment.labels[group],
        users=users, sample=sample,
    )  # fmt: skip
    return Search(experiment.model, experiment.items, target, experiment.settings)


def _measures(dataset: Dataset, recourse: Recourse) -> dict[str, object]:
    """The row of one recourse; where nothing was searched for, the item stays as it is and so does what it reaches."""
    before, after = recourse.success_before, recourse.success_after
    all_changes = recourse.success_unthresholded
    return {
        "item_id": str(dataset.items.column("item_id")[recourse.item].as_py()),
        "success_before": before,
        "success_all_changes": before if all_changes is None else all_changes,
        "success_after": before if after is None else after,
        "share_changed": recourse.share_changed or 0.0,
        "n_changes": len(recourse.changes),
        "rbo": 1.0 if recourse.rbo is None else recourse.rbo,
    }
