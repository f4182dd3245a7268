"""Iterative hard thresholding: revert the changes that matter least, and keep the whole path.

RecRec reverts the smallest change first and stops at a tolerated loss of success. Here "smallest" is measured by what
it does: the change whose reversion loses the fewest users goes first. The path of reversions is the frontier,
(number of changes -> share of users reached), from which one point is picked: by the caller's tolerance, or at the
knee, where a further change begins to gain less than the changes gain on average (the point farthest above the chord
of the frontier; Satopaa et al. 2011, "Finding a Kneedle in a Haystack").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.settings import RecourseSettings


@dataclass(frozen=True)
class Frontier:
    """``kept[n]`` the n changes that reach ``n_satisfied[n]`` users, n = 0 .. all of them."""

    kept: tuple[NDArray[np.intp], ...]
    n_satisfied: NDArray[np.int64]

    def within(self, tolerance: float, n_wanted: int = 0) -> int:
        """Fewest changes that lose at most the tolerated share of the users gained by all of them.

        Where at least ``n_wanted`` users can be reached, it is not fewer than that; else as many as can be.

        The paper tolerates a share of all users reached; for an item that many see already, that would accept no
        change at all.
        """
        before, best = self.n_satisfied[0], self.n_satisfied.max()
        wanted = max(before + (1.0 - tolerance) * (best - before), min(n_wanted, best))
        return int(np.argmax(self.n_satisfied >= wanted - 1e-9))

    def chosen(self, settings: RecourseSettings, n_targets: int, n_others: int = 0) -> int:
        """Number of changes that the settings pick; ``n_others`` users count as satisfied without being targets."""
        n_wanted = settings.n_wanted(n_targets, int(self.n_satisfied[0]) - n_others) + n_others
        return self.knee(n_wanted) if settings.knee else self.within(settings.tolerance, n_wanted)

    def knee(self, n_wanted: int = 0) -> int:
        """Number of changes from which on each further one gains less than all do on average.

        Where the frontier bends upwards all the way, that is all changes that gain anything; where at least
        ``n_wanted`` users can be reached, it is not fewer than that.
        """
        most = self.within(0.0)
        gained = self.n_satisfied[: most + 1] - self.n_satisfied[0]
        above_chord = gained / max(gained[-1], 1) - np.arange(most + 1) / max(most, 1)
        enough = self.n_satisfied[: most + 1] >= min(n_wanted, self.n_satisfied[most])
        above_chord[0] = -1.0 if most else 0.0  # no change is no advice
        return int(np.argmax(np.where(enough, np.round(above_chord, 9), -2.0)))


def best_frontier(effects: NDArray[np.float64], gaps: NDArray[np.float64], starts: list[NDArray[np.intp]]) -> Frontier:
    """The best of several reversion paths at every number of changes.

    Parameters
    ----------
    effects, gaps
        As in ``reversion_path``.
    starts : list of ndarray
        Changes to revert from, largest set first.

    Returns
    -------
    Frontier
    """
    paths = [(start, reversion_path(effects[:, start], gaps)) for start in starts]
    kept, counts = [], []
    for n in range(len(starts[0]) + 1):
        at_n = [(int(path.n_satisfied[n]), start[path.kept[n]]) for start, path in paths if n <= len(start)]
        best = max(range(len(at_n)), key=lambda position: (at_n[position][0], -position))
        counts.append(at_n[best][0])
        kept.append(at_n[best][1])
    return Frontier(tuple(kept), np.array(counts, dtype=np.int64))


def reversion_path(effects: NDArray[np.float64], gaps: NDArray[np.float64]) -> Frontier:
    """Revert changes one by one.

    Parameters
    ----------
    effects : ndarray, shape (n_users, n_changes)
        What each change adds to the item's score for each target user.
    gaps : ndarray, shape (n_users,)
        What the score must gain; for users who have the item already, not more than 0: what it must not lose.

    Returns
    -------
    Frontier
    """
    kept = np.arange(effects.shape[1])
    gained = effects.sum(axis=1)
    subsets, counts = [kept], [_n_satisfied(gained, gaps)]
    while len(kept):
        without = gained[:, None] - effects[:, kept]
        n_left = (without >= gaps[:, None]).sum(axis=0)
        room = np.where(gaps > 0, gaps, 1.0)[:, None]
        closeness = np.clip(without / room, 0.0, 1.0)[gaps > 0].sum(axis=0)
        least = np.lexsort((np.arange(len(kept)), -closeness, -n_left))[0]
        gained = without[:, least]
        kept = np.delete(kept, least)
        subsets.append(kept)
        counts.append(_n_satisfied(gained, gaps))
    return Frontier(tuple(reversed(subsets)), np.array(counts[::-1], dtype=np.int64))


def _n_satisfied(gained: NDArray[np.float64], gaps: NDArray[np.float64]) -> int:
    return int((gained >= gaps).sum())
