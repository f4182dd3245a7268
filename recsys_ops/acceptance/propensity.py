"""What people's ratings say about distance: does it matter, up to where, and how much do people differ?

Ratings of either question are fitted against one distance at a time, as in the study of recourse (Tominaga et al.
2024, section 4), and each fit is summarised by one word, which is all there is where ratings are too few.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from recsys_ops.acceptance.gamm import LEAST_DISTINCT, MixedFit, fit_gamm
from recsys_ops.acceptance.threshold import Threshold, falls, find_threshold

LEAST_RATINGS = 100
LEAST_PEOPLE = 20
LEAST_REPEATED = 40
"""Ratings beyond each person's first: only these separate people's levels from the scatter of their answers."""
LEVEL = 0.05
"""Of the test that the curve is flat."""


class Finding(StrEnum):
    """What a fit says; the same words in tables and summaries."""

    FLAT = "flat"
    FALLS_THEN_FLAT = "falls_then_flat"
    FALLS = "falls"
    RISES = "rises"
    TOO_FEW = "too_few"
    ERROR = "error"

    @property
    def meaning(self) -> str:
        """The consequence for the next run."""
        return _MEANINGS[self]


_MEANINGS = {
    Finding.FLAT: "Distance makes no difference that these data show: no cap follows.",
    Finding.FALLS_THEN_FLAT: "Falls up to the threshold, then is flat: the threshold is the cap of the next run.",
    Finding.FALLS: "Falls as far as the data go: nearer is better everywhere, and no cap follows.",
    Finding.RISES: "Does not fall with distance: no cap follows.",
    Finding.TOO_FEW: "Too few ratings: the settings stay as they are. Collect more.",
    Finding.ERROR: "The fit failed; the reason column says why.",
}


@dataclass(frozen=True)
class Propensity:
    """One response against one distance; ``fit`` is None where there are too few ratings, ``reason`` then says so."""

    finding: Finding
    reason: str
    n: int
    n_people: int
    fit: MixedFit | None = None
    threshold: Threshold | None = None

    def cap(self, *, whole: bool) -> float | None:
        """The cap for the next run: the threshold, cut down to a whole number where distance is counted."""
        if self.threshold is None:
            return None
        return max(float(np.floor(self.threshold.at)), 1.0) if whole else self.threshold.at


def fit_propensity(
    distance: NDArray[np.float64], rating: NDArray[np.float64], person: NDArray[np.int64], *, seed: int
) -> Propensity:
    """Fit ratings of one question against one distance.

    Parameters
    ----------
    distance, rating : ndarray, shape (n,)
    person : ndarray, shape (n,)
        0 .. n_people - 1, nobody left out.
    seed : int
        Of the threshold's interval.

    Returns
    -------
    Propensity
    """
    n_people = int(person.max(initial=-1)) + 1
    short = lacking(distance, n_people)
    if short:
        return Propensity(Finding.TOO_FEW, short, len(rating), n_people)
    if np.ptp(rating) == 0:
        return Propensity(Finding.TOO_FEW, f"all ratings are {rating[0]:g}", len(rating), n_people)
    fit = fit_gamm(distance, rating, person, n_people)
    threshold = find_threshold(fit, distance, seed=seed) if fit.p < LEVEL else None
    if fit.p >= LEVEL:
        finding = Finding.FLAT
    elif threshold is not None:
        finding = Finding.FALLS_THEN_FLAT
    else:
        finding = Finding.FALLS if falls(fit, distance) else Finding.RISES
    return Propensity(finding, "", len(rating), n_people, fit, threshold)


def lacking(distance: NDArray[np.float64], n_people: int) -> str:
    """What the data have too few of, in words; empty if they suffice."""
    counts = {
        "ratings": (len(distance), LEAST_RATINGS),
        "people": (n_people, LEAST_PEOPLE),
        "ratings beyond each person's first": (len(distance) - n_people, LEAST_REPEATED),
        "different distances": (len(np.unique(distance)), LEAST_DISTINCT),
    }
    return "; ".join(
        f"{found} {what}, at least {least} needed" for what, (found, least) in counts.items() if found < least
    )
