"""Any recommender, brought as an ONNX file: histories ``(n, n_items)`` in, scores ``(n, n_items)`` out.

The file is data: it is parsed, checked and run by onnxruntime on one thread, in blocks of histories. What could make it
read other files, draw random numbers or give something else than scores is refused before the first case.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.relu_network import ReluNetwork, read_relu_network
from recsys_ops.storage import is_missing_file, open_file, storage_errors

PREFIX = "onnx:"
"""What a model's name starts with, before the URL of its file."""

BLOCK_BYTES = 32 * 2**20
"""Inputs of one call of the runtime."""

_RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")
_PROBED = 3


@dataclass(frozen=True, eq=False)
class OnnxRecommender:
    """``content (n_bytes,)`` of the file, as uint8, for a catalogue of ``n_items``.

    ``item_ids`` as ``LinearRecommender`` has them. Two recommenders are never equal: each has a session of its own,
    which is opened where it is first used and does not travel between processes.
    """

    content: NDArray[np.uint8]
    n_items: int
    item_ids: Array | None = field(default=None)

    @property
    def is_single(self) -> bool:
        """Whether scores are exact to float32 only."""
        return bool(_session(self).get_inputs()[0].type != "tensor(double)")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content.tobytes()).hexdigest()

    @cached_property
    def network(self) -> ReluNetwork | None:
        """The same function as layers of a ReLU network, where the file holds one, else None."""
        network = read_relu_network(self.content.tobytes(), self.n_items)
        if network is None:
            return None
        probes = _probes(self.n_items)
        found, expected = network.scores(probes.toarray()), self.scores(probes)
        if network.has_monotone_end:
            found, expected = (np.take_along_axis(one, found.argsort(axis=1), axis=1) for one in (found, expected))
            found = np.maximum.accumulate(expected, axis=1)
        agrees = np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
        return network if agrees else None

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``, for histories ``(n, n_items)``; nan where the file gives nan.

        Raises
        ------
        InputError
            The runtime fails, or the scores have another shape.
        """
        session = _session(self)
        (given,) = session.get_inputs()
        kind = np.float64 if given.type == "tensor(double)" else np.float32
        rows = given.shape[0] if isinstance(given.shape[0], int) else None
        size = rows or max(1, BLOCK_BYTES // (np.dtype(kind).itemsize * self.n_items))
        scores = np.empty(histories.shape)
        for first in range(0, histories.shape[0], size):
            block = histories[first : first + size].toarray().astype(kind)
            n = len(block)
            if rows is not None and n < rows:
                block = np.concatenate([block, np.zeros((rows - n, self.n_items), dtype=kind)])
            scores[first : first + n] = _run(session, given.name, block)[:n]
        return scores


def load_onnx(name: str, item_ids: Array) -> OnnxRecommender:
    """Read and check a model that was exported to ONNX.

    Parameters
    ----------
    name : str
        ``onnx:`` and the URL of the file; any fsspec URL.
    item_ids : pyarrow.Array, shape (n_items,)
        Ids of the catalogue; the model has its inputs and outputs in this order.

    Returns
    -------
    OnnxRecommender

    Raises
    ------
    ConfigError
        The optional libraries are not installed.
    InputError
        The file is missing or no ONNX file, does not map histories of this catalogue to scores, draws random numbers,
        reads other files, or gives scores that are not numbers.
    """
    url = name.removeprefix(PREFIX)
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream:
                content = stream.read()
        except OSError as error:
            if not is_missing_file(error):
                raise
            raise InputError(f"{url}: there is no such file. Correct the path after {PREFIX}.") from error
    return make_onnx(content, item_ids, source=url.rpartition("/")[2])


def make_onnx(content: bytes, item_ids: Array, *, source: str = "model") -> OnnxRecommender:
    """The same from the bytes of a file; ``source`` is its name in messages."""
    _refuse_dangerous(content, source)
    model = OnnxRecommender(np.frombuffer(content, dtype=np.uint8), len(item_ids))
    try:
        session = _session(model)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    _check_shapes(session, source, model.n_items)
    try:
        scores, again = model.scores(_probes(model.n_items)), model.scores(_probes(model.n_items))
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    if np.isnan(scores).any():
        raise InputError(
            f"{source}: {np.isnan(scores).any(axis=1).sum()} of {len(scores)} histories of one item have scores that "
            "are NaN. Export the model in evaluation mode, and correct its weights."
        )
    if not np.array_equal(scores, again):
        raise InputError(f"{source}: the same history has other scores each time. Export the model in evaluation mode.")
    return model


@lru_cache(maxsize=2)
def _session(model: OnnxRecommender) -> Any:
    runtime = _library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(model.content.tobytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own have no other base in common, and no public name
        raise InputError(f"onnxruntime cannot use it ({_short(error)}). Export the model again.") from error


def _run(session: Any, name: str, block: NDArray[Any]) -> NDArray[Any]:
    try:
        (scores,) = session.run(None, {name: block})
    except Exception as error:  # as above: an operator may fail on what the probes did not show
        raise InputError(f"onnxruntime failed on a history ({_short(error)}). Export the model again.") from error
    if not isinstance(scores, np.ndarray) or scores.shape != block.shape:
        found = f"of shape {scores.shape}" if isinstance(scores, np.ndarray) else "no array"
        raise InputError(
            f"the scores are {found} for histories of shape {block.shape}. Export a model that scores every item of "
            "the catalogue, in the order of the ids."
        )
    return scores


def _probes(n_items: int) -> sp.csr_array:
    """Histories of one item each."""
    items = np.unique(np.linspace(0, n_items - 1, _PROBED).astype(np.int64))
    return sp.csr_array((np.ones(len(items)), items, np.arange(len(items) + 1)), shape=(len(items), n_items))


def _refuse_dangerous(content: bytes, source: str) -> None:
    """Refuse what is no ONNX file, needs other files or draws random numbers."""
    onnx = _library("onnx")
    from google.protobuf.message import DecodeError  # protobuf comes with onnx

    try:
        graph = onnx.load_model_from_string(content).graph
    except DecodeError as error:
        raise InputError(f"{source}: is no ONNX file ({_short(error)}). Export the model again.") from error
    if not graph.node:
        raise InputError(f"{source}: is no ONNX file, or holds no model. Export the model again.")
    tensors, operators = _contents(graph)
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise InputError(f"{source}: its weights are in other files. Save the model with its weights in one file.")
    random = sorted(operators & set(_RANDOM))
    if random:
        raise InputError(
            f"{source}: it draws random numbers ({', '.join(random)}), so that a history would have other scores each "
            "time. Export the model in evaluation mode."
        )


def _contents(graph: Any) -> tuple[list[Any], set[str]]:
    """All tensors and operators of a graph and of the graphs inside it."""
    tensors, operators, graphs = [], set(), [graph]
    while graphs:
        one = graphs.pop()
        tensors += [*one.initializer]
        for node in one.node:
            operators.add(node.op_type)
            for attribute in node.attribute:
                tensors += [attribute.t, *attribute.tensors]
                graphs += [attribute.g] if attribute.HasField("g") else []
                graphs += [*attribute.graphs]
    return tensors, operators


def _check_shapes(session: Any, source: str, n_items: int) -> None:
    """One input of histories and one output of scores."""
    for given, what, means in (
        (session.get_inputs(), "input", "histories"), (session.get_outputs(), "output", "scores"),
    ):  # fmt: skip
        if len(given) != 1:
            names = ", ".join(one.name for one in given[:_PROBED])
            raise InputError(
                f"{source}: the model has {len(given)} {what}s ({names}), expected one, the {means} of shape "
                f"(n, {n_items}). Export a model with that {what} only."
            )
        shape, kind = given[0].shape, given[0].type
        wrong = len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != n_items)
        if wrong or kind not in ("tensor(float)", "tensor(double)"):
            shown = ", ".join(str(size) for size in shape)
            raise InputError(
                f"{source}: the {what} is {kind} of shape ({shown}), expected {means} as tensor(float) of shape "
                f"(n, {n_items}): a column for each item of the catalogue, in the order of the ids."
            )


def _library(name: str) -> ModuleType:
    from importlib import import_module  # late: the libraries are optional

    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"--model {PREFIX}FILE: needs the library {name}. Install it with: pip install 'recsys-ops[onnx]'"
        ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
