"""Models of other libraries: the scores of their formulas, and one clear error for every broken or hostile file."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.sparse as sp
import torch

from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.linear import LinearRecommender, top_lists
from recsys_ops.models.readers.catalogue import Catalogue, read_ids
from recsys_ops.models.readers.item_factors import ItemFactors
from recsys_ops.models.readers.read import Model, read_model
from recsys_ops.models.readers.spec import parse_spec
from recsys_ops.models.recommender import make_recommender

N, D, USERS = 6, 3, 9
IDS = pa.array([10, 20, 30, 40, 50, 60])
RNG = np.random.default_rng(5)
A = RNG.normal(0, 1, (N, D)).astype(np.float32)
B = RNG.normal(0, 1, (N, D)).astype(np.float32)
BIAS = RNG.normal(0, 1, N).astype(np.float32)
HISTORY = np.array([1.0, 0, 1, 0, 0, 1])
ONES = sp.csr_array(HISTORY[None])
OUTSIDE = HISTORY == 0


def read(text: str, **options: Any) -> Model:
    return read_model(parse_spec(text), Catalogue(IDS, **{"n_users": USERS, **options}))


def scores(text: str, **options: Any) -> Any:
    """Of the items that are not in the history: what a user sees."""
    model = read(text, **options)
    assert isinstance(model, LinearRecommender | FactoredRecommender)
    return model.scores(ONES)[0][OUTSIDE]


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, Any], str]:
    """Write what a library would write into a file of that name; gives its path."""

    def write(name: str, content: Any) -> str:
        path = str(tmp_path / name)
        if isinstance(content, bytes):
            Path(path).write_bytes(content)
        elif name.endswith(".npy"):
            np.save(path, content)
        elif name.endswith((".pt", ".pth")):
            torch.save(content, path)
        elif name.endswith(".parquet"):
            pa.parquet.write_table(pa.table(content), path)
        elif name.endswith(".safetensors"):
            pytest.importorskip("safetensors.numpy", reason="needs the extra safetensors").save_file(content, path)
        elif sp.issparse(content):
            sp.save_npz(path, content)
        else:
            np.savez(path, **content)
        return path

    return write


Save = Callable[[str, Any], str]


def test_elsa_is_scored_by_its_formula(save: Save) -> None:
    unit = A / np.linalg.norm(A, axis=1, keepdims=True)
    expected = (HISTORY @ unit @ unit.T - HISTORY)[OUTSIDE]
    for name, content in (("A.npy", A), ("A.pt", {"W": torch.tensor(A)}), ("A.npz", {"A": A})):
        np.testing.assert_allclose(scores(f"elsa:{save(name, content)}"), expected, rtol=1e-5)


def test_sansa_is_scored_by_its_two_sparse_matrices(save: Save) -> None:
    first, second = (sp.csr_matrix(RNG.random((N, N)) * (RNG.random((N, N)) < 0.5)) for _ in range(2))
    text = f"sansa:{save('w0.npz', first)},{save('w1.npz', second)}"
    np.testing.assert_allclose(scores(text), (HISTORY @ first @ second)[OUTSIDE])


@pytest.mark.parametrize("with_bias", [True, False])
def test_embeddings_sum_the_vectors_of_a_history(with_bias: bool, save: Save) -> None:
    order = [3, 0, 5, 1, 2, 4]
    columns = {"id": IDS.take(pa.array(order)), "vector": A[order].tolist()}
    if with_bias:
        columns["bias"] = BIAS[order].tolist()
    expected = (HISTORY @ np.float64(A) @ np.float64(A).T + (BIAS if with_bias else 0))[OUTSIDE]
    np.testing.assert_allclose(scores(save("e.parquet", columns)), expected, rtol=1e-6)
    if not with_bias:
        np.testing.assert_allclose(scores(f"embeddings:{save('e.npy', A)}"), expected, rtol=1e-6)


def test_a_linear_autoencoder_is_read_from_its_state_dict(save: Save) -> None:
    encoder, decoder = torch.nn.Linear(N, D), torch.nn.Linear(D, N)
    model = torch.nn.Sequential(encoder, decoder)
    with torch.no_grad():
        expected = model(torch.tensor(HISTORY, dtype=torch.float32)).numpy()[OUTSIDE]
    state = model.state_dict()
    for content in (state, {"epoch": 3, "state_dict": state}):
        np.testing.assert_allclose(scores(save("m.pt", content)), expected, rtol=1e-4, atol=1e-6)
    names = "items=1.weight,history=0.weight,bias=1.bias,history_bias=0.bias"
    np.testing.assert_allclose(scores(f"factors:{save('m.pth', state)},{names}"), expected, rtol=1e-4, atol=1e-6)
    tensors = {name: tensor.numpy() for name, tensor in state.items()}
    np.testing.assert_allclose(scores(save("m.safetensors", tensors)), expected, rtol=1e-4, atol=1e-6)


def test_a_model_with_shifted_item_vectors_is_read_by_names(save: Save) -> None:
    shift, start = RNG.normal(0, 1, (2, D)).astype(np.float32)
    text = f"factors:{save('m.npz', {'W': A.T, 'b': start, 'v': B, 'c': shift})}"
    text += ",history=W,history_bias=b,items=v,item_bias=c"
    expected = ((HISTORY @ A + start) @ (B + shift).T)[OUTSIDE]
    np.testing.assert_allclose(scores(text), expected, rtol=1e-4)


def test_two_or_three_arrays_are_the_history_the_items_and_the_bias(save: Save) -> None:
    files = [save("p.npy", A), save("q.npy", B), save("b.npy", BIAS)]
    np.testing.assert_allclose(scores(f"factors:{','.join(files[:2])}"), (HISTORY @ A @ B.T)[OUTSIDE], rtol=1e-4)
    np.testing.assert_allclose(scores(f"factors:{','.join(files)}"), (HISTORY @ A @ B.T + BIAS)[OUTSIDE], rtol=1e-4)


def implicit(extra: int, **more: Any) -> dict[str, Any]:
    """As implicit saves ALS (no further column), BPR (one) and LMF (two)."""
    items, users = np.ones((N, D + extra), np.float32), np.ones((USERS, D + extra), np.float32)
    items[:, :D] = A
    if extra:
        items[:, -1] = BIAS
    return {
        "item_factors": items,
        "user_factors": users,
        "factors": D,
        "regularization": 0.05,
        "dtype": "float32",
        **more,
    }


def test_als_of_implicit_gives_the_item_factors_and_what_they_were_fitted_with(save: Save) -> None:
    model = read(save("als.npz", implicit(0, alpha=2.0)))
    assert isinstance(model, ItemFactors)
    np.testing.assert_array_equal(model.factors, A)
    assert (model.bias, model.regularization, model.alpha) == (None, 0.05, 2.0)


@pytest.mark.parametrize("extra", [1, 2])
def test_bpr_and_lmf_of_implicit_keep_their_bias_apart(extra: int, save: Save) -> None:
    url = save("m.npz", implicit(extra))
    np.testing.assert_allclose(scores(url), (HISTORY @ A @ A.T + BIAS)[OUTSIDE], rtol=1e-4)
    model = read(f"als:{url}")
    assert isinstance(model, ItemFactors)
    np.testing.assert_array_equal(model.factors, A)
    np.testing.assert_array_equal(model.bias, np.float64(BIAS))


def test_item_item_models_of_implicit_are_weights(save: Save) -> None:
    similar = sp.csr_array(RNG.random((N, N)) * (RNG.random((N, N)) < 0.6) + np.eye(N))
    parts = {
        "data": similar.data,
        "indices": similar.indices,
        "indptr": similar.indptr,
        "shape": similar.shape,
        "K": 20,
    }
    np.testing.assert_allclose(scores(save("cosine.npz", parts)), (HISTORY @ similar.toarray())[OUTSIDE])


def test_spark_writes_a_folder_of_vectors_in_any_order(tmp_path: Path) -> None:
    folder = tmp_path / "itemFactors"
    folder.mkdir()
    for part, rows in enumerate(([4, 1, 0], [2, 5])):
        table = pa.table({"id": pa.array(IDS.take(pa.array(rows)), pa.int32()), "features": A[rows].tolist()})
        pa.parquet.write_table(table, folder / f"part-0000{part}.snappy.parquet")
    (folder / "_SUCCESS").touch()
    model = read(f"als:{folder}")
    assert isinstance(model, ItemFactors)
    np.testing.assert_allclose(model.factors, np.where(np.arange(N)[:, None] == 3, 0, A), rtol=1e-6)
    assert model.bias is not None
    assert model.bias.tolist() == [0, 0, 0, -np.inf, 0, 0]


def test_model_ids_say_which_row_is_which_item(save: Save) -> None:
    order = np.array([5, 4, 3, 2, 1, 0])
    ids = read_ids(save("ids.npy", np.asarray(IDS)[order]))
    expected = scores(f"embeddings:{save('e.npy', A)}")
    np.testing.assert_allclose(scores(f"embeddings:{save('r.npy', A[order])}", model_ids=ids), expected)
    weights = RNG.random((N, N))
    reordered = scores(save("w.npy", weights[np.ix_(order, order)]), model_ids=ids)
    np.testing.assert_allclose(reordered, (HISTORY @ weights)[OUTSIDE])
    assert read_ids(save("ids.parquet", {"item_id": IDS})).to_pylist() == IDS.to_pylist()


def test_items_that_the_model_does_not_know_are_never_recommended(save: Save) -> None:
    ids = pa.array([10, 20, 30, 50, 70])
    found = scores(f"embeddings:{save('e.npy', A[:5])}", model_ids=ids)
    assert np.isinf(found).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("text", "content", "message"),
    [
        ("elsa:m.npy", A.T, r"m\.npy: expected the matrix A of ELSA.* \(found shape \(3, 6\)\)\. It looks transposed"),
        ("als:m.npy", RNG.random((USERS, D)), r"There are 9 users: these look like user vectors"),
        ("embeddings:m.npy", A[:5], r"the catalogue has 6 items \(found shape \(5, 3\)\).* --model-ids"),
        ("m.npy", A, r"expected item-to-item weights \(6, 6\).* elsa:, embeddings: or als: before the file"),
        ("elsa:m.npy", A * np.nan, r"6 rows hold NaN or infinity \(first: 0, 1, 2\)"),
        ("elsa:m.npy", A.astype(str), r"the numbers are <U\d+, expected float32"),
        ("elsa:m.npy", np.array([{}]), r"m\.npy: cannot be read, expected a matrix written with numpy\.save"),
        ("m.npz", {"x": np.array([{}])}, r"m\.npz: cannot be read, expected arrays written with numpy\.savez"),
        ("m.npz", b"PK\x03\x04 cut off", r"m\.npz: cannot be read"),
        (
            "m.npz",
            {"item_factors": A, "user_factors": A, "factors": 9},
            r"says factors 9, but item_factors has 3 columns",
        ),
        ("m.npz", {"item_factors": np.ones((USERS, D)), "user_factors": A}, r"these look like user vectors"),
        ("m.npz", {"a": A, "b": B}, r"expected one matrix \(n_items, d\).* \(found a \(6, 3\), b \(6, 3\)\).*items=a"),
        ("elsa:m.npz", {"a": A, "b": B}, r"expected one matrix for elsa \(found a, b\)"),
        ("elsa:m.npz", sp.csr_matrix(A), r"expected vectors of items for elsa.* sparse"),
        ("factors:m.npz,items=c", {"a": A}, r"there is no array 'c' \(found a \(6, 3\)\)"),
        ("factors:m.npz,items=a,history=b", {"a": A, "b": B[:, :2]}, r"history have length 2, those of the items 3"),
        ("factors:m.npz,items=a,item_bias=b", {"a": A, "b": BIAS}, r"expected 3 finite numbers as item_bias"),
        ("m.pt", b"no tensors", r"m\.pt: cannot be read, expected a state dict"),
        ("m.pt", pickle.dumps(Path("/")), r"m\.pt: cannot be read, .* Nothing that holds Python objects is read"),
        ("m.pt", {"epoch": 3}, r"m\.pt: cannot be read, expected a state dict of tensors"),
        ("m.safetensors", b"\xff" * 64, r"m\.safetensors: cannot be read, expected tensors"),
        ("m.parquet", b"PAR1 or not", r"m\.parquet: cannot be read"),
        ("embeddings:m.parquet", {"item": [1], "x": [2.0]}, r"expected a Parquet table of id, vector .*item, x"),
        (
            "m.parquet",
            {"id": [10, 20], "vector": [[1.0], [1.0, 2.0]]},
            r"differ in length .*id 20 has 2, the first row 1",
        ),
        ("m.parquet", {"id": [10], "vector": ["a"]}, r"column 'vector' is string, expected lists of numbers"),
        ("m.parquet", {"id": [1, 2, 3], "vector": [[1.0]] * 3}, r"only 0 of 3 ids .* \(model: 1, 2, 3; catalogue: 10"),
        ("m.parquet", {"id": [10, 10, 20], "vector": [[1.0]] * 3}, r"1 ids are repeated \(first: 10\)"),
        ("m.parquet", {"id": [10, None, 20], "vector": [[1.0], [1.0], [None]]}, r"1 rows hold NaN"),
        ("als:none.npz", None, r"none\.npz: there is no such file"),
        ("als:none", None, r"there is no such Parquet file, nor a folder with Parquet files"),
    ],
)
def test_each_defect_is_named_with_what_was_expected(
    text: str, content: Any, message: str, save: Save, tmp_path: Path
) -> None:
    kind, _, rest = text.rpartition(":")
    name, comma, names = rest.partition(",")
    url = str(tmp_path / name) if content is None else save(name, content)
    with pytest.raises(InputError, match=message) as raised:
        read(f"{kind}{':' if kind else ''}{url}{comma}{names}")
    assert "object at 0x" not in str(raised.value)


def test_indices_outside_a_sparse_matrix_are_refused(save: Save) -> None:
    parts = {
        "data": np.ones(1),
        "indices": np.array([10**6]),
        "indptr": np.array([0, 1, 1, 1, 1, 1, 1]),
        "shape": (N, N),
    }
    for text in ("{}", "sansa:{0},{0}"):
        with pytest.raises(InputError, match=r"w\.npz: cannot be read, expected a sparse matrix"):
            read(text.format(save("w.npz", parts)))


def test_an_array_that_claims_to_be_larger_than_memory_is_refused(save: Save) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }"
    header += b" " * (117 - len(header)) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(InputError, match=r"m\.npy: cannot be read"):
        read(f"elsa:{save('m.npy', content)}")


def test_as_many_users_as_items_is_asked_about(save: Save) -> None:
    url = f"als:{save('m.npy', A)}"
    with pytest.raises(InputError, match=r"row for each of 6 items, or for each of as many users.* --model-ids"):
        read(url, n_users=N)
    assert isinstance(read(url, n_users=N, model_ids=IDS), ItemFactors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("elsa:a.npy,b.npy", r"--model elsa: takes one file \(found 2\)"),
        ("sansa:a.npz", r"--model sansa: takes two files"),
        ("sansa:a.npy,b.npy", r"--model sansa: takes \.npz files"),
        ("elsa:a.npz,items=x", r"items are named for factors:FILE"),
        ("deep", r"--model deep: expected ease, knn"),
        ("elsa:model.pkl", r"found '.*model\.pkl'"),
        ("elsa:a.npy,alpha=2", r"alpha can be given with als:FILE only"),
        ("als:a.npy,alpha=0", r"alpha is '0'\. Use a positive number, such as alpha=1"),
        ("als:a.npy,regularization=small", r"regularization is 'small'\. Use a positive number"),
        ("deep:a.bin", r"alone or after one of weights:, elsa:"),
    ],
)
def test_what_is_no_model_is_refused_before_anything_is_read(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_spec(text)


def test_item_factors_become_a_recommender_that_folds_histories_in(save: Save) -> None:
    ids = pa.array([10, 20, 40, 50, 60])
    histories = sp.csr_array(np.full((USERS, N), 2.0))  # with ones and alpha 1 it would be linear
    name = f"als:{save('f.npy', A[[0, 1, 3, 4, 5]])},alpha=7,regularization=0.25"
    model = make_recommender(name, histories, item_ids=IDS, model_ids=ids)
    assert isinstance(model, FoldInRecommender)
    assert (model.regularization, model.alpha) == (0.25, 7.0)
    assert model.scores(ONES)[0, 2] == -np.inf
    assert top_lists(model, ONES, 3)[0].tolist().count(2) == 0


def test_what_factors_of_als_were_fitted_with_must_be_known(save: Save) -> None:
    name = f"als:{save('f.npy', A)}"
    message = r"does not say which regularization and alpha .*as in als:FILE,regularization=0\.01,alpha=1"
    with pytest.raises(ConfigError, match=message):
        make_recommender(name, ONES, item_ids=IDS)
    with pytest.raises(ConfigError, match=r"does not say which alpha its factors"):
        make_recommender(f"{name},regularization=1", ONES, item_ids=IDS)
    grows = make_recommender(f"{name},regularization_per_interaction=0.5,alpha=1", ONES, item_ids=IDS)
    assert isinstance(grows, FoldInRecommender)  # and not its linear form
    assert (grows.regularization, grows.grows) == (0.5, True)
    with pytest.raises(ConfigError, match="regularization and regularization_per_interaction are both given"):
        parse_spec(f"{name},regularization=1,regularization_per_interaction=0.5,alpha=2")
    stored = save("als.npz", implicit(0, alpha=2.0))
    with pytest.raises(ConfigError, match=r"the file says regularization=.*the same for all histories"):
        make_recommender(f"als:{stored},regularization_per_interaction=0.5", ONES, item_ids=IDS)
    assert make_recommender(f"als:{stored},alpha=2", ONES, item_ids=IDS).alpha == 2.0
    with pytest.raises(ConfigError, match=r"the file says alpha=2\. Leave alpha out"):
        make_recommender(f"als:{stored},alpha=3", ONES, item_ids=IDS)
