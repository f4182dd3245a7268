"""What is said of antidote data, in the summary and on the page."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from recsys_ops.antidote.advice import Group
from recsys_ops.antidote.as_used import Interval

_OBJECTIVES = {
    "polarisation": "polarisation",
    "individual": "unfairness to single users",
    "group": "unfairness to groups",
    "exposure": "distance of the groups' share of the lists from their share of the items",
    "popularity": "popularity of what is recommended",
    "gini": "concentration (Gini) of what is recommended",
}

_SEVERAL_OPTIMA = 0.01
"""Difference of the objective between two starts from which on they have not ended in the same optimum: ten times what
a settled fit is exact to."""

Row = dict[str, Any]


def interval_in_words(mean: float, low: float, high: float) -> str:
    """A relative change with its interval, in per cent."""
    return f"{100 * mean:+.1f}% ({100 * low:+.1f} to {100 * high:+.1f})"


def unseen_in_words(unseen: Interval | None) -> str:
    """The change on unseen ratings with its interval over the splits, if there are several; empty without any."""
    if unseen is None:
        return ""
    if not np.isfinite(unseen.low):
        return f"{100 * unseen.mean:+.1f}% (one split)"
    return interval_in_words(unseen.mean, unseen.low, unseen.high)


def noise_in_words(groups: Sequence[Group]) -> list[str]:
    """What another start and random rows change by themselves; nothing where no case has artificial users."""
    known = [group.typical for group in groups if group.typical is not None]
    if not known:
        return []
    row = known[0]
    start = (
        f"Noise floor: another start alone changes it by up to {100 * row['start_change']:.1f} % and keeps "
        f"{100 * row['start_top10_kept']:.0f} % of the users' top 10; random rows of the same size change it by "
    )
    floors = {(one["budget"], one["random_change"]): one for one in known}
    random = [
        f"{interval_in_words(one['random_change'], one['random_change_low'], one['random_change_high'])} and keep "
        f"{100 * one['random_top10_kept']:.0f} % (budget {one['budget']})"
        for one in floors.values()
    ]
    several = (
        "The recommender has several optima: which one a fit ends in depends on its start, so that what is changed "
        "differs from fit to fit, within the intervals."
    )
    return [start + ", ".join(random) + ".", *([several] if row["start_change"] > _SEVERAL_OPTIMA else [])]


def detection_in_words(groups: Sequence[Group]) -> list[str]:
    """How easily the artificial users are found; nothing where no case has any, or the run does not know."""
    found = [
        f"{group.algorithm} {group.budget} {row['detectability']:.2f} (stars given otherwise: "
        f"{row['rating_distance']:.0%})"
        for group in groups if (row := group.typical) is not None and row.get("detectability") is not None
    ]  # fmt: skip
    text = "Detectability (AUC of a shilling detector: 0.5 is chance, 1 is always found): "
    return [text + ", ".join(found) + "."] if found else []


def no_advice(groups: Sequence[Group]) -> str:
    """That nothing is advised, and what to do about it."""
    text = "Nothing is advised: no case changes the objective as wanted, beyond what starts and random rows do."
    single = any(group.unseen is not None and not np.isfinite(group.unseen.low) for group in groups)
    return text + (" One split is no interval for unseen ratings: use --runs 5." if single else "")


def objective_in_words(text: str) -> str:
    """What ``--objective`` says, in words."""
    parts = [part.strip().partition(":") for part in text.split(",")]
    if len(parts) == 1 and float(parts[0][2] or 1) == 1:
        return _OBJECTIVES[parts[0][0]]
    return " + ".join(f"{weight or 1} x {_OBJECTIVES[name]}" for name, _, weight in parts)
