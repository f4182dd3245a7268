"""What passes between driver, workers and storage: where a run lives, what a shard gave, what is recorded of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa

from jobs.runtime.storage import open_store
from recsys_ops.status import Status

TableFormat = Literal["parquet", "arrow"]
Isolated = Mapping[int, tuple[Status, str]]
"""Cases not to be computed, by their number inside the shard: the status and reason of their rows."""


@dataclass(frozen=True)
class RunFolder:
    """Where one run writes: ``<out>/runs/<run_id>/``. Small enough to go along with every task."""

    out: str
    run_id: str
    format: TableFormat = "parquet"
    fingerprint: str = ""

    @property
    def relative(self) -> str:
        """Path of the run below ``out``."""
        return f"runs/{self.run_id}"

    def open(self) -> tuple[Any, str]:
        """File system and path of the run's folder."""
        filesystem, root = open_store(self.out)
        return filesystem, f"{root}/{self.relative}"

    def part_path(self, table_name: str, shard_number: int) -> str:
        """Path of a part inside the run."""
        return f"{table_name}/part-{shard_number:05d}.{self.format}"


@dataclass(frozen=True)
class ShardOutput:
    """What ``work`` returns: tables by name (the same names and schemas from every shard) and counts by status."""

    tables: dict[str, pa.Table]
    counts: dict[str, int]
    n_cases: int


@dataclass(frozen=True)
class PartInfo:
    """One file of one table, with what is needed to tell later that it still holds."""

    path: str
    table: str
    shard: int
    rows: int
    bytes: int
    sha256: str
    schema: str


@dataclass(frozen=True)
class ShardRecord:
    """Proof that a shard is done; written after its parts, so the record implies its data."""

    shard: int
    fingerprint: str
    n_cases: int
    counts: dict[str, int]
    seconds: float
    peak_memory_bytes: int
    parts: tuple[PartInfo, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Content of the JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ShardRecord":
        """Inverse of ``as_dict``; raises KeyError or TypeError when a field is missing or unknown."""
        return cls(**{**content, "parts": tuple(PartInfo(**part) for part in content["parts"])})


def fingerprint_of(content: object) -> str:
    """SHA-256 of ``content`` as canonical JSON: equal content, equal fingerprint, on any machine."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
