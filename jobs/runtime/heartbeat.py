"""Which case a worker is at: said by the worker before the case begins, read by the driver.

It is in the key-value store of Ray's head node, which needs no process of its own, and it is there before the case
begins: a native call that never gives the interpreter back cannot hold it up. It takes 0.3 ms, so a first attempt says
it once a second at most; later attempts, and so those that look for a late case, say every case.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ray.exceptions import RayError
from ray.experimental import internal_kv

from jobs.runtime.isolation import Attempt, Beat

SAY_SECONDS = 1.0
"""What a first attempt leaves between two beats, at least."""

_NAMESPACE = b"recsys_ops_heartbeat"
_FAILURES = (RayError, OSError)
"""Of the store: the run goes on, and a late shard is noticed by the time of all its cases."""


@dataclass
class _Pulse:
    """The beats of the attempt that this process computes."""

    key: bytes
    says_every_case: bool
    is_trial: bool
    last: float = -SAY_SECONDS
    n_before: int = 0
    """Cases of the shard before those that are computed now and numbered from 0."""

    def say(self, beat: Beat) -> None:
        now = time.monotonic()
        if self.says_every_case or beat.case is None or now - self.last >= SAY_SECONDS:
            self.last = now
            with suppress(*_FAILURES):
                internal_kv._internal_kv_put(self.key, json.dumps(vars(beat)).encode(), namespace=_NAMESPACE)


_pulse: _Pulse | None = None


def at_case(case: int, *, n_together: int = 1, n_done: int | None = None) -> None:
    """Say that a case begins; called by the job's ``run_shard`` before each case that it computes.

    Outside a worker nothing happens.

    Parameters
    ----------
    case : int
        Its number inside the shard, as in ``isolated``.
    n_together : int
        Cases that are computed at once, this one and others; they have the time of so many.
    n_done : int, optional
        All cases with a lower number are done; by default those below ``case``.
    """
    if _pulse is not None:
        exact = _pulse.says_every_case and n_together == 1
        first = _pulse.n_before
        _pulse.say(Beat(first + case, first + (case if n_done is None else n_done), n_together, exact))


def after_last_case() -> None:
    """Say that no case is under way any more: what is left is to write."""
    if _pulse is not None:
        _pulse.say(Beat(None, 0, 1, is_exact=False))


def after_cases(n_before: int) -> None:
    """Say how many cases of the shard come before those that are computed next, which are numbered from 0."""
    if _pulse is not None:
        _pulse.n_before = n_before


def is_trial() -> bool:
    """Whether the attempt looks for a case and gives no rows: then each is computed alone, to see which it is."""
    return _pulse is not None and _pulse.is_trial


@contextmanager
def saying(key: bytes, attempt: Attempt) -> Iterator[None]:
    """In a worker: while an attempt is computed, its beats go to ``key``."""
    global _pulse
    _pulse = _Pulse(key, says_every_case=attempt.n_before > 0, is_trial=attempt.cases is not None)
    try:
        yield
    finally:
        _pulse = None


class Heartbeats:
    """In the driver: the last beat of each attempt."""

    def __init__(self) -> None:
        self.prefix = uuid.uuid4().hex

    def key(self, attempt: Attempt) -> bytes:
        """Where the worker of an attempt says its case."""
        return f"{self.prefix}/{attempt.shard.number}/{attempt.n_before}".encode()

    def read(self, attempt: Attempt) -> Beat | None:
        """What was said last; None if nothing was."""
        value = None
        with suppress(*_FAILURES):
            value = internal_kv._internal_kv_get(self.key(attempt), namespace=_NAMESPACE)
        return None if value is None else Beat(**json.loads(value))

    def forget(self, attempt: Attempt) -> None:
        """Once the attempt has ended."""
        with suppress(*_FAILURES):
            internal_kv._internal_kv_del(self.key(attempt), namespace=_NAMESPACE)
