"""From the pieces of the shards to the parts of the tables: neighbours are merged to a size that stores like.

A shard is some seconds of work and gives some kilobytes; object stores want files of 16 to 128 MB. So workers write
pieces, and the driver merges them when all are there. It changes nothing of what a run survives: pieces stay until the
manifest is written, the plan depends only on their sizes, and merging again gives the same bytes. A part that exists
is never written over: with the same bytes it is a repeat; other bytes are of an attempt whose clock-bound results
differed (a solver's time limit), or of a rival who may have committed them, and ours take a name with their checksum.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.errors import StorageError
from jobs.store.conditional_writes import Protocol, create_bytes
from jobs.store.records import PieceInfo, RunFolder
from jobs.store.table_files import Statistics, column_statistics, read_table_bytes, table_bytes
from recsys_ops.storage import is_missing_file, storage_errors
from recsys_ops.tables import parse_schema, schema_text

ENOUGH_BYTES = 32 * 1024**2
"""Pieces are added to a part until it has as many: merged, they compress to 16 MB and more."""
MOST_BYTES = 128 * 1024**2
WRITERS = 16
"""Small parts written at once; their pieces are read by the store's own concurrency."""


@dataclass(frozen=True)
class Part:
    """One committed file of one table."""

    path: str
    table: str
    rows: int
    bytes: int
    sha256: str
    schema: str
    columns: Statistics


def plan_parts(pieces: Sequence[PieceInfo]) -> list[list[PieceInfo]]:
    """Which neighbours go into a part together.

    Parameters
    ----------
    pieces : sequence of PieceInfo
        Of one table, by shard.

    Returns
    -------
    list of list of PieceInfo
        All pieces in order; each part but the last has at least ``ENOUGH_BYTES``, as long as none has more than
        ``MOST_BYTES`` because of it. The last, if small, goes with the one before it.
    """
    parts: list[list[PieceInfo]] = []
    sizes: list[int] = []
    for piece in pieces:
        if parts and sizes[-1] < ENOUGH_BYTES and sizes[-1] + piece.bytes <= MOST_BYTES:
            parts[-1].append(piece)
            sizes[-1] += piece.bytes
        else:
            parts.append([piece])
            sizes.append(piece.bytes)
    if len(parts) > 1 and sizes[-1] < ENOUGH_BYTES // 2 and sizes[-2] + sizes[-1] <= MOST_BYTES:
        last = parts.pop()
        parts[-1].extend(last)
    return parts


def merge_pieces(folder: RunFolder, pieces: Sequence[PieceInfo], protocol: Protocol) -> list[Part]:
    """Write the parts of all tables.

    Parameters
    ----------
    folder : RunFolder
    pieces : sequence of PieceInfo
        Of all shards and tables.
    protocol : {"hard-link", "conditional-put", "claim"}

    Returns
    -------
    list of Part
        Table by table, in order.

    Raises
    ------
    StorageError
        The store refused, or a piece is not as it was written; nothing is lost.
    """
    by_table: dict[str, list[PieceInfo]] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.table, piece.shard)):
        by_table.setdefault(piece.table, []).append(piece)
    jobs = [
        (name, number, group)
        for name, table_pieces in by_table.items()
        for number, group in enumerate(plan_parts(table_pieces))
    ]
    # Two parts in memory are enough to keep a core busy; small ones are bound by the store's answers.
    largest = max((sum(piece.bytes for piece in group) for _, _, group in jobs), default=0)
    with ThreadPoolExecutor(WRITERS if largest * WRITERS < MOST_BYTES else 2) as writers:
        return list(writers.map(lambda job: _merge(folder, protocol, *job), jobs))


def write_part(folder: RunFolder, table_name: str, number: int, table: pa.Table, protocol: Protocol) -> Part:
    """Write one part of a table that the driver holds.

    Raises
    ------
    StorageError
        The store refused.
    """
    return _write(folder, table_name, number, table, table_bytes(table, folder.format), protocol)


def _merge(folder: RunFolder, protocol: Protocol, table_name: str, number: int, pieces: list[PieceInfo]) -> Part:
    schemas = {piece.schema for piece in pieces}
    if len(schemas) > 1:
        raise ValueError(f"run {folder.run_id}: shards gave table {table_name} different schemas")
    schema = parse_schema(pieces[0].schema)
    found = _read_pieces(folder, pieces)
    table = pa.concat_tables(read_table_bytes(data, folder.format, schema) for data in found)
    data = found[0] if len(found) == 1 else table_bytes(table, folder.format)
    return _write(folder, table_name, number, table, data, protocol)


def _read_pieces(folder: RunFolder, pieces: list[PieceInfo]) -> list[bytes]:
    filesystem, root = folder.open()
    paths = [f"{root}/{piece.path}" for piece in pieces]
    with storage_errors(f"{folder.out}/{folder.relative}", "reading pieces"):
        contents: list[Any] = filesystem.cat_ranges(paths, None, None, on_error="return")  # all at once
        for content in contents:
            if isinstance(content, Exception) and not is_missing_file(content):
                raise content
    for piece, content in zip(pieces, contents, strict=True):
        if isinstance(content, Exception) or hashlib.sha256(content).hexdigest() != piece.sha256:
            raise StorageError(
                f"run {folder.run_id}: {piece.path} is missing or not as it was written. Nothing was committed. "
                f"Repeat with --run-id {folder.run_id} --resume: it computes that shard again."
            )
    return contents


def _write(folder: RunFolder, table_name: str, number: int, table: pa.Table, data: bytes, protocol: Protocol) -> Part:
    filesystem, root = folder.open()
    digest = hashlib.sha256(data).hexdigest()
    path = folder.part_path(table_name, number)
    try:
        create_bytes(filesystem, f"{root}/{path}", data, protocol)
    except FileExistsError:
        stem, _, suffix = path.rpartition(".")
        path = f"{stem}-{digest[:16]}.{suffix}"
        create_bytes(filesystem, f"{root}/{path}", data, protocol)
    return Part(
        path, table_name, table.num_rows, len(data), digest, schema_text(table.schema), column_statistics(table)
    )
