"""What is tried next after each outcome, without Ray."""

from collections import deque

from jobs.runtime.isolation import RECORDING_SECONDS, Attempt, AttemptEnd, ShardHistory
from jobs.runtime.shards import Shard
from recsys_ops.status import Status


def play(history: ShardHistory, killers: set[int]) -> list[Attempt]:
    """Run attempts as if each computed case of ``killers`` killed its worker; return them in order."""
    waiting, done = deque([history.first_attempt()]), []
    while waiting:
        attempt = waiting.popleft()
        done.append(attempt)
        computed = set(range(attempt.shard.n_cases)) - set(attempt.isolated)
        waiting.extend(history.after(attempt, AttemptEnd.CRASH if computed & killers else AttemptEnd.DONE, "signal 11"))
    return done


def test_every_killing_case_is_found_and_no_other() -> None:
    for killers in ({0}, {9}, {3, 4}, {0, 5, 9}, set(range(10))):
        history = ShardHistory(Shard(0, 0, 9, 10), max_attempts=3)
        last = play(history, killers)[-1]
        assert set(last.isolated) == killers
        assert last.cases is None
        assert not history.failure


def test_finding_one_killer_among_a_thousand_takes_few_trials() -> None:
    history = ShardHistory(Shard(0, 0, 999, 1000), max_attempts=3)
    assert len(play(history, {617})) <= 3 + 2 * 10


def test_a_crash_that_no_single_case_causes_fails_the_shard() -> None:
    history = ShardHistory(Shard(0, 0, 3, 4), max_attempts=3)
    waiting = deque([history.first_attempt()])
    while waiting:
        attempt = waiting.popleft()
        outcome = AttemptEnd.CRASH if attempt.cases is None else AttemptEnd.DONE
        waiting.extend(history.after(attempt, outcome, "out of memory"))
    assert history.failure == "out of memory; no single case of the shard does it alone"


def test_losing_nodes_repeats_the_attempt_and_isolates_nothing() -> None:
    history = ShardHistory(Shard(0, 0, 3, 4), max_attempts=3)
    attempt = history.first_attempt()
    for _ in range(4):
        assert history.after(attempt, AttemptEnd.NODE_LOST, "NodeDiedError") == [attempt]
    assert history.after(attempt, AttemptEnd.NODE_LOST, "NodeDiedError") == []
    assert history.failure == "NodeDiedError"
    assert history.isolated == {}


def test_a_deadline_missed_twice_records_the_cases_as_timeout() -> None:
    history = ShardHistory(Shard(0, 0, 1, 2), max_attempts=3, deadline_seconds=30.0)
    (second,) = history.after(history.first_attempt(), AttemptEnd.DEADLINE, "")
    assert second.isolated == {}
    (third,) = history.after(second, AttemptEnd.DEADLINE, "")
    reason = "the shard exceeded its deadline of 30 s twice"
    assert third.isolated == {0: (Status.TIMEOUT, reason), 1: (Status.TIMEOUT, reason)}


def test_an_attempt_that_only_records_its_cases_has_time_whatever_a_case_may_take() -> None:
    history = ShardHistory(Shard(0, 0, 2, 3), max_attempts=3, deadline_seconds=1.0)
    attempt = history.first_attempt()
    for _ in range(2):
        assert history.seconds_for(attempt) == 1.0
        (attempt,) = history.after(attempt, AttemptEnd.DEADLINE, "")
    assert len(attempt.isolated) == 3
    assert history.seconds_for(attempt) == RECORDING_SECONDS
    assert ShardHistory(Shard(0, 0, 2, 3), max_attempts=3).seconds_for(attempt) is None


def test_every_attempt_knows_how_many_came_before_it() -> None:
    history = ShardHistory(Shard(0, 0, 3, 4), max_attempts=3)
    done = play(history, {2})
    assert [attempt.n_before for attempt in done] == list(range(len(done)))
    assert history.n_retries == len(done) - 1
