"""The problem: which objective, of which recommender, to be moved which way, within which limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.objectives import Objective, Predictions, measure
from recsys_ops.errors import ConfigError
from recsys_ops.models.mf import AlsSettings, Factors, Fit, fit_als
from recsys_ops.models.mf_rows import RowMap

Direction = Literal["min", "max"]
Each = Callable[[Callable[..., Any], Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class EvaluationRatings:
    """Ratings that an objective is about, other than those that are fitted.

    ``user_noise (n_users,)`` and ``item_noise (n_items,)`` are squared errors per rating that no prediction avoids, and
    are added to the losses; ``unseen.py`` says why.
    """

    rows: RowMap
    user_noise: NDArray[np.float64]
    item_noise: NDArray[np.float64]

    def measure(self, factors: Factors) -> Predictions:
        """Errors of factors on these ratings, noise included."""
        seen = measure(self.rows, factors)
        return replace(
            seen,
            user_errors=seen.user_errors + self.user_noise * seen.user_counts,
            item_errors=seen.item_errors + self.item_noise * seen.item_counts,
        )


@dataclass(frozen=True)
class AntidoteProblem:
    """What artificial ratings are to achieve, and within which limits.

    ``rows`` the ratings of the real users, which are fitted with ``als``; ``objective`` to be moved in ``direction``.
    Artificial ratings stay within ``rating_range`` (least, greatest), are whole stars with ``whole_ratings``, and no
    artificial user gives more than ``max_ratings``. ``max_rmse_loss`` in stars is how much worse the fit may become.
    ``evaluated_on`` is None where the objective is about the fitted ratings themselves. ``warm`` starts each fit of the
    descent from the last one: faster on large data, but further from the fit from scratch that evaluates the result.
    ``before`` is the fit without artificial users, where it is known. ``choice_starts`` are seeds of the starts on
    whose mean the search chooses, by default that of ``als`` alone. ``min_overlap`` is the share of the users' top 10
    that must stay, relative to what another start alone leaves. ``each`` applies a function to this problem and each of
    some arguments, results in order: in a loop by default, in the jobs as tasks.
    """

    rows: RowMap
    objective: Objective
    direction: Direction
    als: AlsSettings
    rating_range: tuple[float, float]
    whole_ratings: bool = False
    max_ratings: int | None = None
    max_rmse_loss: float | None = None
    evaluated_on: EvaluationRatings | None = None
    warm: bool = False
    before: Fit | None = None
    choice_starts: tuple[int, ...] = ()
    min_overlap: float | None = None
    each: Each | None = None

    @property
    def sign(self) -> float:
        """1 to lower the objective, -1 to raise it."""
        return 1.0 if self.direction == "min" else -1.0

    @property
    def evaluated_rows(self) -> RowMap:
        """The ratings that the objective is about."""
        return self.rows if self.evaluated_on is None else self.evaluated_on.rows

    def fit(self, artificial: sp.csr_array | None = None, *, start: NDArray[np.float64] | None = None) -> Fit:
        """The recommender fitted with real and artificial users, from scratch unless ``start`` is given."""
        return fit_als(self.rows, self.als, artificial=artificial, start=start)

    def run_each(self, function: Callable[["AntidoteProblem", Any], Any], arguments: Sequence[Any]) -> list[Any]:
        """``function(problem, argument)`` for each argument, in order."""
        if self.each is None or len(arguments) == 1:
            return [function(self, one) for one in arguments]
        return self.each(function, arguments)

    def without(self) -> Fit:
        """The recommender without artificial users, fitted only if it is not known yet."""
        return self.fit() if self.before is None else self.before

    def measure(self, factors: Factors) -> Predictions:
        """Predictions on the ratings that the objective is about."""
        return measure(self.rows, factors) if self.evaluated_on is None else self.evaluated_on.measure(factors)

    def feasible(self, ratings: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ratings clipped to the range, and rounded with ``whole_ratings``."""
        clipped = np.clip(ratings, *self.rating_range)
        return np.clip(np.round(clipped), *whole_range(self.rating_range)) if self.whole_ratings else clipped


def whole_range(rating_range: tuple[float, float]) -> tuple[float, float]:
    """Least and greatest whole rating of a range.

    Raises
    ------
    ConfigError
        There is none.
    """
    low, high = float(np.ceil(rating_range[0])), float(np.floor(rating_range[1]))
    if low > high:
        raise ConfigError(
            f"--whole-ratings: there is no whole number from {rating_range[0]:g} to {rating_range[1]:g}, "
            "the range of the ratings. Leave it out."
        )
    return low, high


def budget_users(budget: str, n_users: int) -> int:
    """How many artificial users a budget buys.

    Parameters
    ----------
    budget : str
        ``20`` users, or ``2%`` of the real users, rounded to the nearest whole number, at least 1.
    n_users : int
        Real users.

    Returns
    -------
    int

    Raises
    ------
    ConfigError
        The budget is neither, or not positive.
    """
    text, percent = budget.strip().removesuffix("%"), budget.strip().endswith("%")
    try:
        amount = float(text)
    except ValueError:
        amount = float("nan")
    if not (np.isfinite(amount) and amount > 0 and (percent or amount == int(amount))):
        raise ConfigError(f"--budget {budget}: expected a whole number of users or a share. Use 20 or 2%, for example.")
    return max(1, round(amount / 100 * n_users)) if percent else int(amount)
