"""From a target group and a batch of items to recourses: descent, exchange, thresholding, least effort, proof.

Every recourse is verified by running the recommender on the changed item; what is returned is the verified outcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import Change, changed_columns
from recsys_ops.libraries import needed_for
from recsys_ops.recourse.all_groups import PartSuccess
from recsys_ops.recourse.bounds import Bounds, bound_case
from recsys_ops.recourse.capped import with_finite_box, within_caps
from recsys_ops.recourse.new_users import NewUsers, cross_fit
from recsys_ops.recourse.outcome import status_and_reason
from recsys_ops.recourse.problem import Case, Search, make_cases
from recsys_ops.recourse.proposal import FrontierPoint, Proposal
from recsys_ops.recourse.prove import prove_fewest
from recsys_ops.recourse.within_limits import propose_within_limits
from recsys_ops.recourse.without_limits import propose_without_limits
from recsys_ops.status import Status


@dataclass(frozen=True)
class Recourse:
    """Verified outcome of one option of a case; measures are None where there is nothing to measure.

    ``new_users`` is what the search reaches of users it did not see. ``option`` counts from 0; ``proximity`` is the sum
    of the changes, each by the range of its feature; ``since`` names the run that gave this advice first, if an earlier
    one did. ``success_any_change`` is what the search reaches where changes need not be plausible, where measured;
    ``of_groups`` is the success in each of several groups, where these are one;
    ``acting`` is how likely its provider is to act upon it, where that was learned;
    ``rank_before``, ``rank_after`` and its proven ``rank_bound`` are mean ranks, where these are aimed at.
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
    new_users: NewUsers | None = None
    of_groups: list[PartSuccess] | None = None
    since: str | None = None
    success_any_change: float | None = None
    acting: float | None = None
    rank_before: float | None = None
    rank_after: float | None = None
    rank_bound: float | None = None

    @property
    def serves(self) -> bool:
        """Whether its changes reach as many users as wanted, or another user where no number is wanted."""
        return bool(self.changes) and self.reason is None

    @property
    def gap(self) -> float | None:
        """Relative distance of the number of changes from its proven lower bound.

        Where less is reached than wanted: the share of the group between what is reached and the bound on that.
        """
        if self.lower_bound is None or self.success_after is None:
            return None
        if self.reason is not None:
            return None if self.success_bound is None else self.success_bound - self.success_after
        return (len(self.changes) - self.lower_bound) / max(len(self.changes), 1)


@dataclass(frozen=True)
class Solved:
    """A case as it was searched, its recourse and its bounds; no ``bounds`` where there was no search.

    The box of a searched ``case`` holds what changes that each keep the caps make of the item.
    """

    case: Case
    recourse: Recourse
    bounds: Bounds | None = None


def find_recourses(search: Search, selected: NDArray[np.int64]) -> list[Recourse]:
    """Recourses for a batch of items in one target group.

    Parameters
    ----------
    search : Search
    selected : ndarray, shape (n_selected,)
        Items; one batch of the descent.

    Returns
    -------
    list of Recourse
        In the order of ``selected``; a case never raises for what is in its data.
    """
    return [solved.recourse for solved in solve_cases(search, selected)]


def solve_cases(search: Search, selected: NDArray[np.int64]) -> list[Solved]:
    """As ``find_recourses``, with the cases and bounds behind the recourses."""
    return list(solve_each(search, selected))


def solve_each(search: Search, selected: NDArray[np.int64]) -> Iterator[Solved]:
    """As ``solve_cases``, one after the other; a descent, where there is one, is of all and comes before the first."""
    cases = make_cases(search, selected)
    trivial = [without_search(case) for case in cases]
    starts = None
    if search.plausibility is None and any(recourse is None for recourse in trivial):
        starts = _descend(search, cases)
    for n, (case, recourse) in enumerate(zip(cases, trivial, strict=True)):
        if recourse is not None:
            yield Solved(case, recourse)
        else:  # where changes are to be plausible, few actions are left: the search needs no start
            yield _solve(case, case.features[search.group.columns] if starts is None else starts[n])


def without_search(case: Case) -> Recourse | None:
    """The outcome of a case in which there is nothing to search for."""
    n_targets = case.n_targets
    if n_targets == 0:
        return Recourse(case.item, Status.INFEASIBLE, "every user of the group has rated the item", 0)
    if not np.any(case.missing > 0):
        return Recourse(
            case.item, Status.ALREADY_SATISFIED, None, n_targets,
            success_before=1.0, success_unthresholded=1.0, success_after=1.0, success_bound=1.0,
            features=case.features, share_changed=0.0, cost=0.0, l1=0.0, rbo=1.0, lower_bound=0,
            frontier=[FrontierPoint(0, 1.0, "")], sparsity=0, proximity=0.0,
            of_groups=case.success_by_part(case.targets),
        )  # fmt: skip
    return None


def _descend(search: Search, cases: list[Case]) -> NDArray[np.float64]:
    with needed_for("the search for recourse"):  # late: torch takes seconds, and only this needs it
        from recsys_ops.recourse.descent import DescentBatch, descend

    columns, group = search.columns, search.group
    searched, scale = group.columns, group.sample_scales
    batch = DescentBatch(
        profiles=group.profiles / scale[:, None],
        gaps=np.array([case.sample_missing / scale for case in cases]),
        features=np.array([case.features[searched] for case in cases]),
        lower=np.array([case.box.lower[searched] for case in cases]),
        upper=np.array([case.box.upper[searched] for case in cases]),
        cost=columns.cost[searched],
        one_hot=columns.one_hot[searched],
    )
    return descend(batch, device=search.settings.device)


def _solve(case: Case, descended: NDArray[np.float64]) -> Solved:
    """Propose, bound and verify one case, given where the descent went."""
    case, proposal = _propose(case, descended)
    bounds = bound_case(case, proposal.frontier, n_chosen=len(case.changes_to(proposal.features)))
    recourse = verify(case, proposal, bounds)
    has_limits = bool(np.all(np.isfinite(case.box.upper)))
    if case.search.settings.prove_seconds > 0 and has_limits and recourse.serves and recourse.status is Status.FEASIBLE:
        recourse = _proven(case, proposal, bounds) or recourse
    if recourse.serves:
        recourse = replace(recourse, new_users=_for_new_users(case))
    return Solved(case, recourse, bounds)


def _propose(case: Case, descended: NDArray[np.float64]) -> tuple[Case, Proposal]:
    """A proposal that keeps the caps, and the case with a box in which every single change keeps them."""
    capped = within_caps(case)
    if len(case.columns.pairs):  # a search that takes any part of a change would take one of two that go together
        is_capped = not case.search.settings.caps.is_of_sparsity_alone
        return capped, propose_within_limits(with_finite_box(capped), descended, capped=is_capped)
    proposal = propose_within_limits(case, descended) if _is_limited(case) else propose_without_limits(case, descended)
    if capped.is_within_caps(proposal.features):
        return capped, proposal
    return capped, propose_within_limits(with_finite_box(capped), descended, capped=True)


def _is_limited(case: Case) -> bool:
    """Whether every feature that is searched has a limit."""
    return bool(np.all(np.isfinite(case.box.upper[case.searched])))


def success_of_any_change(search: Search, item: int) -> float | None:
    """What the search reaches where changes need not be plausible: what plausibility costs.

    Parameters
    ----------
    search : Search
        With plausibility, which is left out.
    item : int

    Returns
    -------
    float or None
        Share of the target users, by the recommender; None where there are none.

    Notes
    -----
    The search begins from no change, as with plausibility: the descent takes longer than all the rest. Where features
    have no limits, nothing else gives a start.
    """
    free = replace(search, plausibility=None, advised={})
    case = make_cases(free, np.array([item]))[0]
    trivial = without_search(case)
    if trivial is not None:
        return trivial.success_after
    start = case.features[search.group.columns] if _is_limited(case) else _descend(free, [case])[0]
    return case.success(case.rescore(_propose(case, start)[1].features))


def _for_new_users(case: Case) -> NewUsers | None:
    """Success of the search for users it does not see; None without folds, and where the descent knows all users."""
    settings = case.search.settings
    if settings.folds < 2 or case.support is None or not np.all(np.isfinite(case.box.upper)):
        return None
    is_capped = not settings.caps.is_of_sparsity_alone

    def propose(part: Case) -> Proposal:
        return propose_within_limits(part, part.features[part.search.group.columns], capped=is_capped)

    return cross_fit(case, propose, folds=settings.folds, seed=settings.seed)


def _proven(case: Case, proposal: Proposal, bounds: Bounds) -> Recourse | None:
    """The same success with the proven fewest changes; None where the proof takes too long."""
    n_satisfied = int(case.satisfied(case.rescore(proposal.features)).sum())
    proof = prove_fewest(case, n_satisfied=n_satisfied)
    if proof is None:
        return None
    fewest, features = proof
    proven = Bounds(
        np.where(np.arange(len(bounds.reached)) < fewest, np.minimum(bounds.reached, n_satisfied - 1), bounds.reached),
        bounds.n_targets,
    )
    exact = replace(proposal, features=features)
    better = verify(case, exact, proven)
    allowed = case.is_within_caps(exact.features) and not case.breaks_pairs(exact.features[None])[0]
    if allowed and better.success_after is not None and better.success_after * bounds.n_targets >= n_satisfied - 0.5:
        return better
    return verify(case, proposal, proven)


def verify(case: Case, proposal: Proposal, bounds: Bounds) -> Recourse:
    """Run the recommender on the changed item and report what it does."""
    columns, features = case.search.columns, proposal.features
    scores = case.rescore(features)
    changes = case.changes_to(features)
    success, before = case.success(scores), case.success(case.scores)
    changed = changed_columns(case.features, features)
    distances = case.distances_to(features[None])
    lower_bound = min(bounds.changes_for(int(case.satisfied(scores).sum())), len(changes))
    status, reason = status_and_reason(case, success, len(changes), lower_bound, bounds)
    return Recourse(
        item=case.item, status=status, reason=reason, n_targets=case.n_targets, success_before=before,
        success_unthresholded=max(proposal.success_unthresholded, success), success_after=success,
        success_bound=bounds.success, features=features, changes=changes, share_changed=len(changed) / len(columns),
        cost=float(sum(columns.cost[c] for c in changed if columns.one_hot[c] < 0 or features[c] > case.features[c])),
        l1=float(np.abs(features - case.features).sum()), rbo=case.overlap(scores), lower_bound=lower_bound,
        of_groups=case.success_by_part(case.satisfied(scores)), frontier=proposal.frontier,
        sparsity=int(distances.sparsity[0]), proximity=float(distances.proximity[0]),
    )  # fmt: skip
