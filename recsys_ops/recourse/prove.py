"""The fewest changes, proven, on request: all actions and all users of the group in one program."""

import numpy as np

from recsys_ops.recourse.actions import Actions, group_effects, make_actions
from recsys_ops.recourse.bounds import true_gaps
from recsys_ops.recourse.coverage import Coverage
from recsys_ops.recourse.exact import fewest_actions
from recsys_ops.recourse.problem import Case


def prove_fewest(case: Case, *, n_satisfied: int) -> tuple[int, Actions] | None:
    """Fewest changes that satisfy so many users, if the proof is complete in time.

    Parameters
    ----------
    case : Case
        With a finite box; ``prove_seconds`` of the settings limit the solver.
    n_satisfied : int
        Users to satisfy, those who have the item already included.

    Returns
    -------
    (int, Actions) or None
        The proven number of changes and actions that do it (to be verified: they aim at the thresholds without a
        margin); None if the time ran out, so that an incomplete proof never shows in a result.

    Notes
    -----
    Memory: 8 bytes x users with a gap x actions, several times over; for groups of thousands of users and thousands
    of words that is gigabytes.
    """
    columns = case.search.columns
    gaps = true_gaps(case)
    needy = np.flatnonzero(gaps > 0)
    actions = make_actions(case, np.flatnonzero(columns.can_rise | columns.can_fall))
    effects = group_effects(case, actions)[needy]
    useful = np.flatnonzero((effects > 0).any(axis=0))
    n_required = n_satisfied - int((case.targets & (gaps <= 0)).sum())
    if n_required <= 0:
        return 0, actions.only(useful[:0])
    result = fewest_actions(
        Coverage(effects[:, useful], gaps[needy], actions.unit[useful], n_most=len(useful)),
        n_required=n_required, time_limit=case.search.settings.prove_seconds,
    )  # fmt: skip
    if not result.proven:
        return None
    return result.objective, actions.only(useful[result.actions])
