"""MovieLens-100K: recourses of real films, ranked again by brute force."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.groups import user_groups
from recsys_ops.features.encode import encode_items
from recsys_ops.metrics import RBO_PERSISTENCE
from recsys_ops.models.feature_linear import content_model
from recsys_ops.models.user_summary import summarise_users
from recsys_ops.recourse.group import draw_sample, make_group
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import find_recourses
from recsys_ops.status import Status
from tests.twins import ranking, rbo

FOLDER = os.environ.get("RECSYS_OPS_DATA", "")
K = 10

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="RECSYS_OPS_DATA is not set: MovieLens is not distributed with the project"
)


@pytest.fixture(scope="module")
def search() -> Search:
    """All films, and the women among the users as target group."""
    dataset = load_dataset(f"movielens-100k:{Path(FOLDER) / 'ml-100k'}", seed=0)
    items = encode_items(dataset.items, dataset.rules)
    model = content_model(items.matrix, sp.csr_array(dataset.ratings, dtype=np.float64))
    labels, group_of_user = user_groups(dataset, "gender")
    summary, _ = summarise_users(
        model,
        0,
        dataset.n_users,
        k=K,
        groups=group_of_user,
        n_groups=len(labels),
        selected=np.array([], dtype=np.int64),
        columns=items.columns,
    )
    users = np.flatnonzero(group_of_user == 0)
    sample = draw_sample(len(users), 100, np.random.default_rng(0))
    group = make_group(model, items.columns, summary, label=labels[0], users=users, sample=sample)
    return Search(model, items, group, RecourseSettings())


def test_recourses_of_ten_films_do_what_they_claim(search: Search) -> None:
    films = np.sort(np.random.default_rng(7).choice(search.items.matrix.shape[0], size=10, replace=False))
    features, ratings = search.items.matrix.toarray(), search.group.histories.toarray()
    profiles = ratings @ features
    before = profiles @ features.T
    rated = ratings != 0
    for found in find_recourses(search, films):
        assert found.features is not None
        scores = before.copy()
        scores[:, found.item] = profiles @ found.features  # of users who have not rated the film, nothing else moves
        targets = np.flatnonzero(~rated[:, found.item])
        ranks = [[ranking.rank_of(s[u], rated[u], found.item, tie=1e-9) for u in targets] for s in (before, scores)]
        overlaps = [
            rbo.extrapolated(
                ranking.top_list(before[u], rated[u], found.item, K),
                ranking.top_list(scores[u], rated[u], found.item, K),
                RBO_PERSISTENCE,
            )
            for u in targets
        ]
        assert found.n_targets == len(targets)
        assert found.success_before == pytest.approx((np.array(ranks[0]) <= K).mean())
        assert found.success_after == pytest.approx((np.array(ranks[1]) <= K).mean())
        assert found.rbo == pytest.approx(np.mean(overlaps))
        assert found.success_before <= found.success_after <= found.success_unthresholded <= found.success_bound + 1e-9
        assert found.lower_bound is not None
        assert found.lower_bound <= len(found.changes) <= RecourseSettings().max_changes
        assert found.status in {Status.OPTIMAL, Status.FEASIBLE, Status.INFEASIBLE}
        assert found.rbo > 0.95
