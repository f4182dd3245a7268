"""A committed run as Delta tables, for teams that read Delta: the parts as they are, registered in one commit each.

The library writes the log of a table aside; it goes to the store as every other file does, with the same credentials,
retries and encryption, and create-only. So ``<run>/<table>`` is a Delta table of the parts that the manifest lists.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from jobs.store.conditional_writes import Protocol, create_bytes
from jobs.store.records import RunFolder
from recsys_ops.tables import parse_schema

_FIRST_COMMIT = "_delta_log/00000000000000000000.json"


def register_tables(folder: RunFolder, manifest: Mapping[str, Any], protocol: Protocol) -> None:
    """Make every table of a committed run a Delta table; what is one already stays as it is.

    Parameters
    ----------
    folder : RunFolder
    manifest : mapping
        As committed.
    protocol : {"hard-link", "conditional-put", "claim"}

    Raises
    ------
    StorageError
        The store refused; the run is committed all the same, and a repeat with ``resume`` makes up for it.
    """
    filesystem, root = folder.open()
    for name, table in manifest["tables"].items():
        with suppress(FileExistsError):
            create_bytes(filesystem, f"{root}/{name}/{_FIRST_COMMIT}", _first_commit(name, table, manifest), protocol)


def _first_commit(name: str, table: Mapping[str, Any], manifest: Mapping[str, Any]) -> bytes:
    from deltalake import Schema
    from deltalake.transaction import AddAction, create_table_with_add_actions

    finished = round(1000 * datetime.fromisoformat(manifest["finished"]).timestamp())
    parts = [
        AddAction(part["path"].removeprefix(f"{name}/"), part["bytes"], {}, finished, True, _statistics(part))
        for part in table["parts"]
    ]
    with tempfile.TemporaryDirectory() as aside:
        create_table_with_add_actions(
            aside, Schema.from_arrow(parse_schema(table["arrow_schema"])), parts,
            name=name, description=f"recsys-ops {manifest['job']}, run {manifest['run_id']}",
        )  # fmt: skip
        return (Path(aside) / _FIRST_COMMIT).read_bytes()


def _statistics(part: Mapping[str, Any]) -> str:
    """Of the ids, by which a reader leaves out parts."""
    columns = part["columns"]
    bounds = {
        f"{bound}Values": {name: column[bound] for name, column in columns.items() if column.get(bound) is not None}
        for bound in ("min", "max")
    }
    nulls = {name: column["nulls"] for name, column in columns.items()}
    return json.dumps({"numRecords": part["rows"], **bounds, "nullCount": nulls})
