"""What a recourse does for users whom its search did not see: cross-fitting over folds of the target group.

Changes that were chosen because they move just these users move others less. So the users of a group are split into
folds; for each fold the search is repeated on the others, and what it finds is measured on the fold. Every user counts
once, in a search that did not know them: the share reached is what users to come can be promised.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.proposal import Proposal

LEAST_PER_FOLD = 5
"""Target users that a fold must have; smaller groups say nothing of others."""

_Z = 1.959963984540054
"""Quantile of the normal distribution for an interval of 95 %."""


@dataclass(frozen=True)
class NewUsers:
    """Share of users outside of the search that a recourse reaches, with its 95 % interval (Wilson's)."""

    success: float
    lower: float
    upper: float


def cross_fit(case: Case, propose: Callable[[Case], Proposal], *, folds: int, seed: int) -> NewUsers | None:
    """Repeat a search without each fold of the group, and measure it there.

    Parameters
    ----------
    case : Case
    propose : callable
        The search.
    folds : int, >= 2
    seed : int
        Of the folds, which are the same for all items of a group.

    Returns
    -------
    NewUsers or None
        None where a fold would have fewer than ``LEAST_PER_FOLD`` target users.

    Notes
    -----
    A user who counts several times is in one fold, and the interval is that of so many users as weigh the same (Kish's
    effective size). Time: ``folds`` searches. The success is that of searches over (folds - 1) / folds of the group,
    and so rather too low than too high.
    """
    users, row_of = np.unique(case.search.group.users, return_inverse=True)
    n_targets, times = case.n_targets, case.search.group.times[case.targets]
    n_different = round(float((1 / times).sum()))
    if n_different < folds * LEAST_PER_FOLD:
        return None
    fold_of = (np.random.default_rng([seed, len(users)]).permutation(len(users)) % folds)[row_of]
    reached = 0
    for fold in range(folds):
        held_out = fold_of == fold
        proposal = propose(without_users(case, held_out))
        reached += int((case.satisfied(case.rescore(proposal.features)) & held_out).sum())
    share, n_effective = reached / n_targets, n_targets**2 / float(times.sum())  # sum of squares over different users
    return NewUsers(share, *wilson(share * n_effective, n_effective))


def without_users(case: Case, left_out: NDArray[np.bool_]) -> Case:
    """The case as it is for the other users: those left out ``(n_users,)`` are no targets, and cannot be lost."""
    return replace(
        case,
        targets=case.targets & ~left_out,
        in_top=case.in_top & ~left_out,
        missing=np.where(left_out, -np.inf, case.missing),
    )


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (1927): within 0 and 1, and right for small shares."""
    share, square = successes / n, _Z * _Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
