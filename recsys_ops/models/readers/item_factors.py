"""Item factors of models that fold a history in, as the libraries store them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ItemFactors:
    """What is left of a matrix factorisation without its users.

    Attributes
    ----------
    factors : ndarray of float32 or float64, shape (n_items, d)
        In the order of the catalogue; zeros for items that the model does not know.
    bias : ndarray, shape (n_items,), or None
        Added to every score; -inf for items that the model does not know. None for zeros.
    regularization, alpha : float or None
        What the factors were fitted with, where the file says so.
    """

    factors: NDArray[Any]
    bias: NDArray[np.float64] | None = None
    regularization: float | None = None
    alpha: float | None = None
