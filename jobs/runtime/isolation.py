"""Decide what to try next for a shard after each attempt; knows nothing of Ray.

A crash that repeats is traced to its case by halving: each trial computes some cases with all others isolated and
writes nothing. Then the shard runs again without the cases that kill. A case that is late is named by its worker; a
first attempt names one that began shortly before it, so a trial from there on names it, and confirms that it is late.
"""

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from jobs.runtime.shards import Shard
from jobs.store.records import Isolated
from recsys_ops.status import Status

MAX_NODE_LOSSES = 5
"""Losing a node says nothing about the shard, so it does not count as its crash; five in a row is a sick cluster."""


START_SECONDS = 60.0
"""An attempt may take so long besides its cases."""

MOST_VAGUE_MISSES = 2
"""After so many for which trials found no case, the cases of the shard are given up together."""


class AttemptEnd(Enum):
    """How one attempt ended."""

    DONE = auto()
    DEFECT = auto()
    CRASH = auto()
    NODE_LOST = auto()
    DEADLINE = auto()


@dataclass(frozen=True)
class Beat:
    """Which case of its shard a worker said that it begins.

    ``case`` is None after the last. Cases below ``n_done`` were done by then, ``n_together`` were begun at once. It
    ``is_exact`` where every case is said.
    """

    case: int | None
    n_done: int
    n_together: int
    is_exact: bool


def where_late(beat: Beat | None) -> str:
    """For the log."""
    if beat is None or beat.case is None:
        return ""
    return f"at its case {beat.case}" + ("" if beat.is_exact else " or shortly after it")


@dataclass(frozen=True)
class Attempt:
    """One task to submit: the whole shard (``cases`` is None), or a trial of some of its cases.

    ``n_before`` attempts of the shard were submitted earlier.
    """

    shard: Shard
    isolated: Isolated
    cases: range | None = None
    n_before: int = field(default=0, compare=False)


@dataclass
class ShardHistory:
    """What happened to one shard so far; ``deadline_seconds`` are of one case."""

    shard: Shard
    max_attempts: int
    deadline_seconds: float | None = None
    n_full_attempts: int = 0
    n_defects: int = 0
    n_crashes: int = 0
    n_misses: int = 0
    n_vague_misses: int = 0
    n_late: int = 0
    n_node_losses: int = 0
    n_open_trials: int = 0
    n_retries: int = 0
    isolated: dict[int, tuple[Status, str]] = field(default_factory=dict)
    failure: str = ""

    def first_attempt(self) -> Attempt:
        """The whole shard, nothing isolated."""
        return Attempt(self.shard, {})

    def seconds_for(self, attempt: Attempt, beat: Beat | None = None) -> float | None:
        """How long what the attempt is at may take since it was said; without a beat, all of it since its start."""
        if self.deadline_seconds is None:
            return None
        if beat is not None and beat.case is not None:
            return self.deadline_seconds * beat.n_together
        return START_SECONDS + self.deadline_seconds * (self.shard.n_cases - len(attempt.isolated))

    def after(self, attempt: Attempt, end: AttemptEnd, detail: str, late: Beat | None = None) -> list[Attempt]:
        """Attempts to submit next; empty when the shard is done, waits for its trials, or failed (``failure`` set).

        ``late`` is where an attempt that missed a deadline was, if its worker said it.
        """
        first = self.n_retries + 1
        is_late = end is AttemptEnd.DEADLINE and late is not None and late.case is not None
        again = self._after_late(attempt, late) if is_late and late else self._after(attempt, end, detail)
        self.n_retries += len(again)
        return [replace(next_one, n_before=first + place) for place, next_one in enumerate(again)]

    def cut(self, attempt: Attempt, reason: str) -> list[Attempt]:
        """Attempts to submit once the run has no time left: none of the cases is computed, but each has its row."""
        for case in range(self.shard.n_cases):
            self.isolated.setdefault(case, (Status.NOT_STARTED, reason))
        if attempt.cases is None:
            return [self._again()]
        self.n_open_trials -= 1
        return self._again_when_tried()

    def _after(self, attempt: Attempt, end: AttemptEnd, detail: str) -> list[Attempt]:
        if self.failure or (end is AttemptEnd.DONE and attempt.cases is None):
            return []
        if end is AttemptEnd.NODE_LOST:
            self.n_node_losses += 1
            return self._fail(detail) if self.n_node_losses >= MAX_NODE_LOSSES else [attempt]
        if attempt.cases is not None:
            return self._after_trial(attempt.cases, end, detail)
        self.n_full_attempts += 1
        if end is AttemptEnd.DEFECT:
            return self._after_defect(detail)
        if end is AttemptEnd.CRASH:
            return self._after_crash(detail)
        return self._after_miss()

    def _after_defect(self, detail: str) -> list[Attempt]:
        self.n_defects += 1
        return self._fail(detail) if self.n_defects >= 2 else [self._again()]

    def _after_crash(self, detail: str) -> list[Attempt]:
        self.n_crashes += 1
        if self.n_crashes >= max(self.max_attempts, 3):
            return self._fail(f"{detail}; no single case of the shard does it alone")
        if self.n_crashes < 2:
            return [self._again()]
        return self._trials(range(self.shard.n_cases), detail)

    def _after_miss(self) -> list[Attempt]:
        self.n_misses += 1
        if self.n_misses >= 3:
            return self._fail("deadline exceeded even with all its cases recorded as timeout")
        if self.n_misses == 2:
            reason = f"the shard took longer than {self.deadline_seconds:g} s a case twice, and no case of it is known"
            for case in range(self.shard.n_cases):
                self.isolated.setdefault(case, (Status.TIMEOUT, reason))
        return [self._again()]

    def _after_late(self, attempt: Attempt, late: Beat) -> list[Attempt]:
        """Isolate the case that is late, or try what may be; after a second one the rest is tried before all is done.

        So the time does not grow with the square of the number of late cases.
        """
        is_trial, n_cases = attempt.cases is not None, self.shard.n_cases
        self.n_open_trials -= is_trial
        self.n_full_attempts += not is_trial
        if not late.is_exact or late.case is None:
            self.n_vague_misses += 1
            if self.n_vague_misses > MOST_VAGUE_MISSES:
                self.n_misses = max(self.n_misses, 1)
                return self._after_miss()
            return [self._trial(range(late.n_done, n_cases))]
        self.isolated[late.case] = (Status.TIMEOUT, f"no result within {self.deadline_seconds:g} s: it was stopped")
        self.n_late += 1
        if attempt.cases is not None and self.n_crashes:
            return [self._trial(range(max(late.n_done, attempt.cases.start), attempt.cases.stop))]
        return self._again_when_tried() if self.n_late == 1 else [self._trial(range(late.n_done, n_cases))]

    def _after_trial(self, cases: range, end: AttemptEnd, detail: str) -> list[Attempt]:
        self.n_open_trials -= 1
        if end is AttemptEnd.CRASH:
            return self._trials(cases, detail)
        if end is AttemptEnd.DEADLINE:
            reason = f"took longer than {self.deadline_seconds:g} s a case while the case at fault was looked for"
            self.isolated.update({case: (Status.TIMEOUT, reason) for case in cases})
        return self._again_when_tried()

    def _trials(self, cases: range, detail: str) -> list[Attempt]:
        """Halves of ``cases`` to try; a single case that kills is isolated."""
        if len(cases) <= 1:
            self.isolated.update({case: (Status.ERROR, f"killed its worker twice: {detail}") for case in cases})
            return self._again_when_tried()
        middle = len(cases) // 2
        return [self._trial(half) for half in (cases[:middle], cases[middle:])]

    def _trial(self, cases: range) -> Attempt:
        """Those of ``cases`` that are not isolated, alone."""
        self.n_open_trials += 1
        others = {case: (Status.ERROR, "") for case in range(self.shard.n_cases) if case not in cases}
        return Attempt(self.shard, others | self.isolated, cases)

    def _again_when_tried(self) -> list[Attempt]:
        return [] if self.n_open_trials else [self._again()]

    def _again(self) -> Attempt:
        return Attempt(self.shard, dict(sorted(self.isolated.items())))

    def _fail(self, detail: str) -> list[Attempt]:
        self.failure = detail
        return []
