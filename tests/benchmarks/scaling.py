"""How long many workers would take: one driver hands out shards in order, two ahead per worker, as the jobs do."""

import heapq
from collections.abc import Sequence

AHEAD = 2
"""Shards given to a worker before it needs them, see ``jobs.runtime.cluster.tasks_in_flight``."""


def makespan(shard_seconds: Sequence[float], n_workers: int, driver_seconds: float) -> float:
    """Seconds until the last shard is done.

    Parameters
    ----------
    shard_seconds : sequence of float
        What each shard takes in its worker, in the order of submission.
    n_workers : int
    driver_seconds : float
        What one shard costs the driver, which sees to one after the other.
    """
    driver = 0.0
    free_at = [0.0] * n_workers
    done_at: list[float] = []
    for number, seconds in enumerate(shard_seconds):
        if number >= AHEAD * n_workers:
            driver = max(driver, heapq.heappop(done_at))
        driver += driver_seconds
        end = max(heapq.heappop(free_at), driver) + seconds
        heapq.heappush(free_at, end)
        heapq.heappush(done_at, end)
    return max(free_at)
