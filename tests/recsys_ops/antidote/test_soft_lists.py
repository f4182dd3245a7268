"""Objectives of the users' lists against loops, their gradients against finite differences, softened against true."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.antidote.gradient import item_gradient, user_gradient
from recsys_ops.antidote.objectives import Polarisation, WeightedSum, measure
from recsys_ops.antidote.soft_lists import SOFTNESS, Kind, ListObjective, soft_top, softened
from recsys_ops.antidote.standing import LIST_LENGTH
from recsys_ops.models.mf import Factors
from recsys_ops.models.mf_rows import LocalRows
from tests.twins import soft_lists as twin

N_USERS, N_ITEMS, RANK = 6, 22, 2
KINDS: tuple[Kind, ...] = ("exposure", "popularity", "gini")


class World:
    """Users who rated some items, one with fewer candidates than slots, groups that overlap or are empty."""

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        rng = np.random.default_rng(seed)
        self.rated = rng.random((N_USERS, N_ITEMS)) < 0.3
        self.rated[0, :14], self.rated[1] = True, False
        self.groups = rng.random((N_ITEMS, 4)) < 0.4
        self.groups[5] = False
        self.factors = Factors(rng.normal(size=(N_USERS, RANK)), scale * rng.normal(size=(N_ITEMS, RANK)))
        self.pattern = sp.csr_array(self.rated.astype(np.float64))
        self.rows = LocalRows(self.pattern)

    def objective(self, kind: Kind, *, is_soft: bool) -> ListObjective:
        return ListObjective(kind, self.pattern, sp.csr_array(self.groups.astype(np.float64)), is_soft=is_soft)

    def dense_value(self, kind: Kind, factors: Factors, softness: float | None) -> float:
        predictions = factors.users @ factors.items.T
        return twin.value(kind, twin.shares(predictions, self.rated, LIST_LENGTH, softness), self.rated, self.groups)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seed", "scale"), [(0, 1.0), (1, 0.01), (2, 100.0)])
def test_a_value_equals_its_definition_with_true_lists_and_with_softened_ones(
    kind: Kind, seed: int, scale: float
) -> None:
    world = World(seed, scale)
    predictions = measure(world.rows, world.factors)
    for softness in (None, SOFTNESS):
        value = world.objective(kind, is_soft=softness is not None).value(predictions)
        assert value == pytest.approx(world.dense_value(kind, world.factors, softness), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seed", "scale"), [(0, 0.02), (1, 0.3)])
def test_gradients_equal_finite_differences_of_the_definition(kind: Kind, seed: int, scale: float) -> None:
    world = World(seed, scale)
    shared = (world.objective(kind, is_soft=True), measure(world.rows, world.factors))
    found = {
        "items": np.concatenate(world.rows.map("items", item_gradient, shared)),
        "users": np.concatenate(world.rows.map("users", user_gradient, shared)),
    }
    for side, gradient in found.items():
        wanted, given = np.zeros_like(gradient), getattr(world.factors, side)
        step = 1e-5 * np.abs(given).max()
        for place in np.ndindex(gradient.shape):
            moved = []
            for change in (step, -step):
                other = given.copy()
                other[place] += change
                moved.append(world.dense_value(kind, replace(world.factors, **{side: other}), SOFTNESS))
            wanted[place] = (moved[0] - moved[1]) / (2 * step)
        np.testing.assert_allclose(gradient, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("seed", range(8))
def test_softened_lists_have_as_many_slots_as_true_ones_whatever_the_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(7, 40)) * 10.0 ** rng.uniform(-4, 3) + rng.normal() * 100
    scores[rng.random(scores.shape) < 0.5] = -np.inf
    scores[3], scores[4, :20] = scores[0].max(), scores[0].max()  # all alike; many alike at the top
    scores[5, 8:] = -np.inf
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        weights, near = soft_top(scores, LIST_LENGTH)
    candidates = np.isfinite(scores)
    np.testing.assert_allclose(weights.sum(axis=1), np.minimum(candidates.sum(axis=1), LIST_LENGTH), rtol=1e-9)
    assert (weights[~candidates] == 0).all()
    assert (near >= 0).all()
    assert (near[5] == 0).all()


def test_lists_of_far_apart_scores_are_the_true_ones() -> None:
    world = World(3, 1e6)
    predictions = measure(world.rows, world.factors)
    for kind in KINDS:
        soft, true = (world.objective(kind, is_soft=is_soft).value(predictions) for is_soft in (True, False))
        assert soft == pytest.approx(true, rel=1e-6)


def test_blocks_change_no_bit_of_a_gradient() -> None:
    world = World(4)
    found = []
    for size in (10_000, 30, 1):
        rows = LocalRows(world.pattern, block_ratings=size)
        shared = (world.objective("exposure", is_soft=True), measure(rows, world.factors))
        found.append([np.concatenate(rows.map(side, function, shared)).tobytes()
                      for side, function in (("items", item_gradient), ("users", user_gradient))])  # fmt: skip
    assert found[1:] == [found[0]] * 2


def test_the_search_is_given_softened_lists_and_only_these_change() -> None:
    true = World(0).objective("gini", is_soft=False)
    both = softened(WeightedSum(((1.0, true), (2.0, Polarisation()))))
    assert isinstance(both, WeightedSum)
    assert both.terms == ((1.0, softened(true)), (2.0, Polarisation()))
    assert softened(true) == replace(true, is_soft=True)
