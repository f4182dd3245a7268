"""The tables ``runs`` and ``shard_timings``: what a run was and what its shards took."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from jobs.store.records import ShardRecord
from recsys_ops.tables import RUNS, SHARD_TIMINGS


def runs_table(manifest: Mapping[str, Any]) -> pa.Table:
    """One row: the run as its manifest describes it.

    Parameters
    ----------
    manifest : mapping
        Complete but for its tables.

    Returns
    -------
    Table with schema ``recsys_ops.tables.RUNS``
        ``fingerprints`` holds the inputs' and the configuration's.
    """
    fingerprints = {**manifest["inputs"], "configuration": manifest["configuration_fingerprint"]}
    row = {
        "run_id": manifest["run_id"],
        "job": manifest["job"],
        "started": datetime.fromisoformat(manifest["started"]),
        "seconds": manifest["timings"]["wall_seconds"],
        "cases": manifest["n_cases"],
        "counts": [{"status": status, "cases": cases} for status, cases in manifest["counts"].items()],
        "versions": _named_values(manifest["versions"]),
        "fingerprints": _named_values(fingerprints),
        "peak_memory_bytes": manifest["peak_memory_bytes"],
        "committed": datetime.fromisoformat(manifest["finished"]),
        "shard_seconds": manifest["timings"]["shard_seconds"],
        "parts": manifest["n_parts"],
        "shard_retries": manifest["n_retries"],
        "solver_timeouts": manifest["n_timeouts"],
    }
    quality = manifest["quality"]
    if quality is not None:
        row |= {
            "recommender": quality["recommender"],
            "quality": quality["figures"],
            "quality_baseline": quality["baseline"],
            "better_than_baseline": quality["is_better"],
            "quality_note": quality["note"] or None,
        }
    return pa.Table.from_pylist([row], schema=RUNS)


def shard_timings_table(records: Sequence[ShardRecord]) -> pa.Table:
    """One row per shard, in their order."""
    rows = [
        {"shard": r.shard, "cases": r.n_cases, "seconds": r.seconds, "peak_memory_bytes": r.peak_memory_bytes}
        for r in records
    ]
    return pa.Table.from_pylist(rows, schema=SHARD_TIMINGS)


def _named_values(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in values.items()]
