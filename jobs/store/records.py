"""What passes between driver, workers and storage: where a run lives, what a shard gave, what is recorded of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from recsys_ops.status import Status
from recsys_ops.storage import BUCKET_DEFAULT, Encryption, open_store

TableFormat = Literal["parquet", "arrow"]
FRAGMENTS = "_fragments"
"""Folder of a run for what its shards gave; merged into parts by the commit, and removed after it."""

Isolated = Mapping[int, tuple[Status, str]]
"""Cases not to be computed, by their number inside the shard: the status and reason of their rows."""


@dataclass(frozen=True)
class RunFolder:
    """Where one run writes: ``<out>/runs/<run_id>/``. Small enough to go along with every task."""

    out: str
    run_id: str
    format: TableFormat = "parquet"
    fingerprint: str = ""
    encryption: Encryption = BUCKET_DEFAULT
    job: str = ""
    is_partial: bool = False
    """Whether only cases that the settings name are done; such a run is never the latest of its job."""

    @property
    def relative(self) -> str:
        """Path of the run below ``out``."""
        return f"runs/{self.run_id}"

    def open_out(self) -> tuple[Any, str]:
        """File system and path of the results folder that all runs share."""
        return open_store(self.out, encryption=self.encryption)

    def open(self) -> tuple[Any, str]:
        """File system and path of the run's folder."""
        filesystem, root = self.open_out()
        return filesystem, f"{root}/{self.relative}"

    def fragment_path(self, table_name: str, shard_number: int, sha256: str) -> str:
        """Path of what one shard gave to a table, inside the run, until the commit.

        Named after its bytes as well: two drivers at the same run never write over each other's fragments.
        """
        return f"{FRAGMENTS}/{table_name}/{shard_number:05d}-{sha256[:16]}.{self.format}"

    def part_path(self, table_name: str, part_number: int) -> str:
        """Path of a committed part inside the run."""
        return f"{table_name}/part-{part_number:05d}.{self.format}"


@dataclass(frozen=True)
class ShardOutput:
    """What ``work`` returns: tables by name (the same names and schemas from every shard) and counts by status."""

    tables: dict[str, pa.Table]
    counts: dict[str, int]
    n_cases: int
    n_timeouts: int | None = None
    """Cases whose search the clock ended; by default those with status timeout."""


@dataclass(frozen=True)
class FragmentInfo:
    """What one shard gave to one table, with what is needed to tell later that it still holds."""

    path: str
    table: str
    shard: int
    rows: int
    bytes: int
    sha256: str
    schema: str
    """Arrow schema as ``recsys_ops.tables.schema_text`` writes it."""


@dataclass(frozen=True)
class ShardRecord:
    """Proof that a shard is done; written after its fragments, so the record implies its data."""

    shard: int
    fingerprint: str
    n_cases: int
    counts: dict[str, int]
    seconds: float
    peak_memory_bytes: int
    fragments: tuple[FragmentInfo, ...] = field(default_factory=tuple)
    retries: int = 0
    """Attempts of the shard before the one that wrote this."""
    n_timeouts: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Content of the JSON file."""
        # Not dataclasses.asdict, which copies every value deeply: half a second of the commit per 10,000 shards.
        return {**vars(self), "fragments": [vars(fragment) for fragment in self.fragments]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ShardRecord":
        """Inverse of ``as_dict``; raises KeyError or TypeError when a field is missing or unknown."""
        return cls(**{**content, "fragments": tuple(FragmentInfo(**fragment) for fragment in content["fragments"])})


def fingerprint_of(content: object) -> str:
    """SHA-256 of ``content`` as canonical JSON: equal content, equal fingerprint, on any machine."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
