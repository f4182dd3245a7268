"""What runs inside a Ray task: one shard, one thread, its parts written before its record."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from jobs.runtime.commit import write_part, write_shard_record
from jobs.runtime.isolation import Attempt
from jobs.runtime.records import Isolated, RunFolder, ShardOutput, ShardRecord
from jobs.runtime.shards import Shard

Work = Callable[[Any, Shard, Isolated], ShardOutput]
"""``work(shared, shard, isolated)``: computes the shard; rows of isolated cases get the status and reason given."""


def run_attempt(work: Work, shared: Any, attempt: Attempt, folder: RunFolder) -> Iterator[ShardRecord | None]:
    """Body of every task, as a generator: None when it starts, so that its deadline does not count the queue.

    Then the shard's record, once it and its parts are in storage; None for a probe, which writes nothing.
    """
    yield None
    with one_thread():
        if attempt.cases is None:
            yield compute_shard(work, shared, attempt.shard, attempt.isolated, folder)
        else:
            work(shared, attempt.shard, attempt.isolated)
            yield None


def compute_shard(work: Work, shared: Any, shard: Shard, isolated: Isolated, folder: RunFolder) -> ShardRecord:
    """Compute one shard and write its parts and record; needs no Ray.

    Raises
    ------
    StorageError
        The store refused a part.
    """
    started = time.perf_counter()
    output = work(shared, shard, isolated)
    parts = tuple(write_part(folder, name, shard.number, table) for name, table in sorted(output.tables.items()))
    record = ShardRecord(
        shard=shard.number,
        fingerprint=folder.fingerprint,
        n_cases=output.n_cases,
        counts={str(status): int(count) for status, count in sorted(output.counts.items())},
        seconds=time.perf_counter() - started,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        parts=parts,
    )
    write_shard_record(folder, record)
    return record


@contextmanager
def one_thread() -> Iterator[None]:
    """One BLAS thread, and one of torch if the process has it: Ray already runs one task per CPU."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        yield
