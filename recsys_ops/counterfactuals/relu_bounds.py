"""What removals within a distance can do to the units of a ReLU network: bounds that are affine in the removals.

Only the history's units d vary, so the first layer is affine in them. Every further unit is kept between two affine
functions of d, ``low <= unit <= high``; a ReLU whose input keeps its sign leaves them as they are, any other one has
the chord from (l, 0) to (u, u) above it. Source: Singh et al., DeepPoly (POPL 2019), propagated forwards. The greatest
value of an affine function within a distance is a continuous knapsack.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import most_within
from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.models.relu_network import Layer, Matrix, ReluNetwork


@dataclass(frozen=True)
class Affine:
    """``coefficients (n, m)`` of the units taken and ``constants (m,)``."""

    coefficients: NDArray[np.float64]
    constants: NDArray[np.float64]

    def __matmul__(self, matrix: Matrix) -> "Affine":
        return Affine(np.asarray(self.coefficients @ matrix), np.asarray(self.constants @ matrix))

    def __add__(self, other: "Affine") -> "Affine":
        return Affine(self.coefficients + other.coefficients, self.constants + other.constants)

    def plus(self, offsets: NDArray[np.float64]) -> "Affine":
        """With a number added to each."""
        return Affine(self.coefficients, self.constants + offsets)

    def scaled(self, factors: NDArray[np.float64]) -> "Affine":
        """Each multiplied by a number."""
        return Affine(self.coefficients * factors, self.constants * factors)


@dataclass(frozen=True)
class Enclosure:
    """``low <= x <= high`` for all removals within the distance."""

    low: Affine
    high: Affine


@dataclass(frozen=True)
class Range:
    """``least (m,)`` and ``greatest (m,)`` input of each ReLU of a layer; None for a layer without."""

    least: NDArray[np.float64]
    greatest: NDArray[np.float64]


def sliced(network: ReluNetwork, outputs: NDArray[np.int64]) -> list[Layer]:
    """The layers with only what some outputs depend on; an entry of ``outputs`` may be repeated."""
    layers = []
    needed: NDArray[np.intp] = outputs
    for layer in reversed(network.layers):
        weights, offsets = layer.weights[:, needed], layer.offsets[needed]
        if layer is network.layers[0]:
            layers.append(Layer(weights, offsets, layer.is_relu))
            break
        used: NDArray[np.intp] = np.unique(weights.nonzero()[0])
        layers.append(Layer(weights[used], offsets, layer.is_relu))
        needed = used
    return layers[::-1]


def first_inputs(question: ScoredQuestion, layer: Layer) -> Affine:
    """The first layer before its ReLU, exactly."""
    own = layer.weights[question.history]
    rows = own.toarray() if not isinstance(own, np.ndarray) else own
    constants = (question.amounts / question.scale) @ rows + layer.offsets
    return Affine(-rows / question.scale, constants)


def through(enclosed: Enclosure, layer: Layer) -> Enclosure:
    """One more affine map."""
    rises, falls = _parts(layer.weights)
    low = (enclosed.low @ rises) + (enclosed.high @ falls)
    high = (enclosed.high @ rises) + (enclosed.low @ falls)
    return Enclosure(low.plus(layer.offsets), high.plus(layer.offsets))


def _parts(weights: Matrix) -> tuple[Matrix, Matrix]:
    if isinstance(weights, np.ndarray):
        return np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    return weights.maximum(0.0), weights.minimum(0.0)


def range_of(question: ScoredQuestion, enclosed: Enclosure, most: float) -> Range:
    """Least and greatest values within a distance."""
    return Range(-greatest(question, enclosed.low.scaled(-np.ones(len(enclosed.low.constants))), most),
                 greatest(question, enclosed.high, most))  # fmt: skip


def greatest(question: ScoredQuestion, values: Affine, most: float) -> NDArray[np.float64]:
    """Greatest value of affine functions within a distance, with fractions of units allowed, ``(m,)``."""
    costs = question.costs
    return values.constants + most_within(values.coefficients / costs[:, None], costs * question.limits, most)


def rectified(enclosed: Enclosure, found: Range) -> Enclosure:
    """After a ReLU whose inputs have the range ``found``."""
    least, most = found.least, found.greatest
    on, off = least >= 0, most <= 0
    open_ = ~on & ~off
    width = np.where(open_, most - least, 1.0)
    slope = np.where(on, 1.0, np.where(open_, most / width, 0.0))
    high = enclosed.high.scaled(slope).plus(np.where(open_, -slope * least, 0.0))
    # Of the lines through the origin below it, 0 and the input itself, the one that is nearer on the whole.
    low = enclosed.low.scaled(np.where(on | (open_ & (most > -least)), 1.0, 0.0))
    return Enclosure(low, high)
