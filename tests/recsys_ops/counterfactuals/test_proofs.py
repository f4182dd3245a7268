"""A proof is a proof: cases of any scale, and the ones that were false once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals import certificate, shortest
from recsys_ops.counterfactuals.certificate import affordable_removals
from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.counterfactuals.verify import rank_without
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.status import Status
from tests.questions import random_question
from tests.scales import false_claims, random_case
from tests.twins import counterfactuals as twin

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("most_removals", [certificate.MOST_REMOVALS, 0])
@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_nothing_false_is_claimed_at_any_scale(most_removals: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate, "MOST_REMOVALS", most_removals)
        false, _ = false_claims(random_case(np.random.default_rng(seed)))
    assert not false


def linked(n_items: int, links: dict[tuple[int, int], float], item: int, **options: object) -> Question:
    """Weights from the items of the history to others; one unit each."""
    matrix = np.zeros((n_items, n_items))
    for (source, target), weight in links.items():
        matrix[source, target] = weight
    history = np.array(sorted({source for source, _ in links}))
    return make_question(LinearRecommender(matrix), history, np.ones(len(history), dtype=np.int64), item, **options)


def the_only(question: Question) -> Explanation:
    (found,) = explain(question, None, Settings())
    return found


@pytest.mark.parametrize("dearest", [1e9, 1e12, 1e15])
def test_one_dear_interaction_hides_no_difference_of_the_others(dearest: float) -> None:
    # 0 (cost 3) and 1 (cost 2) are each enough once the dear one stays.
    links = {(0, 3): 5.5, (0, 4): 3.0, (1, 3): 1.0, (2, 3): 1.0, (2, 4): 4.0}
    found = the_only(linked(5, links, 3, k=1, weights=np.array([3.0, 2.0, dearest])))
    assert (found.status, found.removed.tolist(), found.distance) == (Status.OPTIMAL, [1], 2.0)


def test_a_dear_interaction_that_must_go_hides_no_difference_of_the_others() -> None:
    # 2 must go, and 0 or 1 with it.
    links = {(0, 3): 1.0, (1, 3): 1.0, (2, 3): 9.0, (4, 5): 1.5}
    found = the_only(linked(6, links, 3, k=1, weights=np.array([3.0, 2.0, 1e12, 1e13])))
    assert (found.status, found.removed.tolist(), found.distance) == (Status.OPTIMAL, [1, 2], 1e12 + 2)


@pytest.mark.parametrize("between_each_other", [1.0, 1e7, 1e12])
def test_scores_of_items_that_nobody_compares_have_no_say_in_the_margin(between_each_other: float) -> None:
    links = {(0, 1): between_each_other, (1, 0): between_each_other, (0, 2): 5.0, (0, 3): 1.0, (1, 3): 3.0}
    found = the_only(linked(4, links, 2, k=1))
    assert (found.status, found.removed.tolist(), found.rank_after) == (Status.OPTIMAL, [0], 2)
    outside = the_only(linked(4, links, 3, k=1))
    assert (outside.status, outside.rank_before) == (Status.ALREADY_SATISFIED, 2)


@pytest.mark.parametrize("size", [1.0, 1e7, 1e12])
def test_what_has_been_taken_away_has_no_say_in_the_margin(size: float) -> None:
    found = the_only(linked(4, {(0, 2): size + 5, (0, 3): size, (1, 3): 3.0}, 2, k=1))
    assert (found.status, found.removed.tolist(), found.rank_after) == (Status.OPTIMAL, [0], 2)


def test_a_tie_of_rounding_is_no_rank() -> None:
    # 0.1 + 0.2 is more than 0.3 by its last bit.
    links = {(0, 3): 0.1, (1, 3): 0.2, (2, 4): 0.3}
    question = linked(6, links, 4, k=1)
    nothing = np.zeros(3, dtype=np.int64)
    assert question.scores[3] > question.scores[4]
    assert rank_without(question, nothing) == 1
    assert not question.is_valid(nothing)


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_the_rank_is_beyond_k_exactly_where_the_removal_is_valid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = replace(random_question(rng), validity="kth")
    question = make_question(
        question.recommender, question.history, question.amounts, question.item, k=question.k, scale=question.scale,
        removed_items=question.removed_items,
    )  # fmt: skip
    for taken in twin.all_removals(question)[:200]:
        assert (
            (rank_without(question, taken) > question.k) == question.is_valid(taken) == twin.is_valid(question, taken)
        )


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_all_affordable_removals_are_tried(seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = replace(random_question(rng, has_costs=True), max_removed=float(rng.integers(1, 5)))
    most = float(rng.random() * question.farthest)
    found = affordable_removals(question, most, 10**6)
    wanted = [
        tuple(way)
        for way in twin.all_removals(question).tolist()
        if np.count_nonzero(way) <= question.max_removed and question.costs @ way <= most
    ]
    assert found is not None
    assert sorted(map(tuple, found.tolist())) == sorted(wanted)
    assert affordable_removals(question, most, len(wanted) - 1) is None or len(wanted) == 1


def hard_question() -> Question:
    """Left to the solver by the bounds."""
    rng = np.random.default_rng(3)
    weights = rng.normal(0.1, 1.0, (30, 30))
    np.fill_diagonal(weights, 0.0)
    history = np.arange(8)
    item = 8 + int(np.argmax(weights[:8, 8:].sum(axis=0)))
    return make_question(
        LinearRecommender(weights), history, np.ones(8, dtype=np.int64), item, k=3, weights=rng.uniform(1, 2, 8)
    )


@pytest.mark.parametrize("can_try_all", [True, False])
def test_a_solver_that_calls_everything_infeasible_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, can_try_all: bool
) -> None:
    question = hard_question()
    assert the_only(question).method == "mio"
    solve = Program.solve

    def lie(program: Program, deadline: float, *, confirmed_nodes: int | None = None, **options: object) -> object:
        solution = solve(program, deadline, confirmed_nodes=confirmed_nodes, **options)
        return (
            solution
            if confirmed_nodes is not None
            else replace(solution, values=None, objective=np.inf, bound=np.inf, is_proven=True)
        )

    monkeypatch.setattr(Program, "solve", lie)
    monkeypatch.setattr(shortest, "greedy_removal", lambda *_: None)
    if not can_try_all:
        monkeypatch.setattr(certificate, "MOST_REMOVALS", 0)
    found = the_only(question)
    assert found.objective == pytest.approx(twin.best_explanations(question)[0])
    assert found.status is (Status.OPTIMAL if can_try_all else Status.FEASIBLE)
    if not can_try_all:
        assert "second solve" in str(found.reason)
        assert found.bound <= found.objective


def test_costs_that_the_solver_cannot_tell_apart_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {(0, 3): 1.0, (1, 3): 1.1, (2, 3): 9.0, (4, 5): 1.5}
    question = linked(6, links, 3, k=1, weights=np.array([0.3, 0.2, 1e12 / 3, 1e13]))
    monkeypatch.setattr(certificate, "MOST_REMOVALS", 0)
    found = the_only(question)
    assert found.status is Status.FEASIBLE or found.removed.tolist() == [1, 2]


def test_a_later_option_that_is_better_takes_the_place_and_the_proof_of_the_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question = hard_question()
    first, second = explain(question, None, Settings(n_options=2))
    outcomes = iter([(second, True), (first, True)])

    def find(*_: object) -> shortest.SearchResult:
        explanation, proven = next(outcomes)
        taken = np.zeros(8, dtype=np.int64)
        taken[np.searchsorted(question.history, explanation.removed)] = 1
        return shortest.SearchResult(taken, explanation.objective, explanation.objective, proven, "mio")

    monkeypatch.setattr("recsys_ops.counterfactuals.solve.find_shortest", find)
    better, worse = explain(question, None, Settings(n_options=2))
    assert (better.option, better.objective) == (0, first.objective)
    assert (worse.option, worse.status) == (1, Status.FEASIBLE)
    assert worse.bound <= better.objective
