"""Objectives of the users' lists on MovieLens-1M: 400 random users, the 400 most rated movies, genres as groups."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from jobs.antidote.objective import find_groups
from recsys_ops.antidote.algorithms import propose
from recsys_ops.antidote.baselines import random_ratings
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.soft_lists import Kind, ListObjective, softened
from recsys_ops.antidote.standing import standing
from recsys_ops.datasets import load_dataset
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_rows import LocalRows
from tests.benchmarks.catalogue import movielens

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

N, BUDGET, STARTS = 400, 8, range(1_000_000, 1_000_003)


@pytest.mark.parametrize("kind", ["exposure", "popularity", "gini"])
def test_what_is_searched_with_softened_lists_holds_for_the_true_ones(kind: Kind) -> None:
    dataset = load_dataset(movielens("1m"), seed=0)
    items = np.sort(np.argsort(-np.bincount(dataset.ratings.indices, minlength=dataset.n_items), kind="stable")[:N])
    users = np.sort(np.random.default_rng(11).choice(dataset.n_users, N, replace=False))
    part = sp.csr_array(dataset.ratings[users][:, items].astype(np.float64))
    groups = find_groups(dataset, "genres")
    assert groups is not None
    true = ListObjective(kind, part, sp.csr_array(groups.membership[items]))
    rows, als = LocalRows(part), AlsSettings(4, 1.0)
    problem = AntidoteProblem(rows, softened(true), "min", als, (1.0, 5.0))
    proposals = {
        "without": None,
        "random": random_ratings(problem, BUDGET, seed=0),
        "heuristic2": propose(problem, "heuristic2", BUDGET, seed=0),
        "gd_fixed": propose(problem, "gd_fixed", BUDGET, seed=0),
    }
    values = {
        name: np.mean([standing(rows, true, replace(als, seed=start), artificial=made).value for start in STARTS])
        for name, made in proposals.items()
    }
    print(f"\n{kind}: " + ", ".join(f"{name} {value:.4f}" for name, value in values.items()), flush=True)
    assert values["gd_fixed"] < min(values["without"], values["random"])
