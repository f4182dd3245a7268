"""Explanations of every kind together against brute force: the same objective over all that could be taken away."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import cheapest, greedy_removal, least_distances
from recsys_ops.counterfactuals.question import Question, make_question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.models.aggregate import Aggregation, aggregate_categories, keep_items
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.network import best_child_bound
from recsys_ops.status import Status
from tests.twins import counterfactuals as twin
from tests.twins.networks import random_network

KINDS = ("disjunction", "sum", "mean", "none")
SOLVED = (Status.OPTIMAL, Status.ALREADY_SATISFIED)
PATIENT = 60.0


@dataclass(frozen=True)
class Puzzle:
    """A question small enough to try everything, and a likelihood that is no friend of it."""

    question: Question
    likelihood: Likelihood

    def log_likelihood(self, left: NDArray[np.int64]) -> float:
        row = np.zeros(len(self.question.scores))
        row[self.question.history] = left
        return float(self.likelihood.log_likelihood(sp.csr_array(row[None]))[0])

    def best_child(self, left: NDArray[np.int64]) -> float:
        row = np.zeros(len(self.question.scores))
        row[self.question.history] = left
        values = self.likelihood.aggregation.aggregate(sp.csr_array(row[None]))
        return float(best_child_bound(self.likelihood.network, values)[0])


def random_puzzle(seed: int, kind: str = "disjunction", **changes: Any) -> Puzzle:
    """Up to 7 interactions of 12 items (4 with stars), the best or second best candidate explained."""
    rng = np.random.default_rng([seed, 7])
    n_items, is_rated = 12, bool(changes.pop("ratings", False))
    weights = rng.normal(0.0, 1.0, (n_items, n_items)) + 0.4
    np.fill_diagonal(weights, 0.0)
    n = int(rng.integers(1, 5 if is_rated else 8))
    history = np.sort(rng.choice(n_items, size=n, replace=False))
    amounts = rng.integers(1, 4, n) if is_rated else np.ones(n, dtype=np.int64)
    scale = 3.0 if is_rated else 1.0
    scores = (amounts / scale) @ weights[history]
    scores[history] = -np.inf
    item = int(np.argsort(-scores)[int(rng.integers(0, 2))])
    options: dict[str, Any] = {"k": int(rng.integers(1, 4))}
    if rng.random() < 0.3:
        options["weights"] = rng.integers(1, 4, n).astype(np.float64)
    if rng.random() < 0.3:
        options["removable"] = rng.random(n) < 0.7
    recommender = LinearRecommender(weights)
    question = make_question(recommender, history, amounts, item, scale=scale, **(options | changes))
    return Puzzle(question, random_likelihood(rng, kind, n_items, scale))


def random_likelihood(rng: np.random.Generator, kind: str, n_items: int, scale: float) -> Likelihood:
    aggregation: Aggregation
    if kind == "none":
        aggregation = keep_items(sp.csr_array(np.ones((1, n_items))), n=8, scale=scale)
    else:
        membership = rng.random((n_items, 4)) < 0.4
        membership[np.arange(n_items), rng.integers(0, 4, n_items)] = True
        aggregation = aggregate_categories(kind, sp.csr_array(membership.astype(float)), scale=scale)
    n_values = {"disjunction": 2, "sum": 8, "none": 4, "mean": 2}[kind]
    network = random_network(rng, aggregation.n_variables, n_values=n_values, continuous=kind == "mean")
    return Likelihood(network, aggregation, median=-3.0)


def assert_same(found: Explanation, expected: list[float], puzzle: Puzzle) -> None:
    if not expected:
        assert found.status is Status.INFEASIBLE
        assert found.reason
        return
    assert found.status in SOLVED, found.reason
    assert found.objective == pytest.approx(expected[0], abs=2e-6)
    assert found.bound == pytest.approx(found.objective, abs=2e-6)
    assert_verified(found, puzzle)


def assert_verified(found: Explanation, puzzle: Puzzle) -> None:
    question = puzzle.question
    taken = np.zeros(len(question.history), dtype=np.int64)
    taken[np.searchsorted(question.history, found.removed)] = found.taken
    assert np.all(taken <= question.limits)
    assert found.rank_before == twin.rank(question, np.zeros_like(taken))
    assert found.rank_after == twin.rank(question, taken)
    assert found.distance == pytest.approx(twin.distance(question, taken))
    if found.status is Status.OPTIMAL:
        assert twin.is_valid(question, taken)
    if found.log_likelihood_after is not None:
        assert found.log_likelihood_after == pytest.approx(puzzle.log_likelihood(question.amounts - taken))


everything = {
    "seed": st.integers(0, 10**6),
    "ratings": st.booleans(),
    "validity": st.sampled_from(["kth", "score"]),
    "removed_items": st.sampled_from(["excluded", "eligible"]),
}


@settings(max_examples=120, deadline=None)
@given(**everything)
def test_the_shortest_explanation_is_that_of_brute_force(
    seed: int, ratings: bool, validity: str, removed_items: str
) -> None:
    puzzle = random_puzzle(seed, ratings=ratings, validity=validity, removed_items=removed_items)
    (found,) = explain(puzzle.question, None, Settings(time_limit=PATIENT))
    assert_same(found, twin.best_explanations(puzzle.question), puzzle)


@settings(max_examples=100, deadline=None)
@given(**everything, kind=st.sampled_from(KINDS), alpha=st.sampled_from([0.05, 0.3, 2.0]))
def test_the_most_plausible_explanation_is_that_of_brute_force(
    seed: int, ratings: bool, validity: str, removed_items: str, kind: str, alpha: float
) -> None:
    puzzle = random_puzzle(seed, kind, ratings=ratings, validity=validity, removed_items=removed_items)
    choice = Settings(plausibility="optimise", alpha=alpha, time_limit=PATIENT)
    (found,) = explain(puzzle.question, puzzle.likelihood, choice)
    if found.status is Status.ALREADY_SATISFIED:
        return
    expected = twin.best_explanations(puzzle.question, alpha=alpha, log_likelihood=puzzle.log_likelihood)
    assert_same(found, expected, puzzle)


@settings(max_examples=100, deadline=None)
@given(**everything, kind=st.sampled_from(KINDS), share=st.floats(0.0, 1.0))
def test_the_shortest_explanation_that_is_likely_enough_is_that_of_brute_force(
    seed: int, ratings: bool, validity: str, removed_items: str, kind: str, share: float
) -> None:
    puzzle = random_puzzle(seed, kind, ratings=ratings, validity=validity, removed_items=removed_items)
    ways = twin.all_removals(puzzle.question)
    values = np.array([puzzle.log_likelihood(puzzle.question.amounts - taken) for taken in ways])
    # Between two values, so that rounding does not decide what is likely enough.
    threshold = float(np.quantile(np.unique(values.round(9)), share, method="lower")) - 1e-5
    choice = Settings(plausibility="threshold", threshold=threshold, time_limit=PATIENT)
    (found,) = explain(puzzle.question, puzzle.likelihood, choice)
    if found.status is Status.ALREADY_SATISFIED:
        return
    expected = twin.best_explanations(puzzle.question, threshold=threshold, log_likelihood=puzzle.log_likelihood)
    assert_same(found, expected, puzzle)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), ratings=st.booleans())
def test_with_the_best_child_only_the_objective_is_that_of_the_bound(seed: int, kind: str, ratings: bool) -> None:
    puzzle = random_puzzle(seed, kind, ratings=ratings)
    choice = Settings(plausibility="optimise", alpha=0.3, mixture="best", time_limit=PATIENT)
    (found,) = explain(puzzle.question, puzzle.likelihood, choice)
    if found.status is Status.ALREADY_SATISFIED:
        return
    expected = twin.best_explanations(puzzle.question, alpha=0.3, log_likelihood=puzzle.best_child)
    assert_same(found, expected, puzzle)


@settings(max_examples=25, deadline=None)
@given(**everything, kind=st.sampled_from(KINDS), plausibility=st.sampled_from(["none", "optimise", "threshold"]))
def test_the_textbook_program_finds_the_same_objective(
    seed: int, ratings: bool, validity: str, removed_items: str, kind: str, plausibility: str
) -> None:
    puzzle = random_puzzle(seed, kind, ratings=ratings, validity=validity, removed_items=removed_items)
    choice = Settings(plausibility=plausibility, alpha=0.2, threshold=-6.0, mixture="best", time_limit=PATIENT)
    found = [
        explain(puzzle.question, puzzle.likelihood, replace(choice, engine=engine))[0] for engine in ("direct", "pyomo")
    ]
    assert found[0].status is found[1].status
    assert found[0].objective == pytest.approx(found[1].objective, abs=2e-6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), ratings=st.booleans(), removed_items=st.sampled_from(["excluded", "eligible"]))
def test_greedy_removal_is_above_and_sorted_sums_are_below_the_optimum(
    seed: int, ratings: bool, removed_items: str
) -> None:
    question = random_puzzle(seed, ratings=ratings, removed_items=removed_items).question
    best = twin.best_explanations(question)
    below = cheapest(least_distances(question, question.limits), question.needed)
    above = greedy_removal(question, question.limits)
    if best:
        assert below <= best[0] + 1e-9
    if above is not None:
        assert twin.is_valid(question, above)
        assert question.distance(above) >= best[0] - 1e-9


def test_without_time_a_hard_case_says_so_and_what_is_known() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(0.05, 1.0, (400, 400))
    np.fill_diagonal(weights, 0.0)
    history = np.arange(120)
    item = 120 + int(np.argmax(weights[history][:, 120:].sum(axis=0)))
    question = make_question(
        LinearRecommender(weights), history, np.ones(120, dtype=np.int64), item, k=10, weights=rng.uniform(1, 2, 120)
    )
    (found,) = explain(question, None, Settings(time_limit=0.0))
    assert found.status is Status.FEASIBLE
    assert found.reason == "not proven best in 0 seconds"
    assert found.bound < found.objective
    assert found.gap > 0
    assert found.rank_after > 10
