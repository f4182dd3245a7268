"""What is left of a sum-product network for one history and a distance that may be spent.

A variable is a function of the units taken from its members, ``D_v = sum_j d_j``. Values of ``D_v`` between which no
leaf can tell form a **cell**. A variable that cannot leave its first cell within the distance is a constant, and
constants fold through the network; children of a sum node that are dominated drop out. What remains is affine in
one-hot cells except for the sum nodes, each a chain of pairs ``log(exp a + exp b) = a + softplus(b - a)`` with bounds
on ``b - a``. With the mixture "best" a pair is ``a + max(0, b - a)``, the best-child bound of LiCE (eq. 6 to 10).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.inputs import Inputs
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Mixture
from recsys_ops.counterfactuals.tolerances import RESOLUTION
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
    """A range ``lowest .. highest`` of units taken from the variable's members, and the least ``expense`` to reach it.

    The first range, which costs nothing, is no cell.
    """

    variable: int
    lowest: int
    highest: int
    expense: float


@dataclass(frozen=True)
class Pair:
    """Log of the sum of two exponentials; ``lowest .. highest`` bounds ``second - first``.

    The pair itself is ``factual`` as long as less than ``expense`` is spent, and always within ``value``. ``key`` names
    it whatever distance the network was folded for.
    """

    key: tuple[int, int]
    first: Affine
    second: Affine
    lowest: float
    highest: float
    value: tuple[float, float]
    factual: float
    expense: float


@dataclass(frozen=True)
class Folded:
    """The network of one question as far as ``distance`` can change it.

    ``members[v]`` positions of the history that variable v sums over, ``first_highest[v]`` the end of its first cell,
    ``most`` an upper bound on the log-likelihood.
    """

    root: Affine
    members: dict[int, NDArray[np.intp]]
    first_highest: dict[int, int]
    cells: list[Cell]
    pairs: list[Pair]
    mixture: Mixture
    most: float

    def here(self, taken: NDArray[np.int64]) -> set[int]:
        """Cells that the variables are in once units are gone; all that the log-likelihood can tell of a removal."""
        units = {variable: int(taken[members].sum()) for variable, members in self.members.items()}
        return {c for c, cell in enumerate(self.cells) if cell.lowest <= units[cell.variable] <= cell.highest}

    def evaluate(self, taken: NDArray[np.int64]) -> tuple[float, dict[tuple[int, int], float]]:
        """Log-likelihood once units are gone (by the mixture), and ``second - first`` of each pair."""
        here = self.here(taken)
        values: list[float] = []
        differences = {}
        for pair in self.pairs:
            first, second = _at(pair.first, here, values), _at(pair.second, here, values)
            differences[pair.key] = second - first
            values.append(first + excess(second - first, self.mixture))
        return _at(self.root, here, values), differences


def excess(difference: float, mixture: Mixture) -> float:
    """What the second child adds to the first: softplus of their difference, or its positive part."""
    if mixture == "best":
        return max(difference, 0.0)
    return max(difference, 0.0) + float(np.log1p(np.exp(-abs(difference))))


def _at(affine: Affine, here: set[int], values: list[float]) -> float:
    cells = sum(coefficient for cell, coefficient in affine.cells.items() if cell in here)
    return affine.constant + cells + sum(coefficient * values[pair] for pair, coefficient in affine.pairs.items())


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
    folding = _Folding(cells, mixture, distance * _overlap(inputs, first_highest))
    for node in np.flatnonzero(network.kind != NodeKind.LEAF).tolist():
        edges = slice(network.child_start[node], network.child_start[node + 1])
        children = [nodes[child] for child in network.child[edges]]
        if network.kind[node] == NodeKind.PRODUCT:
            nodes[node] = _product(children)
        else:
            weights = network.log_weight[edges].tolist()
            weighted = [child.plus(Affine(weight)) for child, weight in zip(children, weights, strict=True)]
            nodes[node] = folding.sum(node, weighted)
    members = {variable: inputs.members[variable] for variable in first_highest}
    most = folding.range(nodes[-1])[1]
    return Folded(nodes[-1], members, first_highest, cells, folding.pairs, mixture, most)


def _fold_leaves(
    question: Question, inputs: Inputs, distance: float, nodes: list[Affine]
) -> tuple[list[Cell], dict[int, int]]:
    """Make one-hot sums of cells of the leaves that move; the cells, and where the first one of each variable ends."""
    cells: list[Cell] = []
    first_highest: dict[int, int] = {}
    for variable, full_table in inputs.tables.items():
        expenses = inputs.expenses[variable]
        table = full_table[:, expenses <= distance + RESOLUTION]
        starts = np.flatnonzero(np.any(np.diff(table, axis=1) != 0, axis=0)) + 1
        if not len(starts):
            continue
        first_highest[variable] = int(starts[0]) - 1
        ends = np.append(starts[1:], table.shape[1]) - 1
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            for leaf, change in zip(inputs.leaves[variable].tolist(), table[:, start] - table[:, 0], strict=True):
                nodes[leaf].cells[len(cells)] = float(change)
            cells.append(Cell(variable, start, end, float(expenses[start])))
    return cells, first_highest


def _overlap(inputs: Inputs, variables: Iterable[int]) -> int:
    """Most variables that one interaction is a member of: what is spent once may move so many."""
    members = [inputs.members[variable] for variable in variables]
    return int(np.bincount(np.concatenate(members)).max()) if members else 1


def _product(children: list[Affine]) -> Affine:
    total = Affine(sum(child.constant for child in children))
    for child in children:
        for mine, theirs in ((total.cells, child.cells), (total.pairs, child.pairs)):
            for position, coefficient in theirs.items():
                mine[position] = mine.get(position, 0.0) + coefficient
    return total


Gains = dict[tuple[str, int], tuple[float, float]]
"""Of each variable and pair, the greatest gain and the best rate of gain per expense."""


@dataclass
class _Folding:
    """The pairs made so far, and how far a ``budget`` can move what is made of them."""

    cells: list[Cell]
    mixture: Mixture
    budget: float
    pairs: list[Pair] = field(default_factory=list)

    def sum(self, node: int, children: list[Affine]) -> Affine:
        """Children one after the other, the constants first and as one; a child that never matters drops out."""
        constants = [child.constant for child in children if not child.cells and not child.pairs]
        chain = [child for child in children if child.cells or child.pairs]
        if constants:
            merged = constants[0]
            for constant in constants[1:]:
                merged += excess(constant - merged, self.mixture)
            chain = [Affine(merged), *chain]
        total = chain[0]
        for position, child in enumerate(chain[1:]):
            total = self._pair((node, position), total, child)
        return total

    def _pair(self, key: tuple[int, int], first: Affine, second: Affine) -> Affine:
        threshold = NEGLIGIBLE if self.mixture == "exact" else 0.0
        low, high = self._difference(first, second)
        if high <= -threshold:
            return first
        if low >= threshold:
            return second
        if high - low <= CONSTANT:
            return first.plus(Affine(excess((low + high) / 2, self.mixture)))
        ranges = self.range(first), self.range(second)
        value = tuple(a + excess(b - a, self.mixture) for a, b in zip(*ranges, strict=True))
        factual = self._factual(first), self._factual(second)
        here = factual[0] + excess(factual[1] - factual[0], self.mixture)
        expense = min(self._expense(first), self._expense(second))
        self.pairs.append(Pair(key, first, second, low, high, (value[0], value[1]), here, expense))
        return Affine(0.0, {}, {len(self.pairs) - 1: 1.0})

    def _difference(self, first: Affine, second: Affine) -> tuple[float, float]:
        """Range of ``second - first``: each by itself, and cell by cell."""
        (low, high), (other_low, other_high) = self.range(first), self.range(second)
        # A variable can be in a cell of one and in a pair of the other, which then share what is spent on it.
        factor = 2.0 if first.pairs or second.pairs else 1.0
        together = self.range(second.plus(first, -1.0), factor * self.budget)
        return max(other_low - high, together[0]), min(other_high - low, together[1])

    def range(self, affine: Affine, budget: float | None = None) -> tuple[float, float]:
        """Least and greatest value within the budget: a continuous knapsack over variables and pairs."""
        rises: Gains = {}
        falls: Gains = {}
        for position, coefficient in affine.cells.items():
            cell = self.cells[position]
            _widen(rises, ("variable", cell.variable), coefficient, cell.expense)
            _widen(falls, ("variable", cell.variable), -coefficient, cell.expense)
        for position, coefficient in affine.pairs.items():
            pair = self.pairs[position]
            for end in pair.value:
                _widen(rises, ("pair", position), coefficient * (end - pair.factual), pair.expense)
                _widen(falls, ("pair", position), -coefficient * (end - pair.factual), pair.expense)
        here, budget = self._factual(affine), self.budget if budget is None else budget
        return here - _most_within(falls, budget), here + _most_within(rises, budget)

    def _factual(self, affine: Affine) -> float:
        return affine.constant + sum(c * self.pairs[position].factual for position, c in affine.pairs.items())

    def _expense(self, affine: Affine) -> float:
        cells = (self.cells[position].expense for position in affine.cells)
        pairs = (self.pairs[position].expense for position in affine.pairs)
        return min([np.inf, *cells, *pairs])


def _widen(gains: Gains, key: tuple[str, int], gain: float, expense: float) -> None:
    """Keep the greatest gain and the best rate of gain per expense."""
    if gain > 0:
        most, rate = gains.get(key, (0.0, 0.0))
        gains[key] = max(most, gain), max(rate, gain / expense)


def _most_within(gains: Gains, budget: float) -> float:
    total = 0.0
    for gain, rate in sorted(gains.values(), key=lambda entry: -entry[1]):
        spent = min(gain / rate, budget)
        total, budget = total + rate * spent, budget - spent
    return total
