"""Cut a job into shards of similar measured cost, without breaking a unit (a seller, a user) in two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from recsys_ops.errors import ConfigError

TARGET_SECONDS = 20.0
"""Long enough to hide scheduling (milliseconds) and part writing, short enough to lose little when a worker dies."""


@dataclass(frozen=True)
class Shard:
    """A run of neighbouring units, one task and one part per table; ``last_unit`` is included."""

    number: int
    first_unit: int
    last_unit: int
    n_cases: int
    seconds: float = 0.0

    @property
    def units(self) -> range:
        """Positions of the shard's units."""
        return range(self.first_unit, self.last_unit + 1)


def plan_shards(
    unit_seconds: Sequence[float],
    *,
    unit_cases: Sequence[int] | None = None,
    n_shards: int | None = None,
    target_seconds: float = TARGET_SECONDS,
) -> list[Shard]:
    """Contiguous groups of units balanced by cost; the same inputs give the same shards.

    Parameters
    ----------
    unit_seconds : sequence of float, >= 0
        Cost of each unit; its scale matters only when ``n_shards`` is None.
    unit_cases : sequence of int, optional
        Cases in each unit, numbered through the shard from 0; 1 each by default.
    n_shards : int, optional
        At most this many; fewer when there are fewer units. By default total cost over ``target_seconds``.
    target_seconds : float, > 0
        Wanted work per shard.

    Returns
    -------
    list of Shard
        Numbered from 0, none empty, together all units in order; empty when there are no units.

    Raises
    ------
    ConfigError
        ``n_shards`` is below 1, or a cost is negative or not finite.
    """
    if n_shards is not None and n_shards < 1:
        raise ConfigError(f"--shards {n_shards} is below 1. Use --shards 1 or more, or leave it out.")
    wrong = [position for position, cost in enumerate(unit_seconds) if not 0 <= cost < math.inf]
    if wrong:
        raise ConfigError(f"shard plan: {len(wrong)} unit costs are negative or not finite (first: unit {wrong[0]}).")
    n_units = len(unit_seconds)
    if n_units == 0:
        return []
    cases = [1] * n_units if unit_cases is None else list(unit_cases)
    wanted = n_shards if n_shards is not None else math.ceil(sum(unit_seconds) / target_seconds)
    edges = _balanced_edges(unit_seconds, min(max(wanted, 1), n_units))
    return [
        Shard(number, first, stop - 1, sum(cases[first:stop]), float(sum(unit_seconds[first:stop])))
        for number, (first, stop) in enumerate(pairwise(edges))
    ]


def _balanced_edges(unit_seconds: Sequence[float], n_shards: int) -> list[int]:
    """Cut where the running cost passes each equal share, leaving at least one unit to every shard."""
    n_units = len(unit_seconds)
    running = [0.0, *accumulate(unit_seconds)]
    if running[-1] == 0:
        running = [float(position) for position in range(n_units + 1)]
    edges = [0]
    position = 0
    for number in range(1, n_shards):
        share = running[-1] * number / n_shards
        while position < n_units and running[position] + running[position + 1] < 2 * share:
            position += 1
        position = min(max(position, edges[-1] + 1), n_units - (n_shards - number))
        edges.append(position)
    return [*edges, n_units]
