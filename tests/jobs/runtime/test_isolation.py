"""What is tried next after each outcome, without Ray."""

from collections import deque

from jobs.runtime.isolation import START_SECONDS, Attempt, AttemptEnd, Beat, ShardHistory
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


def play_late(history: ShardHistory, late: set[int], *, killers: frozenset[int] = frozenset()) -> list[Attempt]:
    """Run attempts as a worker that does cases in order and says every third in the first attempt, then all."""
    waiting, done = deque([history.first_attempt()]), []
    while waiting:
        attempt = waiting.popleft()
        done.append(attempt)
        computed = [case for case in range(attempt.shard.n_cases) if case not in attempt.isolated]
        stop = next((case for case in computed if case in late | killers), None)
        if stop is None:
            waiting.extend(history.after(attempt, AttemptEnd.DONE, ""))
        elif stop in killers:
            waiting.extend(history.after(attempt, AttemptEnd.CRASH, "signal 11"))
        else:
            said = stop if attempt.n_before else stop - stop % 3
            beat = Beat(said, said, 1, is_exact=attempt.n_before > 0)
            waiting.extend(history.after(attempt, AttemptEnd.DEADLINE, "", beat))
    return done


def test_a_late_case_is_tried_alone_from_what_was_said_last_and_then_left_out() -> None:
    history = ShardHistory(Shard(0, 0, 9, 10), max_attempts=3, deadline_seconds=30.0)
    first, trial, last = play_late(history, {7})
    assert first.isolated == {}
    assert (trial.cases, set(trial.isolated)) == (range(6, 10), set(range(6)))
    assert last.isolated == {7: (Status.TIMEOUT, "no result within 30 s: it was stopped")}


def test_the_late_cases_are_found_and_no_other_and_each_costs_its_time_but_few_attempts() -> None:
    for late in ({0}, {9}, {3, 4}, {0, 5, 9}, set(range(10))):
        history = ShardHistory(Shard(0, 0, 9, 10), max_attempts=3, deadline_seconds=30.0)
        done = play_late(history, late)
        assert set(done[-1].isolated) == late
        assert done[-1].cases is None
        assert not history.failure
        assert len(done) <= 4 + len(late)


def test_cases_that_kill_and_cases_that_are_late_are_told_apart() -> None:
    for late, killers in (({1}, {8}), ({8}, {1}), ({2, 6}, {3, 5})):
        history = ShardHistory(Shard(0, 0, 9, 10), max_attempts=3, deadline_seconds=30.0)
        isolated = play_late(history, late, killers=frozenset(killers))[-1].isolated
        assert {case for case, (status, _) in isolated.items() if status is Status.TIMEOUT} == late
        assert {case for case, (status, _) in isolated.items() if status is Status.ERROR} == killers
        assert not history.failure


def test_a_case_late_by_chance_is_computed() -> None:
    history = ShardHistory(Shard(0, 0, 9, 10), max_attempts=3, deadline_seconds=30.0)
    (trial,) = history.after(history.first_attempt(), AttemptEnd.DEADLINE, "", Beat(6, 6, 1, is_exact=False))
    (again,) = history.after(trial, AttemptEnd.DONE, "")
    assert again.cases is None
    assert again.isolated == {}


def test_a_shard_that_is_late_again_and_again_at_no_case_in_particular_is_given_up() -> None:
    history = ShardHistory(Shard(0, 0, 9, 10), max_attempts=3, deadline_seconds=30.0)
    attempt = history.first_attempt()
    for _ in range(10):
        end, beat = (
            (AttemptEnd.DEADLINE, Beat(0, 0, 4, is_exact=False)) if attempt.cases is None else (AttemptEnd.DONE, None)
        )
        (attempt,) = history.after(attempt, end, "", beat)
        if len(attempt.isolated) == 10:
            break
    assert {status for status, _ in attempt.isolated.values()} == {Status.TIMEOUT}


def test_a_deadline_missed_twice_at_no_known_case_records_all_of_them_as_timeout() -> None:
    history = ShardHistory(Shard(0, 0, 1, 2), max_attempts=3, deadline_seconds=30.0)
    (second,) = history.after(history.first_attempt(), AttemptEnd.DEADLINE, "")
    assert second.isolated == {}
    (third,) = history.after(second, AttemptEnd.DEADLINE, "")
    reason = "the shard took longer than 30 s a case twice, and no case of it is known"
    assert third.isolated == {0: (Status.TIMEOUT, reason), 1: (Status.TIMEOUT, reason)}


def test_a_case_has_its_own_time_and_without_a_beat_all_have_that_of_all() -> None:
    history = ShardHistory(Shard(0, 0, 2, 3), max_attempts=3, deadline_seconds=2.0)
    first = history.first_attempt()
    assert history.seconds_for(first) == START_SECONDS + 3 * 2.0
    assert history.seconds_for(first, Beat(1, 1, 1, is_exact=True)) == 2.0
    assert history.seconds_for(first, Beat(1, 1, 5, is_exact=False)) == 5 * 2.0
    assert history.seconds_for(Attempt(first.shard, dict.fromkeys(range(3), (Status.TIMEOUT, "")))) == START_SECONDS
    assert ShardHistory(Shard(0, 0, 2, 3), max_attempts=3).seconds_for(first) is None


def test_every_attempt_knows_how_many_came_before_it() -> None:
    history = ShardHistory(Shard(0, 0, 3, 4), max_attempts=3)
    done = play(history, {2})
    assert [attempt.n_before for attempt in done] == list(range(len(done)))
    assert history.n_retries == len(done) - 1
