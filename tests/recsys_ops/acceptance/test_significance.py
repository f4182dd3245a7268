"""The test of a flat curve: an F test where the rank is whole, and its tail is that of the sum it stands for."""

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from recsys_ops.acceptance.significance import _tail, wald_test


def test_an_unpenalised_curve_gets_the_textbook_f_test() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 3))
    x -= x.mean(axis=0)
    y = x @ [0.5, 0.0, -0.3] + rng.standard_normal(40)
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    variance = ((y - y.mean() - x @ best) ** 2).sum() / 36
    gram = x.T @ x
    statistic, p = wald_test(best, variance * np.linalg.inv(gram), gram, rank=3.0, residual_dof=36)
    expected = float(best @ gram @ best) / variance / 3
    assert statistic == pytest.approx(expected)
    assert p == pytest.approx(f_distribution.sf(expected, 3, 36))


@pytest.mark.parametrize(("whole", "part", "dof"), [(1, 0.3, 12.0), (2, 0.7, 30.0), (4, 0.05, 500.0), (5, 0.95, 8.0)])
def test_the_tail_is_that_of_weighted_squares_over_their_variance(whole: int, part: float, dof: float) -> None:
    rng = np.random.default_rng([whole, 1])
    n = 100_000
    joint = np.sqrt(part * (1 - part) / 2)
    weights = np.linalg.eigvalsh([[1, joint], [joint, part]])
    squares = rng.chisquare(1, (n, whole + 1)) @ np.r_[np.ones(whole - 1), weights]
    ratios = squares / (rng.chisquare(dof, n) / dof)
    for statistic in np.quantile(ratios, [0.2, 0.5, 0.95, 0.99]):
        assert _tail(statistic, whole, part, dof) == pytest.approx((ratios > statistic).mean(), abs=0.006)


def test_a_whole_rank_is_the_limit_of_fractions_above_and_below_it() -> None:
    rng = np.random.default_rng(5)
    root = rng.standard_normal((6, 6))
    covariance, coefficients, gram = root @ root.T, 2 * rng.standard_normal(6), np.eye(6)
    below, at, above = (
        wald_test(coefficients, covariance, gram, rank=rank, residual_dof=50)[1] for rank in (3 - 1e-9, 3.0, 3 + 1e-9)
    )
    assert below == pytest.approx(at, rel=1e-3)
    assert above == pytest.approx(at, rel=1e-3)


def test_the_smallest_p_values_are_not_zero() -> None:
    p = wald_test(np.array([50.0, 9.0]), np.eye(2), np.eye(2), rank=1.5, residual_dof=1000)[1]
    assert 0 < p < 1e-100
