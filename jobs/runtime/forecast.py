"""``--plan``: what a run would do, read and need, and how long it would take; no case is done and nothing is written.

Seconds of cases are those of the latest run of the job with the same settings, where there is one; else of a timed
sample. Memory and the start of workers are measured now, and reading, fitting and planning are done and timed anyway.
"""

import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import ray
from ray import cloudpickle

from jobs.config import RunConfig
from jobs.runtime.memory import forget_peak, held_below, held_by
from jobs.runtime.sample import SAMPLE_SECONDS, Sample, take_sample
from jobs.runtime.shards import Shard
from jobs.runtime.worker import Work
from jobs.store.start import FREE_SETTINGS
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.runs import Run, open_run

_NOT_COMPARED = FREE_SETTINGS | {"since", "until", "learned", "keep", "items", "sellers", "users", "shards"}
"""Settings that leave a case about as long as it was."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a case in a worker, their relative standard error, the peak of a worker, and how they are known."""

    case_seconds: float
    error: float
    worker_bytes: int
    known_from: str
    before_commit_seconds: float | None = None
    node_bytes: int = 0
    """Of all processes of this machine."""


@dataclass(frozen=True)
class Forecast:
    """What ``--plan`` says; bytes and seconds are estimates but for ``input_bytes``."""

    n_cases: int
    n_shards: int
    n_cases_reused: int
    n_shards_reused: int
    is_complete: bool
    input_bytes: int | None
    inputs_bytes: int
    n_workers: int
    node_bytes: int
    case_seconds: float
    seconds: float
    error: float
    """Standard error of the seconds of all cases, relative to them."""
    known_from: str

    def lines(self) -> list[tuple[str, str]]:
        """Name and value of each line that is shown."""
        left, shards_left = self.n_cases - self.n_cases_reused, self.n_shards - self.n_shards_reused
        reused = (
            f"{self.n_cases_reused:,} cases in {self.n_shards_reused} shards" if self.n_shards_reused else "nothing"
        )
        read = (
            "nothing" if self.input_bytes == 0 else "unknown" if self.input_bytes is None else _size(self.input_bytes)
        )
        return [
            ("cases", f"{self.n_cases:,} in {self.n_shards} shards"),
            ("reused", "all: the run is complete" if self.is_complete else reused),
            ("to do", "nothing" if self.is_complete else f"{left:,} cases in {shards_left} shards"),
            ("input to read", read),
            ("seconds", f"about {self.seconds:.0f} with {self.n_workers} workers, {self.case_seconds:.3g} a case"
                        + (f" (known to {100 * self.error:.0f} %)" if 0 < self.error < 1 else "")),
            ("memory", f"about {_size(self.node_bytes)} on one node with all workers, of it {_size(self.inputs_bytes)} "
                       "that they share"),
            ("estimated from", self.known_from),
        ]  # fmt: skip


def recorded_pace(config: RunConfig, job: str) -> Pace | None:
    """That of the latest run of the job, if it was made with the same settings."""
    try:
        run = open_run(config.out, job=job)
    except InputError:
        return None
    if not _has_settings(run, config.model_dump(mode="json")):
        return None
    timings = run.table("shard_timings").to_table(columns=["cases", "seconds", "peak_memory_bytes"])
    n_cases = pc.sum(timings.column("cases")).as_py()
    if not n_cases:
        return None
    return Pace(
        pc.sum(timings.column("seconds")).as_py() / n_cases,
        0.0,
        int(pc.max(timings.column("peak_memory_bytes")).as_py()),
        f"run {run.run_id} ({n_cases:,} cases)",
        run.manifest["timings"].get("before_commit_seconds"),
    )


def measured_pace(
    recorded: Pace | None,
    work: Work,
    inputs: Any,
    shards: Sequence[Shard],
    before_commit: Callable[[Callable[[str], Iterator[pa.Table]]], Any] | None,
) -> tuple[Pace, Sample | None]:
    """The recorded pace, or else that of a sample; and the sample, which is the smallest where a pace is recorded.

    What a run does once its cases are done is timed with the tables of the sample.
    """
    if not shards:
        return Pace(0.0, 0.0, 0, "nothing: there are no cases"), None
    before = held_by().peak + held_below().now  # reading, fitting and planning, while the workers wait
    forget_peak()
    seconds = 0.0 if recorded else SAMPLE_SECONDS
    sample = take_sample(work, inputs, shards, n_workers=min(workers(), len(shards)), seconds=seconds)
    pace = recorded or _sampled(sample, shards)
    if pace.before_commit_seconds is None and before_commit is not None and sample.tables:
        started = time.perf_counter()
        before_commit(sample.read)
        pace = replace(pace, before_commit_seconds=time.perf_counter() - started)
    more = workers() * max(0, pace.worker_bytes - sample.worker_bytes)
    return replace(pace, node_bytes=max(before, held_by().peak + held_below().peak + more)), sample


def _sampled(sample: Sample, shards: Sequence[Shard]) -> Pace:
    """That of a sample; where no case of it was done in time, the one that shards are cut by."""
    planned = sum(shard.seconds for shard in shards) / sum(shard.n_cases for shard in shards) or 1.0
    if sample.pace is None:
        return Pace(planned, 1.0, 0, "what cases took elsewhere: none was done while this was waited for")
    known_from = f"{sample.n_cases} cases computed now and thrown away, as no earlier run has these settings"
    return Pace(planned * sample.pace, sample.error, sample.worker_bytes, known_from)


def workers() -> int:
    """Cases that are computed at once."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def forecast(
    pace: Pace,
    sample: Sample | None,
    shards: Sequence[Shard],
    reused: Mapping[int, Any],
    *,
    driver_seconds: float,
    **known: Any,
) -> Forecast:
    """Put together what is known.

    Parameters
    ----------
    pace : Pace
    sample : Sample or None
        Of now, for memory and the start of workers; None where there are no cases.
    shards : sequence of Shard
        All of the run.
    reused : mapping
        Shards that are complete already, by number.
    driver_seconds : float
        Of all steps of the driver.
    **known
        Fields of ``Forecast``: ``is_complete``, ``input_bytes``, ``inputs_bytes``.
    """
    n_workers = workers()
    left = [shard for shard in shards if shard.number not in reused]
    n_cases, n_left = (sum(shard.n_cases for shard in some) for some in (shards, left))
    seconds = (
        driver_seconds + (pace.before_commit_seconds or 0.0) + _until_done(pace.case_seconds * n_left, left, n_workers)
    )
    if sample is not None:
        seconds += sample.start_seconds
    return Forecast(
        n_cases=n_cases,
        n_shards=len(shards),
        n_cases_reused=n_cases - n_left,
        n_shards_reused=len(shards) - len(left),
        n_workers=n_workers,
        node_bytes=pace.node_bytes,
        case_seconds=pace.case_seconds,
        seconds=0.0 if known["is_complete"] else seconds,
        error=pace.error,
        known_from=pace.known_from,
        **known,
    )


def _until_done(seconds: float, shards: Sequence[Shard], n_workers: int) -> float:
    """When the last worker is done, each taking the next shard; ``seconds`` are of all shards together."""
    planned = sum(shard.seconds for shard in shards)
    n_cases = sum(shard.n_cases for shard in shards)
    busy_until = [0.0] * n_workers
    for shard in shards:
        share = shard.seconds / planned if planned else shard.n_cases / max(n_cases, 1)
        heapq.heapreplace(busy_until, busy_until[0] + seconds * share)
    return max(busy_until)


def bytes_of(inputs: Any) -> int:
    """Of what all workers read, in Ray's object store."""
    buffers: list[Any] = []
    head = cloudpickle.dumps(inputs, protocol=5, buffer_callback=buffers.append)
    return len(head) + sum(int(buffer.raw().nbytes) for buffer in buffers)


def _has_settings(run: Run, settings: Mapping[str, Any]) -> bool:
    before = run.manifest["configuration"]
    names = (before.keys() & settings.keys()) - _NOT_COMPARED
    return all(before[name] == settings[name] for name in names)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"
