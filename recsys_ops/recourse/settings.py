"""What the caller of a search wants: how many changes, within which caps, for which success."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys_ops.features.caps import Caps
from recsys_ops.features.sentences import DEFAULT

Aim = Literal["top-k", "rank"]
"""What a recourse is to do: bring the item into top k lists, or halve its mean rank."""


@dataclass(frozen=True)
class RecourseSettings:
    """Settings of a search.

    A recourse makes the fewest changes that lose at most ``tolerance`` of what ``max_changes`` changes gain; with
    ``knee``, as many as the knee of the frontier (``thresholding.py``). Where features have no upper limit, one change
    taken far enough reaches everybody and turns their lists upside down: there, reversion also stops before the mean
    overlap (RBO) of the lists falls below ``overlap``. No recourse exceeds the caps ``max_changes`` (finite where
    actions are searched), ``max_proximity`` and ``max_cost``; one that reaches less than ``min_success`` of the group,
    or less than ``least_gain`` of it more than no change, does not serve, and is infeasible if the bound is less as
    well. ``prove_seconds`` per case go to a proof of the fewest changes, 0 for none; the descent runs on torch's
    ``device``; sentences are in ``language``. With ``folds``, drawn by ``seed``, the success for users to come is
    measured as well, where plausibility leaves few actions (``new_users.py``). ``aim`` "rank" is a mean rank of half of
    what it was (``rank_aim.py``), which knows of the caps alone.
    """

    tolerance: float = 0.2
    max_changes: float = 10
    overlap: float = 0.995
    prove_seconds: float = 0.0
    device: str = "cpu"
    max_proximity: float = float("inf")
    max_cost: float = float("inf")
    min_success: float = 0.0
    least_gain: float = 0.0
    knee: bool = False
    language: str = DEFAULT
    folds: int = 0
    seed: int = 0
    aim: Aim = "top-k"

    @property
    def caps(self) -> Caps:
        """What no recourse may exceed."""
        return Caps(self.max_changes, self.max_proximity, self.max_cost)

    def n_wanted(self, n_targets: int, n_before: int = 0) -> int:
        """Users that a recourse must reach, of whom ``n_before`` see the item already."""
        n_more = int(np.ceil(self.least_gain * n_targets - 1e-9))
        n_least = int(np.ceil(self.min_success * n_targets - 1e-9))
        return max(n_least, n_before + n_more) if n_more else n_least
