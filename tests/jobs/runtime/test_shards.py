"""How units are cut into shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.runtime.shards import plan_shards
from recsys_ops.errors import ConfigError

costs = st.lists(st.floats(0, 100), max_size=60)


@given(costs, st.integers(1, 20))
def test_shards_hold_every_unit_once_in_order_and_none_is_empty(unit_seconds: list[float], n_shards: int) -> None:
    shards = plan_shards(unit_seconds, n_shards=n_shards)
    assert [unit for shard in shards for unit in shard.units] == list(range(len(unit_seconds)))
    assert all(len(shard.units) > 0 for shard in shards)
    assert len(shards) == min(n_shards, len(unit_seconds))
    assert [shard.number for shard in shards] == list(range(len(shards)))


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=60), st.integers(1, 10))
def test_no_shard_is_over_its_share_by_more_than_one_unit(unit_seconds: list[float], n_shards: int) -> None:
    shards = plan_shards(unit_seconds, n_shards=n_shards)
    share = sum(unit_seconds) / len(shards)
    assert all(shard.seconds <= share + 1 + 1e-9 or len(shard.units) == 1 for shard in shards)


def test_by_default_a_shard_is_about_twenty_seconds() -> None:
    assert len(plan_shards([1.0] * 100)) == 5


def test_cases_are_counted_per_shard() -> None:
    shards = plan_shards([1, 1, 1, 1], unit_cases=[3, 1, 0, 2], n_shards=2)
    assert [shard.n_cases for shard in shards] == [4, 2]


def test_zero_shards_is_refused() -> None:
    with pytest.raises(ConfigError, match="--shards 0 is below 1"):
        plan_shards([1.0], n_shards=0)


def test_a_cost_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ConfigError, match="first: unit 1"):
        plan_shards([1.0, float("nan")])
