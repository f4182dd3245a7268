"""Complete whole runs of a job that know no later data than a given time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from recsys_ops.datasets.times import parse_time
from recsys_ops.runs import Run, list_runs, open_run


def knows_until(manifest: Mapping[str, Any]) -> datetime:
    """Until when a run knows the data: its start, or its ``--until`` if that is earlier."""
    started = datetime.fromisoformat(manifest["started"])
    until = manifest["configuration"].get("until")
    return started if until is None else min(started, parse_time(until, "--until"))


def runs_before(out: str, job: str, until: datetime | None, *, besides: str | None, most: int) -> list[Run]:
    """Complete whole runs of a job, the one that knows the latest data first.

    Parameters
    ----------
    out : str
    job : str
    until : datetime, optional
        Only runs that know no data from then on.
    besides : str, optional
        Id of a run that is none of them: the one that asks.
    most : int
        So many at most.

    Returns
    -------
    list of Run

    Raises
    ------
    InputError, StorageError
        As ``list_runs``.
    """
    listed = [
        run["run_id"]
        for run in list_runs(out)
        if run["job"] == job and run["state"] == "complete" and not run["partial"] and run["run_id"] != besides
    ]
    runs = [open_run(f"{out.rstrip('/')}/runs/{run_id}") for run_id in listed]
    known = [(knows_until(run.manifest), run.manifest["finished"], run) for run in runs]
    known = [entry for entry in known if until is None or entry[0] <= until]
    return [run for *_, run in sorted(known, key=lambda entry: entry[:2], reverse=True)][:most]
