"""Groups of users by value and by equal parts."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.datasets import Dataset, build_dataset, user_groups
from recsys_ops.datasets.folder import read_folder
from recsys_ops.datasets.groups import default_groups
from recsys_ops.errors import ConfigError

Tables = dict[str, pa.Table]


@pytest.fixture
def dataset(tables: Tables, write: Callable[..., str]) -> Dataset:
    return read_folder(write(tables))


def with_ages(ages: list[float | None]) -> Dataset:
    users = pa.table({"user_id": range(len(ages)), "age": pa.array(ages, pa.float64())})
    items = pa.table({"item_id": [1], "seller_id": [1], "title": ["t"]})
    ratings = pa.table({"user_id": [0], "item_id": [1], "rating": [3.0]})
    return build_dataset("ages", ratings, items, users, rules=(), rating_range=(1, 5))


def test_a_column_gives_one_group_per_value_and_none_for_null(dataset: Dataset) -> None:
    labels, group = user_groups(dataset, "city")
    assert labels == ["city Bonn", "city Ulm"]
    assert group.tolist() == [1, 0, -1, 1]


def test_numeric_values_are_in_numeric_order(dataset: Dataset) -> None:
    labels, group = user_groups(dataset, "age")
    assert labels == ["age 20", "age 30", "age 40"]
    assert group.tolist() == [1, 0, 0, 2]


def test_ties_are_split_in_the_order_of_the_ids(dataset: Dataset) -> None:
    labels, group = user_groups(dataset, "age:2")
    assert labels == ["age 20", "age 30-40"]
    assert group.tolist() == [1, 0, 0, 1]
    assert user_groups(dataset, "age:4")[0] == ["age 20", "age 20 (2)", "age 30", "age 40"]


def test_the_number_of_ratings_is_always_available(dataset: Dataset) -> None:
    labels, group = user_groups(dataset, "n_ratings:2")
    assert labels == ["n_ratings 0-1", "n_ratings 2"]
    assert group.tolist() == [1, 0, 0, 1]


@settings(deadline=None, max_examples=60)
@given(
    ages=st.lists(st.one_of(st.none(), st.just(float("nan")), st.integers(0, 20).map(float)), min_size=1, max_size=60),
    n_groups=st.integers(1, 9),
)
def test_sizes_differ_by_one_at_most_and_groups_are_in_order(ages: list[float | None], n_groups: int) -> None:
    known = np.array([age is not None and age == age for age in ages])
    data = with_ages(ages)
    if known.sum() < n_groups:
        with pytest.raises(ConfigError, match=r"users have a value|no user has a value"):
            user_groups(data, f"age:{n_groups}")
        return
    labels, group = user_groups(data, f"age:{n_groups}")
    sizes = np.bincount(group[group >= 0], minlength=n_groups)
    assert len(set(labels)) == n_groups
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(group >= 0, known)
    values = np.array(ages, dtype=float)
    for lower, upper in zip(range(n_groups - 1), range(1, n_groups), strict=True):
        assert values[group == lower].max() <= values[group == upper].min()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("country", r"--groups country: users have no column 'country' .*found age, city, n_ratings"),
        ("country:3", r"no column 'country'"),
        ("city:2", r"--groups city:2: column 'city' is string, not a number. Use --groups city."),
        ("age:0", r"'0' is no number of groups. Use --groups age:4"),
        ("age:many", r"'many' is no number of groups"),
        ("age:5", r"only 4 users have a value. Use --groups age:4 or fewer"),
    ],
)
def test_a_wrong_spec_says_what_would_be_right(dataset: Dataset, spec: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        user_groups(dataset, spec)


@pytest.mark.parametrize("spec", ["age", "age:1", "age:9"])
def test_a_column_in_which_nobody_has_a_value_makes_no_groups(spec: str) -> None:
    with pytest.raises(ConfigError, match=f"--groups {spec}: no user has a value in column 'age'.*found n_ratings"):
        user_groups(with_ages([None, None, float("nan")]), spec)


@pytest.mark.parametrize(
    ("ages", "groups"),
    [
        ([None] * 7, "n_ratings"),
        ([None, None, 30.0], "age:1"),
        ([20.0, 30.0, None], "age"),
        ([float(n) for n in range(20)], "age:5"),
    ],
)
def test_default_groups_are_of_a_column_that_has_values(ages: list[float | None], groups: str) -> None:
    dataset = with_ages(ages)
    assert default_groups(dataset) == groups
    assert user_groups(dataset, groups)[0]
