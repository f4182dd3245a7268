"""Labels that go together or exclude each other: what a rule says of pairs of one column's tags."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.rules import FeatureRule, folded

NO_COLUMN = -1
"""Place of a required label that no item has."""


def _no_pairs() -> NDArray[np.int64]:
    return np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True)
class Pairs:
    """Columns of pairs of tags: whoever has ``requires[:, 0]`` has ``[:, 1]``; of ``excludes`` no two are together."""

    requires: NDArray[np.int64] = field(default_factory=_no_pairs)
    excludes: NDArray[np.int64] = field(default_factory=_no_pairs)

    def __len__(self) -> int:
        return len(self.requires) + len(self.excludes)

    @property
    def columns(self) -> NDArray[np.int64]:
        """All columns that are in a pair, ascending."""
        named = np.unique(np.concatenate([self.requires.ravel(), self.excludes.ravel()]))
        known: NDArray[np.int64] = named[named != NO_COLUMN]
        return known

    def broken(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which pairs each of some rows ``(m, n_features)`` breaks, ``(m, n_pairs)``, required ones first."""
        has = rows > 0
        missing = ~has[:, self.requires[:, 1]] | (self.requires[:, 1] == NO_COLUMN)
        requires = has[:, self.requires[:, 0]] & missing
        excludes = has[:, self.excludes[:, 0]] & has[:, self.excludes[:, 1]]
        return np.concatenate([requires, excludes], axis=1)

    def newly_broken(self, features: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows break a pair that ``features (n_features,)`` do not, ``(m,)``: what is wrong today may stay so."""
        worse = self.broken(rows) & ~self.broken(features[None])
        return np.asarray(worse.any(axis=1), dtype=bool)


def tag_pairs(rules: Sequence[FeatureRule], rule_of: NDArray[np.int32], values: Sequence[str]) -> Pairs:
    """The pairs that rules declare, as columns.

    Parameters
    ----------
    rules : sequence of FeatureRule
    rule_of : ndarray, shape (n_features,)
        Rule of each column.
    values : sequence of str
        Label of each column.

    Returns
    -------
    Pairs
        A label that requires one that no item has cannot be added.
    """
    requires: list[tuple[int, int]] = []
    excludes: list[tuple[int, int]] = []
    for number, rule in enumerate(rules):
        if not rule.requires and not rule.excludes:
            continue
        at = {folded(values[column]): column for column in np.flatnonzero(rule_of == number).tolist()}
        for label, others in rule.requires.items():
            if folded(label) in at:
                requires += [(at[folded(label)], at.get(folded(other), NO_COLUMN)) for other in others]
        for labels in rule.excludes:
            found = [at[folded(label)] for label in labels if folded(label) in at]
            excludes += list(combinations(found, 2))
    return Pairs(*(np.array(sorted(set(pairs)), dtype=np.int64).reshape(-1, 2) for pairs in (requires, excludes)))
