"""``latest/<job>.json``: the run that readers get who ask for the last one of a job.

A file per job, so that two jobs that commit at the same moment do not write the same file.
"""

from datetime import UTC, datetime
from typing import Any

from jobs.store.conditional_writes import replace_bytes
from jobs.store.earlier import knows_until
from jobs.store.files import json_bytes
from jobs.store.records import RunFolder
from recsys_ops.runs import latest_path
from recsys_ops.storage import read_json


def name_latest(folder: RunFolder) -> None:
    """Name a committed run as the last of its job, unless one that knows later data is named already.

    A run knows the data until it was started, or until its ``--until``: completing or repeating an earlier night does
    not move readers back to it. Of equal ones that committed last is named.

    Runs of one job that are committed at the same moment take turns: else the earlier one, having looked before the
    later one wrote, would write over it.

    Raises
    ------
    StorageError
    """
    filesystem, root = folder.open_out()
    path = latest_path(root, folder.job)
    state = _state_of_data(filesystem, root, folder.run_id)

    def content() -> bytes | None:
        named = (read_json(filesystem, path) or {}).get("run_id")
        if named == folder.run_id or (named is not None and _state_of_data(filesystem, root, named) > state):
            return None
        return json_bytes({"run_id": folder.run_id})

    replace_bytes(filesystem, path, content)


def _state_of_data(filesystem: Any, root: str, run_id: str) -> tuple[datetime, str]:
    """Until when a run knows the data, and when it was committed; before all times if it was not, or is gone."""
    manifest = read_json(filesystem, f"{root}/runs/{run_id}/_manifest.json")
    if manifest is None:
        return datetime.min.replace(tzinfo=UTC), ""
    return knows_until(manifest), str(manifest["finished"])
