"""What a monitor sees of the jobs: Ray's metrics, which Prometheus scrapes from every node under the prefix ``ray_``.

The driver counts the complete shards it learns of, so that its totals are those of the ``runs`` table; of a run that
was resumed it counts what it computed itself. Ray sends values every ten seconds and when a process ends. A node goes
on showing the counts of processes that ended, but a gauge only for 20 seconds after it was last set: monitors must look
more often than that, and their queries look back (``last_over_time``).
"""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import ray
from ray.util.metrics import Counter, Gauge, Histogram

from jobs.store.records import RunFolder, ShardRecord
from recsys_ops.status import Status

TAGS = ("job", "scope")
"""Of every metric; ``cases_total`` has ``status`` as well."""

CASE_SECONDS_BOUNDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0]

_DESCRIPTIONS = {
    "cases_total": "Cases done, by status.",
    "case_seconds": "Seconds that a case took in its worker.",
    "parts_committed_total": "Files of result tables that belong to a committed run.",
    "shard_retries_total": "Attempts of shards after the first: failed, killed, late, or to find a case that kills.",
    "solver_timeouts_total": "Cases whose search the clock ended: timeout, or found but not proven.",
    "run_started_timestamp_seconds": "When the last run was started or resumed.",
    "run_committed_timestamp_seconds": "When the last run was committed.",
}


class RunMetrics:
    """The counts of one run, as its driver learns of them."""

    def __init__(self, folder: RunFolder) -> None:
        self.tags = _tags(folder)
        self.begun = time.time()

    def started(self) -> None:
        """The run begins, or goes on; series are there from now on, so that the first increase is seen.

        Unless it comes within the ten seconds before Ray sends values: an alert must not wait for an increase.
        """
        for name in ("shard_retries_total", "solver_timeouts_total", "parts_committed_total"):
            _counter(name)._record(0, self.tags)
        for status in Status:
            _counter("cases_total")._record(0, {**self.tags, "status": str(status)})
        self._show_start()

    def shard_done(self, record: ShardRecord) -> None:
        """Count the cases of a complete shard."""
        for status, n_cases in record.counts.items():
            _add("cases_total", n_cases, {**self.tags, "status": status})
        _add("solver_timeouts_total", record.n_timeouts, self.tags)
        self._show_start()  # again, because Ray forgets it

    def retried(self, n_attempts: int) -> None:
        """Count attempts that follow another one."""
        _add("shard_retries_total", n_attempts, self.tags)

    def committed(self, n_parts: int) -> None:
        """The run is committed."""
        _add("parts_committed_total", n_parts, self.tags)
        _timestamp("run_committed_timestamp_seconds").set(time.time(), self.tags)

    def _show_start(self) -> None:
        _timestamp("run_started_timestamp_seconds").set(self.begun, self.tags)


def observe_case_seconds(folder: RunFolder, seconds: Iterable[float]) -> None:
    """Record what each case took; called in the worker that computed them, does nothing without Ray."""
    if not ray.is_initialized():
        return
    histogram = _histogram("case_seconds")
    for each in seconds:
        histogram.observe(float(each), _tags(folder))


def _tags(folder: RunFolder) -> dict[str, str]:
    """Job and scope: nobody is alarmed, or reassured, by a run over some items, sellers or users only."""
    return {"job": folder.job, "scope": "partial" if folder.is_partial else "whole"}


def _add(name: str, amount: int, tags: dict[str, str]) -> None:
    if amount:  # Ray refuses to add nothing
        _counter(name).inc(amount, tags)


@cache
def _counter(name: str) -> Any:
    tags = (*TAGS, "status") if name == "cases_total" else TAGS
    return Counter(f"recsys_ops_{name}", _DESCRIPTIONS[name], tags)


@cache
def _timestamp(name: str) -> Any:
    return Gauge(f"recsys_ops_{name}", _DESCRIPTIONS[name], TAGS)


@cache
def _histogram(name: str) -> Any:
    return Histogram(f"recsys_ops_{name}", _DESCRIPTIONS[name], CASE_SECONDS_BOUNDS, TAGS)
