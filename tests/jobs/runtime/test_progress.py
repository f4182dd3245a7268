"""What is shown of a run under way."""

import logging

import pytest

from jobs.runtime.progress import Pace, show_progress
from jobs.store.records import ShardRecord

RECORD = ShardRecord(0, "", n_cases=10, counts={}, seconds=1.0, peak_memory_bytes=0)


def test_a_line_says_what_is_done_the_rate_and_the_time_left() -> None:
    pace = Pace(n_shards=4, n_cases=40, started=100.0)
    pace.note(RECORD)
    assert pace.line(105.0) == "1 of 4 shards, 10 of 40 cases, 2.0 cases/s, 5 s elapsed, 15 s left"


def test_cases_of_shards_under_way_count() -> None:
    pace = Pace(n_shards=4, n_cases=40, started=100.0)
    pace.note(RECORD)
    pace.note(6)
    pace.note(10)
    assert pace.line(105.0) == "1 of 4 shards, 20 of 40 cases, 4.0 cases/s, 5 s elapsed, 5 s left"


def test_before_the_first_shard_the_time_left_is_unknown() -> None:
    assert "time left unknown" in Pace(n_shards=4, n_cases=40, started=100.0).line(105.0)


def test_without_a_terminal_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), show_progress("doubling", 1, 10) as update:
        update(4)
        update(RECORD)
        update(0)
    assert "doubling: 1 of 1 shards, 10 of 10 cases" in caplog.text
