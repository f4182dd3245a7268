"""The smooth term: a natural cubic spline through all knots when its rank is not cut, with mean 0 over the data."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from recsys_ops.acceptance.spline import MOST_KNOTS, make_spline

X = np.array([0.2, 0.5, 0.9, 1.4, 2.0, 2.1, 3.5, 4.0])


def test_the_columns_have_mean_zero_over_the_data() -> None:
    x = np.random.default_rng(0).choice(X, 50)
    assert np.allclose(make_spline(x)(x).mean(axis=0), 0, atol=1e-12)


def test_at_full_rank_the_penalised_fit_is_the_smoothing_spline() -> None:
    y, penalty = np.sin(3 * X), 0.01
    spline = make_spline(X)
    columns = np.column_stack([np.ones(len(X)), spline(X)])
    weights = np.diag(np.r_[0, 0, np.full(spline.n_columns - 1, penalty)])
    fitted = columns @ np.linalg.solve(columns.T @ columns + weights, columns.T @ y)
    assert np.allclose(fitted, smoothing_spline(X, y, penalty), atol=1e-8)


def smoothing_spline(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Least squares plus the integral of the squared second derivative over the unit range (Reinsch 1967)."""
    unit = (x - x[0]) / (x[-1] - x[0])
    second = np.column_stack([CubicSpline(unit, axis, bc_type="natural")(unit, 2) for axis in np.eye(len(x))])
    steps = np.diff(unit)
    gram = np.zeros((len(x), len(x)))
    for n, step in enumerate(steps):  # second derivatives are linear between knots
        a, b = second[n], second[n + 1]
        gram += step / 3 * (np.outer(a, a) + np.outer(b, b) + (np.outer(a, b) + np.outer(b, a)) / 2)
    return np.linalg.solve(np.eye(len(x)) + penalty * gram, y)


@pytest.mark.parametrize("n", [3, 4, 12, MOST_KNOTS + 50])
def test_there_are_at_most_nine_columns_and_fewer_than_there_are_values(n: int) -> None:
    x = np.sort(np.random.default_rng(n).uniform(0, 5, n))
    assert make_spline(x).n_columns == min(9, n - 1)


def test_outside_the_data_the_curve_keeps_its_last_value() -> None:
    spline = make_spline(X)
    assert np.array_equal(spline(np.array([-3.0, 9.0])), spline(np.array([X[0], X[-1]])))


def test_the_unit_of_distance_does_not_matter() -> None:
    # Columns may differ in sign; their squares and the penalty do not.
    assert np.allclose(make_spline(X)(X) ** 2, make_spline(1000 * X)(1000 * X) ** 2, atol=1e-10)
