"""``--plan``: what a run would do, read and need, and how long it would take; no case is done and nothing is written.

Seconds and memory are those of the latest run of the job with the same settings, where there is one; else a few units
of cases are computed in every worker, for seconds, and what they give is thrown away.
"""

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from ray import cloudpickle

from jobs.config import RunConfig
from jobs.runtime.shards import Shard
from jobs.runtime.worker import Work, one_thread
from jobs.store.start import FREE_SETTINGS
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.runs import Run, open_run

SAMPLE_SECONDS = 10.0
"""After which a worker begins no further unit of the sample."""
_MOST_UNITS = 64
_NOT_COMPARED = FREE_SETTINGS | {"since", "until", "learned", "keep", "items", "sellers", "users", "shards"}
"""Settings that leave a case about as long as it was."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a case in a worker, memory of a worker, and how both are known."""

    case_seconds: float
    start_seconds: float
    """Of a worker, until its first case."""
    worker_bytes: int
    known_from: str
    driver_seconds: Mapping[str, float]
    """Of the steps around the cases, of an earlier run."""


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
            ("seconds", f"about {self.seconds:.0f} with {self.n_workers} workers, {self.case_seconds:.3g} a case"),
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
        {name: value for name, value in run.manifest["timings"].items() if name.endswith("_seconds")},
    )


def sampled_pace(work: Work, inputs: Any, shards: Sequence[Shard]) -> Pace:
    """That of units drawn from all shards, computed in every worker at once, as in the run."""
    if not shards:
        return Pace(0.0, 0.0, 0, "nothing: there are no cases", {})
    n_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    units = np.concatenate([[*shard.units] for shard in shards])
    drawn = np.random.default_rng(0).permutation(units)[: _MOST_UNITS * n_workers]
    remote: Any = ray.remote(num_cpus=1, max_retries=0)(_sample)
    found = ray.get([remote.remote(work, inputs, drawn[n::n_workers].tolist()) for n in range(n_workers)])
    n_cases = sum(cases for cases, _, _, _ in found)
    seconds = sum(seconds for _, seconds, _, _ in found)
    return Pace(
        seconds / n_cases if n_cases else 0.0,
        max(first for _, _, first, _ in found),
        max(peak for _, _, _, peak in found),
        f"{n_cases} cases computed now and thrown away, as no earlier run has these settings; without what comes after "
        "the cases",
        {},
    )


def forecast(
    pace: Pace, shards: Sequence[Shard], reused: Mapping[int, Any], seconds: Mapping[str, float], **known: Any
) -> Forecast:
    """Put together what is known.

    Parameters
    ----------
    pace : Pace
    shards : sequence of Shard
        All of the run.
    reused : mapping
        Shards that are complete already, by number.
    seconds : mapping of float
        That reading and planning took now.
    **known
        Fields of ``Forecast``: ``is_complete``, ``input_bytes``, ``inputs_bytes``.
    """
    n_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    left = [shard for shard in shards if shard.number not in reused]
    work = pace.case_seconds * sum(shard.n_cases for shard in left) / max(1, min(n_workers, len(left)))
    around = dict(seconds) | {
        name: value
        for name, value in pace.driver_seconds.items()
        if name in ("quality_seconds", "before_commit_seconds")
    }
    driver_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Forecast(
        n_cases=sum(shard.n_cases for shard in shards),
        n_shards=len(shards),
        n_cases_reused=sum(shard.n_cases for shard in shards) - sum(shard.n_cases for shard in left),
        n_shards_reused=len(shards) - len(left),
        n_workers=n_workers,
        node_bytes=driver_bytes + n_workers * pace.worker_bytes,
        case_seconds=pace.case_seconds,
        seconds=0.0 if known["is_complete"] else work + pace.start_seconds + sum(around.values()),
        known_from=pace.known_from,
        **known,
    )


def bytes_of(inputs: Any) -> int:
    """Of what all workers read, in Ray's object store."""
    buffers: list[Any] = []
    head = cloudpickle.dumps(inputs, protocol=5, buffer_callback=buffers.append)
    return len(head) + sum(int(buffer.raw().nbytes) for buffer in buffers)


def _has_settings(run: Run, settings: Mapping[str, Any]) -> bool:
    before = run.manifest["configuration"]
    names = (before.keys() & settings.keys()) - _NOT_COMPARED
    return all(before[name] == settings[name] for name in names)


def _sample(work: Work, inputs: Any, units: Sequence[int]) -> tuple[int, float, float, int]:
    """Cases and their seconds, seconds of the first unit, which loads the libraries too, and the peak of memory."""
    n_cases, seconds, first, begun = 0, 0.0, 0.0, time.perf_counter()
    with one_thread():
        for position, unit in enumerate(units):
            started = time.perf_counter()
            output = work(inputs, Shard(0, unit, unit, 0), {})
            now = time.perf_counter()
            if position == 0:
                first = now - started
            if position or len(units) == 1:
                n_cases, seconds = n_cases + output.n_cases, seconds + now - started
            if position and now - begun > SAMPLE_SECONDS:
                break
    return n_cases, seconds, first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"
