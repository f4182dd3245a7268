"""The word that names a recommender."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.errors import ConfigError
from recsys_ops.models.ease import fit_ease
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import history_matrix
from recsys_ops.models.recommender import make_recommender
from recsys_ops.models.slim import fit_slim
from tests.histories import random_ratings

HISTORIES = history_matrix(random_ratings(1), binary=True, scale=5)
IDS = pa.array(np.arange(12))


def rows(name: str, ridge: float = 500.0, dtype: type[np.float32] | type[np.float64] = np.float32) -> np.ndarray:
    return make_recommender(name, HISTORIES, ridge=ridge, dtype=dtype, item_ids=IDS).rows(np.arange(12))


def test_each_name_gives_the_recommender_of_that_name() -> None:
    everything = np.arange(12)
    assert np.array_equal(rows("ease"), fit_ease(HISTORIES, ridge=500.0).rows(everything))
    assert np.array_equal(rows("knn"), fit_item_knn(HISTORIES).rows(everything))
    assert np.array_equal(rows("slim"), fit_slim(HISTORIES).rows(everything))
    assert rows("knn").any()
    assert rows("slim").any()


def test_ridge_and_dtype_are_those_of_ease() -> None:
    expected = fit_ease(HISTORIES, ridge=3.0, dtype=np.float64).rows(np.arange(12))
    assert np.array_equal(rows("ease", ridge=3.0, dtype=np.float64), expected)


def test_the_name_of_a_file_gives_its_weights(tmp_path: Path) -> None:
    weights = np.triu(np.arange(144.0).reshape(12, 12), 1)
    np.save(tmp_path / "weights.npy", weights)
    assert np.array_equal(rows(str(tmp_path / "weights.npy")), weights)


def test_a_name_that_is_neither_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--model deep: expected ease, knn, .* or a file that ends in one of"):
        rows("deep")
