"""What a provider loses by not being seen: which cases are worth most if not all can be done."""

import numpy as np
from numpy.typing import NDArray


def exposure_lost(
    n_candidates: NDArray[np.int64], n_in_top: NDArray[np.int64], mean_rank: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Users of the group who do not see the item, each weighed by how near its top it is.

    Parameters
    ----------
    n_candidates : ndarray, shape (n_cases,)
        Users of the group who may be shown the item.
    n_in_top : ndarray, shape (n_cases,)
        Those who have it in their top k.
    mean_rank : ndarray, shape (n_cases,)
        Of the item in the group, from 1; NaN where nobody may be shown it.

    Returns
    -------
    ndarray, shape (n_cases,)
        ``(n_candidates - n_in_top) / log2(1 + mean_rank)``: the discount of DCG. 0 where nobody may be shown it.
    """
    weight = 1.0 / np.log2(1.0 + np.where(np.isnan(mean_rank), 1.0, mean_rank))
    lost: NDArray[np.float64] = np.where(np.isnan(mean_rank), 0.0, (n_candidates - n_in_top) * weight)
    return lost
