"""The fewest changes, proven, on request: all actions and all users of the group in one program."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.actions import Actions, group_effects, make_actions
from recsys_ops.recourse.bounds import true_gaps
from recsys_ops.recourse.coverage import Coverage
from recsys_ops.recourse.exact import fewest_actions
from recsys_ops.recourse.feasible import onto_steps
from recsys_ops.recourse.problem import Case


def prove_fewest(case: Case, *, n_satisfied: int) -> tuple[int, NDArray[np.float64]] | None:
    """Fewest changes that satisfy so many users, if the proof is complete in time.

    Parameters
    ----------
    case : Case
        With a finite box; ``prove_seconds`` of the settings limit the solver.
    n_satisfied : int
        Users to satisfy, those who have the item already included.

    Returns
    -------
    (int, ndarray of shape (n_features,)) or None
        The proven number of changes and features that may do it, to be verified: users whom a change takes the item
        from are left out of the program, which makes it a bound. None if the time ran out, so that an incomplete proof
        never shows in a result.

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
    actions, effects = actions.only(useful), effects[:, useful]
    n_required = n_satisfied - int((case.targets & (gaps <= 0)).sum())
    if n_required <= 0:
        return 0, case.features
    seconds = case.search.settings.prove_seconds
    coverage = Coverage(effects, gaps[needy], actions.unit, n_most=len(actions), steps=_steps(case, actions))
    result = fewest_actions(coverage, n_required=n_required, time_limit=seconds)
    if not result.proven:
        return None
    features = _taken(case, actions, result.actions, result.shares)
    if len(coverage.partial) and case.satisfied(case.rescore(features)).sum() < n_satisfied:
        # Parts end at the thresholds themselves: once more, with the margin that the claim needs.
        with_margin = Coverage(effects, case.missing[needy], actions.unit, len(actions), steps=coverage.steps)
        again = fewest_actions(with_margin, n_required=n_required, time_limit=seconds)
        if again.objective == result.objective:
            features = _taken(case, actions, again.actions, again.shares)
    return result.objective, features


def _steps(case: Case, actions: Actions) -> NDArray[np.float64]:
    """In how many parts each action can be cut: the steps of its feature, any part where the grid begins elsewhere."""
    columns, column = case.search.columns, actions.column
    step = columns.step[column]
    is_stepped = (step > 0) & ~columns.from_zero[column] & (case.box.least[column] == 0)
    n_steps = np.rint(np.abs(actions.amount) / np.where(step > 0, step, 1.0))
    return np.where(columns.one_hot[column] >= 0, 1.0, np.where(is_stepped, np.maximum(n_steps, 1.0), np.inf))


def _taken(case: Case, actions: Actions, taken: NDArray[np.intp], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features after these parts of some actions, on the steps of the features."""
    chosen = actions.only(taken)
    parts = Actions(chosen.column, chosen.amount * shares, chosen.drop, chosen.unit)
    changed = parts.apply(case.features, np.arange(len(parts)))
    one_hot = case.search.columns.one_hot >= 0
    stepped = onto_steps(case.search.columns, case.features, changed, case.box)
    return np.where(one_hot, changed, stepped)
