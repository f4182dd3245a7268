"""What is known of the quality of a run's recommender: figures beside those of a baseline, and what follows from them.

Explanations of a recommender that is no better than its baseline explain nothing about taste. So each job measures its
recommender and stores the figures with its results.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STANDARD_ERRORS = 2.0
"""By how many of them a recommender must exceed its baseline to be called better."""


@dataclass(frozen=True)
class Figure:
    """One measure of a recommender, its standard error over users, and the same measure of the baseline."""

    measure: str
    value: float
    standard_error: float | None
    baseline: float


@dataclass(frozen=True)
class Quality:
    """Figures of a recommender beside those of a ``baseline``, and how they were measured (``note``)."""

    recommender: str
    baseline: str
    figures: tuple[Figure, ...]
    is_better: bool
    n_users: int
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a manifest."""
        return {**asdict(self), "figures": [asdict(figure) for figure in self.figures]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Quality":
        """Inverse of ``as_dict``."""
        return cls(**{**stored, "figures": tuple(Figure(**figure) for figure in stored["figures"])})

    @property
    def sentence(self) -> str:
        """The recommender and its first figure, such as ``hybrid, recall@20 0.45, popularity 0.21``."""
        first = self.figures[0]
        note = f" ({self.note})" if self.note else ""
        return f"{self.recommender}, {first.measure} {first.value:.2f}, {self.baseline} {first.baseline:.2f}{note}"

    @property
    def verdict(self) -> str:
        """Whether it is worth explaining."""
        return (
            f"better than {self.baseline}"
            if self.is_better
            else (f"not better than {self.baseline}: do not explain this model")
        )


def is_clear(gains: NDArray[np.float64]) -> bool:
    """Whether the mean of some differences exceeds 0 by two of its standard errors."""
    return bool(gains.mean() > STANDARD_ERRORS * standard_error(gains))


def standard_error(values: NDArray[np.float64]) -> float:
    """Standard error of the mean; 0 for a single value."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
