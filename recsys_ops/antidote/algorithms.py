"""The algorithms that make antidote data, by name, and the limits that all of them keep."""

from collections.abc import Callable

import scipy.sparse as sp

from recsys_ops.antidote.baselines import baseline_max, baseline_min, random_ratings
from recsys_ops.antidote.descent import Point, descend, scale_of
from recsys_ops.antidote.heuristics import heuristic1, heuristic2
from recsys_ops.antidote.objectives import measure
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.starts import Start, first_ratings
from recsys_ops.errors import ConfigError
from recsys_ops.models.mf_rows import with_values

Algorithm = Callable[..., sp.csr_array]

RANDOM_STARTS = 3
"""Descents of ``gd_random``; the best one counts."""

PAPER_STEPS = 30
SEARCH_STARTS: tuple[Start, ...] = ("random", "extremes", "common", "fixed")
FIRST_STEPS = 10
"""Steps that the search takes from each start, before it goes on from the best one."""

LAST_STEPS = 60


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
    scale = scale_of(problem)
    starts = (first_ratings(problem, "random", n_artificial, seed=1000 * seed + n) for n in range(RANDOM_STARTS))
    points = [descend(problem, start, scale, gradient="paper", max_steps=PAPER_STEPS) for start in starts]
    return _best(points).ratings


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
    start = first_ratings(problem, "fixed", n_artificial, seed=seed)
    return descend(problem, start, scale_of(problem), gradient="paper", max_steps=PAPER_STEPS).ratings


def search(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Descent with the exact gradient: a few steps from each kind of start, and on from the best.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    scale = scale_of(problem)
    starts = (first_ratings(problem, start, n_artificial, seed=seed) for start in SEARCH_STARTS)
    best = _best([descend(problem, start, scale, max_steps=FIRST_STEPS) for start in starts])
    return descend(problem, best.ratings, scale, max_steps=LAST_STEPS).ratings


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
        users would cost more accuracy than ``max_rmse_loss``.

    Raises
    ------
    ConfigError
        There is no such algorithm.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"--algorithm {algorithm}: unknown (available: {', '.join(ALGORITHMS)}).")
    made = ALGORITHMS[algorithm](problem, n_artificial, seed=seed)
    return within_limit(problem, with_values(made, problem.feasible(made.data)))


def within_limit(problem: AntidoteProblem, artificial: sp.csr_array) -> sp.csr_array:
    """The first of the artificial users, as many as the limit on the RMSE allows.

    Parameters
    ----------
    problem : AntidoteProblem
    artificial : csr_array, shape (n_artificial, n_items)

    Returns
    -------
    csr_array, shape (n, n_items)
        With these the fit from scratch keeps the limit, and with one more it does not; found by bisection, so that a
        greater n beyond one that breaks the limit may be missed.
    """
    if problem.max_rmse_loss is None:
        return artificial
    allowed = measure(problem.rows, problem.without().factors).rmse + problem.max_rmse_loss
    kept, refused = 0, int(artificial.shape[0]) + 1
    tried = refused - 1  # all of them first: most often they keep the limit
    while refused - kept > 1:
        if measure(problem.rows, problem.fit(artificial[:tried]).factors).rmse <= allowed:
            kept = tried
        else:
            refused = tried
        tried = (kept + refused) // 2
    some: sp.csr_array = artificial[:kept]
    return some


def _best(points: list[Point]) -> Point:
    return min(points, key=lambda point: point.merit)
