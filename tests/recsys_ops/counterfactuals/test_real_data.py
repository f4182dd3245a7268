"""MovieLens-100K: explanations of real lists, ranked again in full, and the textbook program beside them."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import explain
from recsys_ops.datasets import load_dataset
from recsys_ops.models.linear import LinearRecommender, history_matrix, top_lists
from recsys_ops.status import Status

FOLDER = os.environ.get("RECSYS_OPS_DATA", "")
K = 5

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="RECSYS_OPS_DATA is not set: MovieLens is not distributed with the project"
)


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    """Ten users and the first three films of their lists, by EASE from its definition."""
    dataset = load_dataset(f"movielens-100k:{Path(FOLDER) / 'ml-100k'}", seed=0)
    histories = history_matrix(dataset.ratings, binary=True, scale=5.0)
    inverse = np.linalg.inv((histories.T @ histories).toarray() + 500.0 * np.eye(dataset.n_items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    model = LinearRecommender(weights.astype(np.float32))
    users = np.random.default_rng(0).choice(dataset.n_users, 10, replace=False)
    lists = top_lists(model, sp.csr_array(histories[users]), 3)
    cases = []
    for user, items in zip(users, lists, strict=True):
        seen = histories.indices[histories.indptr[user] : histories.indptr[user + 1]].astype(np.int64)
        amounts = np.ones(len(seen), dtype=np.int64)
        cases += [make_question(model, seen, amounts, int(item), k=K) for item in items]
    return cases


def rank_by_scores(question: Question, taken: np.ndarray) -> int:
    """1 + the number of unseen films with a higher score; no two of these films are as close as the margin."""
    scores = (question.amounts - taken) @ question.recommender.rows(question.history)
    scores[question.history] = -np.inf
    return 1 + int((scores > scores[question.item]).sum())


def test_every_explanation_takes_the_film_out_of_the_list(questions: list[Question]) -> None:
    for question in questions:
        (explanation,) = explain(question, None, Settings())
        assert explanation.status == Status.OPTIMAL
        taken = np.isin(question.history, explanation.removed).astype(np.int64)
        assert explanation.n_removed == taken.sum() > 0
        assert explanation.rank_before == rank_by_scores(question, np.zeros_like(taken)) <= K
        assert explanation.rank_after == rank_by_scores(question, taken) > K
