"""Caps on what an explanation removes, against trying everything: proven, or proven not to be had."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import explain
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

SEEDS = st.integers(0, 2**32 - 1)
PATIENT = 1000.0


def capped(question: Question, rng: np.random.Generator) -> Question:
    """With one cap or both."""
    most = float(question.costs @ question.limits)
    which = rng.integers(3)
    return replace(
        question,
        max_removed=float(rng.integers(1, 4)) if which != 0 else np.inf,
        max_distance=float(rng.uniform(0.1, 0.7) * most) if which != 1 else np.inf,
    )


def keeps_caps(question: Question, taken: np.ndarray) -> bool:
    return bool(
        sum(units > 0 for units in taken) <= question.max_removed
        and twin.distance(question, taken) <= question.max_distance + 1e-9
    )


def best_within(question: Question, alpha: float = 0.0, threshold: float = -np.inf, evaluate=lambda left: 0.0) -> float:
    objectives = [
        twin.distance(question, taken) - alpha * value
        for taken in twin.all_removals(question)
        if keeps_caps(question, taken) and twin.is_valid(question, taken)
        for value in [evaluate(question.amounts - taken)]
        if value >= threshold
    ]
    return min(objectives, default=np.inf)


@settings(deadline=None, max_examples=80)
@given(SEEDS, st.sampled_from(["direct", "direct", "direct", "pyomo"]))
def test_the_shortest_within_caps_is_that_of_brute_force_or_proven_not_to_exist(seed: int, engine: str) -> None:
    rng = np.random.default_rng(seed)
    question = capped(random_open_question(rng, has_costs=bool(rng.random() < 0.3)), rng)
    (found,) = explain(question, None, Settings(time_limit=PATIENT, engine=engine))
    best = best_within(question)
    if best == np.inf:
        assert (found.status, found.distance) == (Status.INFEASIBLE, None)
    else:
        assert found.status is Status.OPTIMAL
        assert found.objective == pytest.approx(best, abs=1e-6)
        assert keeps_caps(question, taken_by(question, found))


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(KINDS), st.booleans())
def test_the_most_plausible_within_caps_is_that_of_brute_force(seed: int, kind: str, optimise: bool) -> None:
    rng = np.random.default_rng(seed)
    question = capped(random_open_question(rng), rng)
    likelihood = random_likelihood(rng, question, kind)
    evaluate = log_likelihood_of(question, likelihood, "exact")
    values = sorted(evaluate(question.amounts - taken) for taken in twin.all_removals(question))
    threshold = values[2 * len(values) // 3] - 1e-6
    choice = (
        Settings(plausibility="optimise", alpha=0.3, time_limit=PATIENT)
        if optimise
        else Settings(plausibility="threshold", threshold=threshold, time_limit=PATIENT)
    )
    (found,) = explain(question, likelihood, choice)
    best = (
        best_within(question, 0.3, -np.inf, evaluate) if optimise else best_within(question, 0.0, threshold, evaluate)
    )
    if best == np.inf:
        assert found.status is Status.INFEASIBLE
    else:
        assert found.status is Status.OPTIMAL
        assert found.objective == pytest.approx(best, abs=1e-6)
        assert keeps_caps(question, taken_by(question, found))


def test_what_is_too_far_says_which_caps_there_are_and_how_far_it_is_at_least() -> None:
    seen = 0
    for seed in range(300):
        question = random_question(np.random.default_rng(seed))
        if not is_open(question) or question.scale > 1 or np.ptp(question.weights) > 0:
            continue
        (free,) = explain(question, None, Settings())
        if free.n_removed < 2:
            continue
        (found,) = explain(replace(question, max_removed=1.0, max_distance=2.5), None, Settings())
        assert found.status is Status.INFEASIBLE
        assert "no removal of at most 1 interaction and a distance of 2.5 brings the item" in found.reason
        assert float(found.reason.rpartition(" ")[2]) <= free.distance
        seen += 1
    assert seen >= 5


def test_other_options_keep_the_caps_too() -> None:
    seen = 0
    for seed in range(60):
        question = replace(random_question(np.random.default_rng(seed)), max_removed=2.0)
        if is_open(question):
            options = explain(question, None, Settings(n_options=3))
            seen += len(options) > 1
            assert all(option.n_removed <= 2 for option in options)
    assert seen
