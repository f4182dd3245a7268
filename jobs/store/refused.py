"""Publish a run that ``--fail-on drift`` refused, once a person has looked at it."""

from datetime import UTC, datetime

from jobs.store.files import json_bytes, write_bytes
from jobs.store.latest import name_latest
from jobs.store.records import RunFolder
from recsys_ops.errors import InputError
from recsys_ops.manifest import ACCEPTED
from recsys_ops.runs import latest_runs, open_run
from recsys_ops.storage import Encryption


def accept_run(out: str, run_id: str) -> str:
    """Note in the run that it was accepted, and name it the latest unless one that knows later data is named.

    Accepting it again makes up for an acceptance that was interrupted.

    Returns
    -------
    str
        Id of the run that readers get now.

    Raises
    ------
    InputError
        There is no such run, or it was not refused.
    StorageError
    """
    manifest = open_run(f"{out}/runs/{run_id}").manifest
    if not manifest.get("refused"):
        raise InputError(f"--accept {run_id}: the run was not refused, so that there is nothing to accept.")
    settings = manifest["configuration"]
    encryption = Encryption(settings.get("sse"), settings.get("sse_kms_key"))
    folder = RunFolder(out, run_id, manifest["format"], encryption=encryption, job=manifest["job"])
    filesystem, root = folder.open()
    write_bytes(filesystem, f"{root}/{ACCEPTED}", json_bytes({"accepted": datetime.now(UTC).isoformat()}))
    name_latest(folder)
    return latest_runs(out)[folder.job]
