"""Random questions of every mode and every scale, and what is false of what is claimed about one.

Weights and costs spread over up to twelve decades, within one question too; the truth is found by trying everything.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.status import Status
from tests.questions import KINDS, log_likelihood_of, random_likelihood, taken_by
from tests.twins import counterfactuals as twin

DECADES = (0, 0, 3, 6, 9, 12)


@dataclass(frozen=True)
class Case:
    """A question with what is wanted of it; ``likelihood`` is None without plausibility."""

    question: Question
    likelihood: Likelihood | None
    settings: Settings


def random_case(rng: np.random.Generator) -> Case:
    """Any mode: validity, ratings, eligible items, costs, protected interactions, caps, options and plausibility."""
    question = _random_question(rng)
    plausibility: Literal["none", "optimise", "threshold"] = rng.choice(["none", "none", "optimise", "threshold"])
    likelihood, alpha, threshold = None, 0.1, None
    if plausibility != "none":
        likelihood = random_likelihood(rng, question, str(rng.choice(KINDS)))
        alpha = float(10.0 ** rng.uniform(-2, 1) * np.median(question.weights))
        values = [log_likelihood_of(question, likelihood)(question.amounts - way) for way in _some(rng, question)]
        threshold = float(np.quantile(values, rng.random())) + 1e-6 * (1 + max(map(abs, values)))
    settings = Settings(
        plausibility=plausibility, alpha=alpha, threshold=threshold, n_options=int(rng.choice([1, 1, 3])),
        time_limit=60.0,
    )  # fmt: skip
    return Case(question, likelihood, settings)


def _random_question(rng: np.random.Generator) -> Question:
    n_items, is_rated = int(rng.integers(9, 14)), bool(rng.random() < 0.3)
    scale = 3 if is_rated else 1
    n = int(rng.integers(1, 5 if is_rated else 8))
    weights = rng.normal(rng.choice([0.0, 0.4]), 1, (n_items, n_items)).round(int(rng.integers(1, 6)))
    weights *= rng.random(weights.shape) < rng.choice([0.6, 1.0])
    weights *= 10.0 ** rng.uniform(-6, 6)
    # Some interactions, some items, or single weights are of another size.
    spread = rng.choice(DECADES) / 2
    shape = [(n_items, 1), (1, n_items), (n_items, n_items)][rng.integers(3)]
    weights *= 10.0 ** np.round(rng.uniform(-spread, spread, shape), int(rng.integers(0, 3)))
    np.fill_diagonal(weights, 0)
    history = np.sort(rng.choice(n_items, n, replace=False))
    amounts = rng.integers(1, scale + 1, n)
    candidates = np.setdiff1d(np.arange(n_items), history)
    best = candidates[np.argsort(-(amounts @ weights[history])[candidates], kind="stable")]
    return make_question(
        LinearRecommender(weights), history, amounts, int(best[int(rng.integers(0, min(3, len(best))))]),
        k=int(rng.integers(1, 4)), scale=scale,
        validity="kth" if rng.random() < 0.6 else "score",
        removed_items="excluded" if rng.random() < 0.5 else "eligible",
        weights=_random_costs(rng, n),
        removable=None if rng.random() < 0.6 else rng.random(n) < 0.8,
        max_removed=int(rng.integers(1, n + 1)) if rng.random() < 0.2 else None,
    )  # fmt: skip


def _random_costs(rng: np.random.Generator, n: int) -> NDArray[np.float64] | None:
    kind, spread = rng.integers(4), rng.choice(DECADES)
    if kind == 0:
        return None
    costs = rng.integers(1, 10, n).astype(float) if kind == 1 else rng.uniform(1, 10, n)
    if kind == 2:
        costs = costs.round(1)
    return np.asarray(costs * 10.0 ** np.floor(rng.uniform(0, spread + 1, n)) * 10.0 ** rng.integers(-6, 1))


def _some(rng: np.random.Generator, question: Question) -> NDArray[np.int64]:
    ways = twin.all_removals(question)
    return ways[rng.choice(len(ways), min(len(ways), 20), replace=False)]


def false_claims(case: Case) -> tuple[list[str], list[Explanation]]:
    """What is not true of the outcome, in words, and the outcome."""
    question, settings = case.question, case.settings
    explanations = explain(question, case.likelihood, settings)
    ways = [way for way in twin.all_removals(question) if _is_within(question, way) and twin.is_valid(question, way)]
    evaluate = None if case.likelihood is None else log_likelihood_of(question, case.likelihood)
    values = []
    for way in ways:
        value = twin.distance(question, way)
        if evaluate is not None and settings.plausibility == "optimise":
            value -= settings.alpha * evaluate(question.amounts - way)
        if evaluate is not None and settings.plausibility == "threshold":
            value = value if evaluate(question.amounts - way) >= _threshold(settings) else np.inf
        values.append(value)
    false: list[str] = []
    earlier: list[NDArray[np.int64]] = []
    for found in explanations:
        open_to = [
            value for way, value in zip(ways, values, strict=True) if np.isfinite(value) and _differs(way, earlier)
        ]
        false.extend(_false_of(case, found, min(open_to, default=np.inf), ways))
        if found.status in (Status.OPTIMAL, Status.FEASIBLE):
            earlier.append(taken_by(question, found))
    is_last = len(explanations) < settings.n_options and explanations[-1].status is Status.OPTIMAL
    if is_last and any(np.isfinite(value) and _differs(way, earlier) for way, value in zip(ways, values, strict=True)):
        false.append("there is another option")
    return false, explanations


def _differs(way: NDArray[np.int64], earlier: list[NDArray[np.int64]]) -> bool:
    return all(bool(np.any(way[np.flatnonzero(other)] == 0)) for other in earlier)


def _threshold(settings: Settings) -> float:
    assert settings.threshold is not None
    return settings.threshold - 1e-8 * (1 + abs(settings.threshold))


def _is_within(question: Question, way: NDArray[np.int64]) -> bool:
    return bool(np.count_nonzero(way) <= question.max_removed)


def _false_of(case: Case, found: Explanation, best: float, ways: list[NDArray[np.int64]]) -> list[str]:
    question = case.question
    is_out = twin.is_valid(question, np.zeros_like(question.amounts))
    if found.status is Status.ALREADY_SATISFIED or is_out:
        agree = (found.status is Status.ALREADY_SATISFIED) == is_out
        return [] if agree else [f"{found.status}, but out of the list: {is_out}"]
    if found.status is Status.INFEASIBLE:
        return [] if best == np.inf else [f"infeasible, but {best:.17g} is possible"]
    if found.status is Status.TIMEOUT:
        return []
    if found.status is Status.ERROR:
        return [f"error: {found.reason}"]
    assert found.objective is not None
    taken = taken_by(question, found)
    false = []
    if not any(np.array_equal(taken, way) for way in ways):
        false.append("the removal is not valid")
    # Only what rounding can do to a sum: costs over twelve decades count.
    rounding = 1e-12 if case.likelihood is None or case.settings.plausibility == "threshold" else 1e-9
    slack = rounding * max(abs(found.objective), abs(best), abs(found.objective - (found.distance or 0)))
    if found.status is Status.OPTIMAL and found.objective > best + slack:
        false.append(f"optimal {found.objective:.17g}, but {best:.17g} is possible")
    if found.objective < best - slack:
        false.append(f"objective {found.objective:.17g} is less than the least {best:.17g}")
    if found.bound is not None and found.bound > best + slack:
        false.append(f"bound {found.bound:.17g} above the least {best:.17g}")
    return false
