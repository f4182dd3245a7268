"""Factored models: the same explanations as by trying everything, and the same rows as from their product."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals import prepare
from recsys_ops.counterfactuals.inequalities import contributions, lead
from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.rescored import rescored_best
from recsys_ops.counterfactuals.screen import least_by_rate, within_reach
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import explain
from recsys_ops.counterfactuals.verify import rank_without
from recsys_ops.errors import InputError
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.linear import LinearModel, LinearRecommender
from recsys_ops.status import Status
from tests.questions import is_open, random_factors, random_likelihood, random_question, taken_by
from tests.twins import counterfactuals as twin

SEEDS = st.integers(0, 2**32 - 1)


def factored_question(seed: int, *, only_shortest: bool = False, has_costs: bool = False) -> Question:
    question = random_question(
        np.random.default_rng(seed), model=random_factors, only_shortest=only_shortest, has_costs=has_costs
    )
    assume(is_open(question))
    return question


@settings(deadline=None, max_examples=54)
@given(SEEDS, st.booleans())
def test_the_shortest_explanation_equals_the_best_of_all_removals(seed: int, only_shortest: bool) -> None:
    question = factored_question(seed, only_shortest=only_shortest)
    (found,) = explain(question, None, Settings())
    wanted = twin.best_explanations(question)
    if not wanted:
        assert found.status == Status.INFEASIBLE
        return
    taken = taken_by(question, found)
    assert (found.status, found.objective) == (Status.OPTIMAL, pytest.approx(wanted[0], rel=1e-9))
    assert twin.is_valid(question, taken)
    assert found.rank_after == twin.rank(question, taken)
    assert found.rank_before == twin.rank(question, np.zeros_like(taken))


@settings(deadline=None, max_examples=11)
@given(SEEDS)
def test_further_options_equal_the_best_removals_that_differ(seed: int) -> None:
    question = factored_question(seed, has_costs=True)
    found = explain(question, None, Settings(n_options=3))
    wanted = twin.best_explanations(question, n_options=3)
    assert [option.objective for option in found if option.objective] == pytest.approx(wanted, rel=1e-6)


@settings(deadline=None, max_examples=7)
@given(SEEDS)
def test_the_textbook_program_finds_the_same(seed: int) -> None:
    question = factored_question(seed)
    assume(np.abs(question.recommender.rows(question.history)).max() < 100)
    (found,), (expected,) = (explain(question, None, Settings(engine=engine)) for engine in ("direct", "pyomo"))
    assert found.status == expected.status
    assert found.objective == (None if expected.objective is None else pytest.approx(expected.objective, rel=1e-6))


@settings(deadline=None, max_examples=14)
@given(SEEDS)
def test_the_rank_is_beyond_k_exactly_where_the_removal_is_valid(seed: int) -> None:
    question = random_question(np.random.default_rng(seed), model=random_factors)
    assume(question.validity == "kth")
    for taken in twin.all_removals(question)[:100]:
        assert (
            (rank_without(question, taken) > question.k) == question.is_valid(taken) == twin.is_valid(question, taken)
        )


def big_model(n_items: int = 3000, seed: int = 1) -> FactoredRecommender:
    """Factors with tastes and popularity, as fitted ones have."""
    rng = np.random.default_rng(seed)
    tastes = rng.normal(0, 1, (8, 16))
    vectors = tastes[rng.integers(0, 8, n_items)] + 0.5 * rng.normal(0, 1, (n_items, 16))
    return FactoredRecommender(vectors.astype(np.float32), vectors.astype(np.float32), rng.gumbel(0, 2, n_items))


def questions_of(model: LinearModel, **options: object) -> list[Question]:
    """About the best three of twenty histories."""
    questions = []
    for seed in range(20):
        history = np.sort(np.random.default_rng(seed).choice(model.n_items, 12, replace=False))
        inputs = sp.csr_array((np.ones(12), history, [0, 12]), shape=(1, model.n_items))
        scores = model.scores(inputs)[0]
        scores[history] = -np.inf
        questions += [
            make_question(model, history, np.ones(12, dtype=np.int64), item, k=5, **options)
            for item in np.argsort(-scores)[:3]
        ]
    return questions


@pytest.mark.parametrize("removed_items", ["excluded", "eligible"])
def test_the_factors_give_the_rows_that_their_product_gives(removed_items: str) -> None:
    model = big_model()
    product = np.float64(model.history_factors) @ np.float64(model.item_factors).T
    dense = Weighted(product, offsets=model.offsets)
    for options in ({"only_shortest": True}, {}):
        pairs = zip(*(questions_of(one, removed_items=removed_items, **options) for one in (model, dense)), strict=True)
        for factored, whole in pairs:
            (found,), (expected,) = (explain(question, None, Settings(k=5)) for question in (factored, whole))
            assert found.removed.tolist() == expected.removed.tolist()
            assert (found.status, found.rank_before, found.rank_after, found.distance, found.bound) == (
                expected.status, expected.rank_before, expected.rank_after, expected.distance, expected.bound
            )  # fmt: skip


class Weighted(LinearRecommender):
    """Dense weights with offsets: the product of factors, for comparison."""

    def __init__(self, weights: np.ndarray, offsets: np.ndarray) -> None:
        super().__init__(weights)
        object.__setattr__(self, "_offsets", offsets)

    @property
    def offsets(self) -> np.ndarray:
        return self._offsets

    def scores(self, histories: sp.csr_array) -> np.ndarray:
        return super().scores(histories) + self._offsets


def test_what_only_the_shortest_needs_is_a_small_part_of_the_catalogue() -> None:
    model = big_model()
    kept = [question.gains.shape[1] for question in questions_of(model, only_shortest=True)]
    assert np.mean(kept) < model.n_items / 4
    assert max(kept) < np.median([question.gains.shape[1] for question in questions_of(model)])


@pytest.mark.parametrize("seed", range(60))
def test_bounds_leave_out_no_rival_that_a_removal_within_the_distance_brings_above(seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_question(rng, model=random_factors, has_costs=bool(seed % 2))
    rivals = np.setdiff1d(np.flatnonzero(np.isfinite(question.scores)), np.append(question.history, question.item))
    own, others = (
        contributions(question.recommender, question.history, question.scale, items)
        for items in (np.array([question.item]), rivals)
    )
    among = lead(others, own, question.amounts)
    removals = np.array(twin.all_removals(question))
    overtakes = (question.amounts - removals) @ among.gains + among.rests <= 0
    distances = removals @ question.costs
    for most in rng.choice(distances, 3):
        reached = rivals[overtakes[distances <= most].any(axis=0)]
        near = within_reach(question, own.rows[:, 0], rivals, most)
        assert np.isin(reached, near).all()
        assert np.isin(reached, near[least_by_rate(question, own.rows[:, 0], near) <= most]).all()


@pytest.mark.parametrize("seed", range(40))
def test_scoring_again_what_can_reach_a_level_leaves_out_nothing_that_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_question(rng, model=random_factors)
    for taken in rng.permutation(twin.all_removals(question))[:10]:
        some = rng.choice(question.recommender.n_items, 4, replace=False)
        whole = question.rescore(taken)
        level = np.sort(whole[some])[-2]
        items, scores = rescored_best(question, taken, some, 2)
        np.testing.assert_allclose(scores, whole[items], rtol=1e-9, atol=1e-9 * question.magnitudes.max())
        assert np.isin(np.flatnonzero(whole > level + 1e-9 * question.magnitudes.max()), items).all()


def test_blocks_do_not_change_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = questions_of(big_model(500), only_shortest=True)
    monkeypatch.setattr(prepare, "BLOCK_ELEMENTS", 100)
    for one, other in zip(questions_of(big_model(500), only_shortest=True), whole, strict=True):
        np.testing.assert_allclose(one.gains, other.gains, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(one.gaps, other.gaps, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("removed_items", ["excluded", "eligible"])
def test_what_an_item_adds_to_itself_changes_no_explanation(removed_items: str) -> None:
    for question in questions_of(big_model(60), removed_items=removed_items)[::4]:
        model = question.recommender
        weights = np.float64(model.history_factors) @ np.float64(model.item_factors).T
        answers = []
        for itself in (0.0, 1e3, -1e3):
            np.fill_diagonal(weights, itself)
            varied = make_question(
                LinearRecommender(weights.copy()), question.history, question.amounts, question.item, k=5,
                removed_items=removed_items,
            )  # fmt: skip
            (found,) = explain(varied, None, Settings(k=5))
            answers.append((found.status, found.removed.tolist(), found.rank_before, found.rank_after, found.bound))
        assert answers[0] == answers[1] == answers[2]


def test_an_unknown_item_is_no_rival_and_cannot_be_asked_about() -> None:
    factors = np.eye(4)
    model = FactoredRecommender(np.ones((4, 4)), factors, np.array([0.0, 2.0, 1.0, -np.inf]))
    question = make_question(model, np.array([0]), np.array([1]), 1, k=2)
    assert question.n_rivals == 1
    (found,) = explain(question, random_likelihood(np.random.default_rng(0), question, "sum"), Settings(k=2))
    assert (found.status, found.reason) == (Status.INFEASIBLE, "there are fewer than 2 other candidates")
    with pytest.raises(InputError, match="does not know item 3"):
        make_question(model, np.array([0]), np.array([1]), 3, k=2)
