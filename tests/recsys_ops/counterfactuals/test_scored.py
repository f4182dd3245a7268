"""Explanations of recommenders that are not linear, against all removals of small histories."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.counterfactuals import by_search, scored, tried
from recsys_ops.counterfactuals.by_search import find_by_search
from recsys_ops.counterfactuals.explanation import explain
from recsys_ops.counterfactuals.fold_in_bounds import least_distances
from recsys_ops.counterfactuals.rank_updates import fold_in_scores
from recsys_ops.counterfactuals.relu_proof import prove_by_program
from recsys_ops.counterfactuals.scored import make_scored_question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import explain as explain_question
from recsys_ops.errors import ConfigError
from recsys_ops.models.als import fit_als
from recsys_ops.status import Status
from tests.scored_questions import Floats, Network, all_removals, is_out, least_distance, random_question


@pytest.mark.parametrize("kind", ["als", "tanh", "relu"])
def test_what_is_found_is_the_smallest_of_all_removals_and_proven(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        question = random_question(rng, kind)
        found = find_by_search(question, [], np.inf)
        truth = least_distance(question)
        assert found.is_proven
        assert found.objective == pytest.approx(truth, rel=1e-12)
        assert found.taken is None or is_out(question, found.taken)


def test_the_search_alone_finds_nearly_all_smallest_explanations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_search, "try_smaller", lambda question, earlier, found, deadline: found)
    monkeypatch.setattr(by_search, "prove_by_program", lambda question, earlier, found, deadline: found)
    rng = np.random.default_rng(1)
    same = []
    for kind in ("als", "tanh", "relu") * 20:
        question = random_question(rng, kind, most=10)
        truth = least_distance(question)
        if np.isfinite(truth):
            same.append(find_by_search(question, [], np.inf).objective <= truth * (1 + 1e-12))
    assert np.mean(same) >= 0.95


def test_the_program_of_a_relu_network_proves_what_trying_everything_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "MOST_TRIED", 0)
    rng = np.random.default_rng(2)
    for _ in range(60):
        question = random_question(rng, "relu")
        found = find_by_search(question, [], np.inf)
        assert found.is_proven
        assert found.objective == pytest.approx(least_distance(question), rel=1e-9)


def test_the_program_improves_on_a_poor_explanation() -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        question = random_question(rng, "relu")
        everything = question.limits.copy()
        if not (is_out(question, everything) and question.is_within(everything[None])[0]):
            continue
        poor = by_search._result(by_search._Best(everything, question.distance(everything)), 0.0)
        found = prove_by_program(question, [], poor, np.inf)
        assert found.is_proven
        assert found.objective == pytest.approx(least_distance(question), rel=1e-9)


def test_a_bound_below_what_is_found_is_never_too_high(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "MOST_TRIED", 6)
    rng = np.random.default_rng(4)
    bounds = []
    for kind in ("als", "tanh") * 15:
        question = random_question(rng, kind)
        found = find_by_search(question, [], np.inf)
        truth = least_distance(question)
        assert found.bound <= truth * (1 + 1e-12)
        assert not found.is_proven or found.objective == pytest.approx(truth, rel=1e-12)
        bounds.append(found.bound > 0 and not found.is_proven)
    assert any(bounds)


def test_rank_updates_are_the_regression_solved_anew() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        question = random_question(rng, "als")
        model = question.recommender
        updated = fold_in_scores(model, question.history, question.amounts, question.scale, np.arange(model.n_items))  # type: ignore[arg-type]
        removals = all_removals(question)
        expected = np.array([question.rescore(taken) for taken in removals])
        assert np.allclose(updated(removals), expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())


def test_options_differ_and_none_is_better_than_the_one_before() -> None:
    rng = np.random.default_rng(6)
    for _ in range(15):
        question = random_question(rng, "als")
        found = explain_question(question, None, Settings(k=question.k, n_options=3))
        distances = [one.distance for one in found if one.distance is not None]
        assert distances == sorted(distances)
        touched = [set(one.removed.tolist()) for one in found if one.n_removed]
        assert not any(earlier <= later for earlier, later in itertools.combinations(touched, 2))


def test_what_is_found_without_a_proof_is_feasible_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "MOST_TRIED", 0)
    rng = np.random.default_rng(7)
    statuses = set()
    for _ in range(20):
        question = random_question(rng, "tanh")
        (found,) = explain_question(question, None, Settings(k=question.k))
        statuses.add(found.status)
        assert found.status is not Status.ERROR
        if found.status is Status.FEASIBLE:
            assert found.reason is not None
            assert found.reason.startswith("found by search")
            assert found.method == "search"
    assert Status.FEASIBLE in statuses


def test_a_model_without_an_answer_for_what_is_left_is_not_counted_as_a_removal() -> None:
    class Normalised(Network):
        def scores(self, histories: sp.csr_array) -> Floats:
            sizes = np.sqrt((histories.toarray() ** 2).sum(axis=1, keepdims=True))
            return np.where(sizes > 0, super().scores(histories), np.nan)

    rng = np.random.default_rng(8)
    model = Normalised(rng, 10, is_relu=False)
    question = make_scored_question(model, np.array([2, 5]), np.ones(2, dtype=np.int64), 0, k=20)
    assert find_by_search(replace(question, k=9), [], np.inf).taken is None
    assert not question.is_valid(np.ones(2, dtype=np.int64))


def test_plausibility_and_the_textbook_program_are_refused() -> None:
    question = random_question(np.random.default_rng(9), "als")
    for settings, message in (
        (
            Settings(plausibility="optimise"),
            r"--plausibility optimise: .* Use --plausibility none, or a linear --model",
        ),
        (Settings(engine="pyomo"), r"--engine pyomo: .* Use --engine direct"),
    ):
        with pytest.raises(ConfigError, match=message):
            explain_question(question, None, settings)


def test_a_python_session_explains_a_fitted_als() -> None:
    rng = np.random.default_rng(10)
    taste = rng.integers(0, 2, 40)
    histories = sp.csr_array(
        (rng.random((40, 20)) < np.where((np.arange(20) % 2)[None] == taste[:, None], 0.6, 0.05)) * 1.0
    )
    model = fit_als(histories, rank=4)
    found = explain(model, histories, 3, k=3)
    assert found.status is Status.OPTIMAL
    assert found.rank_before == 1
    assert found.rank_after is not None
    assert found.rank_after > 3
    assert "It hangs on" in str(found)


def test_the_bound_of_a_fold_in_model_is_below_every_removal_that_brings_an_item_above() -> None:
    rng = np.random.default_rng(11)
    some = []
    for _ in range(60):
        question = random_question(rng, "als")
        least = least_distances(question, question.recommender)  # type: ignore[arg-type]
        removals = all_removals(question)
        scores = np.array([question.rescore(taken) for taken in removals])
        own = scores[:, [question.item]]
        above = scores > own if question.validity == "kth" else np.repeat(own < question.kth, scores.shape[1], axis=1)
        distances = np.where(above, (removals @ question.costs)[:, None], np.inf).min(axis=0)
        assert np.all(least <= distances * (1 + 1e-9))
        some.append(np.isfinite(least).any() and least.max() > 0)
    assert np.mean(some) > 0.3


def test_rivals_left_out_of_the_search_do_not_spoil_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored, "MOST_RIVALS", 4)
    rng = np.random.default_rng(12)
    proven = []
    for _ in range(60):
        question = random_question(rng, "als")
        found = find_by_search(question, [], np.inf)
        truth = least_distance(question)
        assert found.bound <= truth * (1 + 1e-12)
        assert not found.is_proven or found.objective == pytest.approx(truth, rel=1e-12)
        proven.append(found.is_proven)
    assert 0 < np.mean(proven) < 1


def test_without_time_nothing_is_scored_and_nothing_is_claimed() -> None:
    question = random_question(np.random.default_rng(13), "tanh")
    found = find_by_search(question, [], 0.0)
    assert (found.taken, found.is_proven, found.nodes) == (None, False, 0)
    (reported,) = explain_question(question, None, Settings(k=question.k, time_limit=1e-9))
    assert (reported.status, reported.reason) == (Status.TIMEOUT, "nothing found in 1e-09 seconds")
