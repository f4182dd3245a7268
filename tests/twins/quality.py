"""Recall and nDCG of one list by counting."""

import math
from collections.abc import Collection, Sequence


def recall(shown: Sequence[int], wanted: Collection[int], depth: int) -> float:
    """Hits among the first ``depth`` over the most there can be."""
    hits = sum(item in wanted for item in shown[:depth])
    return hits / min(depth, len(wanted))


def ndcg(shown: Sequence[int], wanted: Collection[int], depth: int) -> float:
    """Discounted hits over those of a list that begins with all that is wanted."""
    gain = sum(1 / math.log2(rank + 1) for rank, item in enumerate(shown[:depth], start=1) if item in wanted)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(depth, len(wanted)) + 1))
    return gain / best
