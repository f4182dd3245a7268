"""Which shards of an earlier attempt still hold: recorded, of the same run, every fragment with the same bytes."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jobs.errors import StorageError
from jobs.store.records import FragmentInfo, RunFolder, ShardRecord
from recsys_ops.storage import is_missing_file, read_json, storage_errors

READERS = 16
"""Object stores answer in tens of milliseconds; some requests at once hide that."""


def intact_shards(folder: RunFolder) -> dict[int, ShardRecord]:
    """Records of the shards that need not be computed again.

    Parameters
    ----------
    folder : RunFolder
        With the fingerprint ``start_run`` gave it.

    Returns
    -------
    dict
        Shard number to record. A shard with a missing, cut or edited fragment, or an unreadable record, is left out.

    Raises
    ------
    StorageError
        The store cannot be read at all.

    Notes
    -----
    Reads and hashes every recorded fragment once.
    """
    filesystem, root = folder.open()
    with storage_errors(folder.out, "listing shard records"):
        try:
            filesystem.invalidate_cache()
            paths = filesystem.ls(f"{root}/_shards", detail=False)
        except FileNotFoundError:
            return {}
    record_paths = sorted(path for path in paths if path.endswith(".json"))
    with ThreadPoolExecutor(READERS) as readers:
        records = list(
            readers.map(lambda path: _intact_record(filesystem, root, path, folder.fingerprint), record_paths)
        )
    return {record.shard: record for record in records if record is not None}


def _intact_record(filesystem: Any, root: str, path: str, fingerprint: str) -> ShardRecord | None:
    record = _read_record(filesystem, path)
    if record is None or record.fingerprint != fingerprint:
        return None
    return record if all(_holds(filesystem, root, fragment) for fragment in record.fragments) else None


def _read_record(filesystem: Any, path: str) -> ShardRecord | None:
    try:
        return ShardRecord.from_dict(read_json(filesystem, path))
    except (StorageError, KeyError, TypeError):
        return None


def _holds(filesystem: Any, root: str, fragment: FragmentInfo) -> bool:
    path = f"{root}/{fragment.path}"
    with storage_errors(path, "reading"):
        try:
            data = filesystem.cat_file(path)
        except OSError as error:
            if not is_missing_file(error):
                raise
            return False
    return len(data) == fragment.bytes and hashlib.sha256(data).hexdigest() == fragment.sha256
