"""What the summaries of all jobs have in common: a console, the cases by status, and the last line."""

import re
from typing import Any

from rich import markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.quality import Quality
from recsys_ops.runs import Run
from recsys_ops.status import Status

_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erasing
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # strings: title, links, clipboard
    r"|\x1b[ -/]*[0-~]?"  # other sequences
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # all other control characters but tabs and line breaks
)


def plain(text: str) -> str:
    """The text without control characters and escape sequences, which would give a terminal orders (ECMA-48)."""
    return _CONTROL.sub("", text)


def escape(text: str) -> str:
    """The text as it can stand between markup."""
    return markup.escape(plain(text))


class _PlainConsole(Console):
    """A console that prints no control characters but its own."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as rich shows it."""
        return super().render_str(plain(text), **options)


def make_console(*, is_wide: bool = False) -> Console:
    """A console as wide as the terminal, or of a fixed width for files.

    Parameters
    ----------
    is_wide : bool
        Leave the width to rich, for lines that are never wrapped.

    Returns
    -------
    rich.console.Console
        What data hold reaches the terminal as text only.
    """
    return _PlainConsole(highlight=False, width=None if is_wide or Console().is_terminal else 110)


def print_recommender(console: Console, run: Run, name: str, consequence: str) -> None:
    """The first line of a summary: the recommender and what is known of its quality; a warning if that is little.

    Parameters
    ----------
    console : Console
    run : Run
    name : str
        Of the recommender, for a run that did not measure it.
    consequence : str
        What a recommender that is no better than its baseline means for the answers of this job.
    """
    stored = run.manifest.get("quality")
    if stored is None:
        console.print(f"Recommender: {escape(name)} (not measured).", soft_wrap=True)
        return
    quality = Quality.from_dict(stored)
    console.print(f"Recommender: {escape(quality.sentence)}", soft_wrap=True)
    if not quality.is_better:
        last = quality.figures[-1]
        is_unsure = quality.figures[0].standard_error is not None and last.value > last.baseline
        than = f"clearly better than {quality.baseline} on {quality.n_users} held-out users"
        than = than if is_unsure else f"better than {quality.baseline}"
        console.print(f"Warning: not {than}. {consequence}", soft_wrap=True)


def with_ridge(name: str, ridge: float | None) -> str:
    """A recommender with the penalty it was fitted with, if it has one."""
    return name if ridge is None else f"{name}, ridge {ridge:g}"


def status_table(statuses: ChunkedArray) -> Table:
    """Cases by status, with what to do about each."""
    table = Table("status", "cases", "what to do", title="Cases by status", title_justify="left")
    counts = pc.value_counts(statuses)
    for entry in sorted(counts.to_pylist(), key=lambda entry: -entry["counts"]):
        table.add_row(entry["values"], str(entry["counts"]), Status(entry["values"]).remedy)
    return table


def print_footer(console: Console, run: Run, what: str, after: str = "") -> None:
    """The last line of a summary: how many cases of what kind, in how many seconds, and where the tables are."""
    seconds = run.manifest["timings"]["wall_seconds"]
    console.print(
        f"\n{run.manifest['n_cases']} {what} in {seconds:.0f} s{after}. Tables: {escape(run.url)} (run {run.run_id})",
        soft_wrap=True,
    )
