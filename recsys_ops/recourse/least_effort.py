"""Least effort: how far each chosen change must go to keep the users it reached, and no further.

A change that is larger than it needs to be pushes the item to the top of lists where the last place was enough, and
costs the other items there their rank. Given which features change, the smallest total overshoot is a linear program
with a variable per change.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.recourse.actions import Actions
from recsys_ops.recourse.feasible import onto_steps
from recsys_ops.recourse.problem import MARGIN, Case
from recsys_ops.solver import solve_program


def with_least_effort(
    case: Case, actions: Actions, effects: NDArray[np.float64], costs: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Features after some actions, each as small as the users they reach allow.

    Parameters
    ----------
    case : Case
    actions : Actions
        In full.
    effects : ndarray, shape (n_users, n_actions)
        What each adds to the score of each user of the group.
    costs : ndarray, shape (n_actions,), optional
        What is least in sum; by default what users' scores exceed their gaps by.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    full = actions.apply(case.features, np.arange(len(actions)))
    at_risk = (case.missing > -np.inf) & (np.minimum(effects, 0).sum(axis=1) < case.missing)
    reached = np.flatnonzero(at_risk & (effects.sum(axis=1) >= case.missing))
    columns = case.search.columns
    full_amount, least = np.abs(actions.amount), case.box.least[actions.column]
    partial = (actions.drop < 0) & (columns.one_hot[actions.column] < 0)
    partial &= full_amount > np.maximum(columns.step[actions.column], least) * (1 + 1e-9)
    if not len(reached) or not partial.any():
        return full
    gaps = case.missing[reached]
    if costs is None:
        costs = np.where(gaps > 0, 1 / np.where(gaps > 0, gaps, 1.0), 0.0) @ effects[reached]
    fractions = least_cost(
        effects[reached],
        gaps + MARGIN * np.abs(gaps),
        costs,
        np.ones(len(actions)),
        np.where(partial, least / full_amount, 1.0),
    )
    if fractions is None:
        return full
    used = np.flatnonzero(fractions > 1e-9)
    smaller = Actions(actions.column, actions.amount * fractions, actions.drop, actions.unit)
    changed = onto_steps(columns, case.features, smaller.apply(case.features, used), case.box)
    made = np.where(partial, (changed - case.features)[actions.column] / actions.amount, 1.0)
    # One step on may be too far for users whom one of the changes takes the item from.
    return changed if np.all(effects[reached] @ made >= gaps) else full


def least_overshoot(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    weights: NDArray[np.float64],
    most: NDArray[np.float64],
    least: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Fractions of the changes that close all gaps with the least weighted overshoot.

    Parameters
    ----------
    effects : ndarray, shape (n_users, n_changes)
        What each change, made in full, adds to the score; only users to be kept.
    gaps : ndarray, shape (n_users,)
        What the score must gain.
    weights : ndarray, shape (n_users,)
        Weight of a user's overshoot, > 0.
    most, least : ndarray, shape (n_changes,)
        Limits of each fraction; ``least`` 1 for changes that cannot be made by half, ``most`` infinite for
        features without a limit.

    Returns
    -------
    ndarray, shape (n_changes,), or None
        None if no fractions close all gaps (within the solver's tolerance).
    """
    return least_cost(effects, gaps, weights @ effects, most, least)


def least_cost(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    costs: NDArray[np.float64],
    most: NDArray[np.float64],
    least: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Fractions of the changes that close all gaps at the least cost.

    Parameters
    ----------
    effects, gaps, most, least
        As in ``least_overshoot``.
    costs : ndarray, shape (n_changes,)
        Of each change made in full.

    Returns
    -------
    ndarray, shape (n_changes,), or None
        None if no fractions close all gaps (within the solver's tolerance).
    """
    solution = solve_program(
        sp.csc_array(effects), cost=costs, lower=least, upper=most,
        row_lower=gaps, row_upper=np.full(len(gaps), np.inf),
    )  # fmt: skip
    return solution.values if solution.is_proven else None
