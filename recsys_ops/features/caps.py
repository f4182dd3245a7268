"""Caps: how far a recourse may be. People act less the farther it is, up to a distance past which few act at all.

A cap is a rule and not a goal: within it the search reaches as many users as it can, and a row says what cannot be
had within it. Source: Tominaga, Yamashita and Kurashima 2024, section 5.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import Distances

SLACK = 1e-9
"""Relative excess over a cap that is rounding."""


@dataclass(frozen=True)
class Caps:
    """Most ``sparsity``, ``proximity`` and ``cost`` of a recourse; infinite where there is no cap."""

    sparsity: float = np.inf
    proximity: float = np.inf
    cost: float = np.inf

    def allow(self, distances: Distances) -> NDArray[np.bool_]:
        """Which of m recourses are within all caps, ``(m,)``."""
        allowed: NDArray[np.bool_] = (
            (distances.sparsity <= self.sparsity)
            & (distances.proximity <= self.proximity * (1 + SLACK))
            & (distances.cost <= self.cost * (1 + SLACK))
        )
        return allowed

    @property
    def is_none(self) -> bool:
        """Whether nothing is capped."""
        return self.is_of_sparsity_alone and bool(np.isinf(self.sparsity))

    @property
    def is_of_sparsity_alone(self) -> bool:
        """Whether nothing but the number of changes is capped."""
        return bool(np.isinf(self.proximity) and np.isinf(self.cost))

    def __str__(self) -> str:
        named = ((self.sparsity, "{:g} changes"), (self.proximity, "proximity {:g}"), (self.cost, "cost {:g}"))
        return ", ".join(text.format(most) for most, text in named if np.isfinite(most)) or "no cap"
