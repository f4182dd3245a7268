"""A sum-product network as flat arrays: what the optimiser and the workers read.

Nodes stand in topological order, children before parents, the root last. A leaf is the log-density of one variable,
constant within each bin: a Bernoulli or categorical leaf has a bin per value ``0, 1, 2 ..``, a histogram one per bin.
Source: Poon and Domingos (2011); LiCE (Nemecek, Pevny, Marecek, ICLR 2025), section 3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 64 * 2**20
"""Memory that the rows evaluated at a time may take."""


class NodeKind(IntEnum):
    """What a node computes from its children."""

    LEAF = 0
    PRODUCT = 1
    SUM = 2


@dataclass(frozen=True)
class Network:
    """Flat arrays of a sum-product network in the log domain.

    ``kind (n_nodes,)`` of ``NodeKind``. Children of node n: ``child[child_start[n]:child_start[n + 1]]`` with
    ``log_weight`` on the same edges (0 below products). Leaves: ``variable (n_nodes,)``, -1 for inner nodes; bins of
    leaf n are ``bin_start[n]:bin_start[n + 1]``, each from ``bin_lower`` (inclusive; the first one reaches down
    to -inf) to the next bin's lower end (exclusive; the last one reaches up to inf) at ``bin_log_density``, all
    finite. ``is_discrete (n_variables,)``: the variable takes whole numbers only, so that a bin is its values.
    """

    kind: NDArray[np.int8]
    child_start: NDArray[np.int64]
    child: NDArray[np.int64]
    log_weight: NDArray[np.float64]
    variable: NDArray[np.int64]
    bin_start: NDArray[np.int64]
    bin_lower: NDArray[np.float64]
    bin_log_density: NDArray[np.float64]
    is_discrete: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def n_variables(self) -> int:
        """Variables of the distribution."""
        return len(self.is_discrete)


def log_likelihood(network: Network, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact log-likelihood.

    Parameters
    ----------
    network : Network
    values : ndarray, shape (n, n_variables)

    Returns
    -------
    ndarray, shape (n,)
        The same bits for a row whichever rows it comes with.
    """
    return _evaluate(network, values, _log_sum_exp)


def best_child_bound(network: Network, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower bound on the log-likelihood: each sum node counts its best child only (LiCE, section 4).

    Parameters
    ----------
    network : Network
    values : ndarray, shape (n, n_variables)

    Returns
    -------
    ndarray, shape (n,)
    """
    return _evaluate(network, values, lambda weighted: weighted.max(axis=1))


def leaf_log_densities(network: Network, leaf: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-densities of one leaf.

    Parameters
    ----------
    network : Network
    leaf : int
        Position of the node.
    values : ndarray, shape (n,)
        Of the leaf's variable.

    Returns
    -------
    ndarray, shape (n,)
    """
    first, last = network.bin_start[leaf], network.bin_start[leaf + 1]
    position = first + np.searchsorted(network.bin_lower[first + 1 : last], values, side="right")
    densities: NDArray[np.float64] = network.bin_log_density[position]
    return densities


def _evaluate(
    network: Network, values: NDArray[np.float64], mix: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    leaves = np.flatnonzero(network.kind == NodeKind.LEAF)
    inner = np.flatnonzero(network.kind != NodeKind.LEAF)
    result = np.empty(len(values))
    size = max(1, BLOCK_BYTES // (16 * (len(network) + len(network.bin_lower))))
    for first in range(0, len(values), size):
        block = values[first : first + size]
        nodes = np.empty((len(block), len(network)))
        nodes[:, leaves] = _all_leaves(network, leaves, block)
        for node in inner:
            edges = slice(network.child_start[node], network.child_start[node + 1])
            # In row order, so that the sum over a row does not depend on the other rows.
            below = np.ascontiguousarray(nodes[:, network.child[edges]])
            is_sum = network.kind[node] == NodeKind.SUM
            nodes[:, node] = mix(below + network.log_weight[edges]) if is_sum else below.sum(axis=1)
        result[first : first + size] = nodes[:, -1]
    return result


def _all_leaves(network: Network, leaves: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What ``leaf_log_densities`` gives for each leaf, ``(n, n_leaves)``, many times faster for a single row."""
    starts = network.bin_start[leaves]
    variable_of_bin = np.repeat(network.variable[leaves], network.bin_start[leaves + 1] - starts)
    # Inner nodes have no bins, so that those of the leaves follow each other.
    begun = network.bin_lower <= values[:, variable_of_bin]
    position = np.maximum(np.add.reduceat(begun, starts, axis=1, dtype=np.int64) - 1, 0)
    densities: NDArray[np.float64] = network.bin_log_density[starts + position]
    return densities


def _log_sum_exp(weighted: NDArray[np.float64]) -> NDArray[np.float64]:
    greatest = weighted.max(axis=1)
    total: NDArray[np.float64] = greatest + np.log(np.exp(weighted - greatest[:, None]).sum(axis=1))
    return total
