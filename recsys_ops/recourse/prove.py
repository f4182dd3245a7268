"""The fewest changes, proven, for those who ask for it: all levers and all users of the group in one program."""

import numpy as np

from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.actions import Levers, make_levers
from recsys_ops.recourse.bounds import true_gaps
from recsys_ops.recourse.exact import fewest_levers
from recsys_ops.recourse.feasible import Box
from recsys_ops.recourse.problem import Case, TargetGroup
from recsys_ops.recourse.proposal import group_effects


def prove_fewest(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    *,
    n_satisfied: int,
    seconds: float,
) -> tuple[int, Levers] | None:
    """Fewest changes that satisfy so many users, if the proof is complete in time.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    case : Case
    box : Box
        Finite.
    n_satisfied : int
        Users to satisfy, those who have the item already included.
    seconds : float
        Limit of the solver.

    Returns
    -------
    (int, Levers) or None
        The proven number of changes and levers that do it (to be verified: they aim at the thresholds without a
        margin); None if the time ran out, so that an unfinished proof never shows in a result.

    Notes
    -----
    Memory: 8 bytes x users with a gap x levers, several times over; for groups of thousands of users and thousands
    of words that is gigabytes.
    """
    gaps = true_gaps(case)
    needy = np.flatnonzero(gaps > 0)
    searched = np.flatnonzero(items.columns.can_rise | items.columns.can_fall)
    levers = make_levers(items.columns, case.features, box, searched)
    effects = group_effects(model, group, case, levers)[needy]
    useful = np.flatnonzero((effects > 0).any(axis=0))
    n_required = n_satisfied - int((case.targets & (gaps <= 0)).sum())
    if n_required <= 0:
        return 0, levers.only(useful[:0])
    result = fewest_levers(
        effects[:, useful], gaps[needy], levers.unit[useful], n_required=n_required, time_limit=seconds
    )
    if not result.proven:
        return None
    return result.objective, levers.only(useful[result.levers])
