"""What a person sees of one run, and of the difference between two."""

from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from recsys_ops.comparison import KEYS, compare_tables
from recsys_ops.errors import InputError
from recsys_ops.runs import COMMITTED, Run, open_run
from recsys_ops.storage import shown_url

_SHOWN = 10
_MOST_CHARACTERS = 60


def print_run(console: Console, out: str, listed: dict[str, Any]) -> None:
    """Print a run: its manifest, or how far it is and how to go on.

    Parameters
    ----------
    console : Console
    out : str
    listed : dict
        Of ``list_runs``.
    """
    scope = "some items, sellers or users only (partial)" if listed["partial"] else "whole"
    lines = {"run": listed["run_id"], "job": listed["job"], "scope": scope, "state": listed["state"]}
    lines["started"] = listed["started"]
    if listed["state"] not in COMMITTED:
        lines["shards"] = f"{listed['shards_done']} of {listed['n_shards']} done"
        lines["message"] = " ".join(listed["message"].split()) or "under way, or its driver was stopped"
        lines["to go on"] = f"repeat its command with --run-id {listed['run_id']} --resume"
        _print_lines(console, lines)
        return
    if listed["message"]:
        lines["refused for"] = listed["message"]
        lines["to publish"] = f"recsys-ops runs --out {shown_url(out)} --accept {listed['run_id']}"
    manifest = open_run(f"{out}/runs/{listed['run_id']}").manifest
    lines |= {
        "finished": manifest["finished"],
        "seconds": f"{manifest['timings']['wall_seconds']:.0f}",
        "cases": ", ".join(f"{count} {status}" for status, count in manifest["counts"].items()) or "none",
        "shards": str(listed["n_shards"]),
        "peak memory": f"{manifest['peak_memory_bytes'] / 1e6:.0f} MB in a worker",
        "committed by": manifest["commit_protocol"] or "unknown",
        "inputs": ", ".join(f"{name} {fingerprint[:16]}" for name, fingerprint in manifest["inputs"].items()),
        "settings": ", ".join(f"{name}={value}" for name, value in manifest["configuration"].items()),
        "versions": ", ".join(f"{name} {version}" for name, version in manifest["versions"].items()),
    }
    _print_lines(console, lines)
    table = Table("table", "rows", "parts", "bytes")
    for name, entry in manifest["tables"].items():
        n_bytes = sum(part["bytes"] for part in entry["parts"])
        table.add_row(name, f"{entry['rows']:,}", str(len(entry["parts"])), f"{n_bytes:,}")
    console.print(table)


def print_comparison(console: Console, before: Run, after: Run) -> None:
    """Print what changed from one run to another, table by table.

    Raises
    ------
    InputError
        They have no table in common that can be compared.
    """
    keys = {**KEYS, **_own_keys(after)}
    shared = [name for name in keys if name in before.tables and name in after.tables]
    if not shared:
        raise InputError(
            f"--diff: runs {before.run_id} ({before.manifest['job']}) and {after.run_id} ({after.manifest['job']}) "
            "have no table in common that can be compared."
        )
    for name in shared:
        tables = before.table(name).to_table(), after.table(name).to_table()
        _print_changes(console, name, *tables, keys[name])


def _own_keys(run: Run) -> dict[str, tuple[str, ...]]:
    """The keys of tables that are not in the data contract, as the run recorded them."""
    return {name: tuple(entry["key"]) for name, entry in run.manifest["tables"].items() if "key" in entry}


def _print_changes(
    console: Console, name: str, before: pa.Table, after: pa.Table, key_columns: tuple[str, ...]
) -> None:
    changes = compare_tables(before, after, key_columns)
    kinds = changes["change"].to_pylist()
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed"))
    console.print(f"{name}: {before.num_rows} rows before, {after.num_rows} after; {counts}", markup=False)
    for row in changes.slice(0, _SHOWN).to_pylist():
        key = ", ".join(f"{column} {row[column]}" for column in key_columns)
        console.print(f"  {key}: {_changes_in_words(row, before, after)}", markup=False, soft_wrap=True)
    if len(kinds) > _SHOWN:
        console.print(f"  ... and {len(kinds) - _SHOWN} more (recsys_ops.comparison.compare_tables has them all)")


def _changes_in_words(row: dict[str, Any], before: pa.Table, after: pa.Table) -> str:
    """What became of a row, in words."""
    if row["change"] != "changed":
        return str(row["change"])
    steps = []
    for column in row["columns"]:
        one, other = before[column][row["before_row"]].as_py(), after[column][row["after_row"]].as_py()
        steps.append(f"{column} {_short(one)} -> {_short(other)}")
    return "; ".join(steps)


def _short(value: Any) -> str:
    """A value in few characters; changes in the provider's words."""
    if isinstance(value, list):
        value = ", ".join(str(entry.get("text", entry) if isinstance(entry, dict) else entry) for entry in value)
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."


def _print_lines(console: Console, lines: dict[str, str]) -> None:
    for name, value in lines.items():
        console.print(f"{name:<14} {value}", markup=False, soft_wrap=True)
