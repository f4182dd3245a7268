"""Files that no run needs, and runs that nobody needs any more: found here, removed here, never by a job.

Nothing that a run under way writes is ever an orphan: what is not listed counts as one only where a manifest says what
belongs to the run, since nobody may add to a complete run.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.runtime.files import read_json, remove_file, remove_files, remove_folder
from recsys_ops.runs import latest_path, latest_runs
from recsys_ops.storage import open_store, storage_errors

OWN_FILES = ("_run.json", "_manifest.json")
_RECORDS, _DELTA = "_shards/", "/_delta_log/"

HOURS_UNDER_WAY = 24
"""What has written within so many hours is taken to be under way, and nothing of it is removed."""


def find_orphans(out: str, run_ids: Collection[str]) -> dict[str, int]:
    """Files below ``out`` that belong to nothing, and their bytes.

    Parameters
    ----------
    out : str
    run_ids : collection of str
        Runs to look into: pieces left by a driver killed after its commit, parts of rivals that lost, parts of an
        attempt that were replaced. Runs that are not complete are left alone.

    Returns
    -------
    dict
        Path to bytes, in order. With what killed drivers left beside the runs: probe files, and claims on the files
        that name the latest runs.

    Raises
    ------
    StorageError
    """
    filesystem, root = open_store(out)
    orphans: dict[str, int] = {}
    with storage_errors(out, "listing"):
        for run_id in run_ids:
            orphans |= _orphans_of_run(filesystem, f"{root}/runs/{run_id}")
        beside = filesystem.find(root, maxdepth=1, detail=True)
        orphans |= {p: entry["size"] for p, entry in beside.items() if p.rpartition("/")[2].startswith(".probe-")}
        naming = filesystem.find(f"{root}/latest", detail=True)
        for path in naming.keys() - {latest_path(root, job) for job in latest_runs(out)}:
            if not _is_under_way(filesystem, [path]):
                orphans[path] = naming[path]["size"]
    return dict(sorted(orphans.items()))


def superseded_runs(runs: Sequence[Mapping[str, Any]], keep: int) -> list[str]:
    """Runs to remove so that of each job the last ``keep`` complete ones stay.

    Parameters
    ----------
    runs : sequence of mapping
        From ``list_runs``.
    keep : int, at least 1

    Returns
    -------
    list of str
        Ids, oldest first. A run that is not complete goes with the complete ones of its job that are older than all
        that stay; a younger one stays, it may be under way.
    """
    by_job: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (run["started"], run["run_id"])):
        by_job[run["job"]].append(run)
    gone = []
    for of_job in by_job.values():
        complete = [run for run in of_job if run["state"] == "complete"]
        if len(complete) > keep:
            oldest_kept = complete[-keep]
            gone += [run for run in of_job if run["started"] < oldest_kept["started"]]
    return [run["run_id"] for run in sorted(gone, key=lambda run: (run["started"], run["run_id"]))]


def remove_runs(out: str, run_ids: Sequence[str]) -> list[str]:
    """Remove whole runs, except one that is named the latest of its job: a reader opens it by that.

    Returns
    -------
    list of str
        What was removed. The manifest goes first and the claim of the name last: killed in between, the rest is
        listed as a partial run, and the same command removes it.

    Raises
    ------
    StorageError
    """
    filesystem, root = open_store(out)
    latest = set(latest_runs(out).values())
    removed = [run_id for run_id in run_ids if run_id not in latest]
    for run_id in removed:
        folder = f"{root}/runs/{run_id}"
        remove_file(filesystem, f"{folder}/_manifest.json")
        with storage_errors(f"{out}/runs/{run_id}", "removing"):
            inside = [path for path in filesystem.find(folder) if not path.endswith("/_run.json")]
        remove_files(filesystem, inside)
        remove_folder(filesystem, folder)
    return removed


def _orphans_of_run(filesystem: Any, folder: str) -> dict[str, int]:
    manifest = read_json(filesystem, f"{folder}/_manifest.json")
    if manifest is None:
        return {}
    listed = {part["path"] for table in manifest["tables"].values() for part in table["parts"]}
    listed |= {model["path"] for model in manifest.get("models", {}).values()}
    found = filesystem.find(folder, detail=True)
    inside = {path.removeprefix(f"{folder}/"): entry["size"] for path, entry in found.items()}
    return {
        f"{folder}/{path}": size
        for path, size in inside.items()
        if path not in listed and path not in OWN_FILES and not path.startswith(_RECORDS) and _DELTA not in path
    }


def _is_under_way(filesystem: Any, paths: Sequence[str]) -> bool:
    """Whether one of the files was written in the last ``HOURS_UNDER_WAY``, or is gone since it was listed."""
    limit = datetime.now(UTC) - timedelta(hours=HOURS_UNDER_WAY)
    try:
        return any(filesystem.modified(path) > limit for path in paths)
    except FileNotFoundError:
        return True
