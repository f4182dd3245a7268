"""The grid of the paper on MovieLens: what is solved, what is proven, what it costs, by plausibility and aggregator."""

from itertools import product

import numpy as np
import pytest

from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.status import Status
from tests.benchmarks.explained import Timed, explain_all, prepare_folds

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

N_USERS = 50
TIME_LIMIT = 10.0
HEADER = "solved  proven  feasible solved  rank lost  LL before   LL after  distance  median s  95 % s   max s"


def show(name: str, done: list[Timed], k: int) -> None:
    """Print a row: shares of all cases, means over those solved."""
    solved = [timed.found for timed in done if timed.found.status in (Status.OPTIMAL, Status.FEASIBLE)]
    infeasible = sum(timed.found.status is Status.INFEASIBLE for timed in done)
    proven = infeasible + sum(found.status is Status.OPTIMAL for found in solved)
    lost = np.mean([(found.rank_after or 0) > k for found in solved]) if solved else np.nan
    before, after, distance = (
        np.mean([value for found in solved if (value := getattr(found, name)) is not None] or [np.nan])
        for name in ("log_likelihood_before", "log_likelihood_after", "distance")
    )
    seconds = np.array([timed.seconds for timed in done])
    possible = max(len(done) - infeasible, 1)
    print(
        f"{name:<44} {100 * len(solved) / len(done):5.1f}% {100 * proven / len(done):6.1f}% "
        f"{100 * len(solved) / possible:14.1f}% {100 * lost:9.1f}% {before:10.2f} {after:10.2f} {distance:9.2f} "
        f"{np.median(seconds):9.3f} {np.quantile(seconds, 0.95):7.3f} {seconds.max():7.2f}",
        flush=True,
    )


def check(cells: list[tuple[Settings, list[Timed]]]) -> None:
    """Nothing is unverified, empty or late, nothing feasible is missed; after the table, so that it is seen whole."""
    for settings, done in cells:
        for timed in done:
            found = timed.found
            assert found.status is not Status.ERROR, found.reason
            assert found.status is not Status.TIMEOUT, found.reason
            assert timed.seconds < TIME_LIMIT + 0.5
            if found.status in (Status.OPTIMAL, Status.FEASIBLE):
                assert found.n_removed > 0
                if settings.validity == "kth":
                    assert (found.rank_after or 0) > settings.k


@pytest.mark.parametrize("size", ["100k", "1m"])
@pytest.mark.parametrize("ratings", [False, True])
def test_without_a_likelihood_every_case_is_solved_and_proven(size: str, ratings: bool) -> None:
    folds = prepare_folds(size, ratings=ratings, n_users=N_USERS)
    print(f"\nMovieLens-{size}, {'ratings' if ratings else 'binary'}, no likelihood\n{'':<44} {HEADER}")
    cells = []
    for k, validity in product((5, 10), ("kth", "score")):
        settings = Settings(k=k, validity=validity, time_limit=TIME_LIMIT)
        done = [timed for fold in folds for timed in explain_all(fold, None, settings)]
        show(f"k = {k}, {validity}", done, k)
        cells.append((settings, done))
    check(cells)


@pytest.mark.parametrize("size", ["100k", "1m"])
@pytest.mark.parametrize("column", ["year", "genres"])
@pytest.mark.parametrize(
    ("ratings", "aggregator"), [(False, "disjunction"), (False, "sum"), (False, "mean"), (True, "mean")]
)
def test_with_a_likelihood_every_feasible_case_is_solved(
    size: str, column: str, ratings: bool, aggregator: str
) -> None:
    folds = prepare_folds(size, ratings=ratings, n_users=N_USERS)
    likelihoods = [fold.likelihood(aggregator, column) for fold in folds]
    print(f"\nMovieLens-{size}, {'ratings' if ratings else 'binary'}, {aggregator} of {column}\n{'':<44} {HEADER}")
    cells = []
    for plausibility, k, validity in product(("optimise", "threshold"), (5, 10), ("kth", "score")):
        settings = Settings(
            k=k,
            validity=validity,
            plausibility=plausibility,
            alpha=0.1,
            time_limit=TIME_LIMIT,
        )
        done = [
            timed
            for fold, likelihood in zip(folds, likelihoods, strict=True)
            for timed in explain_all(fold, likelihood, settings)
        ]
        show(f"{plausibility}, k = {k}, {validity}", done, k)
        cells.append((settings, done))
    check(cells)
