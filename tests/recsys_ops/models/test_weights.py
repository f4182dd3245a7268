"""Weights from every kind of file, and one message for every way in which they can be wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import scipy.sparse as sp

from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.readers.catalogue import Catalogue
from recsys_ops.models.readers.read import read_model
from recsys_ops.models.readers.spec import parse_spec

IDS = pa.array(["a", "b", "c"])
WEIGHTS = np.array([[0.0, 0.5, 0.0], [0.25, 0.0, -1.0], [0.0, 2.0, 0.0]])
BROKEN = np.array([[0.0, np.nan, 0.0], [0.25, 0.0, np.inf], [0.0, 2.0, 0.0]])
PAIRS = {"source_item": ["c", "b", "a", "b"], "target_item": ["b", "c", "b", "a"], "weight": [2.0, -1.0, 0.5, 0.25]}

Write = Callable[[str, Any], str]


def load_weights(url: str, item_ids: Any) -> LinearRecommender:
    model = read_model(parse_spec(url), Catalogue(item_ids, n_users=7))
    assert isinstance(model, LinearRecommender)
    return model


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write weights into a file of a given name; gives its path."""

    def write_file(name: str, weights: Any) -> str:
        path = tmp_path / name
        if name.endswith(".npz"):
            sp.save_npz(path, weights)
        elif name.endswith(".npy"):
            np.save(path, weights)
        elif name.endswith(".parquet"):
            pa.parquet.write_table(pa.table(weights), path)
        else:
            pa.csv.write_csv(pa.table(weights), path)
        return str(path)

    return write_file


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("w.npz", sp.csr_array(WEIGHTS)),
        ("w.npz", sp.coo_matrix(WEIGHTS.astype(np.float32))),
        ("w.npy", WEIGHTS),
        ("w.npy", WEIGHTS.astype(np.float32)),
        ("w.npy", np.asfortranarray(WEIGHTS)),
        ("w.parquet", PAIRS),
        ("w.csv", PAIRS),
    ],
)
def test_every_kind_of_file_gives_the_same_weights(name: str, weights: Any, write: Write) -> None:
    model = load_weights(write(name, weights), IDS)
    assert np.array_equal(model.rows(np.arange(3)), WEIGHTS)
    assert isinstance(model.weights, np.ndarray) == (name == "w.npy")
    if isinstance(model.weights, sp.csr_array):
        assert model.weights.has_sorted_indices
        assert model.weights.dtype == np.float64


@pytest.mark.parametrize(("stored", "loaded"), [(np.float32, np.float32), (np.float16, np.float64), (int, np.float64)])
def test_dense_weights_keep_the_precision_they_have(stored: type, loaded: type, write: Write) -> None:
    assert load_weights(write("w.npy", np.array([[0, 1], [1, 0]], stored)), pa.array([1, 2])).weights.dtype == loaded


def test_integer_ids_in_a_csv_file_are_found_among_ids_that_are_strings(write: Write) -> None:
    url = write("w.csv", {"source_item": [20], "target_item": [10], "weight": [1]})
    assert load_weights(url, pa.array(["10", "20"])).weights.toarray().tolist() == [[0, 0], [1, 0]]


def test_weights_are_read_from_any_url() -> None:
    import fsspec

    with fsspec.open("memory://models/w.npy", "wb") as stream:
        np.save(stream, WEIGHTS)
    assert np.array_equal(load_weights("memory://models/w.npy", IDS).weights, WEIGHTS)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("w.npy", WEIGHTS[:2], r"w\.npy: expected item-to-item weights \(3, 3\) \(found shape \(2, 3\)\)"),
        ("w.npy", WEIGHTS[:2, :2], r"w\.npy: the weights have shape \(2, 2\), but the catalogue has 3 items"),
        ("w.npz", sp.csr_array((4, 4)), r"w\.npz: the weights have shape \(4, 4\)"),
        ("w.npy", BROKEN, r"w\.npy: 2 weights are NaN or infinite \(first: 'a' to 'b', 'b' to 'c'\)"),
        ("w.npz", sp.csr_array(BROKEN), r"w\.npz: 2 weights are NaN or infinite \(first: 'a' to 'b', 'b' to 'c'\)"),
        ("w.npy", np.array([["x"]]), r"w\.npy: the weights are <U1, expected numbers"),
        ("w.npy", np.array([{}]), r"w\.npy: cannot be read, expected a matrix written with numpy\.save"),
        (
            "w.csv",
            {"source_item": ["a"], "weight": [1]},
            r"column 'target_item' is missing \(found source_item,",
        ),
        ("w.csv", PAIRS | {"weight": list("wxyz")}, r"w\.csv: column 'weight' is string, expected a number"),
        ("w.parquet", PAIRS | {"weight": [1, None, 1, 1]}, r"1 weights are NaN or infinite \(first: 'b' to 'c'\)"),
        ("w.csv", PAIRS | {"source_item": list("caza")}, r"'source_item' has 1 values .* \(first: row 2 = 'z'\)"),
        (
            "w.csv",
            PAIRS | {"target_item": list("bcbc")},
            r"1 rows repeat a pair of items \(first: 'b' to 'c'\)",
        ),
    ],
)
def test_each_defect_is_named_with_its_file_and_place(name: str, weights: Any, message: str, write: Write) -> None:
    url = write(name, weights)
    with pytest.raises(InputError, match=message):
        load_weights(url, IDS)


def test_names_in_place_of_numeric_ids_are_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"'source_item' is string, but the ids of the catalogue are int64"):
        load_weights(write("w.parquet", PAIRS), pa.array([1, 2, 3]))


@pytest.mark.parametrize("name", ["none.npy", "none.npz", "none.csv"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{name}: there is no such file"):
        load_weights(str(tmp_path / name), IDS)


@pytest.mark.parametrize("name", ["w.npy", "w.npz"])
def test_a_file_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(InputError, match=rf"{name}: cannot be read"):
        load_weights(str(tmp_path / name), IDS)
