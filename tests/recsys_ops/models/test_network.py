"""The evaluation of sum-product networks against its definition, value by value."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_ops.models import network as module
from recsys_ops.models.network import Network, NodeKind, best_child_bound, leaf_log_densities, log_likelihood
from tests.twins import networks


def some_network(seed: int, *, continuous: bool) -> tuple[Network, NDArray[np.float64]]:
    """A random network, and values within its bins and beyond them."""
    rng = np.random.default_rng([seed, 5])
    n_variables, n_values = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    network = networks.random_network(rng, n_variables, n_values=n_values, continuous=continuous)
    shape = (9, n_variables)
    values = rng.uniform(-0.2, 1.2, shape) if continuous else rng.integers(-1, n_values + 2, shape).astype(np.float64)
    return network, values


@given(seed=st.integers(0, 10_000), continuous=st.booleans())
@settings(max_examples=60, deadline=None)
def test_log_likelihood_and_bound_are_those_of_the_definition(seed: int, continuous: bool) -> None:
    network, values = some_network(seed, continuous=continuous)
    exact = [networks.log_likelihood(network, row) for row in values]
    bound = [networks.log_likelihood(network, row, best_child=True) for row in values]
    assert np.allclose(log_likelihood(network, values), exact, rtol=0, atol=1e-10)
    assert np.allclose(best_child_bound(network, values), bound, rtol=0, atol=1e-10)


@given(seed=st.integers(0, 10_000), continuous=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_best_child_bound_is_never_above_the_log_likelihood(seed: int, continuous: bool) -> None:
    network, values = some_network(seed, continuous=continuous)
    assert np.all(best_child_bound(network, values) <= log_likelihood(network, values) + 1e-12)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_probabilities_of_all_joint_values_sum_to_one(seed: int) -> None:
    rng = np.random.default_rng([seed, 6])
    n_variables, n_values = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    network = networks.random_network(rng, n_variables, n_values=n_values)
    values = np.array(list(itertools.product(range(n_values), repeat=n_variables)), dtype=np.float64)
    assert np.exp(log_likelihood(network, values)).sum() == pytest.approx(1.0, abs=1e-12)


@given(seed=st.integers(0, 10_000), continuous=st.booleans())
@settings(max_examples=40, deadline=None)
def test_leaves_take_the_density_of_the_bin_that_holds_the_value(seed: int, continuous: bool) -> None:
    network, values = some_network(seed, continuous=continuous)
    for leaf in np.flatnonzero(network.kind == NodeKind.LEAF):
        own = values[:, network.variable[leaf]]
        expected = [networks.leaf_log_density(network, leaf, value) for value in own]
        assert leaf_log_densities(network, leaf, own).tolist() == expected


@pytest.mark.parametrize("block_bytes", [1, 5_000])
def test_a_row_has_the_same_bits_whichever_rows_it_comes_with(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    network = networks.random_network(rng, 40, n_values=3, depth=4, n_children=12)
    values = rng.integers(0, 3, (50, 40)).astype(np.float64)
    together = log_likelihood(network, values)
    assert [log_likelihood(network, row[None])[0] for row in values] == together.tolist()
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    assert log_likelihood(network, values).tobytes() == together.tobytes()


def test_a_mixture_of_two_coins_that_share_a_side_is_known_by_hand() -> None:
    network = Network(
        kind=np.array([0, 0, 0, 1, 1, 2], dtype=np.int8),
        child_start=np.array([0, 0, 0, 0, 2, 4, 6]),
        child=np.array([0, 2, 1, 2, 3, 4]),
        log_weight=np.array([0.0, 0.0, 0.0, 0.0, np.log(0.25), np.log(0.75)]),
        variable=np.array([0, 0, 1, -1, -1, -1]),
        bin_start=np.array([0, 2, 4, 6, 6, 6, 6]),
        bin_lower=np.array([0.0, 1.0] * 3),
        bin_log_density=np.log([0.5, 0.5, 0.9, 0.1, 0.2, 0.8]),
        is_discrete=np.array([True, True]),
    )
    values = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert np.allclose(np.exp(log_likelihood(network, values)), [0.8 * (0.125 + 0.675), 0.2 * (0.125 + 0.075)])
    assert np.allclose(np.exp(best_child_bound(network, values)), [0.8 * 0.675, 0.2 * 0.125])


def test_vanishing_likelihoods_stay_finite() -> None:
    network = networks.random_network(np.random.default_rng(8), 3000, n_values=4, depth=2)
    values = np.full((1, 3000), 3.0)
    assert -np.inf < log_likelihood(network, values)[0] < -1000
