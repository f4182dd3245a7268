"""Advice that stands: what was advised earlier, as an edit of the item as it is today, kept while it is good.

Advice given earlier is a set of *targets*: of every change, the value that the feature was to have. Applied to the
item as it is today, a target that is reached, or passed in the direction of the change, is done and vanishes; what
else was edited meanwhile stays as it is. Advice that is done entirely, or names what no item has any more, stands no
longer.

What is left stands if today's rules, limits, caps and plausibility allow it, it does what is wanted, and today's search
finds nothing clearly better: nothing that gains more than the tolerance allows *and* more than chance would. Of users
who see the item by the one advice only, n by the new and m by the old, chance makes n - m as large as two standard
errors, ``2 sqrt(n + m)`` (a sign test): in small groups one user more is no reason to change one's mind. What stands is
verified by today's recommender like any other recourse, and today's bounds hold for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import TOLERANCE
from recsys_ops.features.encode import EncodedItems
from recsys_ops.features.rules import FeatureRule
from recsys_ops.quality import STANDARD_ERRORS
from recsys_ops.recourse.feasible import are_feasible
from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.proposal import Proposal
from recsys_ops.recourse.solve import Recourse, Solved, verify

_COUNTED = re.compile(r"'(.*)' x ([0-9.]+)", re.DOTALL)
"""Values of a word in a change: the word, and how often it stands in the text."""


@dataclass(frozen=True)
class Target:
    """The encoded value that a column was to have, and the sign of the way there; 0 where only the value counts."""

    column: int
    encoded: float
    direction: int


@dataclass(frozen=True)
class Standing:
    """Advice for one item and group, and the run ``since`` which it is given."""

    targets: tuple[Target, ...]
    since: str


Columns = Mapping[tuple[str, str], int]
"""Where the features are today: by name, and for words and categories by value."""


def columns_by_name(items: EncodedItems) -> Columns:
    """Columns by the names that changes give them."""
    named = {}
    for column, (number, value) in enumerate(zip(items.columns.rule, items.columns.value, strict=True)):
        rule = items.rules[number]
        named[rule.name_of(value), value if rule.kind in ("text", "category") else ""] = column
    return named


def targets_of(items: EncodedItems, named: Columns, changes: Sequence[Mapping[str, Any]]) -> tuple[Target, ...] | None:
    """Read the changes of a row of the table ``recourse``.

    Parameters
    ----------
    items : EncodedItems
        Today's: their columns may be others than those of the row.
    named : mapping
        As ``columns_by_name``.
    changes : sequence of mapping
        With ``feature``, ``before`` and ``after`` as ``describe_changes`` says them.

    Returns
    -------
    tuple of Target, or None
        None where no item has such a feature or value any more, or the rule calls it something else.
    """
    targets = [_target(items, named, change) for change in changes]
    found = [target for target in targets if target is not None]
    return tuple(found) if found and len(found) == len(targets) else None


def _target(items: EncodedItems, named: Columns, change: Mapping[str, Any]) -> Target | None:
    name, before, after = change["feature"], change["before"], change["after"]
    word = _COUNTED.fullmatch(after)
    column = next((named[key] for key in _keys(name, after, word) if key in named), None)
    if column is None:
        return None
    values = [_value(items.rules[items.columns.rule[column]], text) for text in (before, after)]
    if values[1] is None:
        return None
    encoded = (values[1] - items.columns.offset[column]) * items.columns.unit[column]
    direction = 0 if values[0] is None else int(np.sign(values[1] - values[0]))
    return Target(column, float(encoded), direction)


def _keys(name: str, after: str, word: re.Match[str] | None) -> list[tuple[str, str]]:
    """Keys in which a change may be found: of a word, of a category, of anything else."""
    return [*([(name, word[1])] if word else []), (name, after), (name, "")]


def _value(rule: FeatureRule, text: str) -> float | None:
    """What a change calls a value, as a number in the provider's units; None for what is none."""
    if rule.kind == "text":
        word = _COUNTED.fullmatch(text)
        return float(word[2]) if word else None
    if rule.kind == "tags":
        return {"absent": 0.0, "present": 1.0}.get(text)
    if rule.kind == "category":
        return 1.0
    if rule.kind == "ordinal":
        places = [str(value) for value in rule.values]
        return float(places.index(text) + 1) if text in places else None
    try:
        return float(text)
    except ValueError:
        return None


def apply_targets(
    items: EncodedItems, features: NDArray[np.float64], targets: Sequence[Target]
) -> NDArray[np.float64] | None:
    """Features ``(n_features,)`` of an item with what is left of the targets; None where all are done."""
    after = features.copy()
    for target in targets:
        present = features[target.column]
        way = target.encoded - present
        if abs(way) <= TOLERANCE or way * target.direction < 0:
            continue
        category = items.columns.one_hot[target.column]
        if category >= 0:
            after[items.columns.one_hot == category] = 0.0
        after[target.column] = target.encoded
    return after if np.any(np.abs(after - features) > TOLERANCE) else None


def keep_standing(solved: Solved, standing: Standing) -> Recourse | None:
    """The advice given earlier as a recourse of today, if it stands.

    Parameters
    ----------
    solved : Solved
        What today's search found.
    standing : Standing

    Returns
    -------
    Recourse or None
        With today's measures, bounds and frontier, ``success_new_users`` of today's search, and ``since``.
    """
    case, found, bounds = solved.case, solved.recourse, solved.bounds
    after = apply_targets(case.search.items, case.features, standing.targets)
    if bounds is None or after is None:
        return None
    if not are_feasible(case.columns, case.features, after[None], case.box)[0] or not case.is_within_caps(after):
        return None
    kept = verify(case, Proposal(after, found.success_unthresholded or 0.0, found.frontier), bounds)
    has_limits, overlap = np.all(np.isfinite(case.box.upper[case.searched])), case.search.settings.overlap
    if not has_limits and (kept.rbo or 0.0) < overlap - TOLERANCE:
        return None
    if not kept.serves or _gained(kept) <= 0 or _is_clearly_better(case, found, kept):
        return None
    return replace(kept, new_users=found.new_users, since=standing.since)


def _is_clearly_better(case: Case, found: Recourse, kept: Recourse) -> bool:
    """Whether what was found gains more than tolerance and chance explain."""
    if not found.serves or found.features is None or kept.features is None:
        return False
    if _gained(kept) >= (1 - case.search.settings.tolerance) * _gained(found) - TOLERANCE:
        return False
    by_found, by_kept = (case.satisfied(case.rescore(one)) for one in (found.features, kept.features))
    only_found, only_kept = int((by_found & ~by_kept).sum()), int((by_kept & ~by_found).sum())
    variance = int(case.search.group.times[by_found != by_kept].sum())  # the number of users, where each counts once
    return bool(only_found - only_kept > STANDARD_ERRORS * np.sqrt(variance))


def _gained(recourse: Recourse) -> float:
    return (recourse.success_after or 0.0) - (recourse.success_before or 0.0)
