"""What runs inside a Ray task: one shard, one thread, its fragments written before its record."""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from threadpoolctl import threadpool_limits

from jobs.runtime.heartbeat import after_last_case, saying
from jobs.runtime.isolation import Attempt
from jobs.runtime.logs import LogFormat, log_about, set_up_logs
from jobs.runtime.metrics import observe_case_seconds
from jobs.runtime.pieces import PIECE_SECONDS, Piece, compute_pieces, join_outputs, start_of
from jobs.runtime.shards import Shard
from jobs.store.commit import write_fragment, write_shard_record
from jobs.store.records import Isolated, RunFolder, ShardOutput, ShardRecord
from recsys_ops.status import Status

Work = Callable[[Any, Shard, Isolated], ShardOutput]
"""``work(shared, shard, isolated)``: computes the shard; rows of isolated cases get the status and reason given."""


def run_attempt(
    work: Work,
    shared: Any,
    attempt: Attempt,
    folder: RunFolder,
    log_format: LogFormat,
    heartbeat: bytes,
    kept: Sequence[Piece],
) -> Iterator[Piece | ShardOutput | ShardRecord | None]:
    """Body of every task, as a generator: None when it starts, so that its deadline does not count the queue.

    Then now and then a piece and its rows, and the shard's record, once it and its fragments are in storage; None for a
    trial, which writes nothing. The case it is at is said under the key ``heartbeat``; what is ``kept`` of earlier
    attempts is not computed again.
    """
    yield None
    set_up_logs(log_format)
    log_about(run_id=folder.run_id, job=folder.job, shard=attempt.shard.number)
    with one_thread(), saying(heartbeat, attempt):
        done = at = start_of(attempt.shard, kept)
        if attempt.cases is not None:
            for _ in compute_pieces(work, shared, attempt, done):
                pass
            yield None
            return
        outputs: list[ShardOutput] = ray.get([piece.rows for piece in kept])
        n_sent, sent = len(outputs), time.monotonic()
        for at, output in compute_pieces(work, shared, attempt, done):
            outputs.append(output)
            if time.monotonic() - sent >= PIECE_SECONDS and at.next_unit <= attempt.shard.last_unit:
                yield at
                yield join_outputs(outputs[n_sent:])
                n_sent, sent = len(outputs), time.monotonic()
        after_last_case()
        yield _write(join_outputs(outputs), at.seconds, attempt.shard, folder, attempt.n_before)


def compute_shard(work: Work, shared: Any, shard: Shard, isolated: Isolated, folder: RunFolder) -> ShardRecord:
    """Compute one shard and write its fragments and record; needs no Ray.

    Raises
    ------
    StorageError
        The store refused a fragment.
    """
    started = time.perf_counter()
    output = work(shared, shard, isolated)
    return _write(output, time.perf_counter() - started, shard, folder, 0)


def _write(output: ShardOutput, seconds: float, shard: Shard, folder: RunFolder, n_before: int) -> ShardRecord:
    """Write what a shard gave, and its record after ``n_before`` attempts of it; ``seconds`` went into its cases."""
    started = time.perf_counter()
    fragments = tuple(
        write_fragment(folder, name, shard.number, table) for name, table in sorted(output.tables.items())
    )
    record = ShardRecord(
        shard=shard.number,
        fingerprint=folder.fingerprint,
        n_cases=output.n_cases,
        counts={str(status): int(count) for status, count in sorted(output.counts.items())},
        seconds=seconds + time.perf_counter() - started,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        fragments=fragments,
        retries=n_before,
        n_timeouts=output.counts.get(Status.TIMEOUT, 0) if output.n_timeouts is None else output.n_timeouts,
    )
    write_shard_record(folder, record)
    observe_case_seconds(folder, _case_seconds(output, record))
    return record


def _case_seconds(output: ShardOutput, record: ShardRecord) -> Sequence[float]:
    """What each case took, as the work tells in a table ``timings``; else their mean."""
    timings = output.tables.get("timings")
    if timings is None:
        return [record.seconds / record.n_cases] * record.n_cases if record.n_cases else []
    return [seconds for seconds in timings.column("seconds").to_pylist() if seconds is not None]


@contextmanager
def one_thread() -> Iterator[None]:
    """One BLAS thread, and one of torch if the process has it: Ray already runs one task per CPU."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        yield
