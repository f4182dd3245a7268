"""Which few actions bring an item to the most users: the problem that exchange and exact search both solve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Budgets:
    """What actions take, ``weights (n_budgets, n_actions)``, of how much there is, ``most (n_budgets,)``."""

    weights: NDArray[np.float64]
    most: NDArray[np.float64]

    def only(self, chosen: NDArray[np.intp]) -> "Budgets":
        """The same budgets for some of the actions."""
        return Budgets(self.weights[:, chosen], self.most)

    def barred(self, taken: list[int]) -> NDArray[np.bool_]:
        """Actions that do not fit on top of those taken, ``(n_actions,)``."""
        left = self.most - self.weights[:, taken].sum(axis=1)
        too_much: NDArray[np.bool_] = (self.weights > left[:, None]).any(axis=0)
        return too_much

    def prices(self, n_most: int) -> NDArray[np.float64]:
        """Share that each action takes of the budget it strains most, one action of ``n_most`` at least."""
        shares: NDArray[np.float64] = np.maximum((self.weights / self.most[:, None]).max(axis=0), 1 / n_most)
        return shares


@dataclass(frozen=True)
class Coverage:
    """At most ``n_most`` actions are to close the gaps of as many users as possible.

    ``effects (n_users, n_actions)`` what each action adds to the score; ``gaps (n_users,)`` what is missing, not more
    than 0 for users who have the item already and are lost below it; ``units (n_actions,)``, the same for actions that
    exclude each other. ``budgets``, if there are any, limit the actions further. ``steps (n_actions,)``: an action may
    be taken in so many equal parts, inf for any part, 1 for all or nothing (all of them by default).
    """

    effects: NDArray[np.float64]
    gaps: NDArray[np.float64]
    units: NDArray[np.int64]
    n_most: int
    budgets: Budgets | None = None
    steps: NDArray[np.float64] | None = None

    def only(self, actions: NDArray[np.intp]) -> "Coverage":
        """The same problem with some of the actions."""
        budgets = None if self.budgets is None else self.budgets.only(actions)
        steps = None if self.steps is None else self.steps[actions]
        return Coverage(self.effects[:, actions], self.gaps, self.units[actions], self.n_most, budgets, steps)

    @property
    def partial(self) -> NDArray[np.intp]:
        """Actions of which a part can do what the whole does not: they can be cut, help one user and harm another."""
        if self.steps is None:
            return np.array([], dtype=np.intp)
        mixed = (self.effects > 0).any(axis=0) & (self.effects < 0).any(axis=0)
        return np.flatnonzero(mixed & (self.steps > 1))
