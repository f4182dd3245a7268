"""From a target group and a batch of items to recourses: descent, exchange, thresholding, polish, proof.

Every recourse is verified by running the recommender on the changed item; what is returned is the verified outcome.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import Change, changed_columns, describe_changes
from recsys_ops.features.encode import EncodedItems
from recsys_ops.metrics import move_overlaps
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.bounded import propose_bounded
from recsys_ops.recourse.bounds import Bounds, bound_case
from recsys_ops.recourse.descent import DescentBatch, descend
from recsys_ops.recourse.feasible import Box, feasible_box
from recsys_ops.recourse.problem import Case, TargetGroup, make_cases
from recsys_ops.recourse.proposal import FrontierPoint, Limits, Proposal, run_recommender
from recsys_ops.recourse.prove import prove_fewest
from recsys_ops.recourse.unbounded import propose_unbounded
from recsys_ops.status import Status


@dataclass(frozen=True)
class Recourse:
    """Verified outcome of one case; measures are None where there is nothing to measure."""

    item: int
    status: Status
    reason: str | None
    n_targets: int | None
    success_before: float | None = None
    success_unthresholded: float | None = None
    success_after: float | None = None
    success_bound: float | None = None
    features: NDArray[np.float64] | None = None
    changes: list[Change] = field(default_factory=list)
    share_changed: float | None = None
    cost: float | None = None
    l1: float | None = None
    rbo: float | None = None
    lower_bound: int | None = None
    frontier: list[FrontierPoint] = field(default_factory=list)

    @property
    def gap(self) -> float | None:
        """Relative distance of the number of changes from its proven lower bound."""
        if self.lower_bound is None:
            return None
        return (len(self.changes) - self.lower_bound) / max(len(self.changes), 1)


def find_recourses(
    model: ContentModel, items: EncodedItems, group: TargetGroup, asked: NDArray[np.int64], limits: Limits
) -> list[Recourse]:
    """Recourses for a batch of items in one target group.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    asked : ndarray, shape (n_asked,)
        Items; one batch of the descent.
    limits : Limits

    Returns
    -------
    list of Recourse
        In the order of ``asked``; a case never raises for what is in its data.
    """
    cases = make_cases(model, items, group, asked)
    trivial = [_without_search(case) for case in cases]
    if all(outcome is not None for outcome in trivial):
        return [outcome for outcome in trivial if outcome is not None]
    boxes = [feasible_box(items.columns, case.features) for case in cases]
    descended = descend(_descent_batch(items, group, cases, boxes), device=limits.device)
    return [
        outcome or _finish(model, items, group, case, box, wanted, limits)
        for outcome, case, box, wanted in zip(trivial, cases, boxes, descended, strict=True)
    ]


def _without_search(case: Case) -> Recourse | None:
    n_targets = int(case.targets.sum())
    if n_targets == 0:
        return Recourse(case.item, Status.INFEASIBLE, "every user of the group has rated the item", 0)
    if not np.any(case.missing > 0):
        return Recourse(
            case.item, Status.ALREADY_SATISFIED, None, n_targets,
            success_before=1.0, success_unthresholded=1.0, success_after=1.0, success_bound=1.0,
            features=case.features, share_changed=0.0, cost=0.0, l1=0.0, rbo=1.0, lower_bound=0,
            frontier=[FrontierPoint(0, 1.0, "")],
        )  # fmt: skip
    return None


def _descent_batch(items: EncodedItems, group: TargetGroup, cases: list[Case], boxes: list[Box]) -> DescentBatch:
    columns, searched = items.columns, group.columns
    scale = np.abs(group.top_scores[group.sample, -2])
    scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
    return DescentBatch(
        profiles=group.profiles / scale[:, None],
        gaps=np.array([case.missing[group.sample] / scale for case in cases]),
        features=np.array([case.features[searched] for case in cases]),
        lower=np.array([box.lower[searched] for box in boxes]),
        upper=np.array([box.upper[searched] for box in boxes]),
        cost=columns.cost[searched],
        one_hot=columns.one_hot[searched],
    )


def _finish(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    descended: NDArray[np.float64],
    limits: Limits,
) -> Recourse:
    """Propose, bound and verify one case, given where the descent went."""
    bounded = bool(np.all(np.isfinite(box.upper)))
    propose = propose_bounded if np.all(np.isfinite(box.upper[group.columns])) else propose_unbounded
    proposal = propose(model, items, group, case, box, descended, limits)
    n_changes = len(describe_changes(items, case.features, proposal.features))
    bounds = bound_case(
        model, items, group, case, box, proposal.frontier, n_chosen=n_changes, n_most=limits.max_changes
    )
    found = _verified(model, items, group, case, proposal, bounds)
    if limits.prove_seconds > 0 and bounded and found.status is Status.FEASIBLE and found.changes:
        return _proven(model, items, group, case, box, proposal, bounds, found, limits.prove_seconds)
    return found


def _proven(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    proposal: Proposal,
    bounds: Bounds,
    found: Recourse,
    seconds: float,
) -> Recourse:
    """The same success with the proven fewest changes, or what was found where the proof takes too long."""
    n_satisfied = int(case.satisfied(run_recommender(model, group, proposal.features)).sum())
    proof = prove_fewest(model, items, group, case, box, n_satisfied=n_satisfied, seconds=seconds)
    if proof is None:
        return found
    fewest, levers = proof
    proven = Bounds(
        np.where(np.arange(len(bounds.reached)) < fewest, np.minimum(bounds.reached, n_satisfied - 1), bounds.reached),
        bounds.n_targets,
    )
    exact = replace(proposal, features=levers.pull(case.features, np.arange(len(levers))))
    better = _verified(model, items, group, case, exact, proven)
    if better.success_after is not None and better.success_after * bounds.n_targets >= n_satisfied - 0.5:
        return better
    return _verified(model, items, group, case, proposal, proven)


def _verified(
    model: ContentModel, items: EncodedItems, group: TargetGroup, case: Case, proposal: Proposal, bounds: Bounds
) -> Recourse:
    """Run the recommender on the changed item and report what it does."""
    columns, features = items.columns, proposal.features
    scores = run_recommender(model, group, features)
    changes = describe_changes(items, case.features, features)
    success, before = case.success(scores), case.success(case.scores)
    overlaps = move_overlaps(group.k)[case.positions(case.scores), case.positions(scores)]
    changed = changed_columns(case.features, features)
    lower_bound = min(bounds.changes_for(int(case.satisfied(scores).sum())), len(changes))
    status, reason = _judge(changes, before, lower_bound, bounds)
    return Recourse(
        item=case.item, status=status, reason=reason, n_targets=int(case.targets.sum()), success_before=before,
        success_unthresholded=max(proposal.success_unthresholded, success), success_after=success,
        success_bound=bounds.success, features=features, changes=changes, share_changed=len(changed) / len(columns),
        cost=float(sum(columns.cost[c] for c in changed if columns.one_hot[c] < 0 or features[c] > case.features[c])),
        l1=float(np.abs(features - case.features).sum()), rbo=float(overlaps.mean()), lower_bound=lower_bound,
        frontier=proposal.frontier,
    )  # fmt: skip


def _judge(changes: list[Change], before: float, lower_bound: int, bounds: Bounds) -> tuple[Status, str | None]:
    if not changes and bounds.success <= before + 1e-12:
        return Status.INFEASIBLE, "no change within the rules brings the item into the top k of another user"
    if not changes:
        return Status.FEASIBLE, "nothing found that reaches more users; the bound leaves room"
    return (Status.OPTIMAL if lower_bound == len(changes) else Status.FEASIBLE), None
