"""The algorithms that make antidote data, by name, and the limits that all of them keep."""

from collections.abc import Callable
from dataclasses import replace

import scipy.sparse as sp

from recsys_ops.antidote.baselines import baseline_max, baseline_min, random_ratings
from recsys_ops.antidote.descent import descend
from recsys_ops.antidote.heuristics import heuristic1, heuristic2
from recsys_ops.antidote.points import scale_of
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.search import search, within_limits
from recsys_ops.antidote.starts import first_ratings
from recsys_ops.errors import ConfigError
from recsys_ops.models.mf_rows import with_values

Algorithm = Callable[..., sp.csr_array]

RANDOM_STARTS = 3
"""Descents of ``gd_random``; the best one counts."""

PAPER_STEPS = 30


def gd_random(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Algorithm 1 with the paper's gradient, from several random starts.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    problem = _as_in_the_paper(problem)
    scale = scale_of(problem)
    starts = (first_ratings(problem, "random", n_artificial, seed=1000 * seed + n) for n in range(RANDOM_STARTS))
    points = [descend(problem, start, scale, gradient="paper", max_steps=PAPER_STEPS) for start in starts]
    return min(points, key=lambda point: point.merit).ratings


def gd_fixed(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Algorithm 1 with the paper's gradient, from one value for all ratings.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    problem = _as_in_the_paper(problem)
    start = first_ratings(problem, "fixed", n_artificial, seed=seed)
    return descend(problem, start, scale_of(problem), gradient="paper", max_steps=PAPER_STEPS).ratings


ALGORITHMS: dict[str, Algorithm] = {
    "search": search,
    "gd_random": gd_random,
    "gd_fixed": gd_fixed,
    "heuristic1": heuristic1,
    "heuristic2": heuristic2,
    "baseline_min": baseline_min,
    "baseline_max": baseline_max,
    "random": random_ratings,
}

COMPARISONS = ("baseline_min", "baseline_max", "random")
"""Algorithms that know nothing of the recommender: shown beside the others, never advised."""


def propose(problem: AntidoteProblem, algorithm: str, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Antidote data that keep all limits of the problem.

    Parameters
    ----------
    problem : AntidoteProblem
    algorithm : str
        A name in ``ALGORITHMS``.
    n_artificial : int, >= 1
        Artificial users to make.
    seed : int

    Returns
    -------
    csr_array, shape (n, n_items)
        Ratings in the range, whole with ``whole_ratings``; n is smaller than ``n_artificial``, down to 0, where more
        users would cost more accuracy than ``max_rmse_loss``, or more of the lists than ``min_overlap`` allows, and
        where the search finds nothing that is better than no artificial users.

    Raises
    ------
    ConfigError
        There is no such algorithm.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"--algorithm {algorithm}: unknown (available: {', '.join(ALGORITHMS)}).")
    made = ALGORITHMS[algorithm](problem, n_artificial, seed=seed)
    return within_limits(problem, with_values(made, problem.feasible(made.data)))


def _as_in_the_paper(problem: AntidoteProblem) -> AntidoteProblem:
    """One fit for each candidate, without a limit on lists."""
    return replace(problem, choice_starts=(), min_overlap=None)
