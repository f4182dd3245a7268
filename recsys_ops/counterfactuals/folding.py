"""What is left of a sum-product network for one history and a distance that may be spent.

A variable is a function of the units taken from its members, ``D_v = sum_j d_j``. Values of ``D_v`` between which no
leaf can tell form a **cell**. A variable that cannot leave its first cell within the distance is a constant, and
constants fold through the network; children of a sum node that are dominated drop out. What remains is affine in
one-hot cells except for the sum nodes, each a chain of pairs ``log(exp a + exp b) = a + softplus(b - a)`` with bounds
on ``b - a``. With the mixture "best" a pair is ``a + max(0, b - a)``, the best-child bound of LiCE (eq. 6 to 10).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.inputs import Inputs, most_units
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Mixture
from recsys_ops.models.network import NodeKind

NEGLIGIBLE = 25.0
"""A child this many nats below another, whatever is taken, adds less than 2e-11 to a sum."""

CONSTANT = 1e-12
"""Differences of two children that move by no more than this are constants."""


@dataclass
class Affine:
    """``constant + sum of cells (one-hot) + sum of pairs``, by position of the cell or pair."""

    constant: float
    cells: dict[int, float] = field(default_factory=dict)
    pairs: dict[int, float] = field(default_factory=dict)

    def plus(self, other: "Affine", factor: float = 1.0) -> "Affine":
        """``self + factor * other``."""
        total = Affine(self.constant + factor * other.constant, dict(self.cells), dict(self.pairs))
        for mine, theirs in ((total.cells, other.cells), (total.pairs, other.pairs)):
            for position, coefficient in theirs.items():
                mine[position] = mine.get(position, 0.0) + factor * coefficient
        return total


@dataclass(frozen=True)
class Cell:
    """A range ``lowest .. highest`` of units taken from the variable's members; not the first range, which has none."""

    variable: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class Pair:
    """Log of the sum of two exponentials; ``lowest .. highest`` bounds ``second - first``, ``value`` the pair itself.

    ``key`` names the pair whatever distance the network was folded for.
    """

    key: tuple[int, int]
    first: Affine
    second: Affine
    lowest: float
    highest: float
    value: tuple[float, float]


@dataclass(frozen=True)
class Folded:
    """The network of one question as far as ``distance`` can change it.

    ``members[v]`` positions of the history that variable v sums over, ``first_highest[v]`` the end of its first cell.
    """

    root: Affine
    members: dict[int, NDArray[np.intp]]
    first_highest: dict[int, int]
    cells: list[Cell]
    pairs: list[Pair]
    mixture: Mixture

    def evaluate(self, taken: NDArray[np.int64]) -> tuple[float, dict[tuple[int, int], float]]:
        """Log-likelihood once units are gone (by the mixture), and ``second - first`` of each pair."""
        units = {variable: int(taken[members].sum()) for variable, members in self.members.items()}
        here = {c for c, cell in enumerate(self.cells) if cell.lowest <= units[cell.variable] <= cell.highest}
        values: list[float] = []
        differences = {}
        for pair in self.pairs:
            first, second = _at(pair.first, here, values), _at(pair.second, here, values)
            differences[pair.key] = second - first
            values.append(first + excess(second - first, self.mixture))
        return _at(self.root, here, values), differences

    @property
    def most(self) -> float:
        """Upper bound on the log-likelihood."""
        return _range(self.root, self.cells, self.pairs)[1]


def excess(difference: float, mixture: Mixture) -> float:
    """What the second child adds to the first: softplus of their difference, or its positive part."""
    if mixture == "best":
        return max(difference, 0.0)
    return max(difference, 0.0) + float(np.log1p(np.exp(-abs(difference))))


def _at(affine: Affine, here: set[int], values: list[float]) -> float:
    cells = sum(coefficient for cell, coefficient in affine.cells.items() if cell in here)
    return affine.constant + cells + sum(coefficient * values[pair] for pair, coefficient in affine.pairs.items())


def _range(affine: Affine, cells: list[Cell], pairs: list[Pair]) -> tuple[float, float]:
    """Least and greatest value, each variable and each pair taken by itself."""
    least: dict[int, float] = {}
    greatest: dict[int, float] = {}
    for position, coefficient in affine.cells.items():
        variable = cells[position].variable
        least[variable] = min(least.get(variable, 0.0), coefficient)
        greatest[variable] = max(greatest.get(variable, 0.0), coefficient)
    low, high = affine.constant + sum(least.values()), affine.constant + sum(greatest.values())
    for position, coefficient in affine.pairs.items():
        ends = [coefficient * value for value in pairs[position].value]
        low, high = low + min(ends), high + max(ends)
    return low, high


def fold(question: Question, inputs: Inputs, mixture: Mixture, distance: float) -> Folded:
    """Fold the network for one question.

    Parameters
    ----------
    question : Question
    inputs : Inputs
    mixture : "exact" or "best"
    distance : float
        Most that will be spent on removals.

    Returns
    -------
    Folded
    """
    network = inputs.network
    nodes = [Affine(value) for value in inputs.factual.tolist()]
    cells, first_highest = _fold_leaves(question, inputs, distance, nodes)
    pairs: list[Pair] = []
    for node in np.flatnonzero(network.kind != NodeKind.LEAF).tolist():
        edges = slice(network.child_start[node], network.child_start[node + 1])
        children = [nodes[child] for child in network.child[edges]]
        if network.kind[node] == NodeKind.PRODUCT:
            nodes[node] = _product(children)
        else:
            weights = network.log_weight[edges].tolist()
            weighted = [child.plus(Affine(weight)) for child, weight in zip(children, weights, strict=True)]
            nodes[node] = _sum(node, weighted, cells, pairs, mixture)
    members = {variable: inputs.members[variable] for variable in first_highest}
    return Folded(nodes[-1], members, first_highest, cells, pairs, mixture)


def _fold_leaves(
    question: Question, inputs: Inputs, distance: float, nodes: list[Affine]
) -> tuple[list[Cell], dict[int, int]]:
    """Make one-hot sums of cells of the leaves that move; the cells, and where the first one of each variable ends."""
    cells: list[Cell] = []
    first_highest: dict[int, int] = {}
    for variable, full_table in inputs.tables.items():
        table = full_table[:, : most_units(question, inputs.members[variable], distance) + 1]
        starts = np.flatnonzero(np.any(np.diff(table, axis=1) != 0, axis=0)) + 1
        if not len(starts):
            continue
        first_highest[variable] = int(starts[0]) - 1
        ends = np.append(starts[1:], table.shape[1]) - 1
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            for leaf, change in zip(inputs.leaves[variable].tolist(), table[:, start] - table[:, 0], strict=True):
                nodes[leaf].cells[len(cells)] = float(change)
            cells.append(Cell(variable, start, end))
    return cells, first_highest


def _product(children: list[Affine]) -> Affine:
    total = Affine(sum(child.constant for child in children))
    for child in children:
        for mine, theirs in ((total.cells, child.cells), (total.pairs, child.pairs)):
            for position, coefficient in theirs.items():
                mine[position] = mine.get(position, 0.0) + coefficient
    return total


def _sum(node: int, children: list[Affine], cells: list[Cell], pairs: list[Pair], mixture: Mixture) -> Affine:
    """Children one after the other, the constants first and as one; a child that never matters drops out."""
    constants = [child.constant for child in children if not child.cells and not child.pairs]
    moving = [child for child in children if child.cells or child.pairs]
    chain = moving
    if constants:
        merged = constants[0]
        for constant in constants[1:]:
            merged += excess(constant - merged, mixture)
        chain = [Affine(merged), *moving]
    total = chain[0]
    threshold = NEGLIGIBLE if mixture == "exact" else 0.0
    for position, child in enumerate(chain[1:]):
        low, high = _range(child.plus(total, -1.0), cells, pairs)
        if high <= -threshold:
            continue
        if low >= threshold:
            total = child
            continue
        if high - low <= CONSTANT:
            total = total.plus(Affine(excess((low + high) / 2, mixture)))
            continue
        first, second = _range(total, cells, pairs), _range(child, cells, pairs)
        value = tuple(a + excess(b - a, mixture) for a, b in zip(first, second, strict=True))
        pairs.append(Pair((node, position), total, child, low, high, value))
        total = Affine(0.0, {}, {len(pairs) - 1: 1.0})
    return total
