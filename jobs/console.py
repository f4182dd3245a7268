"""What the summaries of all jobs have in common: a console, cases by status, and the exit code."""

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
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


def error_exit_code(console: Console, statuses: ChunkedArray, allowed: float) -> int:
    """1, and a line that says so, if more cases failed than the allowed share; else 0. One status for each case."""
    n_errors = pc.sum(pc.equal(statuses, pa.scalar(str(Status.ERROR)))).as_py() or 0
    if n_errors <= allowed * len(statuses):
        return 0
    console.print(
        f"{n_errors} of {len(statuses)} cases failed, more than --allowed-errors {allowed:g}; see column 'reason'."
    )
    return 1
