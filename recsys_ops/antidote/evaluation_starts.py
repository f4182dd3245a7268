"""Starts of the evaluation: item factors of several distributions, because users' programs draw theirs otherwise.

Where a fit ends depends on where it starts, and from one distribution it may always end in the same of several optima.
So the starts take turns: as ``fit_als`` draws them, near nothing, and far out.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.mf import AlsSettings, random_start

StartKind = Literal["usual", "small", "large"]

KINDS: tuple[StartKind, ...] = ("usual", "small", "large")
"""In turn: ``usual`` has a common direction for the mean; ``small`` and ``large`` are normal around nothing."""

FEW_RATINGS, FEW_STARTS, MANY_STARTS = 20_000, 5, 12
"""Below so many ratings a fit takes a moment, and optima are several: there are more starts."""

_SPREAD = {"small": 0.1, "large": 1.0}


def n_starts_for(n_ratings: int) -> int:
    """Starts where nobody says how many."""
    return MANY_STARTS if n_ratings < FEW_RATINGS else FEW_STARTS


def kind_of(number: int) -> StartKind:
    """Kind of the start with this number, from 0."""
    return KINDS[number % len(KINDS)]


def start_items(n_items: int, als: AlsSettings, kind: StartKind) -> NDArray[np.float64]:
    """Item factors to start from, drawn with the seed of the settings.

    Parameters
    ----------
    n_items : int
    als : AlsSettings
    kind : "usual", "small" or "large"

    Returns
    -------
    ndarray, shape (n_items, rank)
    """
    if kind == "usual":
        return random_start(n_items, als)
    rng = np.random.default_rng([als.seed, als.rank, KINDS.index(kind)])
    return rng.normal(0.0, _SPREAD[kind], (n_items, als.rank))
