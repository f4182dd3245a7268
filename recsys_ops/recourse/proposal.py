"""What a search proposes for one case, before the recommender has been run on it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FrontierPoint:
    """What so many changes reach; ``text`` says which, ``rank`` is the mean rank after them, if that is aimed at."""

    n_changes: int
    success: float
    text: str
    rank: float | None = None


@dataclass(frozen=True)
class Proposal:
    """Changed ``features (n_features,)``, the success before thresholding and the path of reversions."""

    features: NDArray[np.float64]
    success_unthresholded: float
    frontier: list[FrontierPoint] = field(default_factory=list)
