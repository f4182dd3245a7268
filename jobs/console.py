"""What the summaries of all jobs have in common: a console, the cases by status, and the last line."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.runs import Run
from recsys_ops.status import Status


def make_console() -> Console:
    """A console as wide as the terminal, or of a fixed width for files."""
    return Console(highlight=False, width=None if Console().is_terminal else 110)


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
