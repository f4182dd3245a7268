"""Robust bands: where a figure of tonight lies if the night is like the nights before.

A band is the median of the earlier values, and on either side five times their median absolute deviation (scaled by
1.4826, so that for normal values it is the standard deviation; Rousseeuw and Croux 1993). A handful of nights may agree
to the last digit, by which the deviation is 0 and says nothing: no band is narrower than what is worth a person's look,
see ``_floor``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys_ops.drift.figures import Figure, Figures, Kind

NIGHTS = 7
"""Earlier nights that a band is made of, by default: a week, so that a weekend is nothing unusual."""
LEAST_NIGHTS = 3
"""With fewer there is no band."""
DEVIATIONS = 5.0
"""Half a band in standard deviations; of seven nights their estimate is rough, and dozens of figures are compared."""

_TO_STANDARD_DEVIATIONS = 1.4826
_ABSOLUTE: dict[Kind, float] = {"count": 1.0, "share": 0.05, "rate": 0.05, "churn": 0.2, "seconds": 60.0}
_OF_MEDIAN: dict[Kind, float] = {"count": 0.1, "measure": 0.05, "seconds": 0.5}
_OF_SPREAD: dict[Kind, float] = {"mean": 0.25, "measure": 4.0, "share": 4.0, "rate": 4.0, "churn": 4.0}
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Band:
    """A figure of tonight beside its band; ``low`` and ``high`` are None where there are too few nights for one."""

    name: str
    kind: Kind
    value: float
    low: float | None
    high: float | None
    n_nights: int

    @property
    def is_outside(self) -> bool:
        """Whether tonight is unlike the nights before."""
        if self.low is None or self.high is None:
            return False
        slack = _ROUNDING * max(abs(self.low), abs(self.high))
        return not self.low - slack <= self.value <= self.high + slack

    @property
    def sentence(self) -> str:
        """Such as ``interactions 61, usual 115 to 131``."""
        return f"{self.name} {self.value_in_words}, usual {self.usual_in_words}"

    @property
    def value_in_words(self) -> str:
        """The value with its unit."""
        return _said(self.value, self.kind)

    @property
    def usual_in_words(self) -> str:
        """The band, or how many nights there are."""
        if self.low is None or self.high is None:
            return f"unknown ({self.n_nights} of {LEAST_NIGHTS} nights)"
        return f"{_said(self.low, self.kind)} to {_said(self.high, self.kind)}"


def compare_nights(tonight: Figures, nights: Sequence[Figures]) -> list[Band]:
    """Every figure of tonight beside the band of the earlier nights.

    Parameters
    ----------
    tonight : dict of Figure
    nights : sequence of dict of Figure
        Of the earlier nights, in any order.

    Returns
    -------
    list of Band
        In the order of tonight's figures; then values that tonight nothing has any more, which have the share 0.
    """
    gone = {name: one for night in nights for name, one in night.items() if one.kind == "share" and name not in tonight}
    figures = tonight | {name: Figure("share", 0.0) for name in gone}
    return [_band(name, figure, nights) for name, figure in figures.items()]


def outside(bands: Sequence[Band]) -> list[Band]:
    """The figures for which a night may be refused: those outside, but for seconds, which no data explain."""
    return [band for band in bands if band.is_outside and band.kind != "seconds"]


def _band(name: str, figure: Figure, nights: Sequence[Figures]) -> Band:
    nothing = Figure("share", 0.0) if figure.kind == "share" else None
    known = [one for one in (night.get(name, nothing) for night in nights) if one is not None]
    if len(known) < LEAST_NIGHTS:
        return Band(name, figure.kind, figure.value, None, None, len(known))
    values = np.array([one.value for one in known])
    median = float(np.median(values))
    deviation = _TO_STANDARD_DEVIATIONS * float(np.median(np.abs(values - median)))
    spread = max(figure.spread, float(np.median([one.spread for one in known])))
    half = max(DEVIATIONS * deviation, _floor(figure.kind, median, spread))
    return Band(name, figure.kind, figure.value, *_possible(figure.kind, median - half, median + half), len(known))


def _floor(kind: Kind, median: float, spread: float) -> float:
    """Least half of a band: of a share five points, of a count a tenth, of a mean a quarter of its spread."""
    of_median, of_spread = _OF_MEDIAN.get(kind, 0.0) * abs(median), _OF_SPREAD.get(kind, 0.0) * spread
    return max(_ABSOLUTE.get(kind, 0.0), of_median, of_spread)


def _possible(kind: Kind, low: float, high: float) -> tuple[float, float]:
    """The part of a band that the figure can be in."""
    if kind == "mean":
        return low, high
    return max(low, 0.0), min(high, 1.0) if kind in ("share", "rate", "churn") else high


def _said(value: float, kind: Kind) -> str:
    if kind in ("share", "rate", "churn"):
        return f"{100 * value:.1f} %"
    return {"count": f"{value:,.0f}", "seconds": f"{value:,.0f} s"}.get(kind, f"{value:.4g}")
