"""A timed sample of the cases of a run: units drawn from all shards are computed in every worker at once, as in a run.

Rounds go on until the mean is known well enough, or the time is up. What the units give is thrown away, but for the
time that the steps after the cases take with it.
"""

import math
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from ray import exceptions as failures

from jobs.runtime.shards import Shard
from jobs.runtime.worker import Work, one_thread

ROUND_SECONDS = 5.0
"""After which a worker begins no further unit of a round."""
SAMPLE_SECONDS = 40.0
"""After which no further round begins, and where no unit is done, no more is waited for."""
ERROR_WANTED = 0.08
"""Standard error of the mean, relative, at which the sample is large enough."""
MOST_IN_ROUND = 64
"""Units of a worker in a round."""
LEAST_UNITS = 16
"""Of which an error is believed."""


@dataclass(frozen=True)
class Sample:
    """What a sample says.

    ``pace`` is seconds over those that the units were planned to take, with its standard error relative to it;
    ``start_seconds`` are until the workers have done their first unit, without what the unit takes; ``worker_bytes`` is
    the peak of one worker, with what it shares.
    """

    pace: float | None
    error: float
    n_cases: int
    start_seconds: float
    worker_bytes: int
    tables: dict[str, list[pa.Table]] = field(default_factory=dict, compare=False)

    def read(self, table: str) -> Iterator[pa.Table]:
        """What the units gave to a table."""
        return iter(self.tables.get(table, []))


@dataclass(frozen=True)
class _Done:
    """What a worker did in a round: units, planned and taken seconds of each, cases, its peak of memory, the tables."""

    units: list[int]
    planned: list[float]
    seconds: list[float]
    n_cases: int
    peak: int
    tables: list[dict[str, pa.Table]]


def take_sample(work: Work, inputs: Any, shards: Sequence[Shard], *, n_workers: int, seconds: float) -> Sample:
    """Compute a unit in every worker, then rounds of further ones for so many seconds at most.

    Parameters
    ----------
    work : callable
        As of ``run_shards``.
    inputs : ObjectRef
        What it reads.
    shards : sequence of Shard
        At least one; their units are drawn from, the same for the same shards.
    n_workers : int
        That compute at once.
    seconds : float
        0 for the first round only, which tells memory and the start of workers.
    """
    waiting = _drawn(shards)
    n_all = len(waiting)
    began = time.perf_counter()
    first = _round(work, inputs, _dealt(waiting[:n_workers], n_workers), 0.0, SAMPLE_SECONDS)
    start = time.perf_counter() - began
    if not first:
        return Sample(None, 1.0, 0, 0.0, 0)
    waiting = waiting[n_workers:]
    n_units = len(waiting) or n_all  # the first ones, which load libraries, count only where there are no others
    done: list[_Done] = []
    while waiting and time.perf_counter() - began < seconds and _error(done, n_units) > ERROR_WANTED:
        found = _round(work, inputs, _dealt(waiting[: MOST_IN_ROUND * n_workers], n_workers), ROUND_SECONDS, seconds)
        if not found:
            break
        done += found
        computed = {unit for one in found for unit in one.units}
        waiting = [(unit, planned) for unit, planned in waiting if unit.first_unit not in computed]
    counted = done or first
    pace = sum(chain.from_iterable(one.seconds for one in counted)) / _planned(counted)
    in_first = max(sum(one.seconds) - pace * sum(one.planned) for one in first)
    everything = [*first, *done]
    return Sample(
        pace,
        min(_error(counted, n_units), 1.0),
        sum(one.n_cases for one in counted),
        max(0.0, min(start, start - max(sum(one.seconds) for one in first) + max(0.0, in_first))),
        max(one.peak for one in everything),
        _together(everything),
    )


def _drawn(shards: Sequence[Shard]) -> list[tuple[Shard, float]]:
    """All units in an order drawn once: each as a shard of its own, and seconds it was planned to take per case."""
    units = [
        (Shard(0, unit, unit, 0), shard.seconds / shard.n_cases if shard.seconds and shard.n_cases else 1.0)
        for shard in shards
        for unit in shard.units
    ]
    return [units[n] for n in np.random.default_rng(0).permutation(len(units))]


def _dealt(units: list[tuple[Shard, float]], n_workers: int) -> list[list[tuple[Shard, float]]]:
    """The units of each worker."""
    return [units[n::n_workers] for n in range(min(n_workers, len(units)))]


def _round(
    work: Work, inputs: Any, units: list[list[tuple[Shard, float]]], seconds: float, patience: float
) -> list[_Done]:
    """What the workers did; of those that are not done in time, nothing."""
    remote: Any = ray.remote(num_cpus=1, max_retries=0)(_compute)
    tasks = [remote.remote(work, inputs, some, seconds) for some in units]
    done, late = ray.wait(tasks, num_returns=len(tasks), timeout=seconds + patience)
    for task in late:
        ray.cancel(task, force=True)
    results: list[_Done] = []
    for task in done:
        with suppress(failures.WorkerCrashedError, failures.OutOfMemoryError):  # the run will say which case it was
            results.append(ray.get(task))
    return results


def _compute(work: Work, inputs: Any, units: Sequence[tuple[Shard, float]], seconds: float) -> _Done:
    done = _Done([], [], [], 0, 0, [])
    began, n_cases = time.perf_counter(), 0
    with one_thread():
        for unit, planned in units:
            started = time.perf_counter()
            output = work(inputs, unit, {})
            done.units.append(unit.first_unit)
            done.seconds.append(time.perf_counter() - started)
            done.planned.append(planned * output.n_cases)
            done.tables.append(output.tables)
            n_cases += output.n_cases
            if time.perf_counter() - began > seconds:
                break
    return replace(done, n_cases=n_cases, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _planned(done: Sequence[_Done]) -> float:
    return sum(chain.from_iterable(one.planned for one in done)) or 1.0


def _error(done: Sequence[_Done], n_units: int) -> float:
    """Standard error of the ratio of taken to planned seconds, relative to it; units are drawn without repetition."""
    planned = np.array([*chain.from_iterable(one.planned for one in done)])
    seconds = np.array([*chain.from_iterable(one.seconds for one in done)])
    n = len(seconds)
    if n == n_units:
        return 0.0
    if n < LEAST_UNITS or not seconds.sum() or not planned.sum():
        return math.inf
    rest = seconds - planned * (seconds.sum() / planned.sum())
    return float(np.sqrt((1 - n / n_units) * n / (n - 1) * np.sum(rest**2)) / seconds.sum())


def _together(done: Sequence[_Done]) -> dict[str, list[pa.Table]]:
    tables: dict[str, list[pa.Table]] = {}
    for one in chain.from_iterable(each.tables for each in done):
        for name, table in one.items():
            tables.setdefault(name, []).append(table)
    return tables
