"""Questions small enough that everything that can be taken away can be tried."""

import numpy as np
import scipy.sparse as sp

from recsys_ops.counterfactuals.question import Question, make_question
from recsys_ops.models.aggregate import Aggregation, aggregate_categories, keep_items
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender
from tests.twins.networks import random_network

KINDS = ("disjunction", "sum", "mean", "none")


def random_question(rng: np.random.Generator, *, has_costs: bool = False) -> Question:
    """Binary or rated, any validity, some interactions protected, mostly about the first item of the list."""
    n_items, is_rated = int(rng.integers(11, 16)), bool(rng.random() < 0.4)
    scale = 3 if is_rated else 1
    n = int(rng.integers(2, 6 if is_rated else 10))
    # Rounded weights make for ties and near-ties.
    weights = rng.normal(0, 1, (n_items, n_items)).round(int(rng.integers(1, 6)))
    weights *= rng.random(weights.shape) < 0.7
    np.fill_diagonal(weights, 0)
    history = np.sort(rng.choice(n_items, n, replace=False))
    amounts = rng.integers(1, scale + 1, n)
    candidates = np.setdiff1d(np.arange(n_items), history)
    best = candidates[np.argmax((amounts @ weights[history])[candidates])]
    return make_question(
        LinearRecommender(weights),
        history,
        amounts,
        int(best if rng.random() < 0.8 else rng.choice(candidates)),
        k=int(rng.integers(1, 5)),
        scale=scale,
        validity="kth" if rng.random() < 0.6 else "score",
        removed_items="excluded" if rng.random() < 0.5 else "eligible",
        weights=rng.uniform(0.5, 2, n) if has_costs else [None, rng.integers(1, 4, n).astype(float)][rng.integers(2)],
        removable=None if rng.random() < 0.6 else rng.random(n) < 0.8,
    )


def random_likelihood(rng: np.random.Generator, question: Question, kind: str) -> Likelihood:
    """A random network over overlapping categories, or over most of the items."""
    aggregation = _random_aggregation(rng, question, kind)
    network = random_network(
        rng,
        aggregation.n_variables,
        n_values=2 if kind == "disjunction" else 5,
        continuous=kind == "mean",
        depth=int(rng.integers(1, 4)),
    )
    return Likelihood(network, aggregation, 0.0)


def _random_aggregation(rng: np.random.Generator, question: Question, kind: str) -> Aggregation:
    n_items = len(question.scores)
    if kind == "none":
        return keep_items(sp.csr_array(np.ones((1, n_items))), n=n_items - 2, scale=question.scale)
    membership = np.zeros((n_items, 3))
    membership[np.arange(n_items), rng.integers(0, 3, n_items)] = 1
    membership[rng.random(membership.shape) < 0.1] = 1
    return aggregate_categories(kind, sp.csr_array(membership), scale=question.scale)
