"""The page of a run of acceptance: up to where are people willing, how do they differ, and which caps follow."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.sentences import acting_in_words, caps_in_words, differences_of, fit_in_words, named_in_words
from recsys_ops.report.acceptance_plots import curve_plot, people_plot
from recsys_ops.runs import Run

_MOST_PEOPLE = 5
"""Of either end, the most and the least willing."""
_MOST_FEATURES = 20
_MOST_COMMENTS = 20

Row = dict[str, Any]


def acceptance_content(run: Run) -> dict[str, Any]:
    """What the template ``acceptance.html`` shows beside what every run has.

    Parameters
    ----------
    run : Run
        Of the acceptance job.
    """
    fits: list[Row] = run.table("acceptance_fits").to_table().to_pylist()
    fits.sort(key=lambda row: str(row["response"]) != "act")  # willingness to act first: caps follow from it
    curves, people = (run.table(f"acceptance_{name}").to_table().to_pylist() for name in ("curves", "people"))
    return {
        "advice": _advice(fits, acting_in_words(run)), "has_caps": any(row["cap"] is not None for row in fits),
        "fits": [
            {
                "title": named_in_words(row), "sentence": fit_in_words(row),
                "curve": curve_plot(row, _of_fit(curves, row)), "people": people_plot(row, _of_fit(people, row)),
                "persons": _persons(_of_fit(people, row)), "spread": _spread(row, _of_fit(people, row)),
            }
            for row in fits
        ],
        "drivers": differences_of(run), "fit_rows": [_fit_row(row) for row in fits],
        "impossible": _impossible(run), "decided": _decided(run), "comments": _comments(run),
    }  # fmt: skip


def _of_fit(rows: Sequence[Row], fit: Row) -> list[Row]:
    return [row for row in rows if (row["response"], row["distance"]) == (fit["response"], fit["distance"])]


def _advice(fits: Sequence[Row], acting: str) -> list[str]:
    lines = [caps_in_words(fits) + ("" if all(row["cap"] is None for row in fits) else ".")]
    for row in fits:
        if row["cap"] is not None and row["threshold_high"] - row["threshold_low"] > row["threshold"]:
            lines.append(
                f"The cap by {row['distance']} is uncertain: its interval, {row['threshold_low']:.2f} to "
                f"{row['threshold_high']:.2f}, is wider than the threshold itself. More ratings make it narrower."
            )
    if any(row["cap"] is not None for row in fits):
        lines.append("The next nightly run in the same folder takes them, unless you give caps of your own.")
    return [*lines, acting] if acting else lines


def _fit_row(row: Row) -> dict[str, str]:
    formats = {"edf": ".2f", "f": ".2f", "p": ".2g", "r2_adjusted": ".2f", "intercept": ".2f", "residual_sd": ".2f"}
    numbers = {name: "" if row[name] is None else format(row[name], how) for name, how in formats.items()}
    return numbers | {
        "name": named_in_words(row), "n": f"{row['n']:,}", "n_people": f"{row['n_people']:,}",
        "status": row["status"].replace("_", " "),
    }  # fmt: skip


def _spread(fit: Row, people: Sequence[Row]) -> list[str]:
    """How far people are apart, and of how many that is clear."""
    if not people:
        return []
    intercepts, slopes = (_above_and_below(people, name) for name in ("intercept", "slope"))
    return [
        f"From person to person the level differs by a standard deviation of {fit['intercept_sd']:.2f} rating points, "
        f"and what one unit of distance does by {fit['slope_sd']:.2g}.",
        f"Of {len(people):,} people, the level of {intercepts[0]:,} is clearly above that of most and of "
        f"{intercepts[1]:,} clearly below; the ratings of {slopes[1]:,} clearly fall more by distance, of "
        f"{slopes[0]:,} less (95 % intervals without 0).",
    ]


def _above_and_below(people: Sequence[Row], name: str) -> tuple[int, int]:
    effect, half = _effects(people, name)
    return int((effect > half).sum()), int((effect < -half).sum())


def _effects(people: Sequence[Row], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Effects of people, and half of their 95 % intervals."""
    effect, se = (np.array([row[key] for row in people]) for key in (name, f"{name}_se"))
    return effect, NORMAL_95 * se


def _persons(people: Sequence[Row]) -> list[dict[str, str]]:
    """The most and the least willing people."""
    by_level = sorted(people, key=lambda row: (-row["intercept"], str(row["person_id"])))
    shown = by_level if len(by_level) <= 2 * _MOST_PEOPLE else by_level[:_MOST_PEOPLE] + by_level[-_MOST_PEOPLE:]
    return [
        {
            "name": str(row["person_id"]), "seller": "several" if row["seller_id"] is None else str(row["seller_id"]),
            "n": f"{row['n']:,}", "level": f"{row['intercept']:+.2f} ± {NORMAL_95 * row['intercept_se']:.2f}",
            "slope": f"{row['slope']:+.3f} ± {NORMAL_95 * row['slope_se']:.3f}",
        }
        for row in shown
    ]  # fmt: skip


def _impossible(run: Run) -> list[dict[str, str]]:
    """Features that people cannot change, those that most people named first."""
    people: dict[str, set[Any]] = {}
    for row in run.table("impossible_features").to_table().to_pylist():
        people.setdefault(row["feature"], set()).add(row["person_id"])
    by_number = sorted(people.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [{"name": name, "n": f"{len(who):,}"} for name, who in by_number[:_MOST_FEATURES]]


def _remarks(run: Run) -> list[Row]:
    rows: list[Row] = run.table("remarks").to_table().to_pylist() if "remarks" in run.tables else []
    return rows


def _decided(run: Run) -> str:
    """How many plans people said are done or dismissed."""
    decisions = [row["decision"] for row in _remarks(run)]
    said = [f"{decisions.count(name):,} {name}" for name in ("done", "dismissed") if name in decisions]
    return f"Of the plans, {' and '.join(said)}." if said else ""


def _comments(run: Run) -> list[dict[str, str]]:
    """What people wrote, those first that decided something."""
    written = [row for row in _remarks(run) if row["comment"]]
    written.sort(key=lambda row: row["decision"] is None)
    return [
        {"name": str(row["person_id"]), "decision": row["decision"] or "", "text": row["comment"]}
        for row in written[:_MOST_COMMENTS]
    ]
