"""Run the shards of a job on Ray: bounded submission, deadlines, own retries, isolation of cases that kill workers."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray import exceptions as failures

from jobs.errors import IncompleteRunError, Interrupted, StorageError
from jobs.runtime.cluster import tasks_in_flight
from jobs.runtime.deadline import Deadline
from jobs.runtime.ended import end_of
from jobs.runtime.heartbeat import SAY_SECONDS, Heartbeats
from jobs.runtime.isolation import Attempt, AttemptEnd, Beat, ShardHistory, where_late
from jobs.runtime.logs import SHARD_LOG, log_format
from jobs.runtime.metrics import RunMetrics
from jobs.runtime.pieces import Piece
from jobs.runtime.shards import Shard
from jobs.runtime.sigterm import sigterm_interrupts
from jobs.runtime.worker import Work, run_attempt
from jobs.store.records import RunFolder, ShardRecord

POLL_SECONDS = 0.5
"""How late a signal or a progress line may be noticed."""

MOST_LOOK_SECONDS = 5.0
"""Between two looks at a heartbeat: a tenth of the time of a case, but no longer."""

HOPELESS_SHARDS = 5
"""So many failures before the first success mean a defect of the job, not of a shard: the rest is not tried."""

OnProgress = Callable[[ShardRecord | int], None]
"""Called with each complete shard, and every ``POLL_SECONDS`` with the cases done in shards that are not complete."""


@dataclass
class _Running:
    attempt: Attempt
    started: float | None = None
    beat: Beat | None = None
    seen: float = 0.0
    """When the beat was first seen, or the start."""
    next_look: float = 0.0
    is_cancelled: bool = False
    is_cut: bool = False


class _Shards:
    """The shards of one call: what waits, what runs, what is done."""

    def __init__(
        self,
        histories: dict[int, ShardHistory],
        submit: Callable[[Attempt, Sequence[Piece]], Any],
        metrics: RunMetrics,
        heartbeats: Heartbeats,
        deadline: Deadline | None = None,
    ) -> None:
        self.histories = histories
        self.submit = submit
        self.metrics = metrics
        self.heartbeats = heartbeats
        self.deadline = deadline
        self.waiting = deque(history.first_attempt() for history in histories.values())
        self.running: dict[Any, _Running] = {}
        self.kept: dict[int, list[Piece]] = {}
        self.records: dict[int, ShardRecord] = {}
        self.first_failure: tuple[int, str, bool] | None = None

    def fill(self, max_in_flight: int) -> None:
        while self.waiting and len(self.running) < max_in_flight:
            attempt = self.waiting.popleft()
            if self.deadline is not None and self.deadline.is_past(attempt, self.done()):
                self.waiting.extendleft(self.histories[attempt.shard.number].cut(attempt, self.deadline.reason))
                continue
            kept = self.kept.get(attempt.shard.number, [])
            self.running[self.submit(attempt, kept)] = _Running(attempt)

    def done(self) -> list[tuple[float, ShardRecord]]:
        """Seconds that each shard with computed cases was planned to take, and its record."""
        shards = [(self.histories[number], record) for number, record in self.records.items()]
        return [(history.shard.seconds, record) for history, record in shards if not history.isolated]

    def receive(self, task: Any) -> ShardRecord | None:
        """Take the next message of ``task``: its start, its record, or what ended it."""
        running = self.running[task]
        try:
            message = ray.get(next(task))
            if isinstance(message, Piece):
                self.kept.setdefault(running.attempt.shard.number, []).append(replace(message, rows=next(task)))
                return None
        except (failures.RayError, StopIteration) as error:
            end, detail = (AttemptEnd.DEADLINE, where_late(running.beat)) if running.is_cancelled else end_of(error)
            self.end(task, end, detail, is_storage=isinstance(error, StorageError))
            return None
        if running.started is None:
            running.started = running.seen = time.monotonic()
            return None
        if message is not None:
            self.records[message.shard] = message
            self.metrics.shard_done(message)
            text = "shard %d: %d cases in %.1f s"
            SHARD_LOG.info(text, message.shard, message.n_cases, message.seconds, extra={"shard": message.shard})
        self.end(task, AttemptEnd.DONE, "")
        return message if isinstance(message, ShardRecord) else None

    def cancel_overdue(self) -> None:
        """Kill what is late; its next attempt waits for its death, so that two never write the same part."""
        now = time.monotonic()
        for task, running in self.running.items():
            if self.deadline is not None and not running.is_cancelled and self.deadline.is_past(running.attempt):
                running.is_cancelled = running.is_cut = True
                ray.cancel(task, force=True)
            if running.started is not None and not running.is_cancelled and self.is_late(running, now):
                running.is_cancelled = True
                ray.cancel(task, force=True)

    def is_late(self, running: _Running, now: float) -> bool:
        """Whether what an attempt is at takes longer than it may; looks for its heartbeat now and then."""
        history = self.histories[running.attempt.shard.number]
        if history.deadline_seconds is None:
            return False
        if now >= running.next_look:
            running.next_look = now + min(max(history.deadline_seconds / 10, POLL_SECONDS), MOST_LOOK_SECONDS)
            beat = self.heartbeats.read(running.attempt)
            if beat != running.beat:
                running.beat, running.seen = beat, now
        limit = history.seconds_for(running.attempt, running.beat)
        return limit is not None and now - running.seen > limit + SAY_SECONDS

    def end(self, task: Any, end: AttemptEnd, detail: str, *, is_storage: bool = False) -> None:
        running = self.running.pop(task)
        attempt = running.attempt
        self.heartbeats.forget(attempt)
        history = self.histories[attempt.shard.number]
        if running.is_cut and self.deadline is not None and end is not AttemptEnd.DONE:
            self.waiting.extendleft(history.cut(attempt, self.deadline.reason))
            return
        if end not in (AttemptEnd.CRASH, AttemptEnd.DEADLINE) and attempt.cases is None:
            self.kept.pop(attempt.shard.number, None)  # done, or in the memory of a node that was lost
        again = history.after(attempt, end, detail, running.beat)
        self.waiting.extendleft(reversed(again))
        if end is not AttemptEnd.DONE:
            self.log_failed_attempt(attempt, end, detail, len(again))
        if history.failure and self.first_failure is None:
            self.first_failure = (attempt.shard.number, history.failure, is_storage)
        if not self.records and len(self.failed()) >= HOPELESS_SHARDS:
            self.waiting.clear()

    def log_failed_attempt(self, attempt: Attempt, end: AttemptEnd, detail: str, n_again: int) -> None:
        self.metrics.retried(n_again)
        number, what = attempt.shard.number, end.name.lower().replace("_", " ")
        gave_up = self.histories[number].failure
        then = "again" if n_again else "given up" if gave_up else "its other trials are under way"
        text = "shard %d: attempt %d ended by %s%s; %s"
        SHARD_LOG.warning(
            text, number, attempt.n_before + 1, what, f" ({detail})" if detail else "", then, extra={"shard": number}
        )

    def failed(self) -> list[int]:
        return [number for number, history in self.histories.items() if history.failure]

    def cancel_all(self) -> None:
        self.waiting.clear()
        for task, running in self.running.items():
            ray.cancel(task, force=True)
            self.heartbeats.forget(running.attempt)


def run_shards(
    work: Work,
    shared: Any,
    shards: Sequence[Shard],
    folder: RunFolder,
    *,
    max_in_flight: int | None = None,
    deadline_seconds: Callable[[Shard], float] | None = None,
    max_attempts: int = 3,
    on_progress: OnProgress | None = None,
    ray_options: Mapping[str, Any] | None = None,
    n_intact: int = 0,
    deadline: Deadline | None = None,
) -> list[ShardRecord]:
    """Compute and write every shard given; return their records in order of number.

    Parameters
    ----------
    work : callable
        ``work(shared, shard, isolated) -> ShardOutput``; deterministic, importable in the workers.
    shared : ObjectRef
        Of the read-only data, from one ``ray.put``.
    shards : sequence of Shard
        Those still to do; leave out what ``intact_shards`` found.
    folder : RunFolder
        From ``start_run``.
    max_in_flight : int, optional
        Tasks submitted and not complete; two per CPU of the cluster by default.
    deadline_seconds : callable, optional
        Of a shard: how long one case of it may take in a worker, as a last resort behind the limits of its search. A
        case that takes longer twice is recorded as timeout, the others are computed. Where ``work`` does not say its
        cases (``heartbeat.at_case``), all of them together have the time of all.
    max_attempts : int
        Attempts of a shard whose worker dies without any single case to blame.
    on_progress : callable, optional
        See ``OnProgress``.
    ray_options : mapping, optional
        Options of the task such as ``num_cpus``, ``num_gpus``, ``memory``, ``max_calls``.
    n_intact : int
        Shards left out because they are complete, to count in messages.
    deadline : Deadline, optional
        Of all shards together: those that would not be done by then at the pace so far are not started, those under way
        are ended, and their cases are recorded as not started. One task per CPU is submitted at a time.

    Returns
    -------
    list of ShardRecord

    Raises
    ------
    IncompleteRunError
        Shards failed; the others are complete in storage.
    StorageError
        The first failure was the store's.
    Interrupted
        SIGINT or SIGTERM; running tasks are killed, complete shards stay.
    """
    remote = ray.remote(**{"num_cpus": 1, **(ray_options or {}), "max_retries": 0})(run_attempt)
    remote = remote.options(num_returns="streaming")
    work_reference = ray.put(work)
    limit = max_in_flight or tasks_in_flight()
    if deadline is not None:
        limit = max(1, min(limit, tasks_in_flight() // 2))  # what waits in Ray starts too late to be counted on
        place = {number: position for position, number in enumerate(deadline.order)}
        shards = sorted(shards, key=lambda shard: place[shard.number])
    histories = {
        shard.number: ShardHistory(shard, max_attempts, deadline_seconds(shard) if deadline_seconds else None)
        for shard in shards
    }
    arguments, heartbeats = (folder, log_format()), Heartbeats()
    state = _Shards(
        histories,
        lambda attempt, kept: remote.remote(work_reference, shared, attempt, *arguments, heartbeats.key(attempt), kept),
        RunMetrics(folder),
        heartbeats,
        deadline,
    )
    report = on_progress or (lambda done: None)
    with sigterm_interrupts():
        try:
            _drive(state, limit, report)
        except KeyboardInterrupt:
            state.cancel_all()
            raise Interrupted.from_counts(
                folder.run_id, n_intact + len(state.records), n_intact + len(shards)
            ) from None
    _raise_failures(state, folder, n_intact)
    return [state.records[number] for number in sorted(state.records)]


def _drive(state: _Shards, max_in_flight: int, report: OnProgress) -> None:
    while state.waiting or state.running:
        state.fill(max_in_flight)
        ready, _ = ray.wait(list(state.running), num_returns=1, timeout=POLL_SECONDS, fetch_local=False)
        for task in ready:
            record = state.receive(task)
            if record is not None:
                report(record)
        state.cancel_overdue()
        report(sum(pieces[-1].n_cases for pieces in state.kept.values()))


def _raise_failures(state: _Shards, folder: RunFolder, n_intact: int) -> None:
    if state.first_failure is None:
        return
    failed = state.failed()
    number, detail, is_storage = state.first_failure
    if is_storage:
        raise StorageError(
            f"run {folder.run_id}: {len(failed)} shards could not be written (first: shard {number}). {detail}"
        )
    raise IncompleteRunError.from_failed_shards(
        folder.run_id,
        n_intact + len(state.records),
        n_intact + len(state.histories),
        failed,
        state.histories[number].n_full_attempts,
        f"{detail} in shard {number}",
    )
