"""Recourse under caps on proximity and cost: smaller levers, a budget for all, and bounds that know of it.

A change pulled to its bound may be farther than the cap allows, so that each lever comes in several lengths of which
one can be pulled. What remains is a budgeted coverage problem for the same exchange search.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.caps import SLACK, Caps
from recsys_ops.features.changes import TOLERANCE
from recsys_ops.features.encode import FeatureColumns
from recsys_ops.recourse.actions import Levers, concatenate
from recsys_ops.recourse.exchange import Budgets
from recsys_ops.recourse.feasible import Box, feasible_box, on_grid

LENGTHS = 4
"""Lengths of a lever: its whole steps where they are few, else these equal parts of it."""


def most_changes(columns: FeatureColumns, caps: Caps) -> int:
    """Changes that both the cap on sparsity and that on cost allow."""
    if not np.isfinite(caps.cost):
        return int(caps.sparsity)
    cheapest = float(columns.cost[columns.can_rise | columns.can_fall].min(initial=np.inf))
    return int(min(caps.sparsity, np.floor(caps.cost / cheapest * (1 + SLACK))))


def capped_box(columns: FeatureColumns, features: NDArray[np.float64], caps: Caps) -> Box:
    """What the provider may make of an item where every single change keeps the caps."""
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
    return feasible_box(narrow, features)


def finite_box(columns: FeatureColumns, features: NDArray[np.float64], box: Box) -> Box:
    """The box with an end where it has none: the greatest value that real items have, or the least that is allowed."""
    greatest = on_grid(columns, features, np.maximum(features, columns.greatest), np.floor)
    upper = np.where(np.isfinite(box.upper), box.upper, np.maximum(greatest, features + box.least))
    return replace(box, upper=upper)


def cut_levers(columns: FeatureColumns, features: NDArray[np.float64], box: Box, levers: Levers) -> Levers:
    """Every lever in those of several lengths that are possible, the full one too; all of one share its unit."""
    present, direction, full = features[levers.column], np.sign(levers.amount), np.abs(levers.amount)
    step = np.where(columns.from_zero[levers.column], 0.0, columns.step[levers.column])
    n_steps = np.rint(full / np.where(step > 0, step, full))
    parts = []
    for length in range(1, LENGTHS + 1):
        steps = np.where(n_steps <= LENGTHS, length, np.ceil(n_steps * length / LENGTHS))
        amount = np.where(step > 0, steps * step, full * length / LENGTHS)
        is_part = amount <= full * (1 + SLACK)
        end = present + direction * np.minimum(amount, full)
        nearer = [on_grid(columns, features, end, rounding, levers.column) for rounding in (np.floor, np.ceil)]
        amount = np.abs(np.where(direction > 0, *nearer) - present)
        kept = np.flatnonzero(is_part & (amount > TOLERANCE) & (amount >= box.least[levers.column] - TOLERANCE))
        part = levers.only(kept)
        parts.append(replace(part, amount=np.sign(part.amount) * amount[kept]))
    return concatenate(parts)


def lever_proximity(columns: FeatureColumns, levers: Levers) -> NDArray[np.float64]:
    """Proximity of every lever's change."""
    by_range = np.abs(levers.amount) / columns.span[levers.column]
    return np.where(columns.one_hot[levers.column] >= 0, 1.0, by_range)


def lever_budgets(columns: FeatureColumns, levers: Levers, caps: Caps) -> Budgets:
    """What every lever takes of the caps on proximity and cost, as far as there are such."""
    weights = np.array([lever_proximity(columns, levers), columns.cost[levers.column]])
    most = np.array([caps.proximity, caps.cost])
    return Budgets(weights[np.isfinite(most)], most[np.isfinite(most)] * (1 + SLACK))
