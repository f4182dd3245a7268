"""The tests of people's effects against dense algebra over all coefficients, and their tails against closed forms."""

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from recsys_ops.acceptance.gamm import MixedFit, fit_gamm
from recsys_ops.acceptance.random_effects import EffectTest, effect_tests, tail_of_ratio


def a_study(seed: int, *, intercept_sd: float, slope_sd: float, n_people: int = 40) -> tuple[np.ndarray, ...]:
    """Five ratings of each of some people."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n_people), 5)
    distance = rng.integers(1, 13, len(person)).astype(float)
    own = rng.normal(0, intercept_sd, n_people)[person] + rng.normal(0, slope_sd, n_people)[person] * distance
    return distance, 4 - 0.1 * distance + own + rng.normal(0, 1, len(person)), person


def dense_test(fit: MixedFit, data: tuple[np.ndarray, ...], tested: int) -> tuple[float, np.ndarray, int]:
    """Statistic, weights and rank by inverting the system of all coefficients (Wood 2013, as mgcv computes it)."""
    distance, rating, person = data
    columns = np.column_stack([np.ones_like(distance), fit.spline(distance)])
    own = (person[:, None] == np.arange(person.max() + 1)).astype(float)
    design = np.hstack([columns, own, own * distance[:, None]])
    n, c = own.shape[1], columns.shape[1]
    bends, intercepts, slopes = fit.solution.penalties
    penalty = np.r_[np.zeros(2), np.full(c - 2, bends), np.full(n, intercepts), np.full(n, slopes)]
    places = (slice(c, c + n), slice(c + n, c + 2 * n))
    mine, other = places[tested], places[1 - tested]
    gram = design.T @ design
    posterior = np.linalg.inv(gram + np.diag(penalty))
    whole = gram + gram[:, other] / penalty[other] @ gram[other]
    covariance = (posterior @ whole @ posterior)[mine, mine]
    kept = np.r_[np.arange(c), np.arange(mine.start, mine.stop)]
    system = whole[np.ix_(kept, kept)] + np.diag(penalty[kept])
    precision = system[c:, c:] - system[c:, :c] @ np.linalg.solve(system[:c, :c], system[:c, c:])
    effects = (posterior @ design.T @ rating)[mine]
    weights = np.linalg.eigvals(precision @ covariance).real
    statistic = float(effects @ precision @ effects / fit.solution.variance)
    return statistic, weights, int((weights > weights.max() * np.finfo(float).eps ** 0.8).sum())


@pytest.mark.parametrize("tested", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_statistic_and_p_are_those_of_the_dense_system(seed: int, tested: int) -> None:
    data = a_study(seed, intercept_sd=0.6, slope_sd=0.15)
    fit = fit_gamm(*data, 40)
    if fit.solution.edf[1 + tested] < 0.01:  # shrunk to nothing
        assert fit.people_tests()[tested] == EffectTest(0.0, 1.0)
        return
    statistic, weights, rank = dense_test(fit, data, tested)
    found = fit.people_tests()[tested]
    assert found.f == pytest.approx(statistic / rank, rel=1e-6)
    dof = fit.n - 2 - fit.solution.edf.sum()
    assert found.p == pytest.approx(tail_of_ratio(statistic, np.maximum(weights, 0), dof), abs=1e-7)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize(("n", "dof"), [(1, 5.0), (4, 30.0), (40, 1500.0)])
@pytest.mark.parametrize("f", [0.05, 0.6, 1.0, 1.7])
def test_equal_weights_have_the_tail_of_an_f_distribution(n: int, dof: float, f: float, scale: float) -> None:
    tail = tail_of_ratio(f * n * scale, np.full(n, scale), dof)
    assert tail == pytest.approx(f_distribution.sf(f, n, dof), abs=1e-7)


def test_unequal_weights_have_the_tail_of_draws() -> None:
    rng, weights = np.random.default_rng(0), np.array([3.0, 1.0, 0.2, 0.05])
    drawn = rng.chisquare(1, (400_000, 4)) @ weights / (rng.chisquare(60, 400_000) / 60)
    for statistic in (1.0, 4.0, 12.0):
        assert tail_of_ratio(statistic, weights, 60.0) == pytest.approx((drawn > statistic).mean(), abs=0.003)


def test_people_who_differ_are_told_from_people_who_do_not() -> None:
    differing = [fit_gamm(*a_study(seed, intercept_sd=0.8, slope_sd=0.0), 40).people_tests()[0].p for seed in range(20)]
    same = [fit_gamm(*a_study(seed, intercept_sd=0.0, slope_sd=0.0), 40).people_tests()[0].p for seed in range(20)]
    assert max(differing) < 0.05
    assert sum(p < 0.05 for p in same) <= 3


def test_with_too_many_people_nothing_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fit_gamm(*a_study(3, intercept_sd=0.8, slope_sd=0.0), 40)
    monkeypatch.setattr("recsys_ops.acceptance.random_effects.MOST_PEOPLE", 39)
    assert effect_tests(fit.moments, fit.solution, residual_dof=100.0)[0] == EffectTest(None, None)
