"""The layers of a piecewise-linear network, read from an ONNX graph that is a chain of affine maps and ReLUs.

Autoencoders (Gemm or MatMul and Add, then Relu) are such chains, and so is neural collaborative filtering over a fixed
catalogue: a user vector, broadcast to all items by an Add, then layers that are shared by the items, which are block
diagonal matrices here. A last monotone function (Sigmoid, Tanh, Softmax) leaves every rank as it is and is left out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Matrix = NDArray[np.float64] | sp.csr_array

_MONOTONE = ("Sigmoid", "Tanh", "Softmax", "LogSoftmax", "Softplus", "Elu", "LeakyRelu")
_MOST_ENTRIES = 10**8
"""Of a matrix; a chain with a larger one is not read."""


@dataclass(frozen=True)
class Layer:
    """``weights (n_in, n_out)`` and ``offsets (n_out,)`` of an affine map; ``is_relu``: negative results become 0."""

    weights: Matrix
    offsets: NDArray[np.float64]
    is_relu: bool


@dataclass(frozen=True)
class ReluNetwork:
    """``layers`` from histories to scores; ``has_monotone_end``: the model's are a monotone function of these."""

    layers: tuple[Layer, ...]
    has_monotone_end: bool

    def scores(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The network in float64, ``(n, n_items)`` for histories ``(n, n_items)``."""
        values = inputs
        for layer in self.layers:
            values = values @ layer.weights + layer.offsets
            values = np.maximum(values, 0.0) if layer.is_relu else values
        return values


@dataclass
class _Chain:
    """Layers so far; the last one is open, maps to ``shape`` (flat in C order) and is None where it is the identity."""

    layers: list[Layer]
    weights: Matrix | None
    offsets: NDArray[np.float64]
    shape: tuple[int, ...]

    def multiply(self, matrix: Matrix, shape: tuple[int, ...]) -> None:
        """Apply a matrix: a layer of its own, unless nothing but an offset is before it."""
        if self.weights is None:
            self.offsets = self.offsets @ matrix
            self.weights = matrix
        else:
            self.layers.append(Layer(self.weights, self.offsets, False))
            self.weights, self.offsets = matrix, np.zeros(matrix.shape[1])
        self.shape = shape

    def close(self, *, is_relu: bool) -> None:
        """End the open layer."""
        size = len(self.offsets)
        weights = sp.csr_array(sp.identity(size)) if self.weights is None else self.weights
        self.layers.append(Layer(weights, self.offsets, is_relu))
        self.weights, self.offsets = None, np.zeros(size)


def read_relu_network(content: bytes, n_items: int) -> ReluNetwork | None:
    """The layers of a network.

    Parameters
    ----------
    content : bytes
        An ONNX file that ``make_onnx`` has accepted.
    n_items : int

    Returns
    -------
    ReluNetwork or None
        None where the graph is anything else than a chain of affine maps and ReLUs.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(content).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Transpose" and node.input[0] in constants and constants[node.input[0]].ndim == 2:
            constants[node.output[0]] = constants[node.input[0]].T
        elif node.op_type == "Identity" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
    (current,) = [given.name for given in graph.input if given.name not in constants]
    chain = _Chain([], None, np.zeros(n_items), (n_items,))
    has_monotone_end = False
    while current != graph.output[0].name:
        users = [node for node in graph.node if current in node.input]
        if len(users) != 1 or len(users[0].output) != 1 or has_monotone_end:
            return None
        node = users[0]
        values = [None if name == current else constants.get(name) for name in node.input if name]
        if sum(value is None for value in values) != 1:
            return None
        options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        has_monotone_end = node.op_type in _MONOTONE
        if not has_monotone_end and not _apply(chain, node.op_type, values, options):
            return None
        if node.op_type in ("Softmax", "LogSoftmax") and options.get("axis", -1) not in (-1, 1):
            return None
        current = node.output[0]
    chain.close(is_relu=False)
    return ReluNetwork(tuple(chain.layers), has_monotone_end) if chain.shape == (n_items,) else None


def _apply(chain: _Chain, operator: str, values: list[Any], options: dict[str, Any]) -> bool:
    """Add one operator to a chain; False where it is none that a chain has."""
    others = [np.asarray(value) for value in values if value is not None]
    if operator in ("Identity", "Dropout"):
        return True
    if operator == "Relu":
        chain.close(is_relu=True)
        return True
    if operator == "Gemm":
        return _gemm(chain, values, others, options)
    if operator == "MatMul":
        return values[0] is None and _matmul(chain, others[0])
    if operator in ("Add", "Sub"):
        return (operator == "Add" or values[0] is None) and _add(chain, others[0] if operator == "Add" else -others[0])
    if operator in ("Unsqueeze", "Squeeze", "Flatten", "Reshape"):
        return _reshape(chain, operator, others, options)
    return False


def _gemm(chain: _Chain, values: list[Any], others: list[NDArray[Any]], options: dict[str, Any]) -> bool:
    if values[0] is not None or options.get("transA", 0) or len(chain.shape) != 1:
        return False
    matrix = others[0].T if options.get("transB", 0) else others[0]
    if not _matmul(chain, float(options.get("alpha", 1.0)) * matrix):
        return False
    return len(others) == 1 or _add(chain, float(options.get("beta", 1.0)) * others[1])


def _matmul(chain: _Chain, matrix: NDArray[Any]) -> bool:
    if matrix.ndim != 2 or len(chain.shape) > 2 or chain.shape[-1] != matrix.shape[0] or matrix.size > _MOST_ENTRIES:
        return False
    dense = matrix.astype(np.float64)
    if len(chain.shape) == 1:
        chain.multiply(dense, (matrix.shape[1],))
        return True
    # Shared by all rows: one block per row.
    n_rows = chain.shape[0]
    if n_rows * matrix.size > _MOST_ENTRIES:
        return False
    blocks = sp.csr_array(sp.kron(sp.identity(n_rows), dense, format="csr"))
    chain.multiply(blocks, (n_rows, matrix.shape[1]))
    return True


def _add(chain: _Chain, constant: NDArray[Any]) -> bool:
    """Add a constant; where it has a row for each item and the user has one in all, the user's is repeated."""
    tail = constant.reshape(constant.shape[1:]) if constant.ndim > len(chain.shape) else constant
    if constant.ndim > len(chain.shape) + 1 or (constant.ndim > len(chain.shape) and constant.shape[0] != 1):
        return False
    try:
        shape = np.broadcast_shapes(chain.shape, tail.shape)
    except ValueError:
        return False
    if shape != chain.shape:
        if len(chain.shape) != 2 or chain.shape[0] != 1 or shape[1] != chain.shape[1]:
            return False
        if shape[0] * shape[1] * max(len(chain.offsets), 1) > _MOST_ENTRIES * 10:
            return False
        repeated = sp.csr_array(sp.kron(np.ones((1, shape[0])), sp.identity(shape[1]), format="csr"))
        chain.multiply(repeated, shape)
    chain.offsets = chain.offsets + np.broadcast_to(tail.astype(np.float64), shape).ravel()
    return True


def _reshape(chain: _Chain, operator: str, others: list[NDArray[Any]], options: dict[str, Any]) -> bool:
    """Change the shape of what is behind the batch, not its order."""
    axes = [int(axis) for axis in (others[0].ravel() if others else options.get("axes", []))]
    size = int(np.prod(chain.shape))
    if operator == "Flatten":
        shape: tuple[int, ...] = (size,)
        fits = options.get("axis", 1) == 1
    elif operator == "Reshape":
        shape = tuple(axes[1:])
        shape = tuple(size // abs(int(np.prod(shape))) if one == -1 else one for one in shape)
        fits = len(axes) > 1 and axes[0] in (-1, 0) and all(one > 0 for one in shape) and int(np.prod(shape)) == size
    elif operator == "Unsqueeze":
        places = [axis % (len(chain.shape) + 2) for axis in axes]
        fits = places in ([1], [len(chain.shape) + 1])
        shape = (1, *chain.shape) if places == [1] else (*chain.shape, 1)
    else:
        places = [axis % (len(chain.shape) + 1) for axis in axes]
        fits = len(places) == 1 and places[0] > 0 and chain.shape[places[0] - 1] == 1
        shape = tuple(one for axis, one in enumerate(chain.shape, 1) if axis not in places)
    if fits:
        chain.shape = shape
    return bool(fits)
