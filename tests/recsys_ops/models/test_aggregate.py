"""Category aggregates against a loop over the histories, and categories from columns of any type."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.datasets import load_dataset
from recsys_ops.errors import InputError
from recsys_ops.models.aggregate import AggregationKind, aggregate_categories, categories_of, keep_items
from tests.histories import random_ratings
from tests.twins import aggregates

ITEMS = pa.table(
    {
        "genres": [["drama", "war"], ["comedy"], [], None, ["war", "war"]],
        "tags": ["b | a", "a", "", None, " | c"],
        "kind": ["film", "short", None, "film", "film"],
        "year": [1999, 1950, None, 1999, 2001],
        "price": [2.5, float("nan"), None, 10.0, 2.5],
        "word": ["unknown", "a", None, "b", "a"],
    }
)


@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["disjunction", "sum", "mean"]),
    binary=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_aggregates_are_those_of_a_loop_over_the_histories(seed: int, kind: AggregationKind, binary: bool) -> None:
    rng = np.random.default_rng([seed, 7])
    amounts = random_ratings(seed)
    if binary:
        amounts.data[:] = 1.0
    belongs = rng.random((amounts.shape[1], 5)) < 0.3
    belongs[:, 2] = False
    scale = 1.0 if binary else 5.0
    aggregation = aggregate_categories(kind, sp.csr_array(belongs.astype(np.float64)), scale=scale)
    categories = [set(np.flatnonzero(members).tolist()) for members in belongs.T]
    for row, values in enumerate(aggregation.aggregate(amounts)):
        own = slice(amounts.indptr[row], amounts.indptr[row + 1])
        history = dict(zip(amounts.indices[own].tolist(), amounts.data[own].tolist(), strict=True))
        assert np.allclose(values, aggregates.aggregate(kind, history, categories, scale), rtol=0, atol=1e-12)
    assert aggregation.is_discrete == (kind != "mean")
    assert aggregation.sizes.tolist() == [len(members) for members in categories]


def test_a_mean_is_divided_by_all_items_of_the_category_and_by_the_greatest_rating() -> None:
    membership = sp.csr_array(np.array([[1.0], [1.0], [1.0], [1.0]]))
    stars = sp.csr_array(np.array([[4.0, 2.0, 0.0, 0.0]]))
    assert aggregate_categories("mean", membership, scale=5.0).aggregate(stars).tolist() == [[6 / 20]]
    assert aggregate_categories("sum", membership, scale=5.0).aggregate(stars).tolist() == [[6.0]]
    assert aggregate_categories("disjunction", membership, scale=5.0).aggregate(stars).tolist() == [[1.0]]


def test_an_interaction_of_amount_zero_is_nothing_left() -> None:
    nothing = sp.csr_array((np.zeros(1), (np.zeros(1, dtype=int), np.zeros(1, dtype=int))), shape=(1, 2))
    aggregation = aggregate_categories("disjunction", sp.csr_array(np.ones((2, 1))))
    assert nothing.nnz == 1
    assert aggregation.aggregate(nothing).tolist() == [[0.0]]


def test_without_aggregation_the_most_popular_items_are_the_variables() -> None:
    amounts = sp.csr_array(np.array([[0, 5, 1, 0, 2], [0, 4, 0, 3, 1], [1, 2, 0, 3, 0]], dtype=np.float64))
    aggregation = keep_items(amounts, n=3, scale=5.0)
    assert aggregation.aggregate(amounts).tolist() == [[5, 0, 2], [4, 3, 1], [2, 3, 0]]
    assert aggregation.is_discrete
    assert keep_items(amounts, n=1).aggregate(amounts).tolist() == [[5], [4], [2]]
    assert keep_items(amounts, n=50).n_variables == 5


@pytest.mark.parametrize(
    ("column", "names", "rows"),
    [
        ("genres", ["comedy", "drama", "war", "unknown"], [[1, 2], [0], [3], [3], [2]]),
        ("kind", ["film", "short", "unknown"], [[0], [1], [2], [0], [0]]),
        ("year", ["1950", "1999", "2001", "unknown"], [[1], [0], [3], [1], [2]]),
        ("price", ["2.5", "10", "unknown"], [[0], [2], [2], [1], [0]]),
        ("word", ["a", "b", "unknown"], [[2], [0], [2], [1], [0]]),
    ],
)
def test_categories_are_the_values_of_a_column(column: str, names: list[str], rows: list[list[int]]) -> None:
    membership, found = categories_of(ITEMS, column)
    assert found == names
    assert [np.flatnonzero(row).tolist() for row in membership.toarray()] == rows
    assert np.all(membership.data == 1.0)


def test_a_separator_makes_tags_of_a_text() -> None:
    membership, names = categories_of(ITEMS, "tags", separator="|")
    assert names == ["a", "b", "c", "unknown"]
    assert [np.flatnonzero(row).tolist() for row in membership.toarray()] == [[0, 1], [0], [3], [3], [2]]


def test_there_is_no_category_unknown_where_all_items_have_a_value() -> None:
    assert categories_of(pa.table({"year": [3, 1, 3]}), "year")[1] == ["1", "3"]


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"no column 'colour' \(found genres, tags, kind"):
        categories_of(ITEMS, "colour")


@pytest.mark.skipif(
    not os.environ.get("RECSYS_OPS_DATA"), reason="RECSYS_OPS_DATA is not set: MovieLens is not distributed"
)
def test_movielens_100k_has_a_category_per_year_and_per_genre() -> None:
    dataset = load_dataset(f"movielens-100k:{Path(os.environ['RECSYS_OPS_DATA'], 'ml-100k')}", seed=0)
    years, names = categories_of(dataset.items, "year")
    assert (years.shape, names[0], names[-2:]) == ((1682, 72), "1922", ["1998", "unknown"])
    assert np.all(np.diff(years.indptr) == 1)
    genres, names = categories_of(dataset.items, "genres")
    assert genres.shape == (1682, 19)
    assert "unknown" in names
    totals = aggregate_categories("sum", years).aggregate(dataset.ratings)
    assert totals.sum() == dataset.ratings.sum()
