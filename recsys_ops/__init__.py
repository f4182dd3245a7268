"""The library: tables and arrays in, arrays out; knows nothing of Ray or of the command line."""

from recsys_ops.runs import Run, list_runs, open_run

__all__ = ["Run", "list_runs", "open_run"]
