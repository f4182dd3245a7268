"""Recourse under caps on proximity and cost: smaller actions, a budget for all, and bounds that know of it.

A change taken to the limit of its feature may be farther than the cap allows, so that each action comes in several
lengths that exclude each other. What remains is a budgeted coverage problem for the same exchange search.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.caps import SLACK, Caps
from recsys_ops.features.changes import TOLERANCE
from recsys_ops.features.encode import FeatureColumns
from recsys_ops.recourse.actions import Actions, concatenate
from recsys_ops.recourse.coverage import Budgets
from recsys_ops.recourse.feasible import feasible_box, on_grid
from recsys_ops.recourse.problem import Case

LENGTHS = 4
"""Lengths of an action: its whole steps where they are few, else these equal parts of it."""


def most_changes(columns: FeatureColumns, caps: Caps) -> int:
    """Changes that both the cap on sparsity and that on cost allow."""
    if not np.isfinite(caps.cost):
        return int(caps.sparsity)
    cheapest = float(columns.cost[columns.can_rise | columns.can_fall].min(initial=np.inf))
    return int(min(caps.sparsity, np.floor(caps.cost / cheapest * (1 + SLACK))))


def within_caps(case: Case) -> Case:
    """The case with a box in which every single change keeps the caps."""
    columns, features, caps = case.columns, case.features, case.search.settings.caps
    reach = caps.proximity * (1 + SLACK) * columns.span if np.isfinite(caps.proximity) else np.inf
    whole = columns.one_hot >= 0
    frozen = (columns.cost > caps.cost * (1 + SLACK)) | (whole & (caps.proximity * (1 + SLACK) < 1))
    narrow = replace(
        columns,
        upper=np.where(whole, columns.upper, np.minimum(columns.upper, features + reach)),
        lower=np.where(whole, columns.lower, np.maximum(columns.lower, features - reach)),
        can_rise=columns.can_rise & ~frozen,
        can_fall=columns.can_fall & ~frozen,
    )
    return replace(case, box=feasible_box(narrow, features))


def with_finite_box(case: Case) -> Case:
    """The case with a limit for every feature: by default the greatest value of real items, or the least step."""
    columns, features, box = case.search.columns, case.features, case.box
    greatest = on_grid(columns, features, np.maximum(features, columns.greatest), np.floor)
    upper = np.where(np.isfinite(box.upper), box.upper, np.maximum(greatest, features + box.least))
    return replace(case, box=replace(box, upper=upper))


def cut_actions(case: Case, actions: Actions) -> Actions:
    """Every action in those of several lengths that are possible, the full one too; all of one share its unit."""
    columns, features, box = case.search.columns, case.features, case.box
    present, direction, full = features[actions.column], np.sign(actions.amount), np.abs(actions.amount)
    step = np.where(columns.from_zero[actions.column], 0.0, columns.step[actions.column])
    n_steps = np.rint(full / np.where(step > 0, step, full))
    parts = []
    for length in range(1, LENGTHS + 1):
        steps = np.where(n_steps <= LENGTHS, length, np.ceil(n_steps * length / LENGTHS))
        amount = np.where(step > 0, steps * step, full * length / LENGTHS)
        is_part = amount <= full * (1 + SLACK)
        end = present + direction * np.minimum(amount, full)
        nearer = [on_grid(columns, features, end, rounding, actions.column) for rounding in (np.floor, np.ceil)]
        amount = np.abs(np.where(direction > 0, *nearer) - present)
        kept = np.flatnonzero(is_part & (amount > TOLERANCE) & (amount >= box.least[actions.column] - TOLERANCE))
        part = actions.only(kept)
        parts.append(replace(part, amount=np.sign(part.amount) * amount[kept]))
    return concatenate(parts)


def action_proximity(columns: FeatureColumns, actions: Actions) -> NDArray[np.float64]:
    """Proximity of every action's change."""
    by_range = np.abs(actions.amount) / columns.span[actions.column]
    return np.where(columns.one_hot[actions.column] >= 0, 1.0, by_range)


def action_budgets(columns: FeatureColumns, actions: Actions, caps: Caps) -> Budgets | None:
    """What every action takes of the caps on proximity and cost, None without such caps."""
    if caps.is_of_sparsity_alone:
        return None
    weights = np.array([action_proximity(columns, actions), columns.cost[actions.column]])
    most = np.array([caps.proximity, caps.cost])
    return Budgets(weights[np.isfinite(most)], most[np.isfinite(most)] * (1 + SLACK))
