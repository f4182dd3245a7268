"""What the antidote job's workers do: propose artificial ratings for a case, and evaluate them by fits from scratch."""

from collections import Counter

import numpy as np
import scipy.sparse as sp

from jobs.antidote.inputs import AntidoteInputs
from jobs.antidote.tables import AntidoteResult, Case, CaseResult, result_tables
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.antidote.algorithms import propose
from recsys_ops.antidote.contribution import contributions, gradient_contributions
from recsys_ops.antidote.evaluate import evaluate, jaccard_curve
from recsys_ops.antidote.problem import AntidoteProblem, EvaluationRatings
from recsys_ops.antidote.unseen import choose_reference, expect_unseen
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_rows import LocalRows, sorted_rows
from recsys_ops.models.mf_validation import hold_out
from recsys_ops.status import Status

MOST_REFITTED = 20_000_000
"""Ratings times artificial users up to which each of these is left out in turn and everything fitted anew."""


def run_shard(inputs: AntidoteInputs, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Propose and evaluate the cases of one shard."""
    results = []
    for place, unit in enumerate(shard.units):
        case = inputs.cases[unit]
        results.append(CaseResult(case, *isolated[place]) if place in isolated else _run_case(inputs, case))
    counts = Counter(str(result.status) for result in results)
    return ShardOutput(result_tables(inputs.names, inputs.groups, results), dict(counts), len(results))


def _run_case(inputs: AntidoteInputs, case: Case) -> CaseResult:
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            return _computed(inputs, case)
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return CaseResult(case, Status.ERROR, f"{type(error).__name__}: {error}")


def _computed(inputs: AntidoteInputs, case: Case) -> CaseResult:
    settings = inputs.settings
    train, test = hold_out(inputs.ratings, settings.hold_out, seed=case.seed)
    problem = AntidoteProblem(
        inputs.rows_of(train), inputs.objective, settings.direction,
        AlsSettings(settings.rank, settings.regularisation, seed=case.seed), settings.rating_range,
        settings.whole_ratings, settings.max_ratings, settings.max_rmse_loss,
        evaluated_on=_expect_unseen(train, settings.rank, case.seed) if settings.on_unseen else None,
        warm=settings.warm,
    )  # fmt: skip
    ratings = sorted_rows(propose(problem, case.algorithm, case.n_artificial, seed=case.seed))
    evaluation = evaluate(problem, ratings, held_out=test if test.nnz else None)
    refits = train.nnz * ratings.shape[0] <= MOST_REFITTED
    evaluated_rows = LocalRows(test) if test.nnz else problem.rows
    found = AntidoteResult(
        ratings, evaluation,
        jaccard_curve(problem.rows, evaluation.before.factors, evaluation.after.factors),
        contributions(problem, ratings, evaluated_rows) if refits else None,
        gradient_contributions(problem, ratings, evaluated_rows),
    )  # fmt: skip
    return CaseResult(case, Status.FEASIBLE, _caveat(problem, found), found)


def _caveat(problem: AntidoteProblem, found: AntidoteResult) -> str | None:
    """Why a proposal does not serve, None if it does."""
    if not found.ratings.shape[0]:
        return "of the artificial users tried, none keeps within --max-rmse-loss"
    split, effect = found.splits[-1]
    gain = problem.sign * (effect.value_before - effect.value_after)
    return None if gain > 0 else f"the objective is no better on the {split} ratings than without"


def _expect_unseen(train: sp.csr_array, rank: int, seed: int) -> EvaluationRatings | None:
    """The evaluation on unseen ratings; None where every user has rated everything, or nothing."""
    rated = np.diff(train.indptr)
    if not ((rated > 0) & (rated < train.shape[1])).any():
        return None
    return expect_unseen(train, choose_reference(train, rank, seed=seed), seed=seed)


def case_seconds(case: Case, n_ratings: int, rank: int) -> float:
    """What a case takes on one core, roughly; measured on MovieLens-1M."""
    n_fits = {"search": 150, "gd_random": 150, "gd_fixed": 50}.get(case.algorithm, 5)
    n_refits = case.n_artificial if n_ratings * case.n_artificial <= MOST_REFITTED else 0
    return (0.02 + 1e-7 * n_ratings * rank) * (n_fits + n_refits)
