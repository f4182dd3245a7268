"""Which options are offered: the study's selection, and the most diverse set against all sets."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.features.distances import Distances
from recsys_ops.recourse.selection import select_as_in_study, select_diverse, select_spread
from tests.twins import distances as twin


def random_distances(rng: np.random.Generator, m: int) -> Distances:
    sparsity = rng.integers(1, 5, m)
    return Distances(sparsity, np.round(sparsity * rng.uniform(0.1, 1, m), 1), sparsity.astype(float))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), m=st.integers(1, 12), n=st.integers(1, 5))
def test_the_studys_selection_has_a_sparsest_and_a_most_proximate_of_the_others(seed: int, m: int, n: int) -> None:
    distances = random_distances(np.random.default_rng(seed), m)
    chosen = select_as_in_study(distances, n, np.random.default_rng(seed)).tolist()
    assert len(chosen) == len(set(chosen)) == min(n, m)
    assert distances.sparsity[chosen[0]] == distances.sparsity.min()
    if len(chosen) > 1:
        others = np.delete(distances.proximity, chosen[0])
        assert distances.proximity[chosen[1]] == others.min()


def test_the_rest_of_the_studys_selection_is_drawn_at_random_from_a_seed() -> None:
    distances = random_distances(np.random.default_rng(1), 30)
    drawn = [tuple(select_as_in_study(distances, 5, np.random.default_rng(seed))) for seed in range(100)]
    assert len({one[:2] for one in drawn}) == 1
    assert len({one[2:] for one in drawn}) > 90
    assert drawn[0] == tuple(select_as_in_study(distances, 5, np.random.default_rng(0)))
    assert {position for one in drawn for position in one} == set(range(30))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), m=st.integers(2, 9), n=st.integers(2, 5), coarse=st.booleans())
def test_no_other_set_is_more_diverse(seed: int, m: int, n: int, coarse: bool) -> None:
    values = np.random.default_rng(seed).uniform(0.1, 1, (m, m))
    difference = np.triu(np.round(values, 1) if coarse else values, 1)
    difference += difference.T
    chosen = select_diverse(difference, n).tolist()
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(n, m)
    if n <= m:
        assert twin.least_difference(difference, chosen) == twin.most_diverse(difference, n)


@pytest.mark.parametrize(("m", "n", "expected"), [(1, 5, [0]), (4, 1, [0]), (0, 3, [])])
def test_where_there_is_nothing_to_compare_the_first_are_taken(m: int, n: int, expected: list[int]) -> None:
    assert select_diverse(np.zeros((m, m)), n).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), m=st.integers(1, 9), n=st.integers(2, 5), exponent=st.integers(-6, 6))
def test_the_spread_is_at_least_half_of_the_widest_that_begins_with_the_first(
    seed: int, m: int, n: int, exponent: int
) -> None:
    distances = random_distances(np.random.default_rng(seed), m)
    distances = replace(distances, proximity=distances.proximity * 10.0**exponent)
    measures = np.column_stack([distances.sparsity, distances.proximity]).astype(float)
    measures /= np.where(np.ptp(measures, axis=0) > 0, np.ptp(measures, axis=0), 1.0)
    difference = np.abs(measures[:, None] - measures[None]).sum(axis=2)
    chosen = select_spread(distances, n).tolist()
    assert chosen[0] == 0
    assert len(chosen) == len(set(chosen)) == min(n, m)
    if len(chosen) > 1:
        sets = [(0, *others) for others in combinations(range(1, m), len(chosen) - 1)]
        widest = max(twin.least_difference(difference, one) for one in sets)
        assert twin.least_difference(difference, chosen) >= widest / 2 - 1e-9
