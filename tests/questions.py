"""Random questions small enough to try everything that can be taken away: the one generator of all tests."""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from hypothesis import assume
from numpy.typing import NDArray

from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Mixture
from recsys_ops.counterfactuals.solve import Explanation
from recsys_ops.models.aggregate import Aggregation, aggregate_categories, keep_items
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearModel, LinearRecommender
from tests.twins import counterfactuals as twin
from tests.twins import networks

KINDS = ("disjunction", "sum", "mean", "none")


def random_question(
    rng: np.random.Generator,
    *,
    has_costs: bool = False,
    model: Callable[[np.random.Generator, int], LinearModel] | None = None,
    only_shortest: bool = False,
) -> Question:
    """Binary or rated, any validity, some interactions protected, mostly about an item at the head of the list.

    Weights are around zero or mostly positive, and often rounded, which makes for ties and near-ties. With costs no two
    removals are equally good. ``model`` makes a recommender of so many items, instead of one of such weights.
    """
    n_items, is_rated = int(rng.integers(11, 16)), bool(rng.random() < 0.4)
    scale = 3 if is_rated else 1
    n = int(rng.integers(1, 6 if is_rated else 10))
    weights = rng.normal(rng.choice([0.0, 0.4]), 1, (n_items, n_items)).round(int(rng.integers(1, 6)))
    weights *= rng.random(weights.shape) < rng.choice([0.7, 1.0])
    np.fill_diagonal(weights, 0)
    recommender = LinearRecommender(weights) if model is None else model(rng, n_items)
    history = np.sort(rng.choice(n_items, n, replace=False))
    amounts = rng.integers(1, scale + 1, n)
    candidates = np.setdiff1d(np.arange(n_items), history)
    scores = amounts @ recommender.rows(history)
    if recommender.offsets is not None:
        scores = scores / scale + recommender.offsets
        candidates = candidates[np.isfinite(scores[candidates])]
    best = candidates[np.argsort(-scores[candidates])]
    return make_question(
        recommender,
        history,
        amounts,
        int(best[int(rng.random() < 0.2)] if rng.random() < 0.8 else rng.choice(candidates)),
        k=int(rng.integers(1, 5)),
        scale=scale,
        validity="kth" if rng.random() < 0.6 else "score",
        removed_items="excluded" if rng.random() < 0.5 else "eligible",
        weights=rng.uniform(0.5, 2, n) if has_costs else [None, rng.integers(1, 4, n).astype(float)][rng.integers(2)],
        removable=None if rng.random() < 0.6 else rng.random(n) < 0.8,
        only_shortest=only_shortest,
    )


def random_factors(rng: np.random.Generator, n_items: int) -> FactoredRecommender:
    """Dense or sparse, one matrix or two, with or without offsets and items it does not know, numbers of any size.

    Of few values, so that scores tie, or of many; an item adds something to itself.
    """
    size, d = 10.0 ** rng.integers(-6, 7), int(rng.integers(1, 5))
    draw = rng.integers(-3, 6, (2, n_items, d)) if rng.random() < 0.5 else rng.normal(0.3, 1, (2, n_items, d))
    history, items = size * draw * (rng.random((2, n_items, d)) < rng.choice([0.7, 1.0]))
    if rng.random() < 0.3:
        history, items = (sp.csr_array(part) for part in (history, items))
    elif rng.random() < 0.5:
        history, items = (part.astype(np.float32) for part in (history, items))
    offsets = size**2 * rng.normal(0, 1, n_items).round(2) if rng.random() < 0.5 else None
    if offsets is not None and rng.random() < 0.4:
        offsets[rng.random(n_items) < 0.15] = -np.inf
    return FactoredRecommender(items if rng.random() < 0.3 else history, items, offsets)


def is_open(question: Question) -> bool:
    """Whether the item is in the top k to begin with."""
    return not twin.is_valid(question, np.zeros_like(question.amounts))


def random_open_question(rng: np.random.Generator, *, has_costs: bool = False) -> Question:
    """A question whose item is in the top k to begin with; another example where it is not."""
    question = random_question(rng, has_costs=has_costs)
    assume(is_open(question))
    return question


def taken_by(question: Question, explanation: Explanation) -> NDArray[np.int64]:
    """Units taken from each interaction of the history."""
    taken = np.zeros(len(question.history), dtype=np.int64)
    taken[np.searchsorted(question.history, explanation.removed)] = explanation.taken
    return taken


def log_likelihood_of(
    question: Question, likelihood: Likelihood, mixture: Mixture = "exact"
) -> Callable[[NDArray[np.int64]], float]:
    """Log-likelihood of the amounts left, node by node."""

    def evaluate(left: NDArray[np.int64]) -> float:
        amounts = np.zeros((1, len(question.scores)))
        amounts[0, question.history] = left
        values = likelihood.aggregation.aggregate(sp.csr_array(amounts))[0]
        return networks.log_likelihood(likelihood.network, values, best_child=mixture == "best")

    return evaluate


def random_likelihood(rng: np.random.Generator, question: Question, kind: str) -> Likelihood:
    """A random network over overlapping categories, or over most of the items."""
    aggregation = _random_aggregation(rng, question, kind)
    network = networks.random_network(
        rng,
        aggregation.n_variables,
        n_values=2 if kind == "disjunction" else 5,
        continuous=kind == "mean",
        depth=int(rng.integers(1, 4)),
    )
    return Likelihood(network, aggregation, 0.0, np.zeros(1))


def _random_aggregation(rng: np.random.Generator, question: Question, kind: str) -> Aggregation:
    n_items = len(question.scores)
    if kind == "none":
        return keep_items(sp.csr_array(np.ones((1, n_items))), n=n_items - 2, scale=question.scale)
    membership = np.zeros((n_items, 3))
    membership[np.arange(n_items), rng.integers(0, 3, n_items)] = 1
    membership[rng.random(membership.shape) < rng.choice([0.1, 0.4])] = 1
    return aggregate_categories(kind, sp.csr_array(membership), scale=question.scale)
