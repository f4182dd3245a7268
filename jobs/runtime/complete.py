"""From a started run to a committed one: compute the shards that do not hold yet, then commit."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import ray

from jobs.errors import IncompleteRunError
from jobs.runtime.metrics import RunMetrics
from jobs.runtime.progress import show_progress
from jobs.runtime.shards import Shard
from jobs.runtime.tasks import run_shards
from jobs.runtime.worker import Work
from jobs.store.commit import commit_run, finish_committed
from jobs.store.models import Models
from jobs.store.resume import intact_shards
from jobs.store.start import StartedRun, forget_failure, note_failure

_log = logging.getLogger("recsys_ops.jobs")


def complete_run(
    run: StartedRun,
    shards: Sequence[Shard],
    work: Work,
    shared: Any,
    *,
    deadline_seconds: Callable[[Shard], float],
    rejected: pa.Table,
    empty_tables: Mapping[str, pa.Table],
    timings: Mapping[str, float],
    models: Models | None = None,
    max_in_flight: int | None = None,
) -> None:
    """Compute what is missing and commit; nothing to do for a run that is complete.

    Parameters
    ----------
    run : StartedRun
        What ``start_run`` returned.
    shards : sequence of Shard
        The whole plan.
    work : callable
        See ``run_shards``.
    shared : object
        Put into the object store once.
    deadline_seconds : callable
        See ``run_shards``.
    rejected : pyarrow.Table
        Rows set aside by quarantine.
    empty_tables : mapping
        What the tables of a run without cases are.
    timings : mapping
        Seconds of the driver's steps by name.
    models : mapping of ndarray, optional
        What was fitted, by name; stored with the run.
    max_in_flight : int, optional
        See ``run_shards``.

    Raises
    ------
    IncompleteRunError, StorageError, Interrupted
        As ``run_shards`` and ``commit_run``.
    """
    if run.is_complete:
        finish_committed(run)
        return
    metrics = RunMetrics(run.folder)
    metrics.started()
    forget_failure(run)
    done = intact_shards(run.folder) if run.is_resumed else {}
    left = [shard for shard in shards if shard.number not in done]
    if done:
        _log.info("%s: %d of %d shards are complete already", run.job, len(done), len(shards))
    try:
        with show_progress(run.job, len(left), sum(shard.n_cases for shard in left)) as on_progress:
            records = run_shards(
                work, ray.put(shared), left, run.folder, on_progress=on_progress, n_intact=len(done),
                deadline_seconds=deadline_seconds, max_in_flight=max_in_flight,
            )  # fmt: skip
    except IncompleteRunError as error:
        note_failure(run, str(error))
        raise
    driver_tables = {"rejected": rejected} | ({} if shards else dict(empty_tables))
    manifest = commit_run(run, [*done.values(), *records], driver_tables=driver_tables, timings=timings, models=models)
    metrics.committed(manifest["n_parts"])
