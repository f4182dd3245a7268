"""WRITE side of a run: fragments, the record of each shard, then parts and one create-only manifest.

A run exists when its manifest does.
"""

import hashlib
import logging
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa

from jobs.errors import RunExistsError, StorageError
from jobs.store.conditional_writes import create_bytes
from jobs.store.delta import register_tables
from jobs.store.files import json_bytes, remove_file, remove_folder, write_bytes
from jobs.store.latest import name_latest
from jobs.store.merge import Amend, Part, merge_fragments, write_part
from jobs.store.models import Models, write_models
from jobs.store.records import FRAGMENTS, FragmentInfo, RunFolder, ShardRecord
from jobs.store.run_tables import runs_table, shard_timings_table
from jobs.store.start import StartedRun
from jobs.store.table_files import merged_statistics, table_bytes
from recsys_ops.manifest import standing_refusal, stored_manifest
from recsys_ops.quality import Quality
from recsys_ops.storage import read_json, storage_errors
from recsys_ops.tables import RUNS, SCHEMA_VERSION, parse_schema, schema_text

_LIBRARIES = ("recsys-ops", "numpy", "scipy", "scikit-learn", "pyarrow", "ray", "highspy", "torch")
_log = logging.getLogger("recsys_ops.jobs")


def write_fragment(folder: RunFolder, table_name: str, shard_number: int, table: pa.Table) -> FragmentInfo:
    """Write what one shard gives to one table; a repeat replaces it with the same bytes.

    Raises
    ------
    StorageError
        The store refused; the message names the path.
    """
    data = table_bytes(table, folder.format)
    digest = hashlib.sha256(data).hexdigest()
    filesystem, root = folder.open()
    path = folder.fragment_path(table_name, shard_number, digest)
    write_bytes(filesystem, f"{root}/{path}", data)
    return FragmentInfo(path, table_name, shard_number, table.num_rows, len(data), digest, schema_text(table.schema))


def write_shard_record(folder: RunFolder, record: ShardRecord) -> None:
    """Write ``_shards/00042.json``; call it after all fragments of the shard are written."""
    filesystem, root = folder.open()
    write_bytes(filesystem, f"{root}/_shards/{record.shard:05d}.json", json_bytes(record.as_dict()))


def commit_run(
    run: StartedRun,
    records: Iterable[ShardRecord],
    *,
    driver_tables: Mapping[str, pa.Table] | None = None,
    timings: Mapping[str, float] | None = None,
    models: Models | None = None,
    keys: Mapping[str, tuple[str, ...]] | None = None,
    quality: Quality | None = None,
    amend: Mapping[str, Amend] | None = None,
    refused: Sequence[str] = (),
) -> dict[str, Any]:
    """Merge the fragments into parts and write the manifest of a complete run, create-only; then name it the latest.

    Parameters
    ----------
    run : StartedRun
        What ``start_run`` returned.
    records : iterable of ShardRecord
        One per shard of the plan: computed now or found intact by ``resume``.
    driver_tables : mapping, optional
        Small tables made by the driver (``rejected``), one part each; ``runs`` and ``shard_timings`` are
        always there.
    timings : mapping, optional
        Seconds of the driver's steps by name.
    models : mapping of ndarray, optional
        What was fitted, by name.
    keys : mapping, optional
        Columns that name a row of a table, of tables outside of the data contract.
    quality : Quality, optional
        Of the recommender that the run is about.
    amend : mapping of callable, optional
        What fills columns of a table that could be known only now.
    refused : sequence of str
        Figures that a person has to look at before readers may have the run: it is committed and not named the latest.

    Returns
    -------
    dict
        The manifest as written.

    Raises
    ------
    RunExistsError
        Another writer committed this run id.
    StorageError
        Shards are missing from ``records``, a fragment is not as it was written, or the store refused.
    """
    folder = run.folder
    ordered = sorted(records, key=lambda record: record.shard)
    if [record.shard for record in ordered] != list(range(run.n_shards)):
        raise StorageError(
            f"run {folder.run_id}: found records of {len(ordered)} shards, expected {run.n_shards}. "
            f"Nothing was committed. Repeat with --run-id {folder.run_id} --resume."
        )
    manifest = _manifest(run, ordered, dict(timings or {}))
    if refused:
        manifest["refused"] = list(refused)
    manifest["quality"] = None if quality is None else quality.as_dict()
    fragments = [fragment for record in ordered for fragment in record.fragments]
    tables = {"runs": RUNS.empty_table(), "shard_timings": shard_timings_table(ordered), **(driver_tables or {})}
    filesystem, root = folder.open()
    try:
        refuse_committed(run)
        parts = merge_fragments(folder, fragments, run.protocol, amend)
        manifest["n_parts"] = len(parts) + len(tables)
        tables["runs"] = runs_table(manifest)
        parts += [write_part(folder, name, 0, table, run.protocol) for name, table in tables.items()]
        manifest["tables"] = _tables(parts, keys or {})
        manifest["models"] = write_models(folder, models or {})
        create_bytes(filesystem, f"{root}/_manifest.json", json_bytes(manifest), run.protocol)
    except FileExistsError as error:
        raise _committed_by_another(run) from error
    except StorageError as error:
        refuse_committed(run)  # the winner has removed the fragments
        raise error
    after_commit(run)
    return manifest


def after_commit(run: StartedRun) -> None:
    """What follows a commit, and is made up for when a resumed run turns out to be complete.

    Registers its tables as Delta tables if the settings say so, names the run in ``latest/<job>.json`` unless it is
    partial, refused or a later one stands there, and removes the fragments and the parts of attempts that ended before
    their manifest.

    Raises
    ------
    StorageError
        A Delta log or ``latest/<job>.json`` cannot be written; the run is committed all the same.
    """
    filesystem, root = run.folder.open()
    manifest = stored_manifest(filesystem, root)
    if manifest is None:
        raise StorageError(f"run {run.folder.run_id}: its manifest was removed meanwhile. Use another --run-id.")
    if run.with_delta:
        register_tables(run.folder, manifest, run.protocol)
    if not run.folder.is_partial and not standing_refusal(filesystem, root, manifest):
        name_latest(run.folder)
    try:
        remove_folder(filesystem, f"{root}/{FRAGMENTS}")
        for path in _replaced_parts(run.folder, manifest):
            remove_file(filesystem, f"{root}/{path}")
    except StorageError as error:  # found by recsys-ops runs --prune
        _log.warning(
            "run %s is committed, but files that it needs no more could not be removed: %s", run.folder.run_id, error
        )


def _replaced_parts(folder: RunFolder, manifest: Mapping[str, Any]) -> list[str]:
    """Parts that the manifest does not list, in the tables where a listed part had to take another name."""
    filesystem, root = folder.open()
    replaced = []
    for name, table in manifest["tables"].items():
        listed = {part["path"] for part in table["parts"]}
        if listed <= {folder.part_path(name, number) for number in range(len(listed))}:
            continue
        with storage_errors(f"{root}/{name}", "listing"):
            filesystem.invalidate_cache()
            found = {f"{name}/{path.rpartition('/')[2]}" for path in filesystem.ls(f"{root}/{name}", detail=False)}
        replaced += sorted(path for path in found - listed if path.endswith(f".{folder.format}"))
    return replaced


def library_versions() -> dict[str, str]:
    """Versions of what the results depend on, for the manifest."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _manifest(run: StartedRun, records: list[ShardRecord], timings: dict[str, float]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.counts)
    finished = datetime.now(UTC)
    seconds = (finished - datetime.fromisoformat(run.info["started"])).total_seconds()
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.folder.run_id,
        "job": run.job,
        "partial": run.folder.is_partial,
        "started": run.info["started"],
        "finished": finished.isoformat(),
        "writer": run.writer,
        "commit_protocol": run.protocol,
        "format": run.folder.format,
        "configuration": run.info["configuration"],
        "configuration_fingerprint": run.info["configuration_fingerprint"],
        "inputs": run.info["inputs"],
        "shard_plan_fingerprint": run.info["shard_plan_fingerprint"],
        "versions": library_versions(),
        "n_cases": sum(record.n_cases for record in records),
        "counts": dict(sorted(counts.items())),
        "n_retries": sum(record.retries for record in records),
        "n_timeouts": sum(record.n_timeouts for record in records),
        "timings": {"wall_seconds": seconds, "shard_seconds": sum(r.seconds for r in records), **timings},
        "peak_memory_bytes": max((record.peak_memory_bytes for record in records), default=0),
        "shards": [{key: value for key, value in record.as_dict().items() if key != "fragments"} for record in records],
    }


def _tables(parts: list[Part], keys: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for name in sorted({part.table for part in parts}):
        own = [part for part in parts if part.table == name]
        tables[name] = {
            "schema": str(parse_schema(own[0].schema)),
            "arrow_schema": own[0].schema,
            "rows": sum(part.rows for part in own),
            "bytes": sum(part.bytes for part in own),
            "columns": merged_statistics([part.columns for part in own]),
            "parts": [_as_listed(part) for part in own],
        } | ({"key": list(keys[name])} if name in keys else {})
    return tables


def _as_listed(part: Part) -> dict[str, Any]:
    """A part in the manifest; of its columns only the ids, by which rows are sorted and looked up."""
    ids = {name: bounds for name, bounds in part.columns.items() if name.endswith("_id")}
    return {"path": part.path, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256, "columns": ids}


def refuse_committed(run: StartedRun) -> None:
    """Raise RunExistsError if another writer has committed the run meanwhile, and removed its fragments."""
    filesystem, root = run.folder.open()
    if read_json(filesystem, f"{root}/_manifest.json") is not None:
        raise _committed_by_another(run)


def _committed_by_another(run: StartedRun) -> RunExistsError:
    return RunExistsError(
        f"run {run.folder.run_id}: already committed by another writer, or at this moment; what it wrote was left as "
        f"it is. Use another --run-id, or see: recsys-ops runs --out OUT --show {run.folder.run_id}."
    )
