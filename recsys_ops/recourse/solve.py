"""From a target group and a batch of items to recourses: descent, exchange, thresholding, polish, proof.

Every recourse is verified by running the recommender on the changed item; what is returned is the verified outcome.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import Change, changed_columns, describe_changes
from recsys_ops.features.distances import measure
from recsys_ops.features.encode import EncodedItems
from recsys_ops.metrics import move_overlaps
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.bounded import propose_bounded
from recsys_ops.recourse.bounds import Bounds, bound_case
from recsys_ops.recourse.capped import capped_box, finite_box
from recsys_ops.recourse.feasible import Box, feasible_box
from recsys_ops.recourse.problem import Case, TargetGroup, make_cases
from recsys_ops.recourse.proposal import FrontierPoint, Limits, Proposal, run_recommender
from recsys_ops.recourse.prove import prove_fewest
from recsys_ops.recourse.unbounded import propose_unbounded
from recsys_ops.status import Status


@dataclass(frozen=True)
class Recourse:
    """Verified outcome of one option of a case; measures are None where there is nothing to measure.

    ``option`` counts from 0; ``proximity`` is the sum of the changes, each by the range of its feature.
    """

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
    option: int = 0
    sparsity: int | None = None
    proximity: float | None = None

    @property
    def serves(self) -> bool:
        """Whether it does what was asked: changes that reach as many as wanted, or somebody where no number is."""
        return bool(self.changes) and self.reason is None

    @property
    def gap(self) -> float | None:
        """Relative distance of the number of changes from its proven lower bound.

        Of what reaches less than wanted, the share of the group between what it reaches and the bound on that.
        """
        if self.lower_bound is None or self.success_bound is None or self.success_after is None:
            return None
        if self.reason is not None:
            return self.success_bound - self.success_after
        return (len(self.changes) - self.lower_bound) / max(len(self.changes), 1)


@dataclass(frozen=True)
class Solved:
    """One case, its recourse and what was learnt on the way; no ``box`` and ``bounds`` where there was no search."""

    case: Case
    found: Recourse
    box: Box | None = None
    bounds: Bounds | None = None


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
    return [solved.found for solved in solve_cases(model, items, group, asked, limits)]


def solve_cases(
    model: ContentModel, items: EncodedItems, group: TargetGroup, asked: NDArray[np.int64], limits: Limits
) -> list[Solved]:
    """As ``find_recourses``, with the cases, boxes and bounds behind the recourses."""
    cases = make_cases(model, items, group, asked)
    trivial = [without_search(case) for case in cases]
    if all(outcome is not None for outcome in trivial):
        return [Solved(case, outcome) for case, outcome in zip(cases, trivial, strict=True) if outcome is not None]
    boxes = [feasible_box(items.columns, case.features) for case in cases]
    descended = _descend(items, group, cases, boxes, limits.device)
    return [
        Solved(case, outcome) if outcome is not None else _finish(model, items, group, case, box, wanted, limits)
        for outcome, case, box, wanted in zip(trivial, cases, boxes, descended, strict=True)
    ]


def without_search(case: Case) -> Recourse | None:
    """The outcome of a case in which there is nothing to search for."""
    n_targets = int(case.targets.sum())
    if n_targets == 0:
        return Recourse(case.item, Status.INFEASIBLE, "every user of the group has rated the item", 0)
    if not np.any(case.missing > 0):
        return Recourse(
            case.item, Status.ALREADY_SATISFIED, None, n_targets,
            success_before=1.0, success_unthresholded=1.0, success_after=1.0, success_bound=1.0,
            features=case.features, share_changed=0.0, cost=0.0, l1=0.0, rbo=1.0, lower_bound=0,
            frontier=[FrontierPoint(0, 1.0, "")], sparsity=0, proximity=0.0,
        )  # fmt: skip
    return None


def _descend(
    items: EncodedItems, group: TargetGroup, cases: list[Case], boxes: list[Box], device: str
) -> NDArray[np.float64]:
    from recsys_ops.recourse.descent import DescentBatch, descend  # late: torch takes seconds, and only this needs it

    columns, searched, scale = items.columns, group.columns, group.sample_scales
    batch = DescentBatch(
        profiles=group.profiles / scale[:, None],
        gaps=np.array([case.missing[group.sample] / scale for case in cases]),
        features=np.array([case.features[searched] for case in cases]),
        lower=np.array([box.lower[searched] for box in boxes]),
        upper=np.array([box.upper[searched] for box in boxes]),
        cost=columns.cost[searched],
        one_hot=columns.one_hot[searched],
    )
    return descend(batch, device=device)


def _finish(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    descended: NDArray[np.float64],
    limits: Limits,
) -> Solved:
    """Propose, bound and verify one case, given where the descent went."""
    columns, caps = items.columns, limits.caps
    propose = propose_bounded if np.all(np.isfinite(box.upper[group.columns])) else propose_unbounded
    proposal = propose(model, items, group, case, box, descended, limits)
    box = capped_box(columns, case.features, caps)
    if not caps.allow(measure(columns, case.features, proposal.features[None]))[0]:
        finite = finite_box(columns, case.features, box)
        proposal = propose_bounded(model, items, group, case, finite, descended, limits, capped=True)
    n_changes = len(describe_changes(items, case.item, proposal.features))
    bounds = bound_case(model, items, group, case, box, proposal.frontier, n_chosen=n_changes, caps=caps)
    found = verify(model, items, group, case, proposal, bounds, limits)
    bounded = bool(np.all(np.isfinite(box.upper)))
    if limits.prove_seconds > 0 and bounded and found.serves and found.status is Status.FEASIBLE:
        found = _proven(model, items, group, case, box, proposal, bounds, found, limits)
    return Solved(case, found, box, bounds)


def _proven(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    proposal: Proposal,
    bounds: Bounds,
    found: Recourse,
    limits: Limits,
) -> Recourse:
    """The same success with the proven fewest changes, or what was found where the proof takes too long."""
    n_satisfied = int(case.satisfied(run_recommender(model, group, proposal.features)).sum())
    proof = prove_fewest(model, items, group, case, box, n_satisfied=n_satisfied, seconds=limits.prove_seconds)
    if proof is None:
        return found
    fewest, levers = proof
    proven = Bounds(
        np.where(np.arange(len(bounds.reached)) < fewest, np.minimum(bounds.reached, n_satisfied - 1), bounds.reached),
        bounds.n_targets,
    )
    exact = replace(proposal, features=levers.pull(case.features, np.arange(len(levers))))
    better = verify(model, items, group, case, exact, proven, limits)
    allowed = limits.caps.allow(measure(items.columns, case.features, exact.features[None]))[0]
    if allowed and better.success_after is not None and better.success_after * bounds.n_targets >= n_satisfied - 0.5:
        return better
    return verify(model, items, group, case, proposal, proven, limits)


def verify(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    proposal: Proposal,
    bounds: Bounds,
    limits: Limits,
) -> Recourse:
    """Run the recommender on the changed item and report what it does."""
    columns, features = items.columns, proposal.features
    scores = run_recommender(model, group, features)
    changes = describe_changes(items, case.item, features)
    success, before = case.success(scores), case.success(case.scores)
    overlaps = move_overlaps(group.k)[case.positions(case.scores), case.positions(scores)]
    changed = changed_columns(case.features, features)
    distances = measure(columns, case.features, features[None])
    lower_bound = min(bounds.changes_for(int(case.satisfied(scores).sum())), len(changes))
    status, reason = _judge(changes, before, success, lower_bound, bounds, limits)
    return Recourse(
        item=case.item, status=status, reason=reason, n_targets=int(case.targets.sum()), success_before=before,
        success_unthresholded=max(proposal.success_unthresholded, success), success_after=success,
        success_bound=bounds.success, features=features, changes=changes, share_changed=len(changed) / len(columns),
        cost=float(sum(columns.cost[c] for c in changed if columns.one_hot[c] < 0 or features[c] > case.features[c])),
        l1=float(np.abs(features - case.features).sum()), rbo=float(overlaps.mean()), lower_bound=lower_bound,
        frontier=proposal.frontier, sparsity=int(distances.sparsity[0]), proximity=float(distances.proximity[0]),
    )  # fmt: skip


def _judge(
    changes: list[Change], before: float, success: float, lower_bound: int, bounds: Bounds, limits: Limits
) -> tuple[Status, str | None]:
    caps = "" if limits.caps.is_of_sparsity_alone else f" and the caps ({limits.caps})"
    if success < limits.min_success - 1e-9:
        reached = f"{success:.1%} of the group is the most that was reached within the rules{caps}"
        wanted = f"at most {bounds.success:.1%} is possible, and {limits.min_success:.1%} is wanted"
        proven = bounds.success < limits.min_success - 1e-9
        return (Status.INFEASIBLE if proven else Status.FEASIBLE), f"{reached}; {wanted}"
    if not changes and limits.min_success > 0:
        return Status.ALREADY_SATISFIED, None
    if not changes and bounds.success <= before + 1e-12:
        return Status.INFEASIBLE, f"no change within the rules{caps} brings the item into the top k of another user"
    if not changes:
        within = f" within the rules{caps}" if caps else ""
        return Status.FEASIBLE, f"nothing found{within} that reaches more users; the bound leaves room"
    return (Status.OPTIMAL if lower_bound == len(changes) else Status.FEASIBLE), None
