"""What a search proposes for one case, before the recommender has been run on it."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.caps import Caps
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.actions import Levers, lever_effects
from recsys_ops.recourse.problem import Case, TargetGroup


@dataclass(frozen=True)
class Limits:
    """What the caller asks for.

    The fewest changes that lose at most ``tolerance`` of what ``max_changes`` changes gain. Where features have no
    upper bound, one change taken far enough reaches everybody and turns their lists upside down: there, reversion
    also stops before the mean overlap (RBO) of the lists falls below ``overlap``. No recourse exceeds the caps
    ``max_changes`` (finite where levers are searched), ``max_proximity`` and ``max_cost``; one that reaches less than
    ``min_success`` of the group does not serve, and is infeasible if the bound is less as well.
    """

    tolerance: float = 0.2
    max_changes: float = 10
    overlap: float = 0.995
    prove_seconds: float = 0.0
    device: str = "cpu"
    max_proximity: float = float("inf")
    max_cost: float = float("inf")
    min_success: float = 0.0

    @property
    def caps(self) -> Caps:
        """What no recourse may exceed."""
        return Caps(self.max_changes, self.max_proximity, self.max_cost)

    def n_wanted(self, n_targets: int) -> int:
        """Users that a recourse must reach."""
        return int(np.ceil(self.min_success * n_targets - 1e-9))


@dataclass(frozen=True)
class FrontierPoint:
    """What so many changes reach; ``text`` says which."""

    n_changes: int
    success: float
    text: str


@dataclass(frozen=True)
class Proposal:
    """Changed ``features (n_features,)``, the success before thresholding and the path of reversions."""

    features: NDArray[np.float64]
    success_unthresholded: float
    frontier: list[FrontierPoint] = field(default_factory=list)


def group_effects(model: ContentModel, group: TargetGroup, case: Case, levers: Levers) -> NDArray[np.float64]:
    """What each lever adds to the item's score for every user of the group, ``(n_users, n_levers)``."""
    used = np.unique(np.concatenate([levers.column, levers.drop[levers.drop >= 0]]))
    profiles = (group.ratings @ model.features[:, used]).toarray()
    return lever_effects(levers, profiles, used, case.features)


def run_recommender(model: ContentModel, group: TargetGroup, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of an item with these features for every user of the group."""
    scores: NDArray[np.float64] = model.scores(group.ratings, sp.csr_array(features[None]))[:, 0]
    return scores
