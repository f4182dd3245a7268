"""The deadline of a whole run: what may still start, and what the rows of the rest say."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.runtime.isolation import Attempt
from jobs.store.records import ShardRecord


@dataclass(frozen=True)
class Deadline:
    """When no case may be under way any more (``time.monotonic``), what starts first, and what the other rows say.

    ``order`` has the numbers of all shards.
    """

    at: float
    order: Sequence[int]
    reason: str

    def is_past(self, attempt: Attempt, done: Iterable[tuple[float, ShardRecord]] = ()) -> bool:
        """Whether cases of this attempt would not be done in time, at the pace of what is done.

        Parameters
        ----------
        attempt : Attempt
            One that computes nothing is never late.
        done : iterable of (float, ShardRecord)
            Seconds that complete shards were planned to take, and their records.
        """
        if attempt.cases is None and len(attempt.isolated) >= attempt.shard.n_cases:
            return False
        pairs = list(done)
        planned, taken = sum(seconds for seconds, _ in pairs), sum(record.seconds for _, record in pairs)
        expected = attempt.shard.seconds * taken / planned if planned else 0.0
        return time.monotonic() + expected > self.at
