"""Files that no run needs, and runs that nobody needs any more: found here, removed here, never by a job.

Nothing that a run under way writes is ever an orphan: what is not listed counts as one only where a manifest says what
belongs to the run, since nobody may add to a complete run.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.store.files import remove_file, remove_files, remove_folder
from recsys_ops.manifest import stored_manifest
from recsys_ops.parts import READERS
from recsys_ops.runs import latest_path, latest_runs
from recsys_ops.storage import open_store, storage_errors

OWN_FILES = ("_run.json", "_manifest.json", "_accepted.json")
_RECORDS, _DELTA = "_shards/", "/_delta_log/"

HOURS_UNDER_WAY = 24
"""What has written within so many hours is taken to be under way, and nothing of it is removed."""


def find_orphans(out: str, run_ids: Collection[str]) -> dict[str, int]:
    """Files below ``out`` that belong to nothing, and their bytes.

    Parameters
    ----------
    out : str
    run_ids : collection of str
        Runs to look into: fragments left by a driver killed after its commit, parts of rivals that lost, parts of an
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


def superseded_runs(out: str, runs: Sequence[Mapping[str, Any]], keep: int) -> list[str]:
    """Runs to remove so that of each job the last ``keep`` whole complete ones stay, and as many partial ones.

    Parameters
    ----------
    out : str
    runs : sequence of mapping
        From ``list_runs``.
    keep : int, at least 1

    Returns
    -------
    list of str
        Ids, oldest first. A run that is not complete goes with those that are older than all complete ones that stay,
        unless it wrote something in the last ``HOURS_UNDER_WAY``. What is named the latest of its job stays whatever
        its age: a reader opens it by that.

    Raises
    ------
    StorageError
    """
    of_one_kind: dict[tuple[str, bool], list[Mapping[str, Any]]] = defaultdict(list)
    for run in sorted(runs, key=_age):
        of_one_kind[run["job"], run["partial"]].append(run)
    older = []
    for group in of_one_kind.values():
        complete = [run for run in group if run["state"] == "complete"]
        if len(complete) >= keep:
            older += [run for run in group if run["started"] < complete[-keep]["started"]]
    latest = set(latest_runs(out).values())
    gone = [run for run in sorted(older, key=_age) if run["run_id"] not in latest]
    return [run["run_id"] for run in gone if run["state"] == "complete" or not _is_run_under_way(out, run["run_id"])]


def _age(run: Mapping[str, Any]) -> tuple[str, str]:
    return run["started"], run["run_id"]


def remove_runs(out: str, run_ids: Sequence[str]) -> None:
    """Remove whole runs.

    The manifest goes first and the claim of the name last: killed in between, the rest is listed as an incomplete run,
    and the command that found this one superseded finds that, too.

    Raises
    ------
    StorageError
    """
    filesystem, root = open_store(out)
    for run_id in run_ids:
        folder = f"{root}/runs/{run_id}"
        remove_file(filesystem, f"{folder}/_manifest.json")
        with storage_errors(f"{out}/runs/{run_id}", "removing"):
            inside = [path for path in filesystem.find(folder) if not path.endswith("/_run.json")]
        remove_files(filesystem, inside)
        remove_folder(filesystem, folder)


def _orphans_of_run(filesystem: Any, folder: str) -> dict[str, int]:
    manifest = stored_manifest(filesystem, folder)
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


def _is_run_under_way(out: str, run_id: str) -> bool:
    filesystem, root = open_store(f"{out}/runs/{run_id}")
    with storage_errors(f"{out}/runs/{run_id}", "listing"):
        records = filesystem.find(f"{root}/{_RECORDS.rstrip('/')}")
        return _is_under_way(filesystem, [f"{root}/_run.json", *records])


def _is_under_way(filesystem: Any, paths: Sequence[str]) -> bool:
    """Whether one of the files was written in the last ``HOURS_UNDER_WAY``, or is gone since it was listed."""
    limit = datetime.now(UTC) - timedelta(hours=HOURS_UNDER_WAY)
    try:
        with ThreadPoolExecutor(READERS) as readers:
            return any(written > limit for written in readers.map(filesystem.modified, paths))
    except FileNotFoundError:
        return True
