"""Small ONNX files: autoencoders with ReLUs, neural collaborative filtering over a catalogue, and broken ones."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Sequence[tuple[NDArray[Any], NDArray[Any]]]


def random_weights(rng: np.random.Generator, sizes: Sequence[int]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Weights and offsets of layers of these sizes, in float32, with inputs and outputs of about 1."""
    return [
        (
            rng.normal(0, 2 / np.sqrt(min(n_in, 9)), (n_in, n_out)).astype(np.float32),
            rng.normal(0, 0.3, n_out).astype("f"),
        )
        for n_in, n_out in itertools.pairwise(sizes)
    ]


def autoencoder(weights: Weights, *, end: str | None = None, batch: int | None = None) -> bytes:
    """Gemm and ReLU by turns, then perhaps one more operator."""
    nodes: list[tuple[str, list[str], dict[str, Any]]] = []
    constants = {}
    for n, (matrix, offsets) in enumerate(weights):
        constants |= {f"w{n}": np.ascontiguousarray(matrix.T), f"b{n}": offsets}
        nodes.append(("Gemm", [f"w{n}", f"b{n}"], {"transB": 1}))
        nodes += [("Relu", [], {})] if n < len(weights) - 1 else []
    nodes += [(end, [], {})] if end else []
    return chain(nodes, constants, (weights[0][0].shape[0], weights[-1][0].shape[1]), batch=batch)


def collaborative(rng: np.random.Generator, n_items: int, width: int) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """A user vector against every item of the catalogue: relu(x P + items) W, relu, v."""
    shapes = {"p": (n_items, width), "items": (n_items, width), "w": (width, width), "v": (width, 1)}
    constants = {name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}
    constants |= {"one": np.array([1]), "last": np.array([2])}
    nodes: list[tuple[str, list[str], dict[str, Any]]] = [
        ("MatMul", ["p"], {}), ("Unsqueeze", ["one"], {}), ("Add", ["items"], {}), ("Relu", [], {}),
        ("MatMul", ["w"], {}), ("Relu", [], {}), ("MatMul", ["v"], {}), ("Squeeze", ["last"], {}),
    ]  # fmt: skip
    return chain(nodes, constants, (n_items, n_items)), constants


def chain(
    nodes: Sequence[tuple[str, list[str], dict[str, Any]]],
    constants: dict[str, NDArray[Any]],
    sizes: tuple[int, int],
    *,
    batch: int | None = None,
) -> bytes:
    """A file of operators, each applied to what the one before it gives and to constants."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made, current = [], "x"
    for n, (operator, others, options) in enumerate(nodes):
        made.append(helper.make_node(operator, [current, *others], [f"t{n}"], **options))
        current = f"t{n}"
    rows = "n" if batch is None else batch
    graph = helper.make_graph(
        made, "scores",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, sizes[0]])],
        [helper.make_tensor_value_info(current, TensorProto.FLOAT, [rows, sizes[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    assert onnx.load_model_from_string(content).graph.node
    return content
