"""What artificial users do where they are used: added to all ratings, fitted until settled, from several starts.

Beside it stands the noise floor: what another start, and as many random rows, change by themselves. An effect is
believed where its interval leaves 0 out and lies beyond what random rows do.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from recsys_ops.antidote.standing import Standing, share_kept
from recsys_ops.models.mf_settled import OBJECTIVE_AT_REST

COVERAGE = 0.95
"""Of all intervals."""

Verdict = Literal["helps", "uncertain", "harms", "as random", "beyond limits", "comparison"]
"""What the intervals say of a case.

``helps``: the wanted sign, beyond random rows, within the limits. ``uncertain``: the interval holds 0. ``harms``: the
other sign. ``as random``: it does not leave out what random rows do. ``beyond limits``: of RMSE or lists.
``comparison``: baselines and random rows, which are shown and never advised.
"""


@dataclass(frozen=True)
class Interval:
    """``mean`` of some values, and where a further one lies (``low`` to ``high``) 95 times of 100."""

    mean: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether the sign is open."""
        return self.low <= 0 <= self.high


def another_value(values: NDArray[np.float64], *, slack: float = 0.0) -> Interval:
    """Where one more value of the same kind will lie.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Independent, such as the effects of n starts.
    slack : float
        What each value is exact to; widens the interval.

    Returns
    -------
    Interval
        Mean and Student's prediction interval, ``t s sqrt(1 + 1/n)`` to both sides, and farther where a value lies
        outside (an optimum that few starts end in); without end for a single value.
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Interval(mean, -np.inf, np.inf)
    reach = float(stdtrit(n - 1, (1 + COVERAGE) / 2) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n))
    low, high = min(mean - reach, float(values.min())), max(mean + reach, float(values.max()))
    return Interval(mean, low - slack, high + slack)


def over_splits(values: NDArray[np.float64], held_out: float) -> Interval:
    """Mean effect on unseen ratings, from repeated splits of the same ratings.

    Parameters
    ----------
    values : ndarray, shape (n_splits,)
    held_out : float
        Share of the ratings that each split holds out.

    Returns
    -------
    Interval
        Of the mean. Splits share ratings, so they vary less than new data would: the variance is taken
        ``1/n + held_out / (1 - held_out)`` times (Nadeau and Bengio 2003). Without end for a single split.
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Interval(mean, -np.inf, np.inf)
    scale = np.sqrt(1 / n + held_out / (1 - held_out))
    reach = float(stdtrit(n - 1, (1 + COVERAGE) / 2) * np.std(values, ddof=1) * scale)
    return Interval(mean, mean - reach, mean + reach)


@dataclass(frozen=True)
class AsUsed:
    """The same starts without artificial users, with those of a case, and with as many random rows."""

    before: tuple[Standing, ...]
    after: tuple[Standing, ...]
    random: tuple[Standing, ...]

    @property
    def changes(self) -> NDArray[np.float64]:
        """Change of the objective from each start, as a share of its mean without artificial users."""
        return _changes(self.before, self.after)

    @property
    def random_changes(self) -> NDArray[np.float64]:
        """The same of random rows."""
        return _changes(self.before, self.random)

    @property
    def effect(self) -> Interval:
        """Where the change from another start lies."""
        return another_value(self.changes, slack=_slack(self.changes))

    @property
    def random_effect(self) -> Interval:
        """The same of random rows."""
        return another_value(self.random_changes, slack=_slack(self.random_changes))

    @property
    def beyond_random(self) -> Interval:
        """Where the change of another start lies, less the mean change by random rows."""
        effect, random = self.effect, float(np.mean(self.random_changes))
        return Interval(effect.mean - random, effect.low - random, effect.high - random)

    def worst(self, sign: float) -> float:
        """The change from the start where it is least wanted; ``sign`` 1 where the objective is to fall, else -1."""
        return float(sign * np.max(sign * self.changes))

    @property
    def start_change(self) -> float:
        """Difference of two starts without artificial users that 95 of 100 stay below, as a share of the mean."""
        values = np.array([one.value for one in self.before])
        spread = float(stdtrit(len(values) - 1, (1 + COVERAGE) / 2) * np.std(values, ddof=1) * np.sqrt(2))
        return spread / max(abs(float(values.mean())), 1e-300)

    @property
    def rmse_changes(self) -> NDArray[np.float64]:
        """Change of the RMSE on the given ratings from each start, in stars."""
        return np.array([after.rmse - before.rmse for before, after in zip(self.before, self.after, strict=True)])

    @property
    def random_rmse_change(self) -> float:
        """Mean of the same of random rows."""
        return float(np.mean([one.rmse for one in self.random]) - np.mean([one.rmse for one in self.before]))

    @property
    def kept(self) -> NDArray[np.float64]:
        """Share of the users' top 10 that stays, from each start."""
        return _kept(self.before, self.after)

    @property
    def random_kept(self) -> float:
        """Mean of the same of random rows."""
        return float(np.mean(_kept(self.before, self.random)))

    @property
    def floor_kept(self) -> float:
        """Share of the users' top 10 that another start alone leaves, mean over pairs of starts."""
        return floor_kept(self.before)


def floor_kept(before: tuple[Standing, ...]) -> float:
    """Share of the users' top 10 that stays between two starts, mean over neighbours in a circle of starts."""
    return float(np.mean(_kept(before, (*before[1:], before[0]))))


def keeps_limits(used: AsUsed, *, max_rmse_loss: float | None = None, min_overlap: float | None = None) -> bool:
    """Whether accuracy and lists stay within their limits.

    Parameters
    ----------
    used : AsUsed
    max_rmse_loss : float, optional
        Stars that the RMSE may grow by, in the mean over the starts.
    min_overlap : float, optional
        Share of the lists that another start alone leaves, which must be kept in the mean over the starts.
    """
    if max_rmse_loss is not None and used.rmse_changes.mean() > max_rmse_loss:
        return False
    return min_overlap is None or bool(used.kept.mean() >= min_overlap * used.floor_kept)


def verdict_of(effect: Interval, beyond_random: Interval, sign: float, *, within_limits: bool) -> Verdict:
    """What the intervals say of a case, in a word.

    Parameters
    ----------
    effect : Interval
        Of the change of the objective.
    beyond_random : Interval
        Of that change less the one by as many random rows.
    sign : float
        1 where the objective is to fall, -1 where it is to rise.
    within_limits : bool
        Whether accuracy and lists are.

    Returns
    -------
    Verdict
    """
    if effect.holds_zero:
        return "uncertain"
    if sign * effect.mean > 0:
        return "harms"
    if beyond_random.holds_zero or sign * beyond_random.mean > 0:
        return "as random"
    return "helps" if within_limits else "beyond limits"


def _changes(before: tuple[Standing, ...], after: tuple[Standing, ...]) -> NDArray[np.float64]:
    old, new = (np.array([one.value for one in stands]) for stands in (before, after))
    changes: NDArray[np.float64] = (new - old) / max(abs(float(old.mean())), 1e-300)
    return changes


def _slack(changes: NDArray[np.float64]) -> float:
    """What a change is exact to: both fits are settled to a share of their own objective."""
    return OBJECTIVE_AT_REST * (1 + float(np.mean(np.abs(1 + changes))))


def _kept(before: tuple[Standing, ...], after: tuple[Standing, ...]) -> NDArray[np.float64]:
    return np.array([share_kept(old.lists, new.lists) for old, new in zip(before, after, strict=True)])
