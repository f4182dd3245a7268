"""Interactions from the data structures of a Python session, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp

from recsys_ops.datasets.interactions import read_interactions
from recsys_ops.errors import InputError


def frame(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame({"user_id": [7, 7, 3], "item_id": ["b", "a", "b"], "rating": [1.0, 0.0, 4.5]} | changes)


def test_rows_of_a_table_are_ordered_by_their_ids_and_a_rating_of_0_is_an_interaction() -> None:
    found = read_interactions(frame())
    assert found.user_ids.to_pylist() == [3, 7]
    assert found.item_ids.to_pylist() == ["a", "b"]
    assert found.ratings.nnz == 3
    assert found.ratings.toarray().tolist() == [[0.0, 4.5], [0.0, 1.0]]


def test_without_ratings_an_interaction_counts_1() -> None:
    found = read_interactions(frame().drop(columns="rating"))
    assert not found.has_ratings
    assert found.ratings.data.tolist() == [1.0, 1.0, 1.0]


def test_what_is_stored_in_a_sparse_matrix_is_an_interaction_and_what_is_not_0_in_an_array() -> None:
    stored = sp.csr_array(([0.0, 2.0], [1, 0], [0, 2, 2]), shape=(2, 3))
    assert read_interactions(stored).ratings.nnz == 2
    assert read_interactions(stored.toarray()).ratings.nnz == 1


def test_the_items_of_a_model_keep_their_places() -> None:
    found = read_interactions(frame(), item_ids=pa.array(["c", "b", "a"]))
    assert found.ratings.toarray().tolist() == [[0.0, 4.5, 0.0], [0.0, 1.0, 0.0]]
    narrow = pd.DataFrame({"user_id": [0], "item_id": np.array([2], dtype=np.int16)})
    assert read_interactions(narrow, item_ids=pa.array(np.arange(3))).ratings.shape == (1, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (frame().drop(columns="item_id"), r"column 'item_id' is missing \(found user_id, rating\)"),
        (frame(rating=[1.0, np.nan, 2.0]), r"1 ratings are NaN, infinite or negative \(first: row 1 = nan\)"),
        (frame(rating=[1.0, 2.0, -1.0]), r"first: row 2 = -1"),
        (frame(rating=["good", "bad", "good"]), "column 'rating' is .*, expected a number"),
        (frame(item_id=["b", None, "b"]), "1 rows have no item_id"),
        (frame(user_id=[7.5, 7.0, 3.0]), "column 'user_id' is double, expected integers or strings"),
        (frame(user_id=[7, "7", 3]), "a column has values of several types"),
        (frame(item_id=["b", "b", "b"]), r"1 rows repeat a pair of user and item \(first: row 1\)"),
        (np.array([[1.0, np.nan]]), r"first: row 0, column 1 = nan"),
        (sp.csr_array(np.array([[0.0, 0.0], [-2.0, 1.0]])), r"first: row 1, column 0 = -2"),
        (np.ones(3), r"found float64 of shape \(3,\)"),
        (np.array([["a", "b"]]), "expected a table with user_id, item_id"),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_interactions(given)


@pytest.mark.parametrize(
    ("given", "item_ids", "message"),
    [
        (frame(), ["a"], r"2 rows are of items that the model does not know \(first: row 0 = 'b'\)"),
        (frame(), [0, 1], "column 'item_id' is .*string, but the items of the model are int64"),
        (np.ones((2, 2)), ["a", "b"], r"names items by their positions, .* \(first: 'a'\)"),
        (np.ones((2, 3)), [0, 1], "the matrix has 3 columns, but the model knows 2 items"),
    ],
)
def test_interactions_that_do_not_belong_to_the_model_are_refused(
    given: Any, item_ids: list[Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_interactions(given, item_ids=pa.array(item_ids))
