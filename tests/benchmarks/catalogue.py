"""A real catalogue ready for recourse: loaded, encoded, every user summarised once."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.recourse.work import summarise_blocks
from recsys_ops.datasets import Dataset, load_dataset, user_groups
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.models.user_summary import GroupCounts, UserSummary, user_block_size
from recsys_ops.recourse.group import TargetGroup, draw_sample, make_group
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.settings import RecourseSettings

PAPER_RANKS = (11, 21, 51, 101)

PAPER = (
    FeatureRule(column="plot", kind="text", weighting="count", upper=float("inf"), step=0),
    FeatureRule(column="genres", kind="tags", mutable=False, weight=0.2),
)
"""Setting (a): word counts, any value from 0 up; genres weigh what 0/1 entries weigh beside word counts."""

PROVIDER = (FeatureRule(column="plot", kind="text"), FeatureRule(column="genres", kind="tags", mutable=False))
"""Setting (b): TF-IDF, whole occurrences, as often as the 99th percentile of descriptions that have the word."""


def movielens(size: str) -> str:
    """The ``--data`` of a MovieLens folder, or skip."""
    folder = os.environ.get("RECSYS_OPS_DATA", "")
    if not folder:
        pytest.skip("RECSYS_OPS_DATA is not set: MovieLens is not distributed with the project")
    return f"movielens-{size}:{Path(folder) / f'ml-{size}'}"


@dataclass(frozen=True)
class Catalogue:
    """What the recourse job knows before its first case."""

    model: FeatureLinearModel
    encoded: EncodedItems
    labels: list[str]
    group_of_user: NDArray[np.int64]
    summary: UserSummary
    counts: GroupCounts

    def group(self, number: int, *, share: float = 1.0, users: NDArray[np.int64] | None = None) -> TargetGroup:
        """A target group, or some of its users, with a sample of them."""
        members = np.flatnonzero(self.group_of_user == number) if users is None else users
        n_sampled = int(np.ceil(share * len(members)))
        sample = draw_sample(len(members), n_sampled, np.random.default_rng([0, number]))
        return make_group(
            self.model, self.encoded.columns, self.summary, label=self.labels[number], users=members, sample=sample
        )

    def search(self, group: TargetGroup, settings: RecourseSettings) -> Search:
        """A search for recourse in a group."""
        return Search(self.model, self.encoded, group, settings)

    def items_near(self, number: int, *, seen_by: float) -> list[int]:
        """The item nearest to each of the paper's mean ranks among those that few of the group see."""
        n_shown = np.maximum(self.counts.n_candidates[number], 1)
        mean_rank = self.counts.rank_sums[number] / n_shown
        allowed = (self.counts.n_in_top[number] / n_shown <= seen_by) & (self.counts.n_candidates[number] > 0)
        return [int(np.argmin(np.where(allowed, np.abs(mean_rank - rank), np.inf))) for rank in PAPER_RANKS]

    def mean_rank(self, number: int, item: int) -> float:
        """Mean rank of an item over the users of a group who may be shown it."""
        return float(self.counts.rank_sums[number, item] / self.counts.n_candidates[number, item])


def prepare(size: str, rules: tuple[FeatureRule, ...], *, k: int = 10, model: str = "content") -> Catalogue:
    """Load a MovieLens folder with given rules, five age groups of equal size."""
    return catalogue_of(load_dataset(movielens(size), seed=0), rules, groups="age:5", k=k, model=model)


def catalogue_of(
    dataset: Dataset, rules: tuple[FeatureRule, ...], *, groups: str, k: int = 10, model: str = "content"
) -> Catalogue:
    """A data set with given rules and a recommender, five groups of equal size."""
    encoded = encode_items(dataset.items, rules)
    recommender = make_feature_model(model, dataset, encoded)
    labels, group_of_user = user_groups(dataset, groups)
    size_of_block = user_block_size(*encoded.matrix.shape)
    n = dataset.n_users
    blocks = [(first, min(first + size_of_block, n)) for first in range(0, n, size_of_block)]
    arguments = {"k": k, "groups": group_of_user, "n_groups": 5, "selected": np.arange(dataset.n_items)}
    summary, counts = summarise_blocks(recommender, blocks, {**arguments, "columns": encoded.columns})
    return Catalogue(recommender, encoded, labels, group_of_user, summary, counts)
