"""WRITE side of a run: parts, then the shard's record, then one create-only manifest. A run exists when that does."""

import hashlib
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.runtime.errors import RunExistsError, StorageError
from jobs.runtime.records import PartInfo, RunFolder, ShardRecord, TableFormat
from jobs.runtime.start import StartedRun
from jobs.runtime.storage import create_bytes, json_bytes, open_store, read_json, write_bytes
from jobs.runtime.summary import runs_table, timings_table

SCHEMA_VERSION = 1
_LIBRARIES = ("recsys-ops", "numpy", "scipy", "scikit-learn", "pyarrow", "ray", "highspy", "torch")


def table_bytes(table: pa.Table, format: TableFormat) -> bytes:
    """``table`` as a Parquet or Arrow IPC file; equal tables give equal bytes, however they are chunked."""
    table = table.combine_chunks()
    sink = pa.BufferOutputStream()
    if format == "parquet":
        pq.write_table(table, sink, compression="zstd", compression_level=3, row_group_size=128 * 1024)
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=64 * 1024)
    return sink.getvalue().to_pybytes()


def write_part(folder: RunFolder, table_name: str, shard_number: int, table: pa.Table) -> PartInfo:
    """Write one table of one shard; a repeat replaces it with the same bytes.

    Raises
    ------
    StorageError
        The store refused; the message names the path.
    """
    data = table_bytes(table, folder.format)
    filesystem, root = folder.open()
    path = folder.part_path(table_name, shard_number)
    write_bytes(filesystem, f"{root}/{path}", data)
    digest = hashlib.sha256(data).hexdigest()
    return PartInfo(path, table_name, shard_number, table.num_rows, len(data), digest, str(table.schema))


def write_shard_record(folder: RunFolder, record: ShardRecord) -> None:
    """Write ``_shards/00042.json``; call it after all parts of the shard are written."""
    filesystem, root = folder.open()
    write_bytes(filesystem, f"{root}/_shards/{record.shard:05d}.json", json_bytes(record.as_dict()))


def commit_run(
    run: StartedRun,
    records: Iterable[ShardRecord],
    *,
    driver_tables: Mapping[str, pa.Table] | None = None,
    timings: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Write the manifest of a complete run, create-only, then ``latest.json``.

    Parameters
    ----------
    run : StartedRun
        What ``start_run`` returned.
    records : iterable of ShardRecord
        One per shard of the plan: computed now or found intact by ``resume``.
    driver_tables : mapping, optional
        Small tables made by the driver (``rejected``), one part each; ``runs`` is always there, and ``timings`` of the
        shards unless they wrote one of their cases.
    timings : mapping, optional
        Seconds of the driver's steps by name.

    Returns
    -------
    dict
        The manifest as written.

    Raises
    ------
    RunExistsError
        Another writer committed this run id.
    StorageError
        Shards are missing from ``records``, or the store refused.
    """
    folder = run.folder
    ordered = sorted(records, key=lambda record: record.shard)
    if [record.shard for record in ordered] != list(range(run.n_shards)):
        raise StorageError(
            f"run {folder.run_id}: found records of {len(ordered)} shards, expected {run.n_shards}. "
            f"Nothing was committed. Repeat with --run-id {folder.run_id} --resume."
        )
    manifest = _manifest(run, ordered, dict(timings or {}))
    parts = [part for record in ordered for part in record.parts]
    tables = {"runs": runs_table(manifest), **(driver_tables or {})}
    if all(part.table != "timings" for part in parts):
        tables["timings"] = timings_table(ordered)
    parts += [write_part(folder, name, 0, table) for name, table in tables.items()]
    manifest["tables"] = _tables(folder.run_id, parts)
    filesystem, root = folder.open()
    try:
        create_bytes(filesystem, f"{root}/_manifest.json", json_bytes(manifest))
    except FileExistsError as error:
        raise RunExistsError(
            f"run {folder.run_id}: already committed by another writer; its manifest was left as it is. "
            "Use another --run-id."
        ) from error
    _name_latest(folder.out, run.job, folder.run_id)
    return manifest


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
        "started": run.info["started"],
        "finished": finished.isoformat(),
        "writer": run.writer,
        "format": run.folder.format,
        "configuration": run.info["configuration"],
        "configuration_fingerprint": run.info["configuration_fingerprint"],
        "inputs": run.info["inputs"],
        "shard_plan_fingerprint": run.info["shard_plan_fingerprint"],
        "versions": library_versions(),
        "n_cases": sum(record.n_cases for record in records),
        "counts": dict(sorted(counts.items())),
        "timings": {"wall_seconds": seconds, "shard_seconds": sum(r.seconds for r in records), **timings},
        "peak_memory_bytes": max((record.peak_memory_bytes for record in records), default=0),
        "shards": [{key: value for key, value in record.as_dict().items() if key != "parts"} for record in records],
    }


def _tables(run_id: str, parts: list[PartInfo]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for part in sorted(parts, key=lambda part: part.path):
        entry = tables.setdefault(part.table, {"schema": part.schema, "rows": 0, "parts": []})
        if entry["schema"] != part.schema:
            raise ValueError(f"run {run_id}: {part.path} has another schema than the parts before it")
        entry["rows"] += part.rows
        entry["parts"].append({"path": part.path, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256})
    return tables


def _name_latest(out: str, job: str, run_id: str) -> None:
    """Update ``latest.json``; read again afterwards, because another job may have written between."""
    filesystem, root = open_store(out)
    path = f"{root}/latest.json"
    for _ in range(3):
        latest = read_json(filesystem, path) or {}
        if latest.get(job) == run_id:
            return
        write_bytes(filesystem, path, json_bytes(dict(sorted({**latest, job: run_id}.items()))))
