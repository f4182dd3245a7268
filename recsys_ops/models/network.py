"""A sum-product network as flat arrays: what the optimiser and the workers read.

Nodes stand in topological order, children before parents, the root last. A leaf is the log-density of one variable,
piecewise constant: a Bernoulli or categorical leaf has a piece per value ``0, 1, 2 ..``, a histogram one per bin.
Source: Poon and Domingos (2011); LiCE (Nemecek, Pevny, Marecek, ICLR 2025), section 3.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class NodeKind(IntEnum):
    """What a node computes from its children."""

    LEAF = 0
    PRODUCT = 1
    SUM = 2


@dataclass(frozen=True)
class Network:
    """Flat arrays of a sum-product network in the log domain.

    ``kind (n_nodes,)`` of ``NodeKind``. Children of node n: ``child[child_start[n]:child_start[n + 1]]`` with
    ``log_weight`` on the same edges (0 below products). Leaves: ``variable (n_nodes,)``, -1 for inner nodes; pieces of
    leaf n are ``piece_start[n]:piece_start[n + 1]``, each from ``piece_lower`` (inclusive; the first one reaches down
    to -inf) to the next piece's lower end (exclusive; the last one reaches up to inf) at ``piece_log_density``, all
    finite. ``is_discrete (n_variables,)``: the variable takes whole numbers only, so that a piece is its values.
    """

    kind: NDArray[np.int8]
    child_start: NDArray[np.int64]
    child: NDArray[np.int64]
    log_weight: NDArray[np.float64]
    variable: NDArray[np.int64]
    piece_start: NDArray[np.int64]
    piece_lower: NDArray[np.float64]
    piece_log_density: NDArray[np.float64]
    is_discrete: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def n_variables(self) -> int:
        """Variables of the distribution."""
        return len(self.is_discrete)
