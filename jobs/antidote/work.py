"""What the antidote job's workers do: propose artificial ratings for a case, and evaluate them by fits from scratch."""

from collections import Counter
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from jobs.antidote.case import AntidoteResult, Case, CaseResult
from jobs.antidote.common import FAILURES, stand_from_all_starts
from jobs.antidote.inputs import AntidoteInputs
from jobs.antidote.tables import result_tables
from jobs.runtime.each import each_with
from jobs.runtime.heartbeat import at_case
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.antidote.algorithms import propose
from recsys_ops.antidote.as_used import AsUsed
from recsys_ops.antidote.contribution import contributions, gradient_contributions
from recsys_ops.antidote.detection import detect
from recsys_ops.antidote.evaluate import evaluate, jaccard_curve
from recsys_ops.antidote.objectives import measure
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.soft_lists import softened
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_rows import LocalRows, sorted_rows
from recsys_ops.status import Status

MANY_FOR_A_TASK = 50_000
"""Ratings from which on a settled fit takes about a second, more than a task that waits for a worker."""

CHOICE_STARTS = 3
FIRST_CHOICE_START = 2**63
"""Above every seed that can be given."""

MOST_REFITTED = 20_000_000
"""Ratings times artificial users up to which each of these is left out in turn and everything fitted anew."""


def run_shard(inputs: AntidoteInputs, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Propose and evaluate the cases of one shard."""
    results = []
    for place, unit in enumerate(shard.units):
        case = inputs.cases[unit]
        if place in isolated:
            results.append(CaseResult(case, *isolated[place]))
        else:
            at_case(place)
            results.append(_run_case(inputs, case))
    counts = Counter(str(result.status) for result in results)
    return ShardOutput(result_tables(inputs.names, inputs.groups, results), dict(counts), len(results))


def _run_case(inputs: AntidoteInputs, case: Case) -> CaseResult:
    if inputs.common.failure is not None:
        return CaseResult(case, Status.ERROR, inputs.common.failure)
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            return _computed(inputs, case)
    except FAILURES as error:
        return CaseResult(case, Status.ERROR, f"{type(error).__name__}: {error}")


def _computed(inputs: AntidoteInputs, case: Case) -> CaseResult:
    settings, split = inputs.settings, inputs.common.splits[case.run]
    problem = AntidoteProblem(
        inputs.rows_of(split.train), softened(inputs.objective), settings.direction,
        AlsSettings(settings.rank, settings.regularisation, seed=case.seed), settings.rating_range,
        settings.whole_ratings, settings.max_ratings, settings.max_rmse_loss,
        evaluated_on=split.unseen, warm=settings.warm, before=split.before,
        choice_starts=choice_starts(case.seed), min_overlap=settings.min_overlap,
    )  # fmt: skip
    if inputs.block_ratings is None and has_many_ratings(inputs):
        problem = replace(problem, each=each_with(problem))
    ratings = sorted_rows(propose(problem, case.algorithm, case.n_artificial, seed=case.seed))
    searched, problem = problem, replace(problem, objective=inputs.objective)
    evaluation = evaluate(problem, ratings, held_out=split.test if split.test.nnz else None)
    refits = split.train.nnz * ratings.shape[0] <= MOST_REFITTED
    measured = LocalRows(split.test) if split.test.nnz else problem.rows
    found = AntidoteResult(
        ratings, evaluation,
        jaccard_curve(problem.rows, evaluation.before.factors, evaluation.after.factors),
        contributions(problem, ratings, measured, evaluation.after) if refits else None,
        gradient_contributions(searched, ratings, measured, evaluation.after),
        _as_used(inputs, case, ratings),
        tuple(
            problem.objective.value(measure(rows, split.random[case.n_artificial].factors))
            for rows in dict.fromkeys((problem.rows, measured))
        ),
        detect(inputs.ratings, ratings, seed=case.seed) if ratings.shape[0] else None,
    )  # fmt: skip
    return CaseResult(case, Status.FEASIBLE, _caveat(problem, found), found)


def has_many_ratings(inputs: AntidoteInputs) -> bool:
    """Whether the fits of a case are worth tasks of their own, besides that of the case."""
    return inputs.block_ratings is not None or inputs.ratings.nnz >= MANY_FOR_A_TASK


def choice_starts(seed: int) -> tuple[int, ...]:
    """Seeds of the starts that the search of a case chooses on; those of the evaluation are others."""
    first = FIRST_CHOICE_START + 10 * seed
    return tuple(range(first, first + CHOICE_STARTS))


def _as_used(inputs: AntidoteInputs, case: Case, ratings: sp.csr_array) -> AsUsed | None:
    """What the ratings do when added to all real ones; None where there are none."""
    if not ratings.shape[0]:
        return None
    data = [[ratings] * inputs.settings.n_starts]
    (after,) = stand_from_all_starts(inputs, data, spread=has_many_ratings(inputs))
    return AsUsed(inputs.common.before, after, inputs.common.random[case.n_artificial])


def _caveat(problem: AntidoteProblem, found: AntidoteResult) -> str | None:
    """Why a proposal does not serve, None if it does."""
    if not found.ratings.shape[0]:
        return "of the artificial users tried, none keeps within --max-rmse-loss"
    split, effect = found.splits[-1]
    gain = problem.sign * (effect.value_before - effect.value_after)
    return None if gain > 0 else f"the objective is no better on the {split} ratings than without"


def case_seconds(case: Case, n_ratings: int, rank: int) -> float:
    """What a case takes on one core, roughly; measured on MovieLens-1M."""
    n_fits = {"search": 150, "gd_random": 150, "gd_fixed": 50}.get(case.algorithm, 5)
    n_refits = case.n_artificial if n_ratings * case.n_artificial <= MOST_REFITTED else 0
    n_settled = 25  # five fits, each of as many iterations as five others
    return (0.02 + 1e-7 * n_ratings * rank) * (n_fits + n_refits + n_settled)
