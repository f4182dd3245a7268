"""One plan for the night: which plan each item follows, or none, so that what is promised holds when all act.

Lists have k places per user, and a plan that takes one takes it from another. What counts are the users whom the
plans gain when all are followed at once, by the recommender. The search is an auction in rounds: in each, every item
learns what each of its plans would gain now and what it would take from the plans of others (``switches.py``, one pass
over the users), and those who would improve the night most switch. Many switch at once; if the night is not better for
it, only half as many do. One that switches alone improves it by what was said. It ends where no item can improve the
night by another plan, or after ``MOST_ROUNDS``. It begins from everybody's own best and from nobody, and keeps the
better end by what plans gain that are worth following. Nothing proves how close that is to the best there is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.recourse.switches import NOBODY, Switches
from recsys_ops.recourse.together import Plans, plans_taken

MOST_ROUNDS = 24
"""Passes over the users from each of the two beginnings."""

Aim = Literal["total", "fair"]
"""Users gained in all; or the sum of the logarithms of what each seller gains (proportional fairness)."""

_UNIT = 2**20
"""Weights of users are whole multiples of 1 / _UNIT, so that sums do not depend on their order."""


@dataclass(frozen=True)
class Night:
    """All plans of a night, and for each item the plan to stay as it is; arrays of length n_plans.

    ``before`` users who see the item today, ``least`` that a plan must gain to be worth following, ``seller`` of the
    item; ``stay (n_items_with_plans,)`` positions of the plans to stay.
    """

    plans: Plans
    before: NDArray[np.int64]
    least: NDArray[np.int64]
    seller: NDArray[np.int64]
    stay: NDArray[np.intp]

    @property
    def row(self) -> NDArray[np.int64]:
        """Number of each plan's item among those with plans."""
        return np.searchsorted(self.plans.item[self.stay], self.plans.item)

    def worth(self, reached: NDArray[np.int64]) -> NDArray[np.int64]:
        """Users gained by each plan that reaches so many; 0 where that is too few to be worth following it."""
        gained = reached - self.before
        gained[self.stay] = 0
        return np.where(gained >= self.least, gained, 0)


def make_night(
    plans: Plans,
    today: sp.csr_array,
    *,
    before: NDArray[np.int64],
    least: NDArray[np.int64],
    sellers: NDArray[np.int64],
) -> Night:
    """Add to the plans the one to stay, for each item.

    Parameters
    ----------
    plans : Plans
    today : csr_array, shape (n_items, n_features)
        Features of all items as they are.
    before, least : ndarray, shape (n_plans,)
        As in ``Night``; ``least`` at least 1.
    sellers : ndarray, shape (n_items,)

    Returns
    -------
    Night
        The plans given come first.
    """
    items, n = np.unique(plans.item), len(plans)
    nothing = np.zeros(len(items), dtype=np.int64)
    everything = Plans(
        item=np.r_[plans.item, items],
        group=np.r_[plans.group, nothing + NOBODY],
        gained=np.r_[plans.gained, nothing.astype(np.float64)],
        features=sp.csr_array(sp.vstack([plans.features, today[items]], format="csr")),
    )
    return Night(
        everything, np.r_[before, nothing], np.r_[least, nothing], sellers[everything.item], n + np.arange(len(items))
    )


@dataclass(frozen=True)
class JointPlan:
    """``chosen`` plans, at most one per item, each worth following; ``reached (n_chosen,)`` if all are followed.

    ``total`` users gained, ``uncoordinated`` those that everybody's own best plan gains together, ``n_passes`` over
    the users; ``is_settled``: no other plan of a single item would improve it.
    """

    chosen: NDArray[np.intp]
    reached: NDArray[np.int64]
    total: int
    uncoordinated: int
    n_passes: int
    is_settled: bool


Look = Callable[[NDArray[np.intp], NDArray[np.int64]], Switches]
"""``look(chosen, weights)``: one pass over the users, given a plan for each item and the weight of its users."""


def choose_jointly(night: Night, look: Look, *, aim: Aim = "total", most_rounds: int = MOST_ROUNDS) -> JointPlan:
    """Choose the plan that each item follows.

    Parameters
    ----------
    night : Night
    look : callable
        Runs the recommender.
    aim : "total" or "fair"
    most_rounds : int
        Passes over the users from each beginning.

    Returns
    -------
    JointPlan

    Notes
    -----
    Deterministic. At most ``2 most_rounds`` passes, and a few more to let go of plans that are not worth following.
    """
    n_given = len(night.plans) - len(night.stay)
    own_best = night.stay.copy()
    taken = plans_taken(night.plans.only(np.arange(n_given)))
    own_best[night.row[taken]] = taken
    search = _Search(night, look, aim)
    begun = [search.at(start, search.even) for start in (own_best, night.stay)]
    ends = [search.climb(start, most_rounds) for start in begun]
    best = max(ends, key=lambda end: end.value)  # of two that are equal the first
    n_passes = sum(end.n_passes for end in ends)
    chosen = np.sort(best.chosen[best.chosen < n_given])
    gained = begun[0].reached[own_best] - night.before[own_best]
    return JointPlan(
        chosen, best.reached[chosen], int((best.reached - night.before)[chosen].sum()),
        int(gained[own_best < n_given].sum()), n_passes, best.is_settled,
    )  # fmt: skip


@dataclass(frozen=True)
class _State:
    """A plan for each item and what the recommender says of it; ``improvement (n_plans,)`` by a single switch."""

    chosen: NDArray[np.intp]
    reached: NDArray[np.int64]
    improvement: NDArray[np.int64]
    weights: NDArray[np.int64]
    value: float
    n_passes: int = 1
    is_settled: bool = False


@dataclass(frozen=True)
class _Search:
    night: Night
    look: Look
    aim: Aim

    @property
    def even(self) -> NDArray[np.int64]:
        """Every user counts the same, whoever gains them."""
        return np.full(len(self.night.stay), _UNIT)

    def at(self, chosen: NDArray[np.intp], weights: NDArray[np.int64]) -> _State:
        """Run the recommender with these plans; what others lose is weighed as given."""
        night, seen = self.night, self.look(chosen, weights)
        worth = night.worth(seen.reached)
        gained = np.bincount(night.seller[chosen], worth[chosen])
        value = float(worth[chosen].sum()) if self.aim == "total" else float(np.log1p(gained).sum())
        improvement = weights[night.row] * (worth - worth[chosen][night.row]) + seen.others
        improvement[chosen] = 0
        if self.aim == "fair":
            weights = np.maximum(np.rint(_UNIT / (1 + gained[night.seller[night.stay]])), 1).astype(np.int64)
        return _State(chosen, seen.reached, improvement, weights, value)

    def climb(self, now: _State, most_rounds: int) -> _State:
        """Switch while that improves the night; then let go of what is not worth following."""
        n_passes, share, is_settled = 1, 0.5, False
        while n_passes < most_rounds:
            rows, plans = self._switches(now)
            if not len(rows):
                is_settled = True
                break
            n_switching = max(1, int(share * len(rows)))
            chosen = now.chosen.copy()
            chosen[rows[:n_switching]] = plans[:n_switching]
            then = self.at(chosen, now.weights)
            n_passes += 1
            if then.value > now.value:
                now, share = then, min(1.0, 2 * share)
            elif n_switching == 1:
                is_settled = True
                break
            else:
                share = n_switching / len(rows) / 2
        while np.any(idle := self.night.worth(now.reached)[now.chosen] < self.night.least[now.chosen]):
            now = self.at(np.where(idle, self.night.stay, now.chosen), now.weights)
            n_passes += 1
        return replace(now, n_passes=n_passes, is_settled=is_settled)

    def _switches(self, now: _State) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Items, by number, that improve the night by another plan, and these plans; those that do most come first."""
        order = np.lexsort((np.arange(len(now.improvement)), -now.improvement, self.night.row))
        best = order[np.r_[True, np.diff(self.night.row[order]) != 0]]
        rows = np.flatnonzero(now.improvement[best] > 0)
        rows = rows[np.argsort(-now.improvement[best[rows]], kind="stable")]
        return rows, best[rows]
