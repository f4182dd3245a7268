"""SLIM by scikit-learn on dense columns, and what must hold at its optimum."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import ElasticNet


def by_coordinate_descent(
    histories: NDArray[np.float64], target: int, candidates: NDArray[np.int64], l1: float, l2: float
) -> NDArray[np.float64]:
    """Non-negative elastic net of one item on some others; scikit-learn divides the squared error by n_users."""
    n_users = len(histories)
    model = ElasticNet(
        alpha=(l1 + l2) / n_users,
        l1_ratio=l1 / (l1 + l2),
        positive=True,
        fit_intercept=False,
        tol=1e-12,
        max_iter=100_000,
    )
    weights: NDArray[np.float64] = model.fit(histories[:, candidates], histories[:, target]).coef_
    return weights


def slopes(
    histories: NDArray[np.float64],
    target: int,
    candidates: NDArray[np.int64],
    weights: NDArray[np.float64],
    l1: float,
    l2: float,
) -> NDArray[np.float64]:
    """Derivative of the objective by each weight: 0 where the weight is positive, not negative where it is 0."""
    known = histories[:, candidates]
    slope: NDArray[np.float64] = known.T @ (known @ weights - histories[:, target]) + l2 * weights + l1
    return slope
