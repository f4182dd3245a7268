"""Random small sum-product networks, and their evaluation value by value from the definition."""

import math

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.network import Network, NodeKind


def random_network(
    rng: np.random.Generator,
    n_variables: int,
    *,
    n_values: int = 2,
    continuous: bool = False,
    depth: int = 3,
    n_children: int = 3,
) -> Network:
    """A tree of sums and products in turn, normalised, with every variable in scope.

    Parameters
    ----------
    rng : Generator
    n_variables : int, >= 1
    n_values : int, >= 1
        Discrete variables take 0 .. n_values - 1: exp of the log-likelihoods of all joint values sums to 1. Bins of
        a leaf are single values or runs of them, and differ from leaf to leaf.
    continuous : bool
        Densities on [0, 1) instead.
    depth : int
        Levels of sums and products at most.
    n_children : int, >= 2
        Most children of a node.

    Returns
    -------
    Network
    """
    tree = _Tree(n_values, continuous)
    tree.grow(rng, list(range(n_variables)), depth, n_children, prefers_sum=bool(rng.random() < 0.5))
    return tree.network(n_variables)


def log_likelihood(network: Network, values: NDArray[np.float64], *, best_child: bool = False) -> float:
    """Log-likelihood of one row, node by node from the root; sums by their best child with ``best_child``."""
    return _node_value(network, len(network) - 1, values, best_child)


def leaf_log_density(network: Network, leaf: int, value: float) -> float:
    """Log-density of the last bin that begins at or below the value, of the first one if none does."""
    first, last = network.bin_start[leaf], network.bin_start[leaf + 1]
    density = float(network.bin_log_density[first])
    for position in range(first, last):
        if network.bin_lower[position] <= value:
            density = float(network.bin_log_density[position])
    return density


def _node_value(network: Network, node: int, values: NDArray[np.float64], best_child: bool) -> float:
    if network.kind[node] == NodeKind.LEAF:
        return leaf_log_density(network, node, float(values[network.variable[node]]))
    edges = range(network.child_start[node], network.child_start[node + 1])
    below = [_node_value(network, int(network.child[edge]), values, best_child) for edge in edges]
    if network.kind[node] == NodeKind.PRODUCT:
        return math.fsum(below)
    weighted = [value + float(network.log_weight[edge]) for value, edge in zip(below, edges, strict=True)]
    return max(weighted) if best_child else math.log(math.fsum(math.exp(value) for value in weighted))


class _Tree:
    """Nodes in topological order: children before parents."""

    def __init__(self, n_values: int, continuous: bool) -> None:
        self.n_values, self.continuous = n_values, continuous
        self.kinds: list[NodeKind] = []
        self.children: list[list[int]] = []
        self.log_weights: list[list[float]] = []
        self.variables: list[int] = []
        self.bins: list[tuple[list[float], list[float]]] = []

    def grow(
        self, rng: np.random.Generator, scope: list[int], depth: int, n_children: int, *, prefers_sum: bool
    ) -> int:
        if depth > 0 and (prefers_sum or (len(scope) > 1 and rng.random() < 0.2)):
            below = [
                self.grow(rng, scope, depth - 1, n_children, prefers_sum=False)
                for _ in range(rng.integers(2, n_children + 1))
            ]
            return self._add(NodeKind.SUM, below, np.log(_shares(rng, len(below))).tolist())
        if len(scope) == 1:
            return self._add(NodeKind.LEAF, [], [], scope[0], self._bins(rng))
        n_parts = len(scope) if depth == 0 else int(rng.integers(2, min(n_children, len(scope)) + 1))
        parts = [part.tolist() for part in np.array_split(rng.permutation(scope), n_parts)]
        below = [self.grow(rng, part, depth - 1, n_children, prefers_sum=True) for part in parts]
        return self._add(NodeKind.PRODUCT, below, [0.0] * len(below))

    def network(self, n_variables: int) -> Network:
        return Network(
            kind=np.array(self.kinds, dtype=np.int8),
            child_start=_starts(self.children),
            child=np.array([child for below in self.children for child in below], dtype=np.int64),
            log_weight=np.array([weight for edges in self.log_weights for weight in edges], dtype=np.float64),
            variable=np.array(self.variables, dtype=np.int64),
            bin_start=_starts([lower for lower, _ in self.bins]),
            bin_lower=np.array([edge for lower, _ in self.bins for edge in lower], dtype=np.float64),
            bin_log_density=np.array([value for _, values in self.bins for value in values], dtype=np.float64),
            is_discrete=np.full(n_variables, not self.continuous),
        )

    def _bins(self, rng: np.random.Generator) -> tuple[list[float], list[float]]:
        """Lower ends and log-densities: mass per value of a run of values, or per unit of an interval."""
        if self.continuous:
            inner = np.sort(rng.choice(np.arange(1, 20), size=rng.integers(0, 5), replace=False)) / 20
        else:
            inner = np.flatnonzero(rng.random(self.n_values - 1) < 0.7) + 1.0
        lower = np.concatenate([[0.0], inner])
        sizes = np.diff(np.append(lower, 1.0 if self.continuous else self.n_values))
        return lower.tolist(), np.log(_shares(rng, len(lower)) / sizes).tolist()

    def _add(
        self,
        kind: NodeKind,
        children: list[int],
        log_weights: list[float],
        variable: int = -1,
        bins: tuple[list[float], list[float]] | None = None,
    ) -> int:
        self.kinds.append(kind)
        self.children.append(children)
        self.log_weights.append(log_weights)
        self.variables.append(variable)
        self.bins.append(bins or ([], []))
        return len(self.kinds) - 1


def _shares(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = rng.dirichlet(np.full(n, 0.8)) + 1e-3
    return shares / shares.sum()


def _starts(parts: list[list[int]] | list[list[float]]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
