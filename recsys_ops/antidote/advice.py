"""Which case of a run may be advised: what is measured as used, and on unseen ratings, says so by its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys_ops.antidote.algorithms import COMPARISONS
from recsys_ops.antidote.as_used import Interval, over_splits, verdict_of

_ABOUT_RATINGS = ("individual", "group")

Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """An algorithm with a budget, and what may be said of it.

    ``typical`` is of its runs the one in the middle (the best run had luck), None where no run has artificial users;
    ``unseen`` the change on held-out ratings over the splits, None where there are none or the objective is not about
    ratings.
    """

    algorithm: str
    budget: str
    typical: Row | None
    unseen: Interval | None
    verdict: str


def is_about_ratings(objective: str) -> bool:
    """Whether an objective, as ``--objective`` has it, is about the errors of ratings, not about predictions alone."""
    return any(part.partition(":")[0].strip() in _ABOUT_RATINGS for part in objective.split(","))


def held_out_share(objective: str, hold_out: float | None) -> float:
    """Share of each user's ratings that is held out: as given, else a fifth where the objective is about ratings."""
    if hold_out is not None:
        return hold_out
    return 0.2 if is_about_ratings(objective) else 0.0


def group_cases(used: Sequence[Row], effects: Sequence[Row], held_out: float, *, on_unseen: bool) -> list[Group]:
    """The cases by algorithm and budget, each with its verdict.

    Parameters
    ----------
    used : sequence of dict
        Rows of ``antidote_as_used``.
    effects : sequence of dict
        Rows of ``antidote_effect``.
    held_out : float
        Share of the ratings in the split ``test``.
    on_unseen : bool
        Whether the objective is to hold for unseen ratings; else the verdict is that on the given ones.
    """
    groups = []
    for case in dict.fromkeys((row["algorithm"], row["budget"]) for row in used):
        runs = [row for row in used if (row["algorithm"], row["budget"]) == case and row["verdict"] is not None]
        sign = 1 if used[0]["direction"] == "min" else -1
        typical = sorted(runs, key=lambda row: sign * row["change"])[len(runs) // 2] if runs else None
        tests = [
            row for row in effects
            if (row["algorithm"], row["budget"], row["split"]) == (*case, "test") and row["n_antidote_users"]
            and row["before"]
        ]  # fmt: skip
        unseen, beyond = _over_splits(tests, held_out) if tests and on_unseen else (None, None)
        verdict = "none" if typical is None else typical["verdict"]
        if typical is not None and unseen and beyond and case[0] not in COMPARISONS:
            verdict = verdict_of(unseen, beyond, sign, within_limits=typical["within_limits"])
        groups.append(Group(*case, typical, unseen, verdict))
    return groups


def advised(groups: Sequence[Group]) -> Group | None:
    """The one that helps most, on unseen ratings where these count; None where none helps."""

    def effect(group: Group) -> float:
        mean = group.typical["change"] if group.typical is not None else 0.0
        return float(abs(mean if group.unseen is None else group.unseen.mean))

    return max((group for group in groups if group.verdict == "helps"), key=effect, default=None)


def _over_splits(tests: Sequence[Row], held_out: float) -> tuple[Interval, Interval]:
    """Change on the held-out ratings, and what it is beyond that of random rows."""
    before, after, random = (np.array([row[name] for row in tests]) for name in ("before", "after", "random"))
    return over_splits(after / before - 1, held_out), over_splits((after - random) / before, held_out)
