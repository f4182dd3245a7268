"""Support of features by the book: a regression per feature and item on all other items, and a vote of neighbours."""

import numpy as np
from numpy.typing import NDArray


def regressed(has: NDArray[np.float64], ridge: float, item: int, column: int) -> float:
    """Ridge prediction of one feature of an item from its others, fitted on all other items."""
    others = np.delete(has, item, axis=0)
    inputs, known = np.delete(others, column, axis=1), others[:, column]
    weights = np.linalg.solve(inputs.T @ inputs + ridge * np.eye(inputs.shape[1]), inputs.T @ known)
    return float(np.clip(np.delete(has[item], column) @ weights, 0, 1))


def voted(has: NDArray[np.float64], item: int, column: int, n: int) -> float:
    """Share of the n nearest items that have the feature, by squared cosine, rare features first."""
    weighted = has * np.log((1 + len(has)) / (1 + has.sum(axis=0)))
    norms = [np.linalg.norm(row) for row in weighted]
    cosine = [
        float(row @ weighted[item] / (norm * norms[item])) if norm and norms[item] else 0.0
        for row, norm in zip(weighted, norms, strict=True)
    ]
    nearest = sorted((other for other in range(len(has)) if other != item), key=lambda other: (-cosine[other], other))
    weight = {other: cosine[other] ** 2 for other in nearest[:n]}
    total = sum(weight.values())
    return sum(w * has[other, column] for other, w in weight.items()) / total if total else 0.0
