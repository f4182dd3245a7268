"""The reduced program: only rivals that can overtake the item within the distance known to suffice.

    min  sum_j c_j d_j                                          c_j = w_j / scale, d_j whole, 0 <= d_j <= limit_j
    sum_j g_jz d_j + loss_z >= (gap_z + loss_z) y_z             per rival z left; loss_z: most that d can cost it
    amount_r y_z <= d_r                                         where z is an item of the history itself
    sum_z y_z >= needed,    least <= sum_j c_j d_j <= most      y binary
    d_j <= limit_j m_j,     sum_j m_j <= most interactions      m binary; where there is such a cap

The textbook program is in ``specification.py``, which shares nothing with this module.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import least_distances, most_within
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.scored import ScoredQuestion


@dataclass(frozen=True)
class Removals:
    """``columns (n_used,)`` of the program that hold the units taken from the interactions ``used``."""

    used: NDArray[np.int64]
    columns: NDArray[np.int64]

    def taken(self, question: Question | ScoredQuestion, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Units taken from each interaction, ``(n,)``, in a point of the program."""
        taken = np.zeros(len(question.history), dtype=np.int64)
        taken[self.used] = np.rint(values[self.columns]).astype(np.int64)
        return taken


def add_removals(
    program: Program, question: Question | ScoredQuestion, rivals: NDArray[np.intp], *, least: float, most: float
) -> Removals:
    """Columns for the units taken, and the rows that make item a leave the top k.

    Parameters
    ----------
    program : Program
        Receives columns and rows; the cost of the units is their distance.
    question : Question or ScoredQuestion
    rivals : ndarray
        Inequalities in the program; the others count as not holding. Without any, the item may stay where it is.
    least, most : float
        The distance is within these.

    Returns
    -------
    Removals
    """
    costs, used = question.costs, np.flatnonzero(question.limits)
    columns = program.add_columns(len(used), cost=costs[used], upper=question.limits[used])
    program.add_row(columns, costs[used], lower=least, upper=most)
    removals = Removals(used, columns)
    if question.max_removed < len(used):
        _touch_few(program, question, removals)
    if len(rivals) and isinstance(question, Question):
        _rank(program, question, rivals, removals, most)
    return removals


def _touch_few(program: Program, question: Question | ScoredQuestion, removals: Removals) -> None:
    """At most ``max_removed`` interactions lose anything."""
    limits, touched = question.limits[removals.used], removals.columns
    if limits.max() > 1:
        touched = program.add_columns(len(limits))
        for column, limit, mark in zip(removals.columns, limits, touched, strict=True):
            program.add_row([column, mark], [1.0, -float(limit)], upper=0.0)
    program.add_row(touched, 1.0, upper=question.max_removed)


def reachable(question: Question, most: float) -> NDArray[np.intp]:
    """Inequalities that can hold within a distance, the easiest first."""
    distances = least_distances(question, question.limits, most)
    order: NDArray[np.intp] = np.argsort(distances, kind="stable")[: np.isfinite(distances).sum()]
    return order


def _rank(program: Program, question: Question, rivals: NDArray[np.intp], removals: Removals, most: float) -> None:
    """``needed`` of the rivals stand above the item."""
    used, columns = removals.used, removals.columns
    costs = question.costs[used]
    gains = question.gains[np.ix_(used, rivals)]
    losses = most_within(-gains / costs[:, None], costs * question.limits[used], most)
    stands = program.add_columns(len(rivals))
    program.add_row(stands, 1.0, lower=question.needed)
    for rival, gain, loss, stand in zip(rivals, gains.T, losses, stands, strict=True):
        span = float(question.gaps[rival]) + loss
        if span > 0:
            # One unit that closes the whole span suffices, so that a larger gain helps no more.
            size = float(np.abs(gain).max())
            row = np.append(np.minimum(gain, span), -span) / size
            program.add_row(np.append(columns, stand), row, lower=-loss / size)
        required = question.requires[rival]
        if required >= 0:
            position = columns[np.searchsorted(used, required)]
            program.add_row([position, stand], [1.0, -float(question.amounts[required])], lower=0.0)


def keep_one_whole(program: Program, removals: Removals, touched: NDArray[np.intp]) -> None:
    """Demand that at least one of the touched interactions stays whole: another explanation, and no superset."""
    members = np.flatnonzero(np.isin(removals.used, touched))
    if len(members) < len(touched):
        return
    marks = program.add_columns(len(members))
    for column, mark in zip(removals.columns[members], marks, strict=True):
        program.add_row([column, mark], [1.0, -program.upper[column]], upper=0.0)
    program.add_row(marks, 1.0, upper=len(members) - 1)


def forbid(program: Program, removals: Removals, taken: NDArray[np.int64]) -> None:
    """Cut off one point: some interaction must lose more units or fewer."""
    marks = []
    for column, units in zip(removals.columns, taken[removals.used], strict=True):
        most = program.upper[column]
        if units > 0:
            (fewer,) = program.add_columns(1)
            program.add_row([column, fewer], [1.0, most - units + 1.0], upper=most)
            marks.append(fewer)
        if units < most:
            (more,) = program.add_columns(1)
            program.add_row([column, more], [1.0, -(units + 1.0)], lower=0.0)
            marks.append(more)
    program.add_row(marks, 1.0, lower=1.0)
