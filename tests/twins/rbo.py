"""Rank-biased overlap of two explicit lists, as in the textbook (Webber, Moffat and Zobel 2010)."""

from collections.abc import Sequence


def truncated(left: Sequence[object], right: Sequence[object], p: float) -> float:
    """Eq. 23 summed to the depth of the lists: a lower bound on the overlap of the lists beyond it."""
    depth = len(left)
    return (1 - p) * sum(p ** (d - 1) * len(set(left[:d]) & set(right[:d])) / d for d in range(1, depth + 1))


def extrapolated(left: Sequence[object], right: Sequence[object], p: float) -> float:
    """Lists of equal length, their agreement at the last rank taken to go on for ever."""
    depth = len(left)
    return truncated(left, right, p) + len(set(left) & set(right)) / depth * p**depth
