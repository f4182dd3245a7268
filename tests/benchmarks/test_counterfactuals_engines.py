"""The direct engine beside the textbook program in Pyomo, one core, same cases: same objectives, how much faster."""

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import explain
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.status import Status
from tests.benchmarks.explained import prepare_folds

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(14400)]

N_USERS = 50
PYOMO_LIMIT = 60.0


@dataclass(frozen=True)
class Compared:
    """Seconds of both engines on one case, the building of model and question included."""

    direct: float
    pyomo: float
    is_proven_by_pyomo: bool


def compare(question: Question, likelihood: Likelihood | None, settings: Settings) -> Compared:
    """Both engines on one case; they agree wherever both have a proof."""
    started = time.perf_counter()
    direct = explain(question, likelihood, settings)[0]
    middle = time.perf_counter()
    textbook = explain(question, likelihood, replace(settings, engine="pyomo", time_limit=PYOMO_LIMIT))[0]
    ended = time.perf_counter()
    is_proven = textbook.status in (Status.OPTIMAL, Status.INFEASIBLE)
    if is_proven and direct.status in (Status.OPTIMAL, Status.INFEASIBLE):
        assert direct.status is textbook.status
        assert direct.objective == pytest.approx(textbook.objective, abs=1e-6)
    return Compared(middle - started, ended - middle, is_proven)


@pytest.mark.parametrize("k", [5, 10])
@pytest.mark.parametrize("plausibility", ["none", "optimise", "threshold"])
def test_the_direct_engine_finds_what_the_textbook_finds_many_times_faster(plausibility: str, k: int) -> None:
    fold = prepare_folds("100k", ratings=False, n_users=N_USERS, n_folds=1)[0]
    likelihood = None if plausibility == "none" else fold.likelihood("disjunction", "year")
    settings = Settings(k=k, plausibility=plausibility, mixture="best", time_limit=PYOMO_LIMIT)
    done = [compare(question, likelihood, settings) for question in fold.questions(settings)]
    direct, pyomo = (np.array([getattr(one, name) for one in done]) for name in ("direct", "pyomo"))
    ratios = pyomo / direct
    slowest = int(np.argmax(direct))
    unfinished = sum(not one.is_proven_by_pyomo for one in done)
    print(f"\n{plausibility}, k = {k}, {len(done)} cases ({unfinished} not proven by Pyomo in {PYOMO_LIMIT:g} s)")
    print(f"  direct {np.median(direct):.4f} s median, {direct.max():.2f} s max", end="; ")
    print(f"Pyomo {np.median(pyomo):.2f} s median, {pyomo.max():.1f} s max")
    print(
        f"  faster by medians {np.median(pyomo) / np.median(direct):,.0f} times, by case {np.median(ratios):,.0f}",
        end="",
    )
    print(f", slowest case {pyomo.max() / direct.max():,.1f} ({ratios[slowest]:,.1f} on the same case)", flush=True)
    assert np.median(pyomo) / np.median(direct) >= (1000 if plausibility == "none" else 50)


def test_a_hard_case_ends_within_its_limit_and_half_a_second() -> None:
    fold = prepare_folds("100k", ratings=True, n_users=300, n_folds=1)[0]
    lengths = np.diff(fold.histories.amounts.indptr)[fold.users]
    longest = replace(fold, users=fold.users[[int(np.argmin(np.abs(lengths - 300)))]])
    likelihood = fold.likelihood("none", "")
    print()
    for plausibility, limit in (("optimise", 2.0), ("threshold", 2.0), ("optimise", 0.2)):
        settings = Settings(k=10, plausibility=plausibility, alpha=1.0, time_limit=limit)
        question = next(longest.questions(settings))
        started = time.perf_counter()
        found = explain(question, likelihood, settings)[0]
        seconds = time.perf_counter() - started
        print(
            f"{len(question.history)} ratings, aggregator none, {plausibility}, limit {limit:g} s: {found.status} "
            f"in {seconds:.2f} s, gap {found.gap if found.gap is None else round(found.gap, 4)}"
        )
        assert seconds <= limit + 0.5
        assert found.status in (Status.OPTIMAL, Status.FEASIBLE, Status.TIMEOUT, Status.INFEASIBLE)
