"""What every worker of the counterfactuals job reads, made in one place for the job and for ``ask``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.counterfactuals.config import CounterfactualsConfig
from recsys_ops.counterfactuals.histories import Histories
from recsys_ops.counterfactuals.sentences import SpokenLanguage
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.datasets import Dataset
from recsys_ops.models.folded_likelihood import FoldedLikelihood
from recsys_ops.models.held_out_likelihood import HeldOut
from recsys_ops.models.recommender import Recommender
from recsys_ops.quality import Quality


@dataclass(frozen=True)
class CounterfactualData:
    """What is read and fitted before any case: histories, recommender, likelihood, and the users to do.

    ``ridge`` that the recommender is fitted with, if it has one; ``held_out`` what the likelihood is worth.
    """

    dataset: Dataset
    histories: Histories
    recommender: Recommender
    likelihood: FoldedLikelihood | None
    selected: NDArray[np.int64]
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    quality: Quality | None = None
    ridge: float | None = None
    held_out: HeldOut | None = None


@dataclass(frozen=True)
class CounterfactualCases:
    """All cases in the order of the results, by user and item: ``user``, ``item (n_cases,)``.

    User number n of those with any case has the cases ``user_starts[n] .. user_starts[n + 1]``.
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    user_starts: NDArray[np.int64]


@dataclass(frozen=True)
class CounterfactualInputs:
    """What every worker reads; put into the object store once, so that a node holds the weights once."""

    recommender: Recommender
    histories: Histories
    likelihood: FoldedLikelihood | None
    cases: CounterfactualCases
    users: pa.Table
    items: pa.Table
    settings: Settings
    verb: str
    language: SpokenLanguage = "en"


def make_inputs(
    config: CounterfactualsConfig, data: CounterfactualData, cases: CounterfactualCases
) -> CounterfactualInputs:
    """The inputs of these cases."""
    users, items = data.dataset.users.select(["user_id"]), data.dataset.items.select(["item_id", "title"])
    verb = data.dataset.verb
    return CounterfactualInputs(
        data.recommender, data.histories, data.likelihood, cases, users, items, config.settings, verb,
        config.language,
    )  # fmt: skip


def make_cases(users: NDArray[np.int64], lists: NDArray[np.int64]) -> CounterfactualCases:
    """One case per user and listed item.

    Parameters
    ----------
    users : ndarray, shape (n_users,)
    lists : ndarray, shape (n_users, n)
        Best items of each, -1 where there are fewer.
    """
    ordered = np.sort(lists, axis=1)
    row, _ = listed = np.nonzero(ordered >= 0)
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.array([], dtype=np.int64)
    return CounterfactualCases(users[row], ordered[listed], np.append(starts, len(row)))
