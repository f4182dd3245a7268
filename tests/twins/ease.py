"""EASE from its definition, dense and in float64."""

import numpy as np
from numpy.typing import NDArray


def by_inverse(histories: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Steck (2019), eq. 8, with a general inverse."""
    inverse = np.linalg.inv(histories.T @ histories + ridge * np.eye(histories.shape[1]))
    weights: NDArray[np.float64] = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def by_regression(histories: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Each item regressed on all others, the constraint that the diagonal is 0 met by leaving the item out."""
    n_items = histories.shape[1]
    weights = np.zeros((n_items, n_items))
    for target in range(n_items):
        others = [item for item in range(n_items) if item != target]
        known = histories[:, others]
        gram = known.T @ known + ridge * np.eye(n_items - 1)
        weights[others, target] = np.linalg.solve(gram, known.T @ histories[:, target])
    return weights
