"""From a question to explanations: search, verify, report; the next ones differ from the earlier."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.any_question import AnyQuestion
from recsys_ops.counterfactuals.bounds import cheapest, least_distances
from recsys_ops.counterfactuals.by_search import find_by_search
from recsys_ops.counterfactuals.plausible import find_plausible
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.counterfactuals.search import Earlier, Goal, SearchResult
from recsys_ops.counterfactuals.settings import Settings, check_search_settings
from recsys_ops.counterfactuals.shortest import find_shortest
from recsys_ops.counterfactuals.tolerances import LIKELIHOOD_ROUNDING, is_less
from recsys_ops.counterfactuals.units import in_units, is_resolved, usual_unit
from recsys_ops.counterfactuals.verify import has_left, list_without, rank_without
from recsys_ops.errors import ConfigError
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.network import best_child_bound
from recsys_ops.status import Status


@dataclass(frozen=True)
class Effort:
    """What an option cost; ``seconds`` depends on the clock, ``nodes`` too where the time limit was hit."""

    seconds: float
    nodes: int


@dataclass(frozen=True)
class Explanation:
    """Verified outcome of one option of a case; measures are None where there is nothing to measure.

    ``option`` counts from 0, the best. ``removed (n_removed,)`` items that lose ``taken (n_removed,)`` units each.
    ``distance`` is the weighted L1 distance ``sum_j w_j d_j / scale`` of the model inputs (removed interactions, or
    stars over the greatest rating); ``objective`` is that, less alpha times the log-likelihood where it is optimised;
    ``bound`` a proven lower bound on the objective. Percentiles are shares of the training histories that are no
    likelier. ``log_likelihood_bound`` is what the optimiser counted on, the other two are exact.
    """

    item: int
    option: int
    status: Status
    reason: str | None = None
    rank_before: int | None = None
    rank_after: int | None = None
    removed: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    taken: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    distance: float | None = None
    objective: float | None = None
    bound: float | None = None
    log_likelihood_before: float | None = None
    log_likelihood_after: float | None = None
    percentile_before: float | None = None
    percentile_after: float | None = None
    log_likelihood_bound: float | None = None
    method: str | None = None
    list_after: NDArray[np.int64] | None = None
    effort: Effort = field(default=Effort(0.0, 0), compare=False)

    @property
    def n_removed(self) -> int:
        """Interactions that lose something."""
        return len(self.removed)

    @property
    def gap(self) -> float | None:
        """Distance of the objective from its proven bound, relative to the objective."""
        if self.objective is None or self.bound is None:
            return None
        return (self.objective - self.bound) / abs(self.objective) if self.objective else 0.0


def explain(question: AnyQuestion, likelihood: Likelihood | None, settings: Settings) -> list[Explanation]:
    """Explain one recommendation.

    Parameters
    ----------
    question : Question or ScoredQuestion
    likelihood : Likelihood or None
        Needed for plausibility other than "none"; otherwise only reported.
    settings : Settings

    Returns
    -------
    list of Explanation
        At most ``n_options``, the best first. Fewer where there are no more; the last one says so if time ran out.
        A case never raises for what is in its data.

    Raises
    ------
    ConfigError
        Plausibility is wanted, and there is no likelihood, or the recommender is not linear.
    """
    started = time.perf_counter()
    if isinstance(question, ScoredQuestion):
        check_search_settings(settings)
    goal = _goal(likelihood, settings)
    is_hidden = question.candidates == "unseen" and question.item in question.history
    rank = None if is_hidden else rank_without(question, np.zeros_like(question.amounts))
    explanations: list[Explanation] = []
    trivial = _without_search(question, rank)
    if trivial is not None:
        return [_with_likelihood(trivial, question, likelihood, np.zeros_like(question.amounts))]
    earlier: Earlier = []
    least = -np.inf
    for option in range(settings.n_options):
        began = time.perf_counter()
        found = _search(question, goal, settings, earlier, started + settings.time_limit, least)
        if option > 0 and found.taken is None and found.is_proven:
            break
        reported = _report(question, found, settings, goal, option, rank)
        reported = _with_likelihood(reported, question, likelihood, found.taken)
        explanations.append(replace(reported, effort=Effort(time.perf_counter() - began, found.nodes)))
        if found.taken is None:
            break
        earlier.append(np.flatnonzero(found.taken))
        least = found.bound
    return _in_order(explanations)


def _in_order(explanations: list[Explanation]) -> list[Explanation]:
    """The best first; what a later option has undercut was not proven best."""
    found = [explanation for explanation in explanations if explanation.objective is not None]
    rest = explanations[len(found) :]
    least = np.inf
    for position in reversed(range(len(found))):
        one = found[position]
        if one.objective is not None and is_less(least, one.objective):
            if one.status is Status.OPTIMAL:
                reason = "not proven best: an option that was found later is better"
                one = replace(one, status=Status.FEASIBLE, reason=reason)
            bound = None if one.bound is None else min(least, one.bound)
            found[position] = replace(one, bound=bound)
        least = min(least, one.objective if one.objective is not None else np.inf)
    found.sort(key=lambda one: one.objective if one.objective is not None else np.inf)
    return [replace(one, option=option) for option, one in enumerate([*found, *rest])]


def _goal(likelihood: Likelihood | None, settings: Settings) -> Goal | None:
    if settings.plausibility == "none":
        return None
    if likelihood is None:
        raise ConfigError(f"--plausibility {settings.plausibility}: there is no likelihood. Use --plausibility none.")
    mixture = settings.mixture if settings.engine == "direct" else "best"
    if settings.plausibility == "optimise":
        return Goal(likelihood, settings.alpha, -np.inf, mixture)
    threshold = likelihood.median if settings.threshold is None else settings.threshold
    return Goal(likelihood, 0.0, threshold - LIKELIHOOD_ROUNDING * (1 + abs(threshold)), mixture)


def _without_search(question: AnyQuestion, rank: int | None) -> Explanation | None:
    if rank is None:
        reason = "the item is in the user's history, so it is not recommended"
        return Explanation(question.item, 0, Status.ALREADY_SATISFIED, reason)
    if question.is_valid(np.zeros_like(question.amounts)):
        return Explanation(
            question.item, 0, Status.ALREADY_SATISFIED, rank_before=rank, rank_after=rank,
            distance=0.0, objective=0.0, bound=0.0,
        )  # fmt: skip
    if not question.limits.any():
        reason = "nothing in the history may be removed" if len(question.history) else "the history is empty"
        return Explanation(question.item, 0, Status.INFEASIBLE, reason, rank_before=rank)
    return None


def _search(
    question: AnyQuestion, goal: Goal | None, settings: Settings, earlier: Earlier, deadline: float, least: float
) -> SearchResult:
    """Run the engine; where the best-child bound finds nothing, solve with the exact likelihood."""
    if isinstance(question, ScoredQuestion):
        return find_by_search(question, earlier, deadline, max(least, 0.0))
    if settings.engine == "pyomo":
        from recsys_ops.counterfactuals.specification import find_by_specification  # late: few need its library

        unit = usual_unit(question, 0.0 if goal is None else goal.alpha)
        scaled = in_units(question, unit)
        scaled_goal = goal if goal is None else replace(goal, alpha=goal.alpha / unit)
        found = find_by_specification(scaled, scaled_goal, earlier, deadline)
        found = replace(found, objective=found.objective * unit, bound=found.bound * unit)
        if found.taken is not None and found.is_proven and not is_resolved(scaled):
            found = replace(found, bound=-np.inf, is_proven=False, is_disputed=True)
    elif goal is None:
        found = find_shortest(question, earlier, deadline, least)
    else:
        found = find_plausible(question, goal, earlier, deadline, least)
    if goal is None or goal.mixture == "exact" or goal.alpha > 0 or found.taken is not None or not found.is_proven:
        return found
    exact = find_plausible(question, replace(goal, mixture="exact"), earlier, deadline)
    return replace(exact, nodes=found.nodes + exact.nodes, by_exact=True)


def _report(
    question: AnyQuestion, found: SearchResult, settings: Settings, goal: Goal | None, option: int, rank: int | None
) -> Explanation:
    """What was found, once the recommender has confirmed it."""
    if found.taken is None:
        bound = found.bound if np.isfinite(found.bound) else None
        status, why = Status.TIMEOUT, f"nothing found in {settings.time_limit:g} seconds"
        if found.is_exhausted:
            why = "the search found nothing, which proves nothing: the recommender is not linear"
        if found.is_disputed:
            why = "nothing found, and two solves do not agree that there is nothing"
        if found.is_proven:
            status, why = Status.INFEASIBLE, _why_not(question, goal, found)
        return Explanation(question.item, option, status, why, rank, bound=bound, method=found.method)
    rank_after = rank_without(question, found.taken)
    touched = np.flatnonzero(found.taken)
    status = Status.OPTIMAL if found.is_proven else Status.FEASIBLE
    reason = "by the exact likelihood; by its best-child bound there is none" if found.by_exact else None
    if not found.is_proven:
        reason = f"not proven best in {settings.time_limit:g} seconds"
        if found.is_exhausted:
            reason = "found by search: the recommender is not linear, and what is smaller was not all tried"
        if found.is_disputed:
            reason = "not proven best: a second solve does not confirm it, or costs differ by more than the solver sees"
    if not has_left(question, found.taken, rank_after):
        status, reason = Status.ERROR, f"the recommender still shows the item at rank {rank_after}"
    return Explanation(
        question.item, option, status, reason, rank, rank_after,
        list_after=list_without(question, found.taken, settings.k) if settings.lists else None,
        removed=question.history[touched], taken=found.taken[touched], distance=question.distance(found.taken),
        objective=found.objective, bound=found.bound if np.isfinite(found.bound) else None, method=found.method,
    )  # fmt: skip


def _why_not(question: AnyQuestion, goal: Goal | None, found: SearchResult) -> str:
    if isinstance(question, ScoredQuestion):
        return _why_not_by_search(question)
    if question.n_rivals < question.k:
        return f"there are fewer than {question.k} other candidates"
    if question.is_capped:
        return _why_not_within_caps(question, goal)
    if goal is not None and np.isfinite(goal.threshold) and found.is_possible:
        return f"no removal that brings the item out of the top k has a log-likelihood of {goal.threshold:.6g} (exact)"
    return "no removal brings the item out of the top k"


def _why_not_within_caps(question: Question, goal: Goal | None) -> str:
    """Which caps there are, and how far one has to go at least."""
    named = _caps(question)
    likely = "" if goal is None or np.isinf(goal.threshold) else f" with a log-likelihood of {goal.threshold:.6g}"
    least = cheapest(least_distances(question, question.limits), question.needed)
    needs = f"it takes a distance of at least {least:g}" if np.isfinite(least) else "nor does any longer one"
    return f"no removal{likely} of at most {named} brings the item out of the top k; {needs}"


def _why_not_by_search(question: ScoredQuestion) -> str:
    if question.k > question.n_candidates:
        return f"there are fewer than {question.k} other candidates"
    within = f" of at most {_caps(question)}" if _caps(question) else ""
    return f"no removal{within} brings the item out of the top k; all were tried"


def _caps(question: AnyQuestion) -> str:
    """The caps on an explanation, in words; empty without."""
    few = "1 interaction" if question.max_removed == 1 else f"{question.max_removed:g} interactions"
    caps = [(question.max_removed, few), (question.max_distance, f"a distance of {question.max_distance:g}")]
    return " and ".join(text for most, text in caps if np.isfinite(most))


def _with_likelihood(
    explanation: Explanation, question: AnyQuestion, likelihood: Likelihood | None, taken: NDArray[np.int64] | None
) -> Explanation:
    """Add the exact log-likelihoods before and after, and what the best child makes of it."""
    if likelihood is None:
        return explanation
    none = np.zeros_like(question.amounts)
    before = float(likelihood.log_likelihood(question.histories(none))[0])
    if taken is None:
        return replace(explanation, log_likelihood_before=before, percentile_before=likelihood.percentile(before))
    after = float(likelihood.log_likelihood(question.histories(taken))[0])
    values = likelihood.aggregation.aggregate(question.histories(taken))
    return replace(
        explanation,
        log_likelihood_before=before,
        log_likelihood_after=after,
        percentile_before=likelihood.percentile(before),
        percentile_after=likelihood.percentile(after),
        log_likelihood_bound=float(best_child_bound(likelihood.network, values)[0]),
    )
