"""What a provider sees of a plan: how far it goes, which features it changes, and what it brings."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Plans:
    """Plans as a provider sees them: ``sparsity (m,)``, ``proximity (m,)``, what each changes and ``gain (m,)``.

    ``features`` are named as in the changes of the recourse table; ``gain`` is the share of the group that is gained.
    """

    sparsity: NDArray[np.float64]
    proximity: NDArray[np.float64]
    features: Sequence[Set[str]]
    gain: NDArray[np.float64]

    def only(self, chosen: NDArray[np.intp]) -> "Plans":
        """Some of the plans."""
        return Plans(
            self.sparsity[chosen], self.proximity[chosen], [self.features[n] for n in chosen], self.gain[chosen]
        )

    def changes(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """1 where a plan changes anything of a column of the items, ``(m, len(columns))``."""
        found = [column_names(names) for names in self.features]
        return np.array([[column in names for column in columns] for names in found], dtype=np.float64).reshape(
            len(found), len(columns)
        )


def column_names(features: Iterable[str]) -> set[str]:
    """Columns of the items that some changes are of: each tag is a feature of its own, of one column."""
    return {name.partition(": ")[0] for name in features}
