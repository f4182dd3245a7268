"""What fits of ratings say, in words; for the summary of a run and for its page."""

from collections.abc import Mapping, Sequence
from typing import Any

from recsys_ops.acceptance.propensity import LEVEL, Finding
from recsys_ops.runs import Run

_RESPONSES = {"accept": "Acceptance", "act": "Willingness to act"}
_OPTIONS = {"sparsity": "--max-changes", "proximity": "--max-proximity"}
_LEAST_P = 1e-3
"""Smaller ones say no more than that."""

Row = Mapping[str, Any]


def named_in_words(row: Row) -> str:
    """Which fit a row of ``acceptance_fits`` is: a response by a distance."""
    return f"{_RESPONSES[row['response']]} by {row['distance']}"


def fit_in_words(row: Row) -> str:
    """What a row of ``acceptance_fits`` says about distance, and about people where they were tested."""
    about = named_in_words(row)
    if row["threshold"] is not None:
        found = f"{row['threshold']:.2f} (95 % interval {row['threshold_low']:.2f} to {row['threshold_high']:.2f})"
        about = f"{about}, threshold {found}"
    why = f" ({row['reason']})" if row["reason"] else ""
    people = people_in_words(row)
    return f"{about}: {Finding(row['status']).meaning.removesuffix('.')}{why}." + (f" {people}" if people else "")


def people_in_words(row: Row) -> str:
    """Whether people differ, by the tests of their intercepts and slopes; empty where these were not made."""
    tested = (("in how willing they are", "intercepts"), ("in how distance matters to them", "slopes"))
    if any(row.get(f"p_{name}") is None for _, name in tested):  # not tested, or made before 0.2
        return ""
    said = [
        f"{'differ' if row[f'p_{name}'] < LEVEL else 'do not clearly differ'} {what} "
        f"(F {row[f'f_{name}']:.2f}, {_p_in_words(row[f'p_{name}'])})"
        for what, name in tested
    ]
    return f"People {' and '.join(said)}."


def _p_in_words(p: float) -> str:
    return f"p {p:.2g}" if p >= _LEAST_P else f"p below {_LEAST_P:g}"


def caps_in_words(rows: Sequence[Row]) -> str:
    """Which caps of the next run follow from all fits."""
    caps = {row["distance"]: row["cap"] for row in rows if row["cap"] is not None}
    if not caps:
        return "No cap follows from these ratings: the next run keeps its settings."
    return "Caps for the next run: " + " ".join(f"{_OPTIONS[name]} {cap:.3g}" for name, cap in caps.items())


def acting_in_words(run: Run) -> str:
    """Whether the next run shows first what each provider is likeliest to act upon; empty for runs made before 0.3."""
    if "acting_value" not in run.tables:
        return ""
    (row,) = run.table("acting_value").to_table().to_pylist()
    if row["reason"]:
        return f"What providers are likely to act upon does not decide what is shown first: {row['reason']}."
    decides = "decides" if row["is_better"] else "does not decide"
    interval = f"95 % interval {_points(row['low'])} to {_points(row['high'])}"
    return (
        f"What each provider is likely to act upon {decides} what the next run shows first. Estimated from "
        f"{row['n_cases']:,} rated cases: shown as now, what is acted upon gains {100 * row['first']:.2g} % of the "
        f"group a case; chosen by it, {_points(row['more'])} ({interval})."
    )


def _points(more: float) -> str:
    return f"{abs(100 * more):.2g} points {'more' if more >= 0 else 'less'}"


def differences_of(run: Run) -> list[str]:
    """What drives the differences between people, of properties that were found to; nothing where none were given."""
    if "acceptance_differences" not in run.tables:
        return []
    rows: Sequence[Row] = run.table("acceptance_differences").to_table().to_pylist()
    reasons = sorted({row["reason"] for row in rows if row["reason"]})
    said = [f"Properties of people were not tested: {reason}." for reason in reasons]
    found = [row for row in rows if not row["reason"] and row["p_adjusted"] < LEVEL]
    if not found and not reasons:
        said.append("No property of people drives how they differ, that these data show.")
    return said + [_difference_in_words(row) for row in found]


def _difference_in_words(row: Row) -> str:
    against = f"{row['property']} {row['level']} (against {row['reference']})"
    who = against if row["level"] else f"per unit of {row['property']}"
    per_distance = f" per unit of {row['distance']}" if row["effect"] == "slope" else ""
    points = f"{row['coefficient']:+.2g} points{per_distance} (95 % interval {row['low']:+.2g} to {row['high']:+.2g})"
    return f"{named_in_words(row)}, {who}: {points}, {_p_in_words(row['p_adjusted'])} for all tests of the fit."
