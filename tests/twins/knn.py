"""Item-kNN by a loop over all pairs of items."""

import numpy as np
from numpy.typing import NDArray


def item_knn(histories: NDArray[np.float64], neighbours: int, shrinkage: float) -> NDArray[np.float64]:
    """Shrunk cosines; of each column the greatest positive ones stay, the first of equal ones before the others."""
    n_items = histories.shape[1]
    weights = np.zeros((n_items, n_items))
    for target in range(n_items):
        likeness = []
        for source in range(n_items):
            product = float(histories[:, source] @ histories[:, target])
            if source != target and product > 0:
                lengths = float(np.linalg.norm(histories[:, source]) * np.linalg.norm(histories[:, target]))
                likeness.append((-round(product / (lengths + shrinkage), 12), source))
        for negative, source in sorted(likeness)[:neighbours]:
            weights[source, target] = -negative
    return weights
