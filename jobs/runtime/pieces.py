"""A shard computed piece by piece: what a worker has done before one of its cases is late or kills it is not lost.

A piece is some units, so many that it takes a few seconds. Its rows wait in Ray's object store, in the memory of the
nodes, until the shard is written.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from jobs.runtime.heartbeat import after_cases
from jobs.runtime.isolation import Attempt
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.status import Status

PIECE_SECONDS = 3.0
MOST_GROWTH = 4
"""Times the units of a piece that the next one may have."""


@dataclass(frozen=True)
class Piece:
    """How far an attempt is: its next unit, the cases before that and the seconds they took.

    ``rows``, a reference of Ray, are of the units since the piece before; the driver fills it in.
    """

    next_unit: int
    n_cases: int
    seconds: float
    rows: Any = None


def start_of(shard: Shard, kept: Sequence[Piece]) -> Piece:
    """Where an attempt goes on."""
    return kept[-1] if kept else Piece(shard.first_unit, 0, 0.0)


def compute_pieces(work: Any, shared: Any, attempt: Attempt, start: Piece) -> Iterator[tuple[Piece, ShardOutput]]:
    """Compute an attempt from ``start`` on; each piece with its rows, in order."""
    shard, at = attempt.shard, start
    size = 1
    while at.next_unit <= shard.last_unit:
        began = time.perf_counter()
        last = min(at.next_unit + size - 1, shard.last_unit)
        rest: Isolated = {case - at.n_cases: end for case, end in attempt.isolated.items() if case >= at.n_cases}
        after_cases(at.n_cases)
        output = work(shared, replace(shard, first_unit=at.next_unit, last_unit=last), rest)
        seconds = time.perf_counter() - began
        at = Piece(last + 1, at.n_cases + output.n_cases, at.seconds + seconds)
        yield at, output
        size = max(1, min(MOST_GROWTH * size, int(size * PIECE_SECONDS / max(seconds, 1e-6))))


def join_outputs(outputs: Sequence[ShardOutput]) -> ShardOutput:
    """What pieces of a shard gave, as if it had been computed at once."""
    if len(outputs) == 1:
        return outputs[0]
    names = dict.fromkeys(name for output in outputs for name in output.tables)
    tables = {name: pa.concat_tables([output.tables[name] for output in outputs]).combine_chunks() for name in names}
    counts: Counter[str] = Counter()
    for output in outputs:
        counts.update(output.counts)
    return ShardOutput(tables, dict(counts), sum(one.n_cases for one in outputs), sum(map(_timeouts, outputs)))


def _timeouts(output: ShardOutput) -> int:
    return output.counts.get(Status.TIMEOUT, 0) if output.n_timeouts is None else output.n_timeouts
