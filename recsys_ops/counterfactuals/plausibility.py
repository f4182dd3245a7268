"""The folded network as rows of the program: an upper bound on the log-likelihood, exact where it has been visited.

A pair is ``a + f(b - a)`` with f convex (softplus, or the positive part). Chords of f lie above it, so with
breakpoints ``l = p_0 < .. < p_m = h`` of ``b - a``

    t <= a + lambda_s (b - a) + kappa_s + M_s (1 - z_s),    sum_s z_s = 1,    M_s = max_{p in {l, h}} f(p) - chord_s(p)

bounds the pair from above, is exact at the breakpoints, and needs no row that says in which segment ``b - a`` lies: f's
chords are themselves the segments of a convex function, of which t is at most the greatest. One chord from l to h holds
without binaries and tightens the relaxation. The positive part is exact with its two own segments.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.folding import Affine, Folded, Pair, excess
from recsys_ops.counterfactuals.formulation import Removals
from recsys_ops.counterfactuals.program import Program

COARSE = 1.0
"""Nats by which a pair may be overestimated before any point has been visited."""

APART = 1e-7
"""Breakpoints are at least this far from each other; between two of them a chord is exact to 1e-15."""

Breakpoints = dict[tuple[int, int], set[float]]


@dataclass(frozen=True)
class Columns:
    """Where the program holds the cells and the pairs of a folded network."""

    cells: NDArray[np.int64]
    pairs: NDArray[np.int64]

    def row(self, affine: Affine) -> tuple[list[int], list[float]]:
        """Columns and coefficients of an affine expression, without its constant."""
        columns = [int(self.cells[cell]) for cell in affine.cells] + [int(self.pairs[pair]) for pair in affine.pairs]
        return columns, [*affine.cells.values(), *affine.pairs.values()]


def add_likelihood(program: Program, folded: Folded, removals: Removals, visited: Breakpoints) -> Columns:
    """Columns and rows that bound the log-likelihood ``folded.root`` from above.

    Parameters
    ----------
    program : Program
    folded : Folded
    removals : Removals
        Columns of the units taken.
    visited : dict
        Differences, per pair, at which the bound must be exact.

    Returns
    -------
    Columns
    """
    cells = program.add_columns(len(folded.cells))
    lowest, highest = (np.array([pair.value[end] for pair in folded.pairs]) for end in (0, 1))
    pairs = program.add_columns(len(folded.pairs), lower=lowest, upper=highest, is_whole=False)
    columns = Columns(cells, pairs)
    _link_cells(program, folded, removals, columns)
    for position, pair in enumerate(folded.pairs):
        _bound_pair(program, columns, position, pair, _segments(pair, folded, visited.get(pair.key, set())))
    return columns


def _link_cells(program: Program, folded: Folded, removals: Removals, columns: Columns) -> None:
    """The units taken from a variable's members are in the range of its cell."""
    for variable, members in folded.members.items():
        own = [position for position, cell in enumerate(folded.cells) if cell.variable == variable]
        units = removals.columns[np.isin(removals.used, members)]
        lowest = [-float(folded.cells[cell].lowest) for cell in own]
        beyond = [-float(folded.cells[cell].highest - folded.first_highest[variable]) for cell in own]
        linked = np.append(units, columns.cells[own])
        ones = [1.0] * len(units)
        program.add_row(linked, ones + lowest, lower=0.0)
        program.add_row(linked, ones + beyond, upper=folded.first_highest[variable])
        if len(own) > 1:
            program.add_row(columns.cells[own], 1.0, upper=1.0)


def forbid_cells(program: Program, folded: Folded, columns: Columns, taken: NDArray[np.int64]) -> None:
    """Cut off all that the log-likelihood cannot tell from one removal: some variable must be in another cell."""
    here = folded.here(taken)
    left = {folded.cells[cell].variable for cell in here}
    others = [c for c, cell in enumerate(folded.cells) if cell.variable not in left]
    signs = [-1.0] * len(here) + [1.0] * len(others)
    program.add_row(columns.cells[[*sorted(here), *others]], signs, lower=1.0 - len(here))


def _segments(pair: Pair, folded: Folded, visited: set[float]) -> list[tuple[float, float]]:
    """Slopes and intercepts of the segments whose greatest bounds ``f`` on ``lowest .. highest``."""
    if folded.mixture == "best":
        return [(0.0, 0.0), (1.0, 0.0)]
    points = [pair.lowest]
    for point in sorted({pair.highest, *visited, *_spread(pair.lowest, pair.highest)}):
        if points[-1] + APART < point <= pair.highest:
            points.append(point)
    points[-1] = pair.highest
    return [_chord(low, high) for low, high in itertools.pairwise(points)]


def _spread(low: float, high: float) -> list[float]:
    """Breakpoints between which no chord is more than ``COARSE`` above softplus."""
    middle = (low + high) / 2 if low * high >= 0 else 0.0
    slope, intercept = _chord(low, high)
    # The chord is farthest from softplus where their slopes agree.
    touch = float(np.clip(np.log(slope / (1 - slope)), low, high)) if 0 < slope < 1 else middle
    if slope * touch + intercept - excess(touch, "exact") <= COARSE:
        return []
    return [*_spread(low, touch), touch, *_spread(touch, high)]


def _chord(low: float, high: float) -> tuple[float, float]:
    at_low, at_high = excess(low, "exact"), excess(high, "exact")
    slope = (at_high - at_low) / (high - low)
    return slope, at_low - slope * low


def _bound_pair(
    program: Program, columns: Columns, position: int, pair: Pair, segments: list[tuple[float, float]]
) -> None:
    ends = np.array([pair.lowest, pair.highest])
    upper = np.max([slope * ends + intercept for slope, intercept in segments], axis=0)
    slope = float((upper[1] - upper[0]) / (ends[1] - ends[0]))
    whole = (slope, float(upper[0] - slope * ends[0]))
    _add_segment(program, columns, position, pair, whole)
    if len(segments) == 1:
        return
    choices = program.add_columns(len(segments))
    for choice, (slope, intercept) in zip(choices, segments, strict=True):
        loosest = float(np.max(upper - (slope * ends + intercept)))
        _add_segment(program, columns, position, pair, (slope, intercept), int(choice), loosest)
    program.add_row(choices, 1.0, lower=1.0, upper=1.0)


def _add_segment(
    program: Program,
    columns: Columns,
    position: int,
    pair: Pair,
    segment: tuple[float, float],
    choice: int | None = None,
    loosest: float = 0.0,
) -> None:
    """``t <= (1 - slope) first + slope second + intercept``, unless another segment is chosen."""
    slope, intercept = segment
    bound = Affine(intercept).plus(pair.first, 1.0 - slope).plus(pair.second, slope)
    where, coefficients = columns.row(bound)
    where, coefficients = [int(columns.pairs[position]), *where], [1.0, *(-c for c in coefficients)]
    if choice is not None:
        where, coefficients = [*where, choice], [*coefficients, loosest]
    program.add_row(where, coefficients, upper=bound.constant + loosest)
