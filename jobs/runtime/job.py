"""One batch job from its settings to a committed run: the steps that all jobs share, once and in one order.

A job is five functions and its name. ``load`` reads and checks everything that needs no workers, ``plan`` lists the
cases and cuts them into shards, ``run_shard`` computes one shard in a worker, ``summarise`` prints what came out, and
``check`` refuses settings before anything is read. Run ids, logs, resuming, progress and the commit are here.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import pyarrow as pa
import ray
from rich.console import Console

from jobs.config import RunConfig
from jobs.console import make_console
from jobs.errors import ExitCode, IncompleteRunError, StorageError
from jobs.overnight import refused_in_words
from jobs.report import write_pages_of
from jobs.result import report_plan, reported
from jobs.runtime.cluster import connect
from jobs.runtime.deadline import Deadline
from jobs.runtime.forecast import bytes_of, forecast, measured_pace, recorded_pace
from jobs.runtime.logs import log_about
from jobs.runtime.metrics import RunMetrics
from jobs.runtime.progress import show_progress
from jobs.runtime.shards import Shard
from jobs.runtime.tasks import run_shards
from jobs.runtime.worker import Work
from jobs.store.commit import after_commit, commit_run, refuse_committed
from jobs.store.conditional_writes import check_writable
from jobs.store.merge import Amend, read_fragments
from jobs.store.models import Models
from jobs.store.records import FragmentInfo
from jobs.store.resume import intact_shards
from jobs.store.start import (
    StartedRun,
    check_run_id,
    default_run_id,
    forget_failure,
    intended_run,
    note_failure,
    start_run,
)
from recsys_ops.datasets.load import bytes_to_read
from recsys_ops.quality import Quality
from recsys_ops.runs import Run, open_run
from recsys_ops.status import Status
from recsys_ops.tables import rejected_schema

Config = TypeVar("Config", bound=RunConfig)
Loaded = TypeVar("Loaded")
_log = logging.getLogger("recsys_ops.jobs")


@dataclass(frozen=True)
class BeforeCommit:
    """Tables made of all cases together, what fills columns of the shards' tables, and why readers do not get it."""

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    amend: Mapping[str, Amend] = field(default_factory=dict)
    refused: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """The cases of a run and how to compute them.

    Attributes
    ----------
    shards : sequence of Shard
        All cases, cut for the workers.
    inputs : object
        What every worker reads; put into the object store once.
    fingerprints : mapping of str
        Of everything that was read, by name: a resumed run must have read the same.
    deadline_seconds : callable
        Of a shard: limit of one case of it in its worker, the last resort when the limit of its search fails.
    rejected : pyarrow.Table
        Rows set aside by quarantine.
    empty_tables : mapping of pyarrow.Table
        The result tables of a run without cases.
    models : mapping of ndarray
        What was fitted, stored with the run.
    keys : mapping of tuple of str
        Columns that name a row, of tables that are not in the data contract: ``runs --diff`` compares by them.
    quality : Quality, optional
        Of the recommender that the run is about; None where it was not measured.
    timings : mapping of float
        Seconds of steps of the driver, by name, besides ``load_seconds`` and ``plan_seconds``.
    max_in_flight : int, optional
        Tasks submitted and not complete; two per CPU by default.
    deadline : Deadline, optional
        When no case may be under way any more, and which shards come first.
    before_commit : callable, optional
        ``before_commit(read)`` once all shards are done, with Ray connected: what can be said only of all cases
        together.
        ``read(table)`` yields what the shards gave to a table. Deterministic: it is repeated if the commit fails.
    """

    shards: Sequence[Shard]
    inputs: Any
    fingerprints: Mapping[str, str]
    deadline_seconds: Callable[[Shard], float]
    rejected: pa.Table = field(default_factory=lambda: rejected_schema().empty_table())
    empty_tables: Mapping[str, pa.Table] = field(default_factory=dict)
    models: Models = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quality: Quality | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    max_in_flight: int | None = None
    deadline: Deadline | None = None
    before_commit: Callable[[Callable[[str], Iterator[pa.Table]]], BeforeCommit] | None = None


def unchanged(config: Config) -> Config:
    """The ``check`` of a job whose settings are checked by their model alone."""
    return config


@dataclass(frozen=True)
class Job(Generic[Config, Loaded]):
    """What only this job knows, as functions.

    Attributes
    ----------
    name : str
        As on the command line.
    load : callable
        ``load(config)`` reads, checks and fits what needs no workers.
    plan : callable
        ``plan(config, loaded)`` lists the cases; Ray is connected.
    run_shard : callable
        ``run_shard(inputs, shard, isolated)`` in a worker; deterministic.
    summarise : callable
        ``summarise(console, run, loaded)`` prints a committed run for a person.
    check : callable
        ``check(config)`` refuses settings before anything is read or written, and resolves those that name something
        that changes (such as the latest run).
    """

    name: str
    load: Callable[[Config], Loaded]
    plan: Callable[[Config, Loaded], Plan]
    run_shard: Work
    summarise: Callable[[Console, Run, Loaded], None]
    check: Callable[[Config], Config] = unchanged


def run_job(config: Config, job: Job[Config, Loaded]) -> ExitCode:
    """Run a job to its commit and print its summary.

    Returns
    -------
    ExitCode
        COMPLETE, or DEFECT if more cases failed than ``allowed_errors``, or ``fail_on`` refused the run.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    with reported(config, job.name) as ending:
        config = job.check(config)
        ending.run_id = config.run_id or default_run_id(job.name, config.recorded)
        ending.began(config)
        ending.exit_code = _run(config, ending.run_id, job)
    return ending.exit_code


def _run(config: Config, run_id: str, job: Job[Config, Loaded]) -> ExitCode:
    begun = time.perf_counter()
    if not config.plan:
        check_writable(config.out, encryption=config.encryption)
    log_about(run_id=run_id, job=job.name)
    is_complete = check_run_id(config.out, run_id, resume=config.resume)
    started = time.perf_counter()
    loaded = job.load(config)
    seconds = {"load_seconds": time.perf_counter() - started}
    with connect(config.address, config.workers, out=config.out):
        started = time.perf_counter()
        plan = job.plan(config, loaded)
        seconds["plan_seconds"] = time.perf_counter() - started
        if config.plan:
            spent = time.perf_counter() - begun
            return _say_plan(config, run_id, job, plan, driver_seconds=spent, is_complete=is_complete)
        run = start_run(
            config.out, run_id, job=job.name, configuration=config.recorded, inputs=plan.fingerprints,
            shards=plan.shards, format=config.format, resume=config.resume, is_partial=config.is_partial,
        )  # fmt: skip
        _complete(run, plan, job.run_shard, seconds)
    exit_code = _summarise(config, run_id, job, loaded)
    if config.report:
        write_pages_of(config, run_id, job.name)
    return exit_code


def _say_plan(
    config: Config, run_id: str, job: Job[Config, Loaded], plan: Plan, *, driver_seconds: float, is_complete: bool
) -> ExitCode:
    """Print what the run would be."""
    folder = intended_run(
        config.out, run_id, job=job.name, configuration=config.recorded, inputs=plan.fingerprints,
        shards=plan.shards, format=config.format,
    )  # fmt: skip
    pace, sample = measured_pace(
        recorded_pace(config, job.name), job.run_shard, ray.put(plan.inputs), plan.shards, plan.before_commit
    )
    done: Mapping[int, Any] = {shard.number: None for shard in plan.shards} if is_complete else intact_shards(folder)
    data = getattr(config, "data", None)
    found = forecast(
        pace, sample, plan.shards, done, driver_seconds=driver_seconds,
        is_complete=is_complete, inputs_bytes=bytes_of(plan.inputs),
        input_bytes=None if data is None else bytes_to_read(data),
    )  # fmt: skip
    console = make_console(is_wide=True)
    console.print(f"Plan of {job.name}, run {run_id} (nothing was written):")
    for name, value in found.lines():
        console.print(f"{name:<16} {value}", markup=False, soft_wrap=True)
    if config.result == "json":
        report_plan(config, job.name, run_id, asdict(found))
    return ExitCode.COMPLETE


def _complete(run: StartedRun, plan: Plan, work: Work, seconds: Mapping[str, float]) -> None:
    """Compute the shards that do not hold yet and commit; a complete run only gets what follows its commit."""
    if run.is_complete:
        after_commit(run)
        return
    metrics = RunMetrics(run.folder)
    metrics.started()
    forget_failure(run)
    intact = intact_shards(run.folder) if run.is_resumed else {}
    done = {number: record for number, record in intact.items() if str(Status.NOT_STARTED) not in record.counts}
    left = [shard for shard in plan.shards if shard.number not in done]
    if done:
        _log.info("%s: %d of %d shards are complete already", run.job, len(done), len(plan.shards))
    try:
        with show_progress(run.job, len(left), sum(shard.n_cases for shard in left)) as on_progress:
            records = run_shards(
                work, ray.put(plan.inputs), left, run.folder, on_progress=on_progress, n_intact=len(done),
                deadline_seconds=plan.deadline_seconds, max_in_flight=plan.max_in_flight, deadline=plan.deadline,
            )  # fmt: skip
    except IncompleteRunError as error:
        note_failure(run, str(error))
        raise
    records = [*done.values(), *records]
    fragments = [fragment for record in records for fragment in record.fragments]
    started = time.perf_counter()
    added = _before_commit(run, plan, fragments)
    seconds = {**seconds, "before_commit_seconds": time.perf_counter() - started} if plan.before_commit else seconds
    driver_tables = {"rejected": plan.rejected} | ({} if plan.shards else dict(plan.empty_tables))
    manifest = commit_run(
        run, records, driver_tables={**driver_tables, **added.tables}, timings={**seconds, **plan.timings},
        models=plan.models, keys=plan.keys, quality=plan.quality, amend=added.amend, refused=added.refused,
    )  # fmt: skip
    metrics.committed(manifest["n_parts"])


def _before_commit(run: StartedRun, plan: Plan, fragments: Sequence[FragmentInfo]) -> BeforeCommit:
    """What the job makes of the rows of all shards before they are committed."""
    if plan.before_commit is None:
        return BeforeCommit()
    try:
        return plan.before_commit(partial(read_fragments, run.folder, fragments))
    except StorageError:
        refuse_committed(run)  # the winner has removed the fragments
        raise


def _summarise(config: Config, run_id: str, job: Job[Config, Loaded], loaded: Loaded) -> ExitCode:
    run = open_run(f"{config.out.rstrip('/')}/runs/{run_id}")
    console = make_console()
    job.summarise(console, run, loaded)
    n_rejected = run.manifest["tables"]["rejected"]["rows"]
    if n_rejected:
        console.print(f"{n_rejected} bad input rows were set aside: table 'rejected'.")
    if run.refused:
        console.print(refused_in_words(config.out, run), markup=False, soft_wrap=True)
        return ExitCode.DEFECT
    n_errors, n_cases = run.manifest["counts"].get(str(Status.ERROR), 0), run.manifest["n_cases"]
    if n_errors <= config.allowed_errors * n_cases:
        return ExitCode.COMPLETE
    console.print(
        f"{n_errors} of {n_cases} cases failed, more than --allowed-errors {config.allowed_errors:g}; "
        "see column 'reason'."
    )
    return ExitCode.DEFECT
