"""From the fragments of the shards to the parts of the tables: neighbours are merged to a size that stores like.

A shard is some seconds of work and gives some kilobytes; object stores want files of 16 to 128 MB. So workers write
fragments, and the driver merges them when all are there. A run survives what it survived before: fragments stay until
the manifest is written, the plan depends only on their sizes, and merging again gives the same bytes. A part that
exists is never overwritten: with the same bytes it is a repeat; other bytes are of an attempt whose clock-bound results
differed (a solver's time limit), or of a rival who may have committed them, and ours take a name with their checksum.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.errors import StorageError
from jobs.store.conditional_writes import Protocol, create_bytes
from jobs.store.records import FragmentInfo, RunFolder
from jobs.store.table_files import Statistics, column_statistics, read_table_bytes, table_bytes
from recsys_ops.storage import is_missing_file, storage_errors
from recsys_ops.tables import parse_schema, schema_text

ENOUGH_BYTES = 32 * 1024**2
"""Fragments are added to a part until it has as many: merged, they compress to 16 MB and more."""
MOST_BYTES = 128 * 1024**2
WRITERS = 16
"""Small parts written at once; their fragments are read by the store's own concurrency."""


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


def plan_parts(fragments: Sequence[FragmentInfo]) -> list[list[FragmentInfo]]:
    """Which neighbours go into a part together.

    Parameters
    ----------
    fragments : sequence of FragmentInfo
        Of one table, by shard.

    Returns
    -------
    list of list of FragmentInfo
        All fragments in order; each part but the last has at least ``ENOUGH_BYTES``, as long as none has more than
        ``MOST_BYTES`` because of it. The last, if small, goes with the one before it.
    """
    parts: list[list[FragmentInfo]] = []
    sizes: list[int] = []
    for fragment in fragments:
        if parts and sizes[-1] < ENOUGH_BYTES and sizes[-1] + fragment.bytes <= MOST_BYTES:
            parts[-1].append(fragment)
            sizes[-1] += fragment.bytes
        else:
            parts.append([fragment])
            sizes.append(fragment.bytes)
    if len(parts) > 1 and sizes[-1] < ENOUGH_BYTES // 2 and sizes[-2] + sizes[-1] <= MOST_BYTES:
        last = parts.pop()
        parts[-1].extend(last)
    return parts


Amend = Callable[[pa.Table], pa.Table]
"""Fills columns of a part that could be known only once all shards were done; the same rows in the same order."""


def merge_fragments(
    folder: RunFolder,
    fragments: Sequence[FragmentInfo],
    protocol: Protocol,
    amend: Mapping[str, Amend] | None = None,
) -> list[Part]:
    """Write the parts of all tables.

    Parameters
    ----------
    folder : RunFolder
    fragments : sequence of FragmentInfo
        Of all shards and tables.
    protocol : {"hard-link", "conditional-put", "claim"}
    amend : mapping of callable, optional
        By table.

    Returns
    -------
    list of Part
        Table by table, in order.

    Raises
    ------
    StorageError
        The store refused, or a fragment is not as it was written; nothing is lost.
    """
    by_table: dict[str, list[FragmentInfo]] = {}
    for fragment in sorted(fragments, key=lambda fragment: (fragment.table, fragment.shard)):
        by_table.setdefault(fragment.table, []).append(fragment)
    jobs = [
        (name, number, group)
        for name, table_fragments in by_table.items()
        for number, group in enumerate(plan_parts(table_fragments))
    ]
    # Two parts in memory are enough to keep a core busy; small ones are bound by the store's answers.
    largest = max((sum(fragment.bytes for fragment in group) for _, _, group in jobs), default=0)
    with ThreadPoolExecutor(WRITERS if largest * WRITERS < MOST_BYTES else 2) as writers:
        return list(writers.map(lambda job: _merge(folder, protocol, *job, amend=(amend or {}).get(job[0])), jobs))


def write_part(folder: RunFolder, table_name: str, number: int, table: pa.Table, protocol: Protocol) -> Part:
    """Write one part of a table that the driver holds.

    Raises
    ------
    StorageError
        The store refused.
    """
    return _write(folder, table_name, number, table, table_bytes(table, folder.format), protocol)


def read_fragments(folder: RunFolder, fragments: Sequence[FragmentInfo], table_name: str) -> Iterator[pa.Table]:
    """What the shards gave to one table, shard by shard.

    Raises
    ------
    StorageError
        The store refused, or a fragment is not as it was written.
    """
    for fragment in sorted(fragments, key=lambda fragment: fragment.shard):
        if fragment.table == table_name:
            yield read_table_bytes(_read_fragments(folder, [fragment])[0], folder.format, parse_schema(fragment.schema))


def _merge(
    folder: RunFolder,
    protocol: Protocol,
    table_name: str,
    number: int,
    fragments: list[FragmentInfo],
    *,
    amend: Amend | None,
) -> Part:
    schemas = {fragment.schema for fragment in fragments}
    if len(schemas) > 1:
        raise ValueError(f"run {folder.run_id}: shards gave table {table_name} different schemas")
    schema = parse_schema(fragments[0].schema)
    found = _read_fragments(folder, fragments)
    table = pa.concat_tables(read_table_bytes(data, folder.format, schema) for data in found)
    if amend is not None:
        table = amend(table)
    is_whole = len(found) == 1 and amend is None
    data = found[0] if is_whole else table_bytes(table, folder.format)
    return _write(folder, table_name, number, table, data, protocol)


def _read_fragments(folder: RunFolder, fragments: list[FragmentInfo]) -> list[bytes]:
    filesystem, root = folder.open()
    paths = [f"{root}/{fragment.path}" for fragment in fragments]
    with storage_errors(f"{folder.out}/{folder.relative}", "reading fragments"):
        contents: list[Any] = filesystem.cat_ranges(paths, None, None, on_error="return")  # all at once
        for content in contents:
            if isinstance(content, Exception) and not is_missing_file(content):
                raise content
    for fragment, content in zip(fragments, contents, strict=True):
        if isinstance(content, Exception) or hashlib.sha256(content).hexdigest() != fragment.sha256:
            raise StorageError(
                f"run {folder.run_id}: {fragment.path} is missing or not as it was written. Nothing was committed. "
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
