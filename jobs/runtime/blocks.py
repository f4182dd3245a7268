"""Spread a pure function over consecutive blocks of a range, results in order."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray

from jobs.runtime.cluster import tasks_in_flight
from jobs.runtime.worker import one_thread

BLOCKS_PER_TASK = 4
"""Enough work in a task to hide its scheduling, little enough for a steady progress line."""

LOG_SECONDS = 5.0
Result = TypeVar("Result")
_log = logging.getLogger("recsys_ops.progress")


def map_blocks(
    function: Callable[..., Result], shared: Sequence[Any], blocks: Sequence[tuple[int, int]], title: str
) -> Iterator[Result]:
    """Apply ``function(model, blocks, arguments)`` to runs of blocks; a few tasks per CPU at a time.

    Parameters
    ----------
    function : callable
        Pure: Ray repeats a task whose worker died.
    shared : pair of ObjectRef
        The model and the further arguments.
    blocks : sequence of (first, last)
    title : str
        What the log calls it.

    Yields
    ------
    Result
        In the order of the blocks.
    """
    model, arguments = shared
    remote: Any = ray.remote(num_cpus=1, max_retries=3)(_apply)
    limit = tasks_in_flight()
    chunks = deque(blocks[n : n + BLOCKS_PER_TASK] for n in range(0, len(blocks), BLOCKS_PER_TASK))
    n_chunks, done, last_line = len(chunks), 0, time.monotonic()
    running: deque[Any] = deque()
    while chunks or running:
        while chunks and len(running) < limit:
            running.append(remote.remote(function, model, chunks.popleft(), arguments))
        yield ray.get(running.popleft())
        done += 1
        if time.monotonic() - last_line > LOG_SECONDS:
            last_line = time.monotonic()
            _log.info("%s: %d of %d", title, done, n_chunks)


def _apply(function: Callable[..., Result], model: Any, blocks: Any, arguments: Any) -> Result:
    with one_thread():
        return function(model, blocks, arguments)
