"""One gradient iteration on random ratings spread over two workers: ``python -m tests.benchmarks.antidote_step 0.125``.

The share is that of 160,000 users x 60,000 items with 25 million ratings; a line of seconds comes out.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from jobs.runtime.cluster import connect
from jobs.runtime.ray_rows import RayRows
from recsys_ops.antidote.gradient import paper_gradient
from recsys_ops.antidote.objectives import IndividualUnfairness
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.starts import first_ratings
from recsys_ops.models.mf import AlsSettings

USERS, ITEMS, RATINGS = 160_000, 60_000, 25_000_000
RANK, BUDGET, MAX_RATINGS, ALS_ITERATIONS = 8, 0.01, 100, 5


def random_ratings(share: float) -> sp.csr_array:
    """Whole stars, some items far more popular than others; built user block by user block."""
    n_users, n_items = round(USERS * share), round(ITEMS * share)
    per_user = round(RATINGS * share / n_users)
    rng = np.random.default_rng([n_users])
    popularity = np.cumsum(1.0 / (20 + np.arange(n_items)) ** 0.6)
    items, counts = [], []
    for first in range(0, n_users, 2000):
        n = min(2000, n_users - first)
        drawn = np.searchsorted(popularity / popularity[-1], rng.random((n, 2 * per_user)), side="right")
        for row in drawn:
            chosen = np.unique(rng.permutation(np.unique(row))[:per_user])
            items.append(chosen.astype(np.int32))
            counts.append(len(chosen))
    ends = np.cumsum([0, *counts])
    stars = rng.integers(1, 6, ends[-1]).astype(np.float32)
    return sp.csr_array((stars, np.concatenate(items), ends.astype(np.int32)), shape=(n_users, n_items))


def seconds_of(function: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def main(share: float) -> None:
    """Print what each part of the iteration takes."""
    ratings = random_ratings(share)
    with connect("local", 2):
        rows = RayRows(ratings, block_ratings=1_000_000)
        n_ratings = int(ratings.nnz)
        del ratings
        als = AlsSettings(RANK, 1.0, max_iterations=ALS_ITERATIONS)
        problem = AntidoteProblem(
            rows, IndividualUnfairness(), "min", als, (1.0, 5.0), max_ratings=MAX_RATINGS, warm=True
        )
        artificial = first_ratings(problem, "random", max(1, round(BUDGET * rows.shape[0])), seed=0)
        fit_seconds, fit = seconds_of(lambda: problem.fit(artificial))
        measure_seconds, predictions = seconds_of(lambda: problem.measure(fit.factors))
        arguments = (rows, problem.objective, predictions, fit, artificial, als.regularisation)
        gradient_seconds, _ = seconds_of(lambda: paper_gradient(*arguments).at(artificial))
    total = fit_seconds + measure_seconds + gradient_seconds
    print(f"{n_ratings} {fit_seconds / len(fit.rmse):.3f} {measure_seconds:.3f} {gradient_seconds:.3f} {total:.3f}")


if __name__ == "__main__":
    main(float(sys.argv[1]))
