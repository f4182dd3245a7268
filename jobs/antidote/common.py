"""What the cases of a run have in common, computed once by all workers: splits, references and the noise floor."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from jobs.antidote.inputs import AntidoteInputs, Common, Split
from jobs.runtime.each import each_in_a_task
from recsys_ops.antidote.algorithms import COMPARISONS
from recsys_ops.antidote.baselines import random_ratings
from recsys_ops.antidote.evaluation_starts import kind_of
from recsys_ops.antidote.objectives import Objective
from recsys_ops.antidote.problem import AntidoteProblem, EvaluationRatings
from recsys_ops.antidote.standing import Standing, standing
from recsys_ops.antidote.unseen import choose_reference, expect_unseen
from recsys_ops.models.mf import AlsSettings, Fit, fit_als
from recsys_ops.models.mf_rows import RowMap, with_values
from recsys_ops.models.mf_validation import hold_out

FAILURES = (ArithmeticError, np.linalg.LinAlgError)
"""What a recommender that cannot be fitted raises."""


def compute_common(inputs: AntidoteInputs) -> Common:
    """Everything that more than one case reads; a failure is kept for the cases to report."""
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            seeds = {case.run: case.seed for case in inputs.cases}
            sizes = sorted({case.n_artificial for case in inputs.cases})
            rows = {size: _random_rows(inputs, size) for size in sizes}
            splits = {run: _split(inputs, seed, rows) for run, seed in seeds.items()}
            before, *random = stand_from_all_starts(inputs, [[None] * inputs.settings.n_starts, *rows.values()])
    except FAILURES as error:
        return Common(failure=f"{type(error).__name__}: {error}")
    return Common(splits, before, dict(zip(sizes, random, strict=True)))


def stand_from_all_starts(
    inputs: AntidoteInputs, artificial: Sequence[Sequence[sp.csr_array | None]], *, spread: bool = True
) -> list[tuple[Standing, ...]]:
    """How the recommender of all ratings stands from each start, with artificial data of its own; several times."""
    starts = inputs.settings.evaluation_starts
    function = partial(_stand, inputs.rows_of(inputs.ratings), inputs.objective, inputs.settings)
    pairs = [pair for data in artificial for pair in zip(data, starts, strict=True)]
    found = each(inputs, function, pairs) if spread else [function(pair) for pair in pairs]
    return [tuple(found[first : first + len(starts)]) for first in range(0, len(found), len(starts))]


def each(inputs: AntidoteInputs, function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
    """Independent fits: a task each, or one after the other where the rows of each are spread."""
    if inputs.block_ratings is None:
        return each_in_a_task(function, arguments)
    return [function(one) for one in arguments]


def _stand(rows: RowMap, objective: Objective, settings: Any, what: tuple[sp.csr_array | None, int]) -> Standing:
    artificial, start = what
    kind = kind_of(start - settings.evaluation_starts[0])
    als = AlsSettings(settings.rank, settings.regularisation, seed=start)
    return standing(rows, objective, als, artificial=artificial, kind=kind)


def _random_rows(inputs: AntidoteInputs, size: int) -> list[sp.csr_array]:
    """As many random rows as a case has, within the same limits; others for each start."""
    settings = inputs.settings
    als = AlsSettings(settings.rank, settings.regularisation)
    problem = AntidoteProblem(
        inputs.rows_of(inputs.ratings), inputs.objective, settings.direction, als, settings.rating_range,
        settings.whole_ratings, settings.max_ratings,
    )  # fmt: skip
    made = [random_ratings(problem, size, seed=start) for start in settings.evaluation_starts]
    return [with_values(rows, problem.feasible(rows.data)) for rows in made]


def _split(inputs: AntidoteInputs, seed: int, random_rows: Mapping[int, list[sp.csr_array]]) -> Split:
    settings = inputs.settings
    train, test = hold_out(inputs.ratings, settings.hold_out, seed=seed)
    als = AlsSettings(settings.rank, settings.regularisation, seed=seed)
    before, *random = each(
        inputs, partial(_fit, inputs.rows_of(train), als), [None, *(rows[0] for rows in random_rows.values())]
    )
    needs_unseen = settings.on_unseen and any(case.algorithm not in COMPARISONS for case in inputs.cases)
    unseen = _expect_unseen(inputs, train, seed) if needs_unseen else None
    return Split(train, test, before, unseen, dict(zip(random_rows, random, strict=True)))


def _fit(rows: RowMap, als: AlsSettings, artificial: sp.csr_array | None) -> Fit:
    return fit_als(rows, als, artificial=artificial)


def _expect_unseen(inputs: AntidoteInputs, train: sp.csr_array, seed: int) -> EvaluationRatings | None:
    """The evaluation on unseen ratings; None where every user has rated everything, or nothing."""
    rated = np.diff(train.indptr)
    if not ((rated > 0) & (rated < train.shape[1])).any():
        return None
    spread = partial(each, inputs)
    reference = choose_reference(train, inputs.settings.rank, seed=seed, each=spread)
    return expect_unseen(train, reference, seed=seed, each=spread)
