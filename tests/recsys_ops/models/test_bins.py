"""Bins of the variables: few, with 0 by itself, and holding all that users have."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.models.aggregate import AggregationKind, aggregate_categories
from recsys_ops.models.bins import make_bins
from tests.histories import random_ratings


@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["disjunction", "sum", "mean"]),
    n_bins=st.integers(2, 9),
)
@settings(max_examples=60, deadline=None)
def test_bins_hold_every_value_and_zero_by_itself(seed: int, kind: AggregationKind, n_bins: int) -> None:
    amounts = random_ratings(seed)
    membership = sp.csr_array((np.random.default_rng(seed).random((amounts.shape[1], 4)) < 0.4).astype(np.float64))
    aggregation = aggregate_categories(kind, membership, scale=5.0)
    bins = make_bins(amounts, aggregation, n_bins)
    values = aggregation.aggregate(amounts)
    for variable, (edges, column) in enumerate(zip(bins.edges, values.T, strict=True)):
        assert 2 <= len(edges) - 1 <= max(n_bins, 2)
        assert np.all(np.diff(edges) > 0)
        assert edges[0] == 0
        assert np.all((edges[0] <= column) & (column < edges[-1]))
        counts = bins.count(variable, column)
        assert counts.sum() == len(column)
        assert counts[0] == np.sum(column == 0)


def test_totals_of_many_users_are_cut_into_parts_of_equal_size() -> None:
    totals = sp.csr_array(np.concatenate([np.zeros(20), np.arange(1, 71)])[:, None])
    bins = make_bins(totals, aggregate_categories("sum", sp.csr_array(np.ones((1, 1)))), 8)
    assert bins.count(0, totals.toarray().ravel()).tolist() == [20, 10, 10, 10, 10, 10, 10, 10]
    assert bins.edges[0].tolist() == [0, 1, 11, 21, 31, 41, 51, 61, 71]


def test_edges_of_means_lie_between_the_values_that_a_mean_can_have() -> None:
    stars = sp.csr_array(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]))
    bins = make_bins(stars, aggregate_categories("mean", sp.csr_array(np.ones((2, 1))), scale=5.0), 8)
    assert np.allclose(bins.edges[0], [0, 0.05, 0.25, 0.35])


def test_a_category_that_nobody_touched_has_a_bin_for_what_it_would_be() -> None:
    nothing = sp.csr_array((4, 2))
    bins = make_bins(nothing, aggregate_categories("sum", sp.csr_array(np.ones((2, 1)))), 8)
    assert bins.edges[0].tolist() == [0, 1, 2]
