"""What a search for an explanation is given besides its question, and what it returns: the same for both engines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.settings import Mixture
from recsys_ops.models.likelihood import Likelihood

Earlier = list[NDArray[np.intp]]
"""Positions that each earlier explanation touches."""


@dataclass(frozen=True)
class Goal:
    """``alpha`` > 0 with threshold -inf, or a threshold with alpha 0; ``mixture`` says which log-likelihood counts."""

    likelihood: Likelihood
    alpha: float
    threshold: float
    mixture: Mixture


@dataclass(frozen=True)
class SearchResult:
    """Units ``taken`` or None, their ``objective`` (inf without), and its proven lower ``bound``.

    ``is_proven``: nothing better exists; without ``taken``, nothing at all. ``method`` is "bounds", "mio", "pyomo" or
    "search".
    ``by_exact``: the best-child bound has no solution, so the exact likelihood was solved for. ``is_possible``: there
    are removals that bring the item out of the top k, as far as is known. ``is_disputed``: the solver said that this is
    best, but nothing else confirms it. ``is_exact``: everything affordable has been tried.
    ``is_exhausted``: a search without proofs has ended by itself, so that more time would not help.
    """

    taken: NDArray[np.int64] | None
    objective: float
    bound: float
    is_proven: bool
    method: str
    nodes: int = 0
    by_exact: bool = False
    is_possible: bool = True
    is_disputed: bool = False
    is_exact: bool = False
    is_exhausted: bool = False
