"""Factors that were fitted elsewhere: read as they are written there, put in order, refused where they do not fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.synthetic import make_marketplace
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.features.encode import EncodedItems, encode_items, feature_names
from recsys_ops.models.brought_factors import read_lightfm, read_towers
from recsys_ops.models.feature_recommender import check_feature_model, make_feature_model

Arrays = dict[str, NDArray[Any]]
RANK = 4


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return make_marketplace(items=30, users=40, ratings_per_user=6, seed=0)


@pytest.fixture(scope="module")
def items(shop: Dataset) -> EncodedItems:
    return encode_items(shop.items, shop.rules)


@pytest.fixture
def lightfm(shop: Dataset, items: EncodedItems) -> Arrays:
    """What ``vars`` of a fitted LightFM has, of item identities and features."""
    rng = np.random.default_rng(0)
    n = shop.n_items + len(items.columns)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    return {
        "user_embeddings": draw(shop.n_users, RANK), "user_biases": draw(shop.n_users),
        "item_embeddings": draw(n, RANK), "item_biases": draw(n),
    }  # fmt: skip


@pytest.fixture
def towers(shop: Dataset, items: EncodedItems) -> Arrays:
    rng = np.random.default_rng(1)
    shapes = {"user_vectors": shop.n_users, "item_vectors": shop.n_items, "feature_map": len(items.columns)}
    return {name: rng.normal(size=(n, RANK)) for name, n in shapes.items()}


def written(folder: Path, arrays: Arrays, form: str = "npz") -> str:
    """The arrays as a file or folder."""
    path = folder / f"model.{form}"
    if form == "npz":
        np.savez(path, **arrays)
    elif form == "folder":
        path.mkdir()
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    else:
        header, start = {}, 0
        for name, array in arrays.items():
            header[name] = {
                "dtype": {"f8": "F64", "f4": "F32", "i8": "I64"}[array.dtype.str[1:]], "shape": array.shape,
                "data_offsets": [start, start + array.nbytes],
            }  # fmt: skip
            start += array.nbytes
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(a.tobytes() for a in arrays.values()))
    return str(path)


def scores_of(model: Any) -> NDArray[np.float64]:
    scored: NDArray[np.float64] = model.feature_scores(model.vectors, model.features)
    return scored + model.own_scores(model.vectors, np.arange(model.features.shape[0]))


def same_but_for_scale(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> bool:
    """Whether each user's scores are those wanted, times one positive number."""
    factor = (found * wanted).sum(axis=1) / (wanted**2).sum(axis=1)
    return bool(np.all(factor > 0) and np.allclose(found, wanted * factor[:, None], rtol=1e-5, atol=1e-5))


def test_lightfm_scores_are_those_of_its_predict(
    shop: Dataset, items: EncodedItems, lightfm: Arrays, tmp_path: Path
) -> None:
    model = make_feature_model(f"lightfm:{written(tmp_path, lightfm)}", shop, items)
    item_features = np.hstack([np.eye(shop.n_items), items.matrix.toarray()])
    wanted = lightfm["user_embeddings"] @ (item_features @ lightfm["item_embeddings"]).T
    assert same_but_for_scale(scores_of(model), wanted + item_features @ lightfm["item_biases"])


def test_lightfm_without_item_identities_has_no_own_parts(
    shop: Dataset, items: EncodedItems, lightfm: Arrays, tmp_path: Path
) -> None:
    lightfm |= {name: lightfm[name][shop.n_items :] for name in ("item_embeddings", "item_biases")}
    factors = read_lightfm(written(tmp_path, lightfm), shop, items)
    assert not factors.own.any()
    assert factors.feature_map.shape == (len(items.columns), RANK + 1)


@pytest.mark.parametrize("form", ["npz", "safetensors", "folder"])
def test_towers_score_by_their_vectors_from_every_kind_of_file(
    form: str, shop: Dataset, items: EncodedItems, towers: Arrays, tmp_path: Path
) -> None:
    towers["item_biases"] = np.random.default_rng(2).normal(size=shop.n_items)
    model = make_feature_model(f"towers:{written(tmp_path, towers, form)}", shop, items)
    wanted = towers["user_vectors"] @ towers["item_vectors"].T + towers["item_biases"]
    assert same_but_for_scale(scores_of(model), wanted)
    profiles = towers["user_vectors"] @ towers["feature_map"].T
    assert same_but_for_scale(model.profiles(model.vectors), profiles)


def test_rows_are_put_in_order_by_ids_and_names(
    shop: Dataset, items: EncodedItems, towers: Arrays, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    names = {
        "user_ids": ("user_vectors", np.array(shop.user_ids.to_pylist())),
        "item_ids": ("item_vectors", np.array(shop.item_ids.to_pylist())),
        "feature_names": ("feature_map", np.array(feature_names(items))),
    }
    shuffled = dict(towers)
    for ids, (vectors, values) in names.items():
        order = rng.permutation(len(values))
        shuffled |= {ids: values[order], vectors: towers[vectors][order]}
    shuffled["user_vectors"] = np.vstack([shuffled["user_vectors"], np.ones(RANK)])  # a user whom the data do not have
    shuffled["user_ids"] = np.append(shuffled["user_ids"], np.asarray(10**6, dtype=shuffled["user_ids"].dtype))
    (tmp_path / "other").mkdir()
    one = read_towers(written(tmp_path, towers), shop, items)
    other = read_towers(written(tmp_path / "other", shuffled), shop, items)
    for name in ("users", "own", "feature_map"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def transposed(arrays: Arrays) -> None:
    arrays["item_vectors"] = arrays["item_vectors"].T


def without(name: str) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        del arrays[name]

    return change


def set_to(name: str, value: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = value(arrays[name]) if callable(value) else value

    return change


def with_nan(array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array[2, 1] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            without("feature_map"),
            r"no array 'feature_map' \(of those that are read it has user_vectors, item_vectors\)\. Add it",
        ),
        (transposed, r"'item_vectors' has shape \(4, 30\), expected a row for each of 30 items\. It may be transposed"),
        (set_to("user_vectors", lambda a: a[:-1]), r"'user_vectors' has shape \(39, 4\), .* each of 40 users"),
        (set_to("item_vectors", lambda a: a[:, :3]), "'item_vectors' has vectors of length 3, .* of length 4"),
        (set_to("item_vectors", with_nan), r"'item_vectors' has 1 values that are not finite \(first: row 2\)"),
        (set_to("item_vectors", lambda a: a * 1e200), "greatest value of 'item_vectors' is .*e\\+200"),
        (set_to("item_vectors", lambda a: a.astype(str)), "'item_vectors' is of <U32, expected numbers"),
        (set_to("item_biases", np.ones(7)), r"'item_biases' has shape \(7,\), expected \(30,\)"),
        (set_to("item_ids", np.arange(5)), "'item_ids' has 5 values for 30 rows of items"),
        (set_to("item_ids", np.zeros(30, int)), "'item_ids' has values that repeat"),
        (set_to("item_ids", np.arange(30) + 7), r"of 30 items are not 'item_ids' \(first: "),
        (set_to("item_ids", np.array([f"x{n}" for n in range(30)])), "'item_ids' is of <U3, those of the catalogue"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_catalogue_is_one_clear_error(
    change: Callable[[Arrays], None],
    message: str,
    shop: Dataset,
    items: EncodedItems,
    towers: Arrays,
    tmp_path: Path,
) -> None:
    change(towers)
    with pytest.raises(InputError, match=message) as raised:
        read_towers(written(tmp_path, towers), shop, items)
    assert "model.npz: " in str(raised.value)


@pytest.mark.parametrize("name", ["m.npz", "m.safetensors", "folder/user_vectors.npy"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x05\x00\x00\x00\x00\x00\x00\x00hello"])
def test_a_broken_file_is_one_clear_error(
    name: str, content: bytes, shop: Dataset, items: EncodedItems, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    url = str(path if path.parent == tmp_path else path.parent)
    with pytest.raises(InputError, match="cannot be read"):
        read_towers(url, shop, items)


@pytest.mark.parametrize("url", ["nowhere.npz", "nowhere.safetensors", "nowhere"])
def test_a_missing_file_is_one_clear_error(url: str, shop: Dataset, items: EncodedItems, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*: there is no"):
        read_towers(str(tmp_path / url), shop, items)


def test_lightfm_fitted_without_features_says_what_to_do(
    shop: Dataset, items: EncodedItems, lightfm: Arrays, tmp_path: Path
) -> None:
    lightfm |= {name: lightfm[name][: shop.n_items] for name in ("item_embeddings", "item_biases")}
    with pytest.raises(InputError, match=r"none for their .* features, .* Fit LightFM with item_features"):
        read_lightfm(written(tmp_path, lightfm), shop, items)


@pytest.mark.parametrize("name", ["ease", "lightfm", "lightfm:", "tower:x.npz", ""])
def test_an_unknown_recommender_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected content or hybrid, or lightfm:FILE or towers:FILE"):
        check_feature_model(name)
