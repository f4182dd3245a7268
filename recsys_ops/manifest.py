"""The manifest of a run: read, brought to the present version, and checked before anything is done by it.

Versions. ``schema_version`` counts changes of manifest and tables that a reader would stumble over: a field, table or
column renamed, of another type, or of another meaning. New fields, columns and tables leave it as it is, so readers
must not mind any they do not know. A reader knows all versions up to its own: for each earlier one there is a function
in ``_UPGRADES`` that makes a manifest of that version one of the next, in memory; what is stored is never rewritten.

1. Parts as the shards wrote them.
2. Parts merged to 16 MB and more; Arrow schema, size and statistics of each table, protocol of the commit.
3. The table with a row per shard is ``shard_timings``; ``timings`` has a row per case.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from recsys_ops.errors import InputError
from recsys_ops.storage import read_json, shown_url
from recsys_ops.tables import SCHEMA_VERSION

MANIFEST = "_manifest.json"
ACCEPTED = "_accepted.json"
"""Beside the manifest of a run that was refused: a person looked at it, and it may be the latest."""

_NAME = r"(?!\.+(?:/|\Z))[A-Za-z0-9._-]+"
"""A file or folder, not "." or "..": what a job writes has no other characters."""
_PATH = rf"{_NAME}(/{_NAME})*"

_FIELDS: dict[str, tuple[type, ...]] = {
    "run_id": (str,),
    "job": (str,),
    "started": (str,),
    "finished": (str,),
    "format": (str,),
    "configuration": (dict,),
    "inputs": (dict,),
    "versions": (dict,),
    "counts": (dict,),
    "n_cases": (int,),
    "timings": (dict,),
    "peak_memory_bytes": (int,),
    "tables": (dict,),
}
"""What every version has."""
_FIELDS_SINCE_2: dict[str, tuple[type, ...]] = {"commit_protocol": (str,)}
_TABLE_FIELDS: dict[str, tuple[type, ...]] = {"rows": (int,), "parts": (list,)}
_TABLE_FIELDS_SINCE_2: dict[str, tuple[type, ...]] = {"arrow_schema": (str,), "columns": (dict,)}
_FILE_FIELDS: dict[str, tuple[type, ...]] = {"path": (str,), "bytes": (int,), "sha256": (str,)}
_FORMATS = ("parquet", "arrow")


def read_stored(filesystem: Any, path: str) -> Any:
    """``read_json`` for readers of runs, to whom a file that is not JSON is bad input."""
    return read_json(filesystem, path, error=InputError, remedy="Restore the file, or remove the run.")


def read_manifest(filesystem: Any, folder: str) -> dict[str, Any] | None:
    """The manifest in the folder of a run, as one of the present version; None if there is none.

    Raises
    ------
    InputError, StorageError
        As ``stored_manifest``.
    """
    manifest = stored_manifest(filesystem, folder)
    if manifest is None:
        return None
    upgrades = _UPGRADES[manifest.get("schema_version", 1) - 1 :]
    manifest = functools.reduce(lambda earlier, upgrade: upgrade(earlier), upgrades, manifest)
    return {**manifest, "schema_version": SCHEMA_VERSION}


def stored_manifest(filesystem: Any, folder: str) -> dict[str, Any] | None:
    """The manifest as it is stored, of any version up to the present one, for those who look after files.

    Raises
    ------
    InputError
        It is of a later version, lacks a field, or names a file outside of its run.
    StorageError
        The store refused.
    """
    path = f"{folder}/{MANIFEST}"
    content = read_stored(filesystem, path)
    if content is None:
        return None
    if not isinstance(content, dict):
        raise _unreadable(path, f"it is a {type(content).__name__}, not a mapping")
    version = content.get("schema_version", 1)
    if not isinstance(version, int) or version < 1:
        raise _unreadable(path, f"schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"run {content.get('run_id')}: was written with schema version {version}; this recsys-ops reads up to "
            f"{SCHEMA_VERSION}. Upgrade the package."
        )
    _check(path, content, version)
    return content


def standing_refusal(filesystem: Any, folder: str, manifest: Mapping[str, Any]) -> list[str]:
    """The figures for which ``--fail-on drift`` refused a committed run; none once a person has accepted it."""
    refused = [str(figure) for figure in manifest.get("refused", [])]
    return refused if refused and read_stored(filesystem, f"{folder}/{ACCEPTED}") is None else []


def is_run_name(name: object) -> bool:
    """Whether ``name`` can be that of a run's folder, and leads nowhere else."""
    return isinstance(name, str) and re.fullmatch(_NAME, name) is not None


def check_fields(path: str, content: Any, fields: Mapping[str, tuple[type, ...]], what: str = "") -> None:
    """Refuse what lacks a field or has it in another type; ``what`` names the part of the file that it is.

    Raises
    ------
    InputError
    """
    where = f"{what} has " if what else ""
    if not isinstance(content, dict):
        raise _unreadable(path, f"{what or 'it'} is a {type(content).__name__}, not a mapping")
    missing = [name for name in fields if name not in content]
    if missing:
        raise _unreadable(path, f"{where}no field {', '.join(missing)}")
    for name, kinds in fields.items():
        if not isinstance(content[name], kinds):
            raise _unreadable(path, f"{where}the field {name} as {type(content[name]).__name__}")


def _check(path: str, manifest: dict[str, Any], version: int) -> None:
    is_since_2 = version >= 2
    check_fields(path, manifest, _FIELDS | (_FIELDS_SINCE_2 if is_since_2 else {}))
    check_fields(path, manifest["timings"], {"wall_seconds": (int, float)}, "timings")
    if manifest["format"] not in _FORMATS:
        raise _unreadable(path, f"the format is {manifest['format']!r}")
    for name, table in manifest["tables"].items():
        check_fields(path, table, _TABLE_FIELDS | (_TABLE_FIELDS_SINCE_2 if is_since_2 else {}), f"table {name}")
        _check_below_run(path, f"table {name}", name)
        for part in table["parts"]:
            check_fields(path, part, _FILE_FIELDS, f"a part of table {name}")
            _check_below_run(path, f"a part of table {name}", part["path"])
    models = manifest.get("models", {})  # version 1 and early runs of version 2 have none
    check_fields(path, models, {}, "models")
    for name, model in models.items():
        check_fields(path, model, _FILE_FIELDS, f"model {name}")
        _check_below_run(path, f"model {name}", model["path"])


def _check_below_run(path: str, what: str, named: str) -> None:
    if re.fullmatch(_PATH, named) is None:
        raise InputError(
            f"{shown_url(path)}: {what} is at {shown_url(named)!r}, which is not below the run. The manifest was "
            "edited: restore it, or remove the run."
        )


def _unreadable(path: str, why: str) -> InputError:
    return InputError(
        f"{shown_url(path)}: this recsys-ops cannot read it ({why}). Read the run with the version that wrote it, or "
        "run the job again with another --run-id."
    )


def _from_version_1(manifest: dict[str, Any]) -> dict[str, Any]:
    tables = {name: {"arrow_schema": None, "columns": {}, **table} for name, table in manifest["tables"].items()}
    return {"commit_protocol": None, **manifest, "tables": tables}


def _from_version_2(manifest: dict[str, Any]) -> dict[str, Any]:
    def name_of(name: str, table: Mapping[str, Any]) -> str:
        is_by_shard = name == "timings" and str(table.get("schema", "")).startswith("shard:")
        return "shard_timings" if is_by_shard else name

    return {**manifest, "tables": {name_of(name, table): table for name, table in manifest["tables"].items()}}


_UPGRADES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (_from_version_1, _from_version_2)
"""From version 1, from version 2, and so on."""
