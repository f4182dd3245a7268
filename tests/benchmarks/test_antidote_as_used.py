"""What the job reports of antidote data against independent refits, noise that must not be advised, failed cases.

The independent refit is ALS on dense matrices (below), until an iteration gains less than 1e-10 of the loss, from
starts of another distribution.
``ANTIDOTE_CASES`` and ``ANTIDOTE_NOISE`` say how many are run, ``ANTIDOTE_FIRST`` with which seed the first.
"""

import os
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.antidote.algorithms import COMPARISONS, propose
from recsys_ops.antidote.as_used import AsUsed, verdict_of
from recsys_ops.antidote.baselines import random_ratings
from recsys_ops.antidote.evaluation_starts import kind_of, n_starts_for
from recsys_ops.antidote.objectives import GroupUnfairness, IndividualUnfairness, Objective, Polarisation
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.standing import standing
from recsys_ops.datasets import load_dataset
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_rows import LocalRows
from tests.benchmarks.catalogue import movielens
from tests.twins import antidote as twin

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(14_400)]

CASES, FIRST = int(os.environ.get("ANTIDOTE_CASES", "40")), int(os.environ.get("ANTIDOTE_FIRST", "0"))
NOISE_RUNS = int(os.environ.get("ANTIDOTE_NOISE", "100"))
FIRST_START = 1_000_000
SIZES = ((20, 14), (40, 25), (60, 40))
ALGORITHMS = ("gd_fixed", "heuristic1", "random", "heuristic2", "baseline_max")


@dataclass(frozen=True)
class Case:
    """A problem, its ratings, and how many artificial users."""

    ratings: sp.csr_array
    problem: AntidoteProblem
    n_artificial: int


def drawn_case(number: int) -> Case:
    """Size, rank, penalty, objective and budget in turn."""
    rng = np.random.default_rng(number)
    n_users, n_items = SIZES[number % 3]
    taste = rng.normal(size=(n_users, 3)) @ rng.normal(size=(3, n_items))
    stars = np.clip(np.round(3.5 + 0.8 * taste + 0.5 * rng.normal(size=taste.shape)), 1, 5)
    known = np.nonzero(rng.random(stars.shape) < 0.4)
    ratings = sp.csr_array((stars[known], known), shape=stars.shape)
    groups = sp.csr_array(np.repeat(np.eye(2), [n_items // 2, n_items - n_items // 2], axis=0))
    objectives: tuple[Objective, ...] = (Polarisation(), IndividualUnfairness(), GroupUnfairness("items", groups))
    settings = AlsSettings((1, 2, 3, 4)[number % 4], (0.5, 1.0, 3.0)[(number // 2) % 3], seed=number)
    problem = AntidoteProblem(
        LocalRows(ratings), objectives[(number // 3) % 3], "min", settings, (1.0, 5.0), choice_starts=(500, 501, 502)
    )
    return Case(ratings, problem, 1 + number % 3)


def as_used(problem: AntidoteProblem, artificial: sp.csr_array) -> AsUsed:
    """As the job measures it."""
    starts = range(FIRST_START, FIRST_START + n_starts_for(problem.rows.n_ratings))
    random = [random_ratings(problem, int(artificial.shape[0]), seed=start) for start in starts]
    stands = [
        tuple(
            standing(
                problem.rows,
                problem.objective,
                replace(problem.als, seed=start),
                artificial=rows,
                kind=kind_of(start - FIRST_START),
            )
            for start, rows in zip(starts, data, strict=True)
        )
        for data in ([None] * len(starts), [artificial] * len(starts), random)
    ]
    return AsUsed(*stands)


def independent_change(case: Case, artificial: sp.csr_array, *, n_starts: int = 5) -> float:
    """Mean change of the objective by the textbook's fits."""
    real = with_gaps(case.ratings)
    als, stands = case.problem.als, []
    for start in range(n_starts):
        items = np.random.default_rng([7, start]).normal(0.5, 0.4, (real.shape[1], als.rank))
        values = []
        for both in (real, np.vstack([real, with_gaps(artificial)])):
            users, fitted = dense_als(both, items, als.regularisation)
            values.append(value_of(case.problem.objective, real, users[: len(real)] @ fitted.T))
        stands.append(values)
    before, after = np.mean(stands, axis=0)
    return float(after / before - 1)


def with_gaps(ratings: sp.csr_array) -> np.ndarray:
    """NaN where nothing is stored: an artificial user who rates few items does not rate the others 0."""
    dense = np.full(ratings.shape, np.nan)
    stored = ratings.tocoo()
    dense[stored.row, stored.col] = stored.data
    return dense


def dense_als(
    ratings: np.ndarray, items: np.ndarray, ridge: float, *, gain: float = 1e-10, most: int = 20_000
) -> tuple[np.ndarray, np.ndarray]:
    """Dense and batched; factors are those of the singular value decomposition between iterations."""
    rated, known = ~np.isnan(ratings), np.nan_to_num(ratings)
    penalty, last = ridge * np.eye(items.shape[1]), np.inf
    for _ in range(most):
        users = half_step(rated, known, items, penalty)
        items = half_step(rated.T, known.T, users, penalty)
        misses = np.where(rated, users @ items.T - known, 0.0)
        loss = float(np.sum(misses**2) + ridge * (np.sum(users**2) + np.sum(items**2)))
        if last - loss < gain * loss:
            break
        last = loss
        left, right = np.linalg.qr(users), np.linalg.qr(items)
        _, sizes, turned = np.linalg.svd(left[1] @ right[1].T)
        items = right[0] @ turned.T * np.sqrt(sizes)
    return users, items


def half_step(rated: np.ndarray, known: np.ndarray, others: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Ridge regressions of all rows."""
    outer = (others[:, :, None] * others[:, None, :]).reshape(len(others), -1)
    grams = (rated.astype(np.float64) @ outer).reshape(len(rated), *penalty.shape) + penalty
    solved: np.ndarray = np.linalg.solve(grams, (known @ others)[:, :, None])[:, :, 0]
    return solved


def value_of(objective: Objective, real: np.ndarray, predictions: np.ndarray) -> float:
    """The textbook's value."""
    if isinstance(objective, Polarisation):
        return float(predictions.var(axis=0).mean())
    if isinstance(objective, GroupUnfairness):
        members = objective.membership.toarray() > 0
        return twin.unfairness(twin.group_losses(real, predictions, members, 1))
    return twin.unfairness(twin.user_losses(real, predictions))


def test_what_is_said_holds_for_an_independent_refit() -> None:
    inside = []
    for number in range(FIRST, FIRST + CASES):
        case = drawn_case(number)
        algorithm = "search" if number % 10 == 9 else ALGORITHMS[number % len(ALGORITHMS)]
        made = propose(case.problem, algorithm, case.n_artificial, seed=number)
        if not made.shape[0]:
            continue
        effect = as_used(case.problem, made).effect
        found = independent_change(case, made)
        inside.append(effect.low <= found <= effect.high)
        name = type(case.problem.objective).__name__
        print(
            f"{number:>3} {case.ratings.shape} rank {case.problem.als.rank} {name:<21} {algorithm:<10} "
            f"{effect.mean:+.4f} ({effect.low:+.4f} to {effect.high:+.4f}) refit {found:+.4f} {inside[-1]}",
            flush=True,
        )
    print(f"{sum(inside)} of {len(inside)} inside")
    assert np.mean(inside) >= 0.95


def test_noise_is_never_advised() -> None:
    """One or two users by rules of thumb: what is advised must hold for a refit, and never be a baseline."""
    advised, wrong = 0, []
    for number in range(FIRST, FIRST + NOISE_RUNS):
        case = drawn_case(number)
        n = 1 + number % 2
        for algorithm in ("baseline_min", "heuristic1", "random"):
            made = propose(case.problem, algorithm, n, seed=number)
            used = as_used(case.problem, made)
            verdict = verdict_of(used.effect, used.beyond_random, 1.0, within_limits=True)
            if algorithm in COMPARISONS or verdict != "helps":
                continue
            advised += 1
            found = independent_change(case, made)
            if found >= 0:
                wrong.append((number, algorithm, used.effect, found))
    print(f"\n{NOISE_RUNS} runs of 3 cases: {advised} advised, {len(wrong)} of them do not hold for a refit: {wrong}")
    assert not wrong


@pytest.mark.parametrize("options", [{}, {"max_ratings": 5, "whole_ratings": True, "max_rmse_loss": 0.02}])
def test_the_synthetic_case_that_was_a_plateau(options: dict[str, object]) -> None:
    dataset = load_dataset("synthetic:items=40,users=60,ratings_per_user=12", seed=0)
    problem = AntidoteProblem(
        LocalRows(dataset.ratings), Polarisation(), "min", AlsSettings(2, 3.0), dataset.rating_range,
        choice_starts=(500, 501, 502),
    )  # fmt: skip
    problem = replace(problem, **options)
    case = Case(dataset.ratings, problem, 3)
    for algorithm in ("search", "gd_fixed"):
        made = propose(problem, algorithm, 3, seed=0)
        if not made.shape[0]:
            print(f"\n{algorithm} {options}: nothing is better than nothing")
            continue
        used = as_used(problem, made)
        found = independent_change(case, made)
        print(f"\n{algorithm} {options}: {used.effect}, worst {used.worst(1.0):+.4f}, refit {found:+.4f}")
        assert used.effect.low <= found <= used.effect.high
        assert algorithm != "search" or used.effect.mean <= 0


@pytest.mark.parametrize("algorithm", os.environ.get("ANTIDOTE_ALGORITHMS", "gd_fixed,random,search").split(","))
def test_movielens_1000_random_users(algorithm: str) -> None:
    """Draw 11, rank 4, lambda 0.1, 2 %: where 78 % were promised and 43 % came."""
    ratings = load_dataset(movielens("1m"), seed=0).ratings
    items = np.sort(np.argsort(-np.bincount(ratings.indices, minlength=ratings.shape[1]), kind="stable")[:1000])
    users = np.sort(np.random.default_rng(11).choice(ratings.shape[0], 1000, replace=False))
    part = sp.csr_array(ratings[users][:, items].astype(np.float64))
    problem = AntidoteProblem(
        LocalRows(part), Polarisation(), "min", AlsSettings(4, 0.1), (1.0, 5.0), choice_starts=(500, 501, 502)
    )
    case = Case(part, problem, 20)
    made = propose(problem, algorithm, 20, seed=0)
    used = as_used(problem, made)
    found = independent_change(case, made, n_starts=int(os.environ.get("ANTIDOTE_REFITS", "2")))
    kept = f"{used.kept.mean():.2f} (another start {used.floor_kept:.2f}, random rows {used.random_kept:.2f})"
    print(f"\n{algorithm}: {used.effect}, worst {used.worst(1.0):+.4f}, RMSE {used.rmse_changes.mean():+.4f}")
    print(f"top 10 kept {kept}, random rows {used.random_effect}; refit {found:+.4f}")
    assert used.effect.low <= found <= used.effect.high
