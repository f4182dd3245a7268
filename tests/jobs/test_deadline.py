"""When a run has to end, what it does first, and what is first in line afterwards."""

from datetime import UTC, datetime

import numpy as np
import pytest

from jobs.deadline import moment, reserve_seconds
from jobs.recourse.inputs import RecourseCases
from jobs.recourse.order import shard_order
from jobs.runtime.shards import plan_shards
from recsys_ops.models.user_summary import GroupCounts
from recsys_ops.recourse.exposure import exposure_lost

NOW = datetime(2026, 11, 18, 22, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-11-19T00:15:00+00:00"),
        ("90m", "2026-11-18T23:45:00+00:00"),
        ("1h30m", "2026-11-18T23:45:00+00:00"),
        ("45s", "2026-11-18T22:15:45+00:00"),
        ("05:30", "2026-11-19T05:30:00+00:00"),
        ("23:00", "2026-11-18T23:00:00+00:00"),
        ("05:30+01:00", "2026-11-19T05:30:00+01:00"),
        ("23:20+01:00", "2026-11-18T23:20:00+01:00"),
        ("2026-11-20T01:00", "2026-11-20T01:00:00+00:00"),
    ],
)
def test_a_deadline_is_a_duration_or_the_next_such_time_in_utc_or_its_zone(text: str, expected: str) -> None:
    found = moment(text, NOW)
    assert found == datetime.fromisoformat(expected)
    assert moment(found.isoformat(), NOW) == found


@pytest.mark.parametrize("text", ["", "soon", "5", "25:00", "-2h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 05:30"):
        moment(text, NOW)


def test_time_is_kept_for_what_follows_the_cases() -> None:
    assert reserve_seconds(3600.0, None) == 360.0
    assert reserve_seconds(36000.0, None) == 600.0
    assert reserve_seconds(60.0, None) == reserve_seconds(-5.0, None) == reserve_seconds(60.0, 3.0) == 20.0
    assert reserve_seconds(3600.0, 100.0) == 200.0


def test_exposure_lost_counts_users_who_do_not_see_the_item_by_how_near_it_is() -> None:
    rng = np.random.default_rng(0)
    candidates, rank = rng.integers(1, 50, 30), rng.uniform(1, 200, 30)
    in_top = rng.integers(0, candidates + 1)
    found = exposure_lost(candidates, in_top, rank)
    for row in range(30):
        users = sum(1 for user in range(candidates[row]) if user >= in_top[row])
        assert found[row] == pytest.approx(users / np.log2(1 + rank[row]))
    assert exposure_lost(np.array([3]), np.array([0]), np.array([np.nan])).tolist() == [0.0]


def test_shards_whose_items_waited_come_first_then_those_that_lose_most() -> None:
    cases = RecourseCases(np.arange(6), np.zeros(6, dtype=np.int64), np.full(6, 3.0), np.arange(7))
    candidates = np.array([[10, 10, 30, 30, 20, 20]])
    counts = GroupCounts(candidates, np.zeros_like(candidates), np.zeros((1, 6)))
    shards = plan_shards([1.0] * 6, n_shards=3)
    assert shard_order(shards, cases, counts, np.zeros(6, dtype=np.int64)) == [1, 2, 0]
    assert shard_order(shards, cases, counts, np.array([0, 1, 0, 0, 0, 0])) == [0, 1, 2]
    assert shard_order(shards, cases, counts, np.array([0, 1, 0, 0, 2, 0])) == [2, 0, 1]
