"""Ratings in the object store, mapped in blocks of rows by tasks of Ray: for one case that is too big for one task."""

from collections.abc import Callable
from typing import Any

import numpy as np
import ray
import scipy.sparse as sp
from ray.exceptions import RayTaskError

from jobs.runtime.worker import one_thread
from recsys_ops.models.mf_rows import RowBlock, Side, block_limits, cut_block, sorted_rows, transposed_rows


class RayRows:
    """A ``RowMap`` on Ray: each block of rows is a task, which reads ratings and factors from the object store.

    It may be used inside a task as well: while that waits, its CPU is free for the tasks of the blocks. A division by
    zero, overflow or invalid operation in a block is a FloatingPointError.
    """

    def __init__(self, ratings: sp.csr_array, *, block_ratings: int) -> None:
        """Put the ratings of both sides into the object store.

        Parameters
        ----------
        ratings : csr_array, shape (n_users, n_items)
            Stars; what is stored is rated, zeros included.
        block_ratings : int
            About how many ratings are in a block.
        """
        self._shape = (int(ratings.shape[0]), int(ratings.shape[1]))
        self._n_ratings = int(ratings.nnz)
        sides: dict[Side, sp.csr_array] = {"users": sorted_rows(ratings), "items": transposed_rows(ratings)}
        self._rows = {side: ray.put(rows) for side, rows in sides.items()}
        self._limits = {side: block_limits(rows, block_ratings) for side, rows in sides.items()}
        self._map_block: Any = ray.remote(num_cpus=1, max_retries=3)(_map_block)

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""
        return self._shape

    @property
    def n_ratings(self) -> int:
        """Stored ratings."""
        return self._n_ratings

    def map(self, side: Side, function: Callable[[RowBlock, Any], Any], shared: Any) -> list[Any]:
        """Results of ``function(block, shared)`` for all blocks of one side, in their order."""
        rows, argument = self._rows[side], ray.put(shared)
        tasks = [self._map_block.remote(function, rows, *limits, argument) for limits in self._limits[side]]
        try:
            results: list[Any] = ray.get(tasks)
        except RayTaskError as error:
            raise error.cause from None  # as it would be raised here
        return results


def _map_block(function: Callable[[RowBlock, Any], Any], rows: sp.csr_array, first: int, last: int, shared: Any) -> Any:
    with one_thread(), np.errstate(divide="raise", over="raise", invalid="raise"):
        return function(cut_block(rows, first, last), shared)
