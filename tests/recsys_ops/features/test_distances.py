"""Sparsity and proximity: the paper's worked examples, and feature by feature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.features.distances import feature_deltas, measure, pairwise_difference
from tests import profiles
from tests.profiles import encode, profile
from tests.twins import distances as twin
from tests.worlds import one_word_world, random_world

ORDERS = profiles.GROWING | profiles.FREE


@pytest.mark.parametrize(
    ("before", "after", "sparsity", "proximity"),
    [
        (profile(), profile(teleworking_hours_per_day="2-4 hours"), 1, 0.167),
        (profile(number_of_side_jobs="1 job"), profile(), 1, 0.20),
        (profile(workplace="Private company"), profile(workplace="Public institution"), 1, 1.0),
        (profile(position="Employee"), profile(position="Supervisor"), 1, 1 / 9),
        (profile(), profile(job_change_experience="Yes", TOEIC_best_score="900-990"), 2, 2.0),
        (profile(), profile(), 0, 0.0),
    ],
)
def test_the_papers_examples(
    before: profiles.Profile, after: profiles.Profile, sparsity: int, proximity: float
) -> None:
    items, (one, other) = encode([before, after])
    found = measure(items.columns, one, other[None])
    assert (found.sparsity[0], found.cost[0]) == (sparsity, sparsity)
    assert found.proximity[0] == pytest.approx(proximity, abs=5e-4)


def test_the_papers_profile_has_sixteen_features_each_of_range_one() -> None:
    farthest = {name: values[-1] for name, values in profiles.VALUES.items()}
    items, (one, other) = encode([profile(), farthest])
    found = measure(items.columns, one, other[None])
    assert found.sparsity[0] == 16
    assert found.proximity[0] == pytest.approx(16)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_distances_of_profiles_are_those_of_their_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = [profiles.random_profile(rng) for _ in range(4)]
    items, rows = encode(people)
    found = measure(items.columns, rows[0], rows)
    for n, person in enumerate(people):
        sparsity, proximity = twin.between_values(ORDERS, people[0], person)
        assert found.sparsity[n] == sparsity
        assert found.proximity[n] == pytest.approx(proximity)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_distances_between_items_are_those_of_their_words_tags_categories_and_numbers(seed: int) -> None:
    world = random_world(seed)
    rows = world.features
    for item in range(0, len(rows), 3):
        found = measure(world.items.columns, rows[item], rows)
        for other in range(len(rows)):
            sparsity, proximity = twin.between_rows(world.items, rows[item], rows[other])
            assert found.sparsity[other] == sparsity
            assert found.proximity[other] == pytest.approx(proximity)


def test_a_word_without_a_limit_has_the_range_of_what_real_items_have() -> None:
    world = one_word_world(upper=float("inf"))
    before, after = world.features[3], world.features[3].copy()
    heist = world.items.columns.value.index("heist")
    after[heist] += 6 * world.items.columns.unit[heist]
    assert measure(world.items.columns, before, after[None]).proximity[0] == pytest.approx(6 / 3)


@pytest.mark.parametrize("seed", range(3))
def test_differences_between_rows_are_symmetric_distances(seed: int) -> None:
    world = random_world(seed)
    found = pairwise_difference(world.items.columns, world.features)
    assert np.allclose(found, found.T)
    assert np.array_equal(np.diag(found), np.zeros(len(found)))
    assert np.allclose(found[2], feature_deltas(world.items.columns, world.features[2], world.features).sum(axis=1))
