"""Explanations against trying everything that can be taken away, and what an explanation promises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_ops.counterfactuals import plausible, shortest
from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Engine, Mixture, Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.errors import ConfigError
from recsys_ops.models.aggregate import aggregate_categories
from recsys_ops.models.likelihood import Likelihood, learn_likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.status import Status
from tests.questions import (
    KINDS,
    is_open,
    log_likelihood_of,
    random_likelihood,
    random_open_question,
    random_question,
    taken_by,
)
from tests.twins import counterfactuals as twin
from tests.twins import networks

SEEDS = st.integers(0, 2**32 - 1)


def threshold_between(
    rng: np.random.Generator, question: Question, log_likelihood: Callable[[NDArray[np.int64]], float]
) -> float:
    """Between the log-likelihoods of two removals, so that rounding does not decide what is plausible."""
    values = [log_likelihood(question.amounts - taken) for taken in twin.all_removals(question)]
    return float(np.quantile(values, rng.random())) + 1e-7


def check_against_everything(
    question: Question,
    explanations: list[Explanation],
    wanted: list[float],
) -> None:
    """Same objectives, proven, and the ranks that a full re-ranking gives."""
    if not wanted:
        assert [explanation.status for explanation in explanations] == [Status.INFEASIBLE]
        assert explanations[0].reason
        return
    assert [explanation.objective for explanation in explanations] == pytest.approx(wanted, abs=1e-6)
    for explanation in explanations:
        taken = taken_by(question, explanation)
        assert explanation.status == Status.OPTIMAL
        assert explanation.gap == 0
        assert explanation.bound == explanation.objective
        assert twin.is_valid(question, taken)
        assert np.all(taken <= question.limits)
        assert explanation.n_removed > 0
        assert explanation.rank_after == twin.rank(question, taken)
        assert explanation.rank_before == twin.rank(question, np.zeros_like(taken))
        assert explanation.distance == pytest.approx(twin.distance(question, taken))


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_the_shortest_explanation_equals_the_best_of_all_removals(seed: int) -> None:
    question = random_open_question(np.random.default_rng(seed))
    explanations = explain(question, None, Settings())
    check_against_everything(question, explanations, twin.best_explanations(question))


@settings(deadline=None, max_examples=15)
@given(SEEDS)
def test_an_item_that_is_not_in_the_top_k_is_already_satisfied(seed: int) -> None:
    question = random_question(np.random.default_rng(seed))
    assume(not is_open(question))
    (found,) = explain(question, None, Settings())
    assert (found.status, found.n_removed) == (Status.ALREADY_SATISFIED, 0)


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_further_options_equal_the_best_removals_that_differ(seed: int) -> None:
    question = random_open_question(np.random.default_rng(seed), has_costs=True)
    explanations = explain(question, None, Settings(n_options=4))
    check_against_everything(question, explanations, twin.best_explanations(question, n_options=4))
    for position, explanation in enumerate(explanations):
        for earlier in explanations[:position]:
            assert not set(earlier.removed) <= set(explanation.removed)


@pytest.mark.parametrize("mixture", ["exact", "best"])
@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=10)
@given(SEEDS)
def test_the_optimised_explanation_equals_the_best_of_all_removals(kind: str, mixture: Mixture, seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_open_question(rng)
    likelihood = random_likelihood(rng, question, kind)
    alpha = float(rng.choice([0.05, 0.1, 0.5, 2.0]))
    evaluate = log_likelihood_of(question, likelihood, mixture)
    explanations = explain(question, likelihood, Settings(plausibility="optimise", alpha=alpha, mixture=mixture))
    wanted = twin.best_explanations(question, alpha=alpha, log_likelihood=evaluate)
    check_against_everything(question, explanations, wanted)


@pytest.mark.parametrize("mixture", ["exact", "best"])
@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=10)
@given(SEEDS)
def test_the_plausible_explanation_equals_the_best_of_all_removals(kind: str, mixture: Mixture, seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_open_question(rng)
    likelihood = random_likelihood(rng, question, kind)
    exact = log_likelihood_of(question, likelihood, "exact")
    threshold = threshold_between(rng, question, exact)
    evaluate = log_likelihood_of(question, likelihood, mixture)
    choice = Settings(plausibility="threshold", threshold=threshold, mixture=mixture)
    explanations = explain(question, likelihood, choice)
    wanted = twin.best_explanations(question, threshold=threshold, log_likelihood=evaluate)
    if not wanted and mixture == "best":
        wanted = twin.best_explanations(question, threshold=threshold, log_likelihood=exact)
        assert not wanted or "best-child" in str(explanations[0].reason)
    check_against_everything(question, explanations, wanted)
    for explanation in explanations[: len(wanted)]:
        after = exact(question.amounts - taken_by(question, explanation))
        assert explanation.log_likelihood_after == pytest.approx(after)
        assert after >= threshold


@pytest.mark.parametrize("plausibility", ["optimise", "threshold"])
@settings(deadline=None, max_examples=12)
@given(SEEDS)
def test_with_too_many_rivals_to_solve_at_once_the_outcome_equals_the_best_of_all_removals(
    plausibility: Literal["optimise", "threshold"], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    question = random_open_question(rng)
    likelihood = random_likelihood(rng, question, str(rng.choice(KINDS)))
    exact = log_likelihood_of(question, likelihood, "exact")
    threshold = threshold_between(rng, question, exact)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plausible, "MOST_ENTRIES", 0)
        for name in ("NEAREST", "MANY", "UNRANKED_NODES", "NEAREST_NODES"):
            patch.setattr(plausible, name, 1)
        explanations = explain(question, likelihood, Settings(plausibility=plausibility, threshold=threshold))
    if plausibility == "optimise":
        wanted = twin.best_explanations(question, alpha=Settings.alpha, log_likelihood=exact)
    else:
        wanted = twin.best_explanations(question, threshold=threshold, log_likelihood=exact)
    check_against_everything(question, explanations, wanted)


def test_removals_that_miss_the_threshold_by_a_hair_are_ruled_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # Any 6 of the first 12 interactions are enough; while one of them is left, the likelihood sees no difference.
    weights = np.zeros((15, 15))
    weights[:12, 12], weights[13, 14] = 1.0, 6.5
    history = np.append(np.arange(12), 13)
    question = make_question(LinearRecommender(weights), history, np.ones(13, dtype=np.int64), 12, k=1)
    membership = np.zeros((15, 2))
    membership[:12, 0], membership[12:, 1] = 1.0, 1.0
    aggregation = aggregate_categories("disjunction", sp.csr_array(membership))
    likelihood = Likelihood(
        networks.random_network(np.random.default_rng(2), 2, n_values=2), aggregation, 0.0, np.zeros(1)
    )
    exact = log_likelihood_of(question, likelihood, "exact")
    solved = []
    solve = Program.solve
    monkeypatch.setattr(Program, "solve", lambda *args, **kwargs: solved.append(1) or solve(*args, **kwargs))
    threshold = exact(question.amounts) + 1e-7
    (explanation,) = explain(question, likelihood, Settings(plausibility="threshold", threshold=threshold))
    assert explanation.status is Status.OPTIMAL
    assert explanation.n_removed == 12
    assert len(solved) < 50


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=6)
@given(SEEDS)
def test_a_history_exactly_on_the_threshold_is_plausible(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_open_question(rng)
    likelihood = random_likelihood(rng, question, kind)
    evaluate = log_likelihood_of(question, likelihood)
    ways = [taken for taken in twin.all_removals(question) if twin.is_valid(question, taken)]
    assume(ways)
    threshold = evaluate(question.amounts - ways[rng.integers(len(ways))])
    explanations = explain(question, likelihood, Settings(plausibility="threshold", threshold=threshold))
    below = threshold - 1e-8 * (1 + abs(threshold))
    wanted = twin.best_explanations(question, threshold=below, log_likelihood=evaluate)
    check_against_everything(question, explanations, wanted)


@pytest.mark.parametrize("scale", [1e-9, 1e-5, 1e7, 1e12])
@settings(deadline=None, max_examples=5)
@given(SEEDS)
def test_costs_of_any_size_are_distinguished(scale: float, seed: int) -> None:
    question = random_open_question(np.random.default_rng(seed), has_costs=True)
    dear = replace(question, weights=question.weights * scale)
    (found,), wanted = explain(dear, None, Settings()), twin.best_explanations(dear)
    if wanted:
        assert found.status == Status.OPTIMAL
        assert found.objective == pytest.approx(wanted[0], rel=1e-6)
        assert found.distance == pytest.approx(wanted[0], rel=1e-6)
    else:
        assert found.status == Status.INFEASIBLE


@pytest.mark.parametrize("scale", [1e-6, 1e8])
@settings(deadline=None, max_examples=4)
@given(SEEDS)
def test_costs_of_any_size_are_weighed_against_the_likelihood(scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_open_question(rng, has_costs=True)
    likelihood = random_likelihood(rng, question, "sum")
    dear = replace(question, weights=question.weights * scale)
    evaluate = log_likelihood_of(dear, likelihood)
    wanted = twin.best_explanations(dear, alpha=0.3, log_likelihood=evaluate)
    assume(wanted)
    (found,) = explain(dear, likelihood, Settings(plausibility="optimise", alpha=0.3))
    assert found.status == Status.OPTIMAL
    assert found.objective == pytest.approx(wanted[0], rel=1e-6, abs=1e-6)


def test_where_nothing_at_all_brings_the_item_out_the_threshold_is_not_blamed() -> None:
    rng = np.random.default_rng(0)
    weights = np.zeros((6, 6))
    weights[:3, 4] = 1.0
    question = make_question(LinearRecommender(weights), np.arange(3), np.ones(3, dtype=np.int64), 4, k=1)
    question = replace(question, gaps=np.where(np.isfinite(question.gaps), question.gaps + 5, np.inf))
    likelihood = random_likelihood(rng, question, "sum")
    (found,) = explain(question, likelihood, Settings(plausibility="threshold", threshold=-1e6))
    assert (found.status, found.reason) == (Status.INFEASIBLE, "no removal brings the item out of the top k")


@settings(deadline=None, max_examples=8)
@given(SEEDS)
def test_options_of_a_plausible_explanation_are_the_best_removals_that_differ(seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_open_question(rng, has_costs=True)
    likelihood = random_likelihood(rng, question, "sum")
    evaluate = log_likelihood_of(question, likelihood)
    explanations = explain(question, likelihood, Settings(plausibility="optimise", alpha=0.3, n_options=3))
    wanted = twin.best_explanations(question, n_options=3, alpha=0.3, log_likelihood=evaluate)
    check_against_everything(question, explanations, wanted)


def tied_question(lead: float, **changes: object) -> Question:
    """Item 3 leads item 4 by ``lead``; interaction 0 gives item 3 its score, and item 1 gives both the same."""
    weights = np.zeros((6, 6))
    weights[0, 3], weights[0, 4] = 0.5, 0.0
    weights[1, 3], weights[1, 4] = 0.25, 0.25
    weights[2, 4] = 0.5 - lead
    options = {"k": 1, **changes}
    return make_question(LinearRecommender(weights), np.arange(3), np.ones(3, dtype=np.int64), 3, **options)


def test_an_item_that_ties_for_rank_k_is_in_the_top_k() -> None:
    (explanation,) = explain(tied_question(0.0), None, Settings())
    assert explanation.status == Status.OPTIMAL
    assert explanation.rank_before == 1
    assert explanation.removed.tolist() == [0]
    assert explanation.rank_after == 2


@pytest.mark.parametrize("lead", [1e-9, -1e-9])
def test_a_difference_below_the_margin_does_not_decide(lead: float) -> None:
    (explanation,) = explain(tied_question(lead), None, Settings())
    assert explanation.status == Status.OPTIMAL
    assert explanation.removed.tolist() == [0]


def test_an_item_outside_the_top_k_is_already_satisfied() -> None:
    (explanation,) = explain(tied_question(-0.1), None, Settings())
    assert explanation.status == Status.ALREADY_SATISFIED
    assert (explanation.rank_before, explanation.rank_after, explanation.distance) == (2, 2, 0.0)


def test_a_lower_score_alone_does_not_guarantee_the_rank() -> None:
    weights = np.zeros((5, 5))
    weights[0, 2:] = [1.0, 0.9, 0.0]
    weights[1, 2:] = [0.3, 0.0, 0.0]
    model, history, amounts = LinearRecommender(weights), np.arange(2), np.ones(2, dtype=np.int64)
    (by_score,) = explain(make_question(model, history, amounts, 2, k=1, validity="score"), None, Settings())
    assert by_score.status == Status.OPTIMAL
    assert by_score.removed.tolist() == [0]
    assert by_score.rank_after == 1
    (by_rank,) = explain(make_question(model, history, amounts, 2, k=1), None, Settings())
    assert by_rank.status == Status.INFEASIBLE


def test_a_removed_item_can_overtake_only_where_it_is_eligible() -> None:
    weights = np.zeros((4, 4))
    weights[0, 2] = 1.0
    weights[1, 0] = 2.0
    model, history, amounts = LinearRecommender(weights), np.arange(2), np.ones(2, dtype=np.int64)
    (excluded,) = explain(make_question(model, history, amounts, 2, k=1), None, Settings())
    assert excluded.status == Status.INFEASIBLE
    (eligible,) = explain(make_question(model, history, amounts, 2, k=1, removed_items="eligible"), None, Settings())
    assert eligible.removed.tolist() == [0]
    assert eligible.rank_after == 2


def test_protected_interactions_leave_the_item_where_it_is() -> None:
    (explanation,) = explain(tied_question(0.1, removable=np.zeros(3, dtype=bool)), None, Settings())
    assert explanation.status == Status.INFEASIBLE
    assert explanation.reason == "nothing in the history may be removed"


def test_an_empty_history_has_nothing_to_remove() -> None:
    model = LinearRecommender(np.zeros((4, 4)))
    question = make_question(model, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 1, k=2)
    (explanation,) = explain(question, None, Settings(plausibility="none"))
    assert explanation.status == Status.INFEASIBLE
    assert explanation.reason == "the history is empty"


@pytest.mark.parametrize("engine", ["direct", "pyomo"])
@pytest.mark.parametrize("validity", ["kth", "score"])
def test_too_few_candidates_are_said_to_be_too_few(validity: str, engine: Engine) -> None:
    (explanation,) = explain(tied_question(0.1, k=3, validity=validity), None, Settings(engine=engine))
    assert explanation.status == Status.INFEASIBLE
    assert "fewer than 3 other candidates" in str(explanation.reason)


def test_an_item_of_the_history_is_not_recommended() -> None:
    question = replace(tied_question(0.1), item=1)
    (explanation,) = explain(question, None, Settings())
    assert explanation.status == Status.ALREADY_SATISFIED
    assert "history" in str(explanation.reason)


@pytest.mark.parametrize(("seed", "kind", "user"), [(157, "sum", 0), (88, "mean", 8)])
def test_a_program_that_presolve_fails_on_is_solved_without_it(
    seed: int, kind: Literal["sum", "mean"], user: int
) -> None:
    rng = np.random.default_rng(seed)
    ratings = sp.csr_array((rng.random((40, 12)) < 0.5) * rng.integers(1, 6, (40, 12)).astype(np.float64))
    categories = sp.csr_array(np.repeat(np.eye(3)[None], 4, axis=0).reshape(12, 3))
    likelihood = learn_likelihood(ratings, aggregate_categories(kind, categories, scale=5.0), seed=0)
    weights = rng.normal(0, 1, (12, 12))
    np.fill_diagonal(weights, 0)
    row = ratings[[user]]
    history, amounts = row.indices, row.data.astype(np.int64)
    others = np.setdiff1d(np.arange(12), history)
    item = int(others[np.argmax((amounts @ weights[history])[others])])
    question = make_question(LinearRecommender(weights), history, amounts, item, k=1, scale=5.0)
    (found,) = explain(question, likelihood, Settings(plausibility="optimise"))
    assert found.status == Status.OPTIMAL


def test_a_program_too_large_for_the_time_left_is_not_begun_and_nothing_is_called_proven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shortest, "ENTRIES_A_SECOND", 0)
    n_unproven = 0
    drawn = (random_question(np.random.default_rng(seed)) for seed in range(60))
    for question in filter(is_open, drawn):
        (found,) = explain(question, None, Settings())
        if found.status is Status.FEASIBLE:
            n_unproven += 1
            assert found.bound <= twin.best_explanations(question)[0] + 1e-9 <= found.distance + 2e-9
    assert n_unproven


def test_plausibility_without_a_likelihood_is_refused() -> None:
    with pytest.raises(ConfigError, match="no likelihood"):
        explain(tied_question(0.1), None, Settings(plausibility="optimise"))


def test_the_same_question_has_the_same_answer_twice() -> None:
    rng = np.random.default_rng(5)
    question = random_question(rng)
    likelihood = random_likelihood(rng, question, "sum")
    choice = Settings(plausibility="optimise", n_options=3)
    first, second = (explain(question, likelihood, choice) for _ in range(2))
    assert [repr(replace(e, effort=first[0].effort)) for e in first] == [
        repr(replace(e, effort=first[0].effort)) for e in second
    ]


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
