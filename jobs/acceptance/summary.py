"""What a person sees at the end of an acceptance run, read back from the committed tables."""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from jobs.acceptance.inputs import AcceptanceData
from jobs.console import escape, print_footer
from recsys_ops.acceptance.feedback import DECISIONS
from recsys_ops.acceptance.sentences import acting_in_words, caps_in_words, differences_of, fit_in_words
from recsys_ops.runs import Run


def print_summary(console: Console, run: Run, _: AcceptanceData) -> None:
    """Print the summary of a committed run."""
    rows: list[dict[str, Any]] = run.table("acceptance_fits").to_table().to_pylist()
    console.print(_fit_table(rows))
    for row in rows:
        console.print(f"\n{escape(fit_in_words(row))}", soft_wrap=True)
    console.print(f"\n{caps_in_words(rows)}", soft_wrap=True)
    for sentence in [acting_in_words(run), *differences_of(run)]:
        console.print(escape(sentence), soft_wrap=True)
    for sentence in _notes(run, rows):
        console.print(sentence, soft_wrap=True)
    print_footer(console, run, "fits")


def _fit_table(rows: list[dict[str, Any]]) -> Table:
    columns = ("response", "distance", "ratings", "people", "edf", "F", "p", "R2 adj.", "AIC", "status")
    table = Table(*columns, title="Ratings by distance", title_justify="left")
    formats = {"edf": "{:.2f}", "f": "{:.2f}", "p": "{:.2g}", "r2_adjusted": "{:.2f}", "aic": "{:.0f}"}
    for row in rows:
        measures = ["" if row[name] is None else text.format(row[name]) for name, text in formats.items()]
        table.add_row(
            row["response"], row["distance"], str(row["n"]), str(row["n_people"]), *measures, row["status"]
        )  # fmt: skip
    return table


def _notes(run: Run, rows: list[dict[str, Any]]) -> list[str]:
    notes = []
    other = {row["distance"]: row["measured_by"] for row in rows if row["measured_by"] != row["distance"]}
    if other:
        columns = ", ".join(f"{distance} by its column {column}" for distance, column in other.items())
        notes.append(f"The rated run is of an earlier version: it measures {columns}.")
    impossible = run.table("impossible_features").to_table()
    if len(impossible):
        n_people = len(set(impossible["person_id"].to_pylist()))
        marked, marking = _counted(len(impossible), "feature", "features"), _counted(n_people, "person", "people")
        notes.append(
            f"Impossible to change: {marked} of {marking} (table 'impossible_features'); "
            "their ratings of recourses with these are not in the fits."
        )
    remarks = run.table("remarks").to_table() if "remarks" in run.tables else None  # none before 0.2
    decided = Counter([] if remarks is None else remarks["decision"].drop_null().to_pylist())
    if decided:
        counts = ", ".join(f"{decided[name]} {name}" for name in DECISIONS if decided[name])
        notes.append(f"Decided: {counts} (table 'remarks'); the next run offers no plan first that was dismissed.")
    return notes


def _counted(n: int, one: str, more: str) -> str:
    return f"{n} {one if n == 1 else more}"
