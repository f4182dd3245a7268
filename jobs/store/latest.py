"""``latest/<job>.json``: the run that readers get who ask for the last one of a job.

A file per job, so that two jobs that commit at the same moment do not write the same file.
"""

from typing import Any

from jobs.store.conditional_writes import replace_bytes
from jobs.store.files import json_bytes
from jobs.store.records import RunFolder
from recsys_ops.runs import latest_path
from recsys_ops.storage import read_json


def name_latest(folder: RunFolder) -> None:
    """Name a committed run as the last of its job, unless one that was committed later is named already.

    Runs of one job that are committed at the same moment take turns: else the earlier one, having looked before the
    later one wrote, would write over it.

    Raises
    ------
    StorageError
    """
    filesystem, root = folder.open_out()
    path = latest_path(root, folder.job)
    finished = _finished(filesystem, root, folder.run_id)

    def content() -> bytes | None:
        named = (read_json(filesystem, path) or {}).get("run_id")
        if named == folder.run_id or (named is not None and _finished(filesystem, root, named) > finished):
            return None
        return json_bytes({"run_id": folder.run_id})

    replace_bytes(filesystem, path, content)


def _finished(filesystem: Any, root: str, run_id: str) -> str:
    """When a run was committed; the empty text, before all times, if it was not or is gone."""
    return str((read_json(filesystem, f"{root}/runs/{run_id}/_manifest.json") or {}).get("finished", ""))
