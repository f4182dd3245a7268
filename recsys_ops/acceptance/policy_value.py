"""Would it have been better to show first what each provider is likeliest to act upon? Estimated before it is done.

People rated some of the options of each case, whichever came first. What a policy would have shown them first is rated,
or is predicted: the doubly robust estimate is right if either the ratings were of options drawn at random, or the
predictions are right. The model of a case's predictions never saw that case.
Source: Dudik, Erhan, Langford and Li 2014, Doubly robust policy evaluation and optimization, Statistical Science 29(4).
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.acceptance.acting import ACTS_FROM, Acting, fit_acting
from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.rated_options import RatedOptions

FOLDS = 5
LEAST_CASES = 30
"""Cases with a choice, below which nothing is estimated."""


@dataclass(frozen=True)
class PolicyValue:
    """Share of the group that is gained by what is acted upon, per case: ``first`` with the first option shown first,
    and ``more`` by what the provider is likeliest to act upon, with its 95 % interval."""

    n_cases: int
    first: float
    more: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        """Whether the interval holds gains only."""
        return self.low > 0


def estimate_value(options: RatedOptions, *, seed: int) -> PolicyValue | None:
    """Compare the two policies on rated options.

    Parameters
    ----------
    options : RatedOptions
    seed : int
        Of the folds.

    Returns
    -------
    PolicyValue or None
        None with fewer than ``LEAST_CASES`` cases of which several options could have been shown and one was rated.

    Notes
    -----
    The interval is by providers: what one of them rates is not independent. Time: ``FOLDS`` fits.
    """
    n_options = np.bincount(options.case)
    n_rated = np.bincount(options.case, np.isfinite(options.rating))
    counted = np.flatnonzero((n_options > 1) & (n_rated > 0))
    if len(counted) < LEAST_CASES:
        return None
    fold_of = np.random.default_rng([seed, 4]).permutation(int(options.case.max()) + 1) % FOLDS
    places = np.split(np.argsort(options.case, kind="stable"), np.cumsum(n_options)[:-1])
    by_provider: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for fold in range(FOLDS):
        model = _fit(options, np.isfinite(options.rating) & (fold_of[options.case] != fold))
        for case in counted[fold_of[counted] == fold]:
            provider = options.provider[places[case][0]]
            by_provider[provider].append(_values(options, places[case], model))
    sums = np.array([np.sum(values, axis=0) for values in by_provider.values()])
    sizes = np.array([len(values) for values in by_provider.values()])
    n = int(sizes.sum())
    first, more = sums.sum(axis=0) / n
    left = sums[:, 1] - sizes * more
    half = NORMAL_95 * float(np.sqrt((left**2).sum() * len(sizes) / max(len(sizes) - 1, 1))) / n
    return PolicyValue(n, float(first), float(more), float(more - half), float(more + half))


def _fit(options: RatedOptions, used: NDArray[np.bool_]) -> Acting:
    rows = np.flatnonzero(used)
    names = [options.provider[n] for n in rows.tolist()]
    return fit_acting(options.plans.only(rows), options.rating[rows], names)


def _values(options: RatedOptions, places: NDArray[np.intp], model: Acting) -> tuple[float, float]:
    """What a case gains with its first option shown first, and how much more with the likeliest worth."""
    plans, rating = options.plans.only(places), options.rating[places]
    acting = model.probability(options.provider[places[0]], plans)
    share_rated = float(np.isfinite(rating).mean())
    surprise = np.where(np.isfinite(rating), (rating >= ACTS_FROM) - acting, 0.0) / share_rated
    value = plans.gain * (acting + surprise)
    return float(value[0]), float(value[int(np.argmax(plans.gain * acting))] - value[0])
