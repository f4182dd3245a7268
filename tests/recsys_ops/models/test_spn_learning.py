"""The learned network: equal to spflow's own evaluation, reproducible, and right where the truth is known."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2_contingency
from threadpoolctl import threadpool_limits

from recsys_ops.models.bins import Bins
from recsys_ops.models.network import Network, NodeKind, log_likelihood
from recsys_ops.models.spn_export import export_network
from recsys_ops.models.spn_learning import SIGNIFICANCE, SMOOTHING, dependent_pairs, learn_module


def twins_and_a_coin(n: int = 400) -> tuple[NDArray[np.float64], Bins]:
    """Variable 1 repeats variable 0, variable 2 knows nothing of them, variable 3 is constant."""
    rng = np.random.default_rng(11)
    values = rng.integers(0, [3, 1, 2, 1], (n, 4)).astype(np.float64)
    values[:, 1] = values[:, 0]
    edges = [np.arange(4.0), np.arange(4.0), np.arange(3.0), np.arange(3.0)]
    return values, Bins(edges, np.ones(4, dtype=bool))


def random_table(seed: int, *, continuous: bool = False) -> tuple[NDArray[np.float64], Bins]:
    """Whole numbers, or sevenths, of two kinds of users; some columns constant, bins of one to three values."""
    rng = np.random.default_rng([seed, 8])
    n, n_variables = int(rng.integers(1, 120)), int(rng.integers(1, 8))
    greatest = rng.integers(0, 5, n_variables)
    rate = np.where(rng.random((n, 1)) < 0.5, rng.random(n_variables), rng.random(n_variables))
    values = rng.binomial(greatest, rate).astype(np.float64)
    edges = [np.arange(0.0, high + 4, rng.integers(1, 4)) for high in greatest]
    if continuous:
        values, edges = values / 7, [np.maximum(whole - 0.5, 0.0) / 7 for whole in edges]
    return values, Bins(edges, np.full(n_variables, not continuous))


def learned(values: NDArray[np.float64], bins: Bins, *, seed: int = 0, min_instances: int = 10) -> Network:
    return export_network(learn_module(values, bins, seed=seed, min_instances=min_instances), bins)


@given(seed=st.integers(0, 10_000), min_instances=st.integers(0, 200), continuous=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_exported_network_is_as_likely_as_spflow_says(seed: int, min_instances: int, continuous: bool) -> None:
    values, bins = random_table(seed, continuous=continuous)
    module = learn_module(values, bins, seed=seed, min_instances=min_instances)
    with torch.no_grad():
        expected = module.log_likelihood(torch.from_numpy(values)).numpy().ravel()
    assert np.allclose(log_likelihood(export_network(module, bins), values), expected, rtol=0, atol=1e-5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_network_is_a_normalised_tree_in_topological_order(seed: int) -> None:
    values, bins = random_table(seed)
    values, bins = values[:, :4], Bins(bins.edges[:4], bins.is_discrete[:4])
    network = learned(values, bins)
    parents = np.repeat(np.arange(len(network)), np.diff(network.child_start))
    assert np.all(network.child < parents)
    assert sorted(network.child.tolist()) == list(range(len(network) - 1))
    for inner in (NodeKind.SUM, NodeKind.PRODUCT):
        assert not np.any((network.kind[parents] == inner) & (network.kind[network.child] == inner))
    ranges = [range(int(edges[-1])) for edges in bins.edges]
    joint = np.array(list(itertools.product(*ranges)), dtype=np.float64)
    assert np.exp(log_likelihood(network, joint)).sum() == pytest.approx(1.0, abs=1e-9)


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads_and_leaves_the_random_state_alone() -> None:
    values, bins = random_table(3)
    values = np.concatenate([values] * 5)
    state = torch.random.get_rng_state()
    networks = []
    for n_threads in (1, 2):
        torch.rand(n_threads)
        before = torch.random.get_rng_state()
        with threadpool_limits(limits=n_threads):
            networks.append(learned(values, bins, seed=4))
        assert torch.equal(torch.random.get_rng_state(), before)
    torch.random.set_rng_state(state)
    first, second = networks
    assert len(first) > values.shape[1] + 1
    for name in vars(first):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_variables_that_repeat_each_other_are_modelled_together_and_a_coin_apart() -> None:
    values, bins = twins_and_a_coin()
    network = learned(values, bins)
    per_user = -float(log_likelihood(network, values).mean())
    assert per_user == pytest.approx(np.log(3) + np.log(2), abs=0.05)
    root = network.child[network.child_start[-2] : network.child_start[-1]]
    assert network.kind[-1] == NodeKind.PRODUCT
    assert sorted(network.variable[root].tolist()) == [-1, 2, 3]


def test_without_clusters_the_network_is_a_product_of_smoothed_shares() -> None:
    values, bins = twins_and_a_coin(50)
    network = learned(values, bins, min_instances=51)
    assert sorted(network.kind.tolist()) == [NodeKind.LEAF] * 4 + [NodeKind.PRODUCT]
    expected = np.zeros(len(values))
    for column, edges in zip(values.T, bins.edges, strict=True):
        counts = np.array([np.sum(column == value) for value in edges[:-1]])
        prior = (counts + 0.5) / (len(values) + 0.5 * len(counts))
        expected += np.log((counts + SMOOTHING * prior) / (len(values) + SMOOTHING))[column.astype(int)]
    assert np.allclose(log_likelihood(network, values), expected, rtol=0, atol=1e-6)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_dependence_is_that_of_the_g_test_of_scipy(seed: int) -> None:
    rng = np.random.default_rng([seed, 9])
    n, n_variables = int(rng.integers(5, 80)), int(rng.integers(1, 5))
    drawn = rng.integers(0, rng.integers(1, 4, n_variables), (n, n_variables))
    drawn[:, -1] = np.where(rng.random(n) < 0.7, drawn[:, 0], drawn[:, -1])
    levels = np.column_stack([np.unique(column, return_inverse=True)[1] for column in drawn.T])
    dependent = dependent_pairs(levels)
    for first, second in itertools.product(range(n_variables), repeat=2):
        table = np.zeros((levels[:, first].max() + 1, levels[:, second].max() + 1))
        np.add.at(table, (levels[:, first], levels[:, second]), 1)
        probability = chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
        assert dependent[first, second] == (probability < SIGNIFICANCE)
