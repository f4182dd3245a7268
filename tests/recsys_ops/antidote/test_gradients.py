"""Objectives and gradients against the dense formulas: loops, finite differences, automatic differentiation."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.antidote.fixed_point import exact_gradient
from recsys_ops.antidote.gradient import item_gradient, paper_gradient, user_gradient
from recsys_ops.antidote.objectives import (
    GroupUnfairness,
    IndividualUnfairness,
    Objective,
    Polarisation,
    SquaredError,
    WeightedSum,
    measure,
)
from recsys_ops.models.mf import AlsSettings, Factors, Fit, fit_als
from recsys_ops.models.mf_rows import LocalRows
from tests.twins import antidote as twin

N_USERS, N_ITEMS, RANK = 14, 11, 3


class World:
    """Random ratings with gaps, groups, factors, and every objective on them."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        stars = rng.integers(0, 6, (N_USERS, N_ITEMS)).astype(np.float64)
        self.ratings = np.where(rng.random(stars.shape) < 0.6, stars, np.nan)
        self.ratings[2], self.ratings[:, 4] = np.nan, np.nan
        known = np.nonzero(~np.isnan(self.ratings))
        self.stored = sp.csr_array((self.ratings[known], known), shape=stars.shape)
        self.rows = LocalRows(self.stored, block_ratings=17)
        self.factors = Factors(rng.normal(size=(N_USERS, RANK)), rng.normal(size=(N_ITEMS, RANK)))
        self.user_groups = rng.random((N_USERS, 3)) < 0.4
        self.item_groups = rng.random((N_ITEMS, 4)) < 0.4
        self.artificial = rng.uniform(0, 5, (3, N_ITEMS))

    def objectives(self) -> dict[str, Objective]:
        """By name."""
        users, items = (sp.csr_array(g.astype(np.float64)) for g in (self.user_groups, self.item_groups))
        return {
            "polarisation": Polarisation(),
            "individual": IndividualUnfairness(),
            "users": GroupUnfairness("users", users),
            "items": GroupUnfairness("items", items),
            "sum": WeightedSum(((0.3, Polarisation()), (2.0, IndividualUnfairness()))),
        }

    def dense_value(self, name: str, predictions: np.ndarray) -> float:
        """The objective from its definition."""
        if name == "polarisation":
            return twin.polarisation(predictions)
        if name == "individual":
            return twin.unfairness(twin.user_losses(self.ratings, predictions))
        if name == "sum":
            return 0.3 * self.dense_value("polarisation", predictions) + 2.0 * self.dense_value(
                "individual", predictions
            )
        groups, axis = (self.user_groups, 0) if name == "users" else (self.item_groups, 1)
        return twin.unfairness(twin.group_losses(self.ratings, predictions, groups, axis))

    def dense_gradient(self, name: str, predictions: np.ndarray) -> np.ndarray:
        """Central differences of the definition."""
        gradient = np.zeros(predictions.shape)
        for place in np.ndindex(predictions.shape):
            moved = []
            for change in (1e-4, -1e-4):
                other = predictions.copy()
                other[place] += change
                moved.append(self.dense_value(name, other))
            gradient[place] = (moved[0] - moved[1]) / 2e-4
        return gradient


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Greatest difference against the greatest value."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


NAMES = ("polarisation", "individual", "users", "items", "sum")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_value_equals_its_definition_over_all_pairs(name: str, seed: int) -> None:
    world = World(seed)
    value = world.objectives()[name].value(measure(world.rows, world.factors))
    wanted = world.dense_value(name, world.factors.users @ world.factors.items.T)
    assert value == pytest.approx(wanted, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_folded_gradients_equal_finite_differences_of_the_dense_objective(name: str, seed: int) -> None:
    world = World(seed)
    users, items = world.factors.users, world.factors.items
    dense = world.dense_gradient(name, users @ items.T)
    shared = (world.objectives()[name], measure(world.rows, world.factors))
    by_item = np.concatenate(world.rows.map("items", item_gradient, shared))
    by_user = np.concatenate(world.rows.map("users", user_gradient, shared))
    assert relative_error(by_item, dense.T @ users) < 1e-5
    assert relative_error(by_user, dense @ items) < 1e-5


@pytest.mark.parametrize("axis", [0, 1])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000))
def test_folded_gradients_equal_automatic_differentiation(axis: int, seed: int) -> None:
    world = World(seed)
    groups = (world.user_groups, world.item_groups)[axis]
    users, items = world.factors.users, world.factors.items
    dense = twin.dense_gradients(world.ratings, users @ items.T, groups, axis)
    predictions, objectives = measure(world.rows, world.factors), world.objectives()
    for name, key in (
        ("polarisation", "polarisation"),
        ("individual", "individual"),
        ("group", ("users", "items")[axis]),
    ):
        by_item = np.concatenate(world.rows.map("items", item_gradient, (objectives[key], predictions)))
        np.testing.assert_allclose(by_item, dense[name].T @ users, rtol=1e-9, atol=1e-12)


def test_the_squared_error_is_the_square_of_the_rmse_with_its_derivative() -> None:
    world = World(3)
    users, items = world.factors.users, world.factors.items
    predictions = measure(world.rows, world.factors)
    assert SquaredError().value(predictions) == pytest.approx(twin.rmse(world.ratings, users @ items.T) ** 2)
    errors = np.nan_to_num(users @ items.T - world.ratings) * 2 / world.stored.nnz
    by_item = np.concatenate(world.rows.map("items", item_gradient, (SquaredError(), predictions)))
    by_user = np.concatenate(world.rows.map("users", user_gradient, (SquaredError(), predictions)))
    np.testing.assert_allclose(by_item, errors.T @ users, rtol=1e-10)
    np.testing.assert_allclose(by_user, errors @ items, rtol=1e-10)


def converged(world: World, artificial: np.ndarray, start: np.ndarray | None = None) -> Fit:
    """ALS to the last digit."""
    options = AlsSettings(RANK, 0.8, tolerance=-np.inf, max_iterations=700 if start is None else 300)
    return fit_als(world.rows, options, artificial=sp.csr_array(artificial), start=start)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_the_paper_equals_its_equation_entry_by_entry(name: str) -> None:
    world = World(1)
    fit = converged(world, world.artificial)
    objective, predictions = world.objectives()[name], measure(world.rows, fit.factors)
    found = paper_gradient(world.rows, objective, predictions, fit, sp.csr_array(world.artificial), 0.8)
    dense = world.dense_gradient(name, fit.factors.users @ fit.factors.items.T)
    wanted = twin.paper_gradient(world.ratings, world.artificial, dense, fit.factors.users, fit.artificial, 0.8)
    assert relative_error(found.dense(), wanted) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_gradient_equals_finite_differences_of_the_whole_pipeline(name: str) -> None:
    world = World(0)
    fit = converged(world, world.artificial)
    objective, predictions = world.objectives()[name], measure(world.rows, fit.factors)
    arguments = (world.rows, objective, predictions, fit, sp.csr_array(world.artificial), 0.8)
    found = exact_gradient(*arguments, tolerance=1e-12, max_iterations=500).dense()
    places = [(0, 0), (1, 7)]
    wanted = []
    for place in places:
        moved = []
        for change in (1e-3, -1e-3):
            other = world.artificial.copy()
            other[place] += change
            again = converged(world, other, fit.factors.items)
            moved.append(objective.value(measure(world.rows, again.factors)))
        wanted.append((moved[0] - moved[1]) / 2e-3)
    assert np.abs([found[place] for place in places] - np.array(wanted)).max() / np.abs(found).max() < 1e-5


def test_the_gradient_for_held_out_ratings_differs_from_that_for_fitted_ones_and_is_exact_too() -> None:
    world, other = World(0), World(9)
    fit = converged(world, world.artificial)
    objective, evaluated = IndividualUnfairness(), other.rows
    arguments = (world.rows, objective, measure(evaluated, fit.factors), fit, sp.csr_array(world.artificial), 0.8)
    found = exact_gradient(*arguments, evaluated=evaluated, tolerance=1e-12, max_iterations=500).dense()
    moved = []
    for change in (1e-3, -1e-3):
        changed = world.artificial.copy()
        changed[1, 7] += change
        moved.append(objective.value(measure(evaluated, converged(world, changed, fit.factors.items).factors)))
    assert found[1, 7] == pytest.approx((moved[0] - moved[1]) / 2e-3, rel=1e-4)


def test_gradients_are_the_same_bytes_for_any_blocks() -> None:
    world = World(5)
    fit, artificial = converged(world, world.artificial), sp.csr_array(world.artificial)
    for name, objective in world.objectives().items():
        found = []
        for rows in (LocalRows(world.stored), world.rows, LocalRows(world.stored, block_ratings=1)):
            predictions = measure(rows, fit.factors)
            for gradient in (paper_gradient, exact_gradient):
                found.append(gradient(rows, objective, predictions, fit, artificial, 0.8).dense().tobytes())
        assert found[0::2] == [found[0]] * 3, name
        assert found[1::2] == [found[1]] * 3, name
