"""What the antidote job's workers do: propose artificial ratings for a case, and evaluate them by fits from scratch."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from jobs.antidote.objective import Groups
from jobs.antidote.tables import Case, Found, Names, Outcome, result_tables
from jobs.runtime.ray_rows import RayRows
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.antidote.algorithms import propose
from recsys_ops.antidote.contribution import contributions, gradient_contributions
from recsys_ops.antidote.evaluate import evaluate, jaccard_curve
from recsys_ops.antidote.objectives import Objective
from recsys_ops.antidote.problem import AntidoteProblem, Direction, Judgement
from recsys_ops.antidote.unseen import choose_reference, expect_unseen
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_rows import LocalRows, RowMap, sorted_rows
from recsys_ops.models.mf_validation import hold_out
from recsys_ops.status import Status

MOST_REFITTED = 20_000_000
"""Ratings times artificial users up to which each of these is left out in turn and everything fitted anew."""


@dataclass(frozen=True)
class Settings:
    """The part of the settings that a case sees; see ``AntidoteProblem``."""

    direction: Direction
    rank: int
    regularisation: float
    rating_range: tuple[float, float]
    whole_ratings: bool
    max_ratings: int | None
    max_rmse_loss: float | None
    hold_out: float
    judges_unseen: bool
    warm: bool


@dataclass(frozen=True)
class Shared:
    """What every worker reads; put into the object store once.

    ``block_ratings`` is None where a case runs in its task; else its rows are cut into blocks of so many ratings, and
    these are spread over tasks.
    """

    ratings: sp.csr_array
    objective: Objective
    groups: Groups | None
    names: Names
    cases: tuple[Case, ...]
    settings: Settings
    block_ratings: int | None

    def rows_of(self, ratings: sp.csr_array) -> RowMap:
        """Ratings to be mapped here, or spread."""
        return LocalRows(ratings) if self.block_ratings is None else RayRows(ratings, block_ratings=self.block_ratings)


def run_shard(shared: Shared, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Propose and evaluate the cases of one shard."""
    outcomes = []
    for place, unit in enumerate(shard.units):
        case = shared.cases[unit]
        outcomes.append(Outcome(case, *isolated[place]) if place in isolated else _run_case(shared, case))
    counts = Counter(str(outcome.status) for outcome in outcomes)
    return ShardOutput(result_tables(shared.names, shared.groups, outcomes), dict(counts), len(outcomes))


def _run_case(shared: Shared, case: Case) -> Outcome:
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            return _computed(shared, case)
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return Outcome(case, Status.ERROR, f"{type(error).__name__}: {error}")


def _computed(shared: Shared, case: Case) -> Outcome:
    settings = shared.settings
    train, test = hold_out(shared.ratings, settings.hold_out, seed=case.seed)
    problem = AntidoteProblem(
        shared.rows_of(train), shared.objective, settings.direction,
        AlsSettings(settings.rank, settings.regularisation, seed=case.seed), settings.rating_range,
        settings.whole_ratings, settings.max_ratings, settings.max_rmse_loss,
        judgement=_expect_unseen(train, settings.rank, case.seed) if settings.judges_unseen else None,
        warm=settings.warm,
    )  # fmt: skip
    ratings = sorted_rows(propose(problem, case.algorithm, case.n_artificial, seed=case.seed))
    evaluation = evaluate(problem, ratings, held_out=test if test.nnz else None)
    refits = train.nnz * ratings.shape[0] <= MOST_REFITTED
    judged = LocalRows(test) if test.nnz else problem.rows
    found = Found(
        ratings, evaluation,
        jaccard_curve(problem.rows, evaluation.before.factors, evaluation.after.factors),
        contributions(problem, ratings, judged) if refits else None,
        gradient_contributions(problem, ratings, judged),
    )  # fmt: skip
    return Outcome(case, Status.FEASIBLE, _caveat(problem, found), found)


def _caveat(problem: AntidoteProblem, found: Found) -> str | None:
    """Why a proposal does not serve, None if it does."""
    if not found.ratings.shape[0]:
        return "of the artificial users tried, none keeps within --max-rmse-loss"
    split, effect = found.splits[-1]
    gain = problem.sign * (effect.value_before - effect.value_after)
    return None if gain > 0 else f"the objective is no better on the {split} ratings than without"


def _expect_unseen(train: sp.csr_array, rank: int, seed: int) -> Judgement | None:
    """The judgement by unseen ratings; None where every user has rated everything, or nothing."""
    rated = np.diff(train.indptr)
    if not ((rated > 0) & (rated < train.shape[1])).any():
        return None
    return expect_unseen(train, choose_reference(train, rank, seed=seed), seed=seed)


def case_seconds(case: Case, n_ratings: int, rank: int) -> float:
    """What a case takes on one core, roughly; measured on MovieLens-1M."""
    n_fits = {"search": 150, "gd_random": 150, "gd_fixed": 50}.get(case.algorithm, 5)
    n_refits = case.n_artificial if n_ratings * case.n_artificial <= MOST_REFITTED else 0
    return (0.02 + 1e-7 * n_ratings * rank) * (n_fits + n_refits)
