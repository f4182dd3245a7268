"""Items that people come back to, and drops from where an item stands, against all removals."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.counterfactuals.by_search import find_by_search
from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.scored import ScoredQuestion, make_scored_question
from recsys_ops.counterfactuals.settings import Engine, Settings
from recsys_ops.counterfactuals.solve import explain
from recsys_ops.counterfactuals.verify import list_without, rank_without
from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearRecommender, top_lists
from recsys_ops.status import Status
from tests import scored_questions
from tests.questions import log_likelihood_of, random_factors, random_likelihood, random_question, taken_by
from tests.twins import counterfactuals as twin


def again(question: Question, **changes: Any) -> Question:
    """The same history in other words."""
    same = {
        "k": question.k, "scale": question.scale, "validity": question.validity,
        "removed_items": question.removed_items, "weights": question.weights, "removable": question.limits > 0,
    }  # fmt: skip
    item = changes.pop("item", question.item)
    return make_question(question.recommender, question.history, question.amounts, item, **(same | changes))


def repeat_question(rng: np.random.Generator, **changes: Any) -> Question:
    """About one of the best of all items, in the history or not; items add something to themselves."""
    model = random_factors if rng.random() < 0.5 else _with_own_weights
    question = random_question(rng, has_costs=True, model=model)
    ranked = twin.ranking(again(question, candidates="all"), np.zeros_like(question.amounts))
    item = ranked[int(rng.integers(min(3, len(ranked))))][1]
    return again(question, item=item, candidates="all", **changes)


def _with_own_weights(rng: np.random.Generator, n_items: int) -> LinearRecommender:
    weights = rng.normal(rng.choice([0.0, 0.4]), 1, (n_items, n_items)).round(int(rng.integers(1, 6)))
    return LinearRecommender(weights * 10.0 ** rng.integers(-6, 7))


def check(question: Question, settings: Settings = Settings(), **goal: Any) -> bool:  # noqa: B008
    """Whether there is an explanation, which is then the best of all removals."""
    (found,) = explain(question, goal.pop("likelihood", None), settings)
    none = np.zeros_like(question.amounts)
    assert found.rank_before == twin.rank(question, none)
    if twin.is_valid(question, none):
        assert found.status is Status.ALREADY_SATISFIED
        return False
    wanted = twin.best_explanations(question, **goal)
    if not wanted:
        assert found.status is Status.INFEASIBLE
        return False
    taken = taken_by(question, found)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(wanted[0], rel=1e-9)
    assert twin.is_valid(question, taken)
    assert found.rank_after == twin.rank(question, taken)
    return True


@pytest.mark.parametrize("engine", ["direct", "pyomo"])
def test_with_all_candidates_the_explanation_equals_the_best_of_all_removals(engine: Engine) -> None:
    rng = np.random.default_rng(3)
    n = 60 if engine == "direct" else 12
    questions = [repeat_question(rng) for _ in range(n)]
    assert any(question.item in question.history for question in questions)
    assert sum(check(question, Settings(engine=engine, time_limit=60)) for question in questions) >= n / 4


def test_with_all_candidates_plausible_explanations_equal_the_best_of_all_removals() -> None:
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(12):
        question = repeat_question(rng)
        likelihood = random_likelihood(rng, question, "disjunction")
        settings = Settings(plausibility="optimise", alpha=0.2, time_limit=60)
        evaluate = log_likelihood_of(question, likelihood)
        found += check(question, settings, likelihood=likelihood, alpha=0.2, log_likelihood=evaluate)
    assert found >= 3


@pytest.mark.parametrize("candidates", ["unseen", "all"])
def test_a_drop_is_so_many_positions_below_where_the_item_stands(candidates: str) -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(40):
        base = repeat_question(rng) if candidates == "all" else random_question(rng, has_costs=True)
        drop = int(rng.integers(1, 5))
        question = again(base, candidates=candidates, drop=drop)
        before = twin.rank(base, np.zeros_like(base.amounts))
        assert question.k == before + drop - 1
        found += check(question)
        (explanation,) = explain(question, None, Settings())
        if question.validity == "kth" and explanation.rank_after is not None and explanation.n_removed:
            assert explanation.rank_after >= before + drop
    assert found >= 8


@pytest.mark.parametrize("kind", ["als", "tanh", "relu"])
@pytest.mark.parametrize("changes", [{"candidates": "all"}, {"drop": 3}, {"candidates": "all", "drop": 2}])
def test_models_that_are_not_linear_have_the_same_rules(kind: str, changes: dict[str, Any]) -> None:
    rng = np.random.default_rng(6)
    for _ in range(8):
        question = _asked_again(rng, kind, changes)
        none = np.zeros_like(question.amounts)
        if "drop" in changes:
            assert question.k == rank_without(question, none) + changes["drop"] - 1
        if question.is_valid(none):
            continue
        found = find_by_search(question, [], np.inf)
        assert found.is_proven
        assert found.objective == pytest.approx(scored_questions.least_distance(question), rel=1e-12)


def _asked_again(rng: np.random.Generator, kind: str, changes: dict[str, Any]) -> ScoredQuestion:
    base = scored_questions.random_question(rng, kind, most=6)
    scores = base.scores if "candidates" in changes else np.where(base.may_be_candidates(), base.scores, -np.inf)
    return make_scored_question(
        base.recommender, base.history, base.amounts, int(np.argsort(-scores)[rng.integers(3)]), k=base.k,
        scale=base.scale, validity=base.validity, removed_items=base.removed_items, weights=base.weights, **changes,
    )  # fmt: skip


def test_an_interaction_that_must_stay_is_barred_from_the_explanation_of_its_item() -> None:
    # Item 0 hangs on its own interaction, or on the other two together.
    model = LinearRecommender(np.array([[3.0, 0, 0, 4], [1, 0, 0, 0.4], [1, 0, 0, 0.4], [0, 0, 0, 0]]))
    history, amounts = np.array([0, 1, 2]), np.ones(3, dtype=np.int64)
    removed = []
    for removable in (None, history != 0):
        question = make_question(model, history, amounts, 0, k=1, candidates="all", removable=removable)
        removed.append(explain(question, None, Settings())[0].removed.tolist())
    assert removed == [[1], [1]]


def test_the_list_without_what_is_removed_is_the_ranking_of_what_is_left() -> None:
    rng = np.random.default_rng(7)
    for _ in range(60):
        question = repeat_question(rng) if rng.random() < 0.5 else random_question(rng)
        ways = twin.all_removals(question)
        taken = ways[rng.integers(len(ways))]
        ranked = twin.ranking(question, taken)
        found = list_without(question, taken, 4)
        assert len(found) == min(4, len(ranked))
        assert len(set(found.tolist())) == len(found)
        assert set(found.tolist()) <= {item for _, item in ranked}
        scores = dict((item, score) for score, item in ranked)
        size = max(abs(score) for score, _ in ranked)
        assert [scores[item] for item in found.tolist()] == pytest.approx(
            [score for score, _ in ranked[:4]], rel=1e-9, abs=1e-9 * size
        )


def test_lists_of_all_items_hold_those_of_the_history() -> None:
    histories = sp.csr_array(np.array([[1.0, 0, 0], [0, 1, 1]]))
    model = LinearRecommender(np.array([[3.0, 2, 1], [0, 1, 2], [0, 0, 5]]))
    assert top_lists(model, histories, 2, is_unseen=False).tolist() == [[0, 1], [2, 1]]
    assert top_lists(model, histories, 2).tolist() == [[1, 2], [0, -1]]


def test_a_drop_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="drop must be at least 1"):
        make_question(LinearRecommender(np.eye(3)), np.array([0]), np.array([1]), 1, k=1, drop=0)
