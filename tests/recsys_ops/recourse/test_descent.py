"""The batched descent against a plain loop, and in situations where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from recsys_ops.recourse import descent
from recsys_ops.recourse.descent import OVERSHOOT_WEIGHT, SAMPLE_MARGIN, DescentBatch, descend
from tests.twins import descent as twin


def batch(seed: int, *, n_items: int = 3, n_users: int = 12, n_columns: int = 6, **changes: np.ndarray) -> DescentBatch:
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 0.5, (n_items, n_columns))
    made = {
        "profiles": rng.uniform(0, 1, (n_users, n_columns)) * (rng.random((n_users, n_columns)) < 0.6),
        "gaps": rng.uniform(-0.3, 1.0, (n_items, n_users)),
        "features": features,
        "lower": np.maximum(features - 0.3, 0.0),
        "upper": features + rng.uniform(0, 0.8, (n_items, n_columns)),
        "cost": rng.uniform(0.5, 2.0, n_columns),
        "one_hot": np.full(n_columns, -1, dtype=np.int32),
    }
    return DescentBatch(**{**made, **changes})


def wanted_gains(given: DescentBatch, item: int) -> np.ndarray:
    gaps = given.gaps[item]
    return np.where(gaps > 0, gaps * (1 + SAMPLE_MARGIN), gaps)


def cancelling(seed: int) -> np.ndarray:
    """Profiles that each sum to nothing: as many dislikes as likes."""
    profiles = np.random.default_rng(seed).normal(size=(12, 6))
    return profiles - profiles.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("fraction", [0.1, 0.003])
@pytest.mark.parametrize(
    "given", [*map(batch, range(4)), *(batch(seed, profiles=cancelling(seed)) for seed in range(4))]
)
def test_the_solution_is_as_good_as_that_of_a_long_plain_loop(
    given: DescentBatch, fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descent, "LAMBDA_PATH", (fraction,))
    found = descend(given)
    for item in range(len(found)):
        wanted, start = wanted_gains(given, item), given.features[item]
        penalty = fraction * (np.maximum(wanted, 0) @ given.profiles / given.cost).max() * given.cost
        problem = (given.profiles, wanted, penalty, OVERSHOOT_WEIGHT)
        slow = twin.minimise(start, given.lower[item], given.upper[item], *problem)
        assert twin.objective(found[item], start, *problem) == pytest.approx(
            twin.objective(slow, start, *problem), rel=1e-3, abs=1e-6
        )


@pytest.mark.parametrize("seed", range(4))
def test_solutions_stay_within_their_limits(seed: int) -> None:
    given = batch(seed)
    found = descend(given)
    assert np.all(found >= given.lower - 1e-6)
    assert np.all(found <= given.upper + 1e-6)


def test_items_of_a_batch_do_not_depend_on_each_other() -> None:
    given = batch(5, n_items=4)
    together = descend(given)
    for item in range(4):
        one = slice(item, item + 1)
        alone = descend(
            DescentBatch(
                given.profiles,
                given.gaps[one],
                given.features[one],
                given.lower[one],
                given.upper[one],
                given.cost,
                given.one_hot,
            )
        )
        assert np.allclose(together[one], alone, atol=1e-4)


def test_the_same_batch_gives_the_same_bytes() -> None:
    assert descend(batch(6)).tobytes() == descend(batch(6)).tobytes()


def test_nothing_moves_where_nobody_is_a_target() -> None:
    given = batch(1, gaps=np.full((3, 12), -np.inf))
    assert np.allclose(descend(given), given.features, atol=1e-6)


def test_nothing_moves_where_everybody_sees_the_item() -> None:
    given = batch(1, gaps=np.full((3, 12), -0.1))
    assert np.allclose(descend(given), given.features, atol=1e-6)


def test_the_sparsest_solution_that_satisfies_as_many_is_kept() -> None:
    """Feature 0 closes both gaps; feature 1 would help too, but is not needed."""
    given = DescentBatch(
        profiles=np.array([[1.0, 0.4], [1.0, 0.4]]),
        gaps=np.array([[0.5, 0.5]]),
        features=np.zeros((1, 2)),
        lower=np.zeros((1, 2)),
        upper=np.ones((1, 2)),
        cost=np.ones(2),
        one_hot=np.full(2, -1, dtype=np.int32),
    )
    found = descend(given)[0]
    assert found[0] >= 0.5
    assert found[1] == pytest.approx(0, abs=1e-6)


def test_a_dear_feature_gives_way_to_a_cheap_one_that_does_the_same() -> None:
    given = DescentBatch(
        profiles=np.ones((3, 2)),
        gaps=np.full((1, 3), 0.5),
        features=np.zeros((1, 2)),
        lower=np.zeros((1, 2)),
        upper=np.ones((1, 2)),
        cost=np.array([5.0, 1.0]),
        one_hot=np.full(2, -1, dtype=np.int32),
    )
    found = descend(given)[0]
    assert found[1] > 0.5
    assert found[0] == pytest.approx(0, abs=1e-6)


def two_values(gaps: list[float]) -> DescentBatch:
    """User 0 likes the present value of a category, user 1 the other one."""
    return DescentBatch(
        profiles=np.eye(2),
        gaps=np.array([gaps]),
        features=np.array([[1.0, 0.0]]),
        lower=np.zeros((1, 2)),
        upper=np.ones((1, 2)),
        cost=np.ones(2),
        one_hot=np.zeros(2, dtype=np.int32),
    )


def test_shares_of_a_category_sum_to_one() -> None:
    found = descend(two_values([-np.inf, 0.4]))[0]
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found[1] > 0.4


def test_steps_are_short_enough_where_likes_and_dislikes_cancel_in_every_profile() -> None:
    """Power iteration from ones finds no eigenvalue here, and steps by the inverse of nothing are infinite."""
    found = descend(replace(two_values([-np.inf, 0.4]), profiles=np.array([[1.0, -1.0], [-1.0, 1.0]])))[0]
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found @ [-1.0, 1.0] - [1.0, 0.0] @ np.array([-1.0, 1.0]) > 0.4


def test_a_user_who_left_the_sum_comes_back_when_the_item_is_about_to_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """User 0 sees the item and can lose 0.5; without that user the share goes on to what user 1 needs."""
    monkeypatch.setattr(descent, "LAMBDA_PATH", (1e-5,))
    wanted = 0.8 * (1 + SAMPLE_MARGIN)
    assert descend(two_values([-np.inf, 0.8]))[0, 1] == pytest.approx(wanted, abs=1e-3)
    assert descend(two_values([-0.9, 0.8]))[0, 1] == pytest.approx(wanted, abs=1e-3)
    assert descend(two_values([-0.5, 0.8]))[0, 1] == pytest.approx((wanted + 0.5) / 2, abs=1e-3)


def test_no_columns_to_search_leave_the_item_as_it_is() -> None:
    nothing = np.zeros((2, 0))
    given = batch(0, n_items=2, n_columns=0, profiles=np.zeros((12, 0)), features=nothing, lower=nothing, upper=nothing)
    assert descend(given).shape == (2, 0)
