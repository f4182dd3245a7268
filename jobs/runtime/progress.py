"""Say how far a run is: a bar on a terminal, else one log line every few seconds."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from jobs.store.records import ShardRecord

LOG_SECONDS = 5.0
_log = logging.getLogger("recsys_ops.progress")


@dataclass
class Pace:
    """Shards and cases done, and the rate over the whole run."""

    n_shards: int
    n_cases: int
    shards_done: int = 0
    cases_done: int = 0
    cases_under_way: int = 0
    """Done in shards that are not complete."""
    started: float = field(default_factory=time.monotonic)

    def note(self, done: ShardRecord | int) -> None:
        """Count a complete shard, or take over the cases that are done in others."""
        if isinstance(done, int):
            self.cases_under_way = done
        else:
            self.shards_done += 1
            self.cases_done += done.n_cases

    @property
    def cases(self) -> int:
        """Done, in complete shards and in others."""
        return self.cases_done + self.cases_under_way

    def line(self, now: float) -> str:
        """One line for a log: done, rate and time left."""
        seconds = max(now - self.started, 1e-9)
        rate = self.cases / seconds
        left = f"{(self.n_cases - self.cases) / rate:.0f} s left" if rate else "time left unknown"
        return (
            f"{self.shards_done} of {self.n_shards} shards, {self.cases} of {self.n_cases} cases, "
            f"{rate:.1f} cases/s, {seconds:.0f} s elapsed, {left}"
        )


@contextmanager
def show_progress(job: str, n_shards: int, n_cases: int) -> Iterator[Callable[[ShardRecord | int], None]]:
    """Give the ``on_progress`` of ``run_shards``: a bar if stderr is a terminal, else log lines.

    Parameters
    ----------
    job : str
        Shown first.
    n_shards, n_cases : int
        Still to do.

    Returns
    -------
    context manager of a callable
        Takes the ``ShardRecord`` of a complete shard, or the number of cases done in shards that are not complete.
    """
    pace = Pace(n_shards, n_cases)
    if sys.stderr.isatty():
        with _bar(job, pace) as update:
            yield update
        return
    yield _lines(job, pace)
    _log.info("%s: %s", job, pace.line(time.monotonic()))


def _lines(job: str, pace: Pace) -> Callable[[ShardRecord | int], None]:
    last = pace.started

    def update(done: ShardRecord | int) -> None:
        nonlocal last
        pace.note(done)
        now = time.monotonic()
        if now - last >= LOG_SECONDS:
            last = now
            _log.info("%s: %s", job, pace.line(now))

    return update


@contextmanager
def _bar(job: str, pace: Pace) -> Iterator[Callable[[ShardRecord | int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cases, {task.fields[rate]:.1f}/s, {task.fields[shards]} shards"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(job, total=pace.n_cases, rate=0.0, shards=f"0/{pace.n_shards}")

        def update(done: ShardRecord | int) -> None:
            if done == pace.cases_under_way:
                return
            pace.note(done)
            rate = pace.cases / max(time.monotonic() - pace.started, 1e-9)
            bar.update(task, completed=pace.cases, rate=rate, shards=f"{pace.shards_done}/{pace.n_shards}")

        yield update
