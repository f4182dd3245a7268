"""A MovieLens folder ready for counterfactuals: folds of users, a recommender and a likelihood fitted on the others."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.histories import Histories, make_histories
from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.models.aggregate import aggregate_categories, categories_of, keep_items
from recsys_ops.models.ease import RIDGE, fit_ease
from recsys_ops.models.likelihood import Likelihood, learn_likelihood
from recsys_ops.models.linear import LinearRecommender, top_lists
from tests.benchmarks.catalogue import movielens

N_FOLDS = 3
TOP = 3


@dataclass(frozen=True)
class Explained:
    """One fold: ``users`` whose recommendations are explained, a recommender fitted on the users of the other folds."""

    dataset: Dataset
    histories: Histories
    recommender: LinearRecommender
    users: NDArray[np.int64]
    others: NDArray[np.int64]

    def likelihood(self, kind: Literal["disjunction", "sum", "mean", "none"], column: str) -> Likelihood:
        """Learned on the users of the other folds."""
        amounts = self.histories.amounts[self.others]
        if kind == "none":
            return learn_likelihood(amounts, keep_items(amounts, scale=self.histories.scale), seed=0)
        membership, _ = categories_of(self.dataset.items, column)
        return learn_likelihood(amounts, aggregate_categories(kind, membership, scale=self.histories.scale), seed=0)

    def questions(self, settings: Settings) -> Iterator[Question]:
        """The best items of each user."""
        lists = top_lists(self.recommender, self.histories.inputs[self.users], TOP)
        for user, items in zip(self.users, lists, strict=True):
            history, amounts, _, _ = self.histories.of_user(int(user))
            for item in items[items >= 0]:
                yield make_question(
                    self.recommender, history, amounts, int(item), k=settings.k, scale=self.histories.scale,
                    validity=settings.validity, removed_items=settings.removed_items,
                )  # fmt: skip


def prepare_folds(size: str, *, ratings: bool, n_users: int, n_folds: int = N_FOLDS) -> list[Explained]:
    """Folds of users, some of each to be explained."""
    dataset = load_dataset(movielens(size), seed=0)
    histories = make_histories(dataset, ratings=ratings)
    order = np.random.default_rng(0).permutation(dataset.n_users)
    folds = []
    for fold in range(n_folds):
        members = order[fold::N_FOLDS]
        others = np.sort(np.setdiff1d(order, members))
        recommender = fit_ease(sp.csr_array(histories.inputs[others]), ridge=RIDGE)
        folds.append(Explained(dataset, histories, recommender, np.sort(members[:n_users]), others))
    return folds


@dataclass(frozen=True)
class Timed:
    """The first option of a case and what it took, the preparation of the question included."""

    found: Explanation
    seconds: float


def explain_all(fold: Explained, likelihood: Likelihood | None, settings: Settings) -> list[Timed]:
    """All cases of a fold."""
    done = []
    started = time.perf_counter()
    for question in fold.questions(settings):
        found = explain(question, likelihood, settings)[0]
        now = time.perf_counter()
        done.append(Timed(found, now - started))
        started = now
    return done
