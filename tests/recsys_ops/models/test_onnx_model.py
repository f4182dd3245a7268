"""Recommenders brought as ONNX files: the same scores, one clear error for each way to be wrong, and networks read."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from recsys_ops.errors import InputError
from recsys_ops.models.onnx_model import OnnxRecommender, load_onnx, make_onnx
from recsys_ops.models.recommender import check_recommender

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

from tests.suites import onnx_files  # noqa: E402

N = 12
IDS = pa.array(np.arange(N))


def random_model(rng: np.random.Generator, **options: Any) -> tuple[OnnxRecommender, list[Any]]:
    weights = onnx_files.random_weights(rng, (N, 5, 4, N))
    return make_onnx(onnx_files.autoencoder(weights, **options), IDS), weights


def histories(rng: np.random.Generator, n: int = 7) -> sp.csr_array:
    return sp.csr_array((rng.random((n, N)) < 0.4).astype(np.float64))


@pytest.mark.parametrize("batch", [None, 1, 4])
def test_scores_are_those_of_the_network_in_numpy(batch: int | None) -> None:
    rng = np.random.default_rng(0)
    model, weights = random_model(rng, batch=batch)
    given = histories(rng)
    values = given.toarray()
    for n, (matrix, offsets) in enumerate(weights):
        values = values @ matrix + offsets
        values = np.maximum(values, 0) if n < 2 else values
    assert np.allclose(model.scores(given), values, atol=1e-4)
    assert model.is_single
    assert model.network is not None
    assert np.allclose(model.network.scores(given.toarray()), values, atol=1e-6)


@pytest.mark.parametrize("end", ["Sigmoid", "Softmax"])
def test_a_monotone_end_is_left_out_of_the_network_and_keeps_its_order(end: str) -> None:
    rng = np.random.default_rng(1)
    model, _ = random_model(rng, end=end)
    assert model.network is not None
    assert model.network.has_monotone_end
    given = histories(rng)
    assert np.array_equal(model.network.scores(given.toarray()).argmax(axis=1), model.scores(given).argmax(axis=1))


def test_neural_collaborative_filtering_over_a_catalogue_is_read_as_a_network() -> None:
    rng = np.random.default_rng(2)
    content, _ = onnx_files.collaborative(rng, N, 3)
    model = make_onnx(content, IDS)
    assert model.network is not None
    given = histories(rng)
    assert np.allclose(model.network.scores(given.toarray()), model.scores(given), atol=1e-5)


def test_what_is_no_chain_of_relus_has_no_network() -> None:
    weights = onnx_files.random_weights(np.random.default_rng(3), (N, N))
    nodes: list[Any] = [("Tanh", [], {}), ("MatMul", ["w"], {})]
    model = make_onnx(onnx_files.chain(nodes, {"w": weights[0][0]}, (N, N)), IDS)
    assert model.network is None


def test_a_file_is_read_by_its_url_and_a_missing_one_is_named(tmp_path: Path) -> None:
    weights = onnx_files.random_weights(np.random.default_rng(4), (N, 3, N))
    (tmp_path / "m.onnx").write_bytes(onnx_files.autoencoder(weights))
    name = f"onnx:{tmp_path}/m.onnx"
    check_recommender(name)
    assert load_onnx(name, IDS).scores(sp.csr_array((1, N))).shape == (1, N)
    with pytest.raises(InputError, match=r"other.onnx: there is no such file"):
        load_onnx(f"onnx:{tmp_path}/other.onnx", IDS)


def edited(content: bytes, change: Any) -> bytes:
    model = onnx.load_model_from_string(content)
    change(model.graph)
    edited_content: bytes = model.SerializeToString()
    return edited_content


def put_weights_elsewhere(graph: Any) -> None:
    tensor = graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="/etc/passwd")


def ask_for_another_input(graph: Any) -> None:
    graph.input.append(onnx.helper.make_tensor_value_info("user", onnx.TensorProto.INT64, ["n"]))


def give_another_output(graph: Any) -> None:
    graph.output.append(onnx.helper.make_tensor_value_info("t0", onnx.TensorProto.FLOAT, ["n", 3]))


def test_each_way_to_be_wrong_has_its_message() -> None:
    rng = np.random.default_rng(5)
    good = onnx_files.autoencoder(onnx_files.random_weights(rng, (N, 3, N)))
    wide = onnx_files.autoencoder(onnx_files.random_weights(rng, (N + 1, 3, N + 1)))
    narrow = onnx_files.autoencoder(onnx_files.random_weights(rng, (N, 3, N - 1)))
    nan = onnx_files.random_weights(rng, (N, 3, N))
    nan[1][1][2] = np.nan
    noise = onnx_files.chain([("RandomNormalLike", [], {})], {}, (N, N))
    unknown = onnx_files.chain([("Unheard", [], {})], {}, (N, N))
    wrong = {
        r"m: is no ONNX file": b"\x80\x04 no model",
        r"m: is no ONNX file, or holds no model": b"",
        r"m: the input is tensor\(float\) of shape \(n, 13\), expected histories as tensor\(float\) of shape": wide,
        r"m: the output is tensor\(float\) of shape \(n, 11\), expected scores": narrow,
        r"m: 3 of 3 histories of one item have scores that are NaN": onnx_files.autoencoder(nan),
        r"m: it draws random numbers \(RandomNormalLike\)": noise,
        r"m: onnxruntime cannot use it \(.*Unheard": unknown,
        r"m: its weights are in other files": edited(good, put_weights_elsewhere),
        r"m: the model has 2 inputs \(x, user\), expected one": edited(good, ask_for_another_input),
        r"m: the model has 2 outputs \(t2, t0\), expected one": edited(good, give_another_output),
    }
    for message, content in wrong.items():
        with pytest.raises(InputError, match=message):
            make_onnx(content, IDS, source="m")
