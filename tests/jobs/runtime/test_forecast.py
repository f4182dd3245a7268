"""What a plan says, without Ray: samples of known units, and the seconds and bytes made of them."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from jobs.runtime import forecast, sample
from jobs.runtime.forecast import Pace
from jobs.runtime.memory import forget_peak, held_by
from jobs.runtime.sample import take_sample
from jobs.runtime.shards import Shard, plan_shards
from jobs.store.records import ShardOutput

Sampled = Callable[..., tuple[sample.Sample, list[int]]]


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> Sampled:
    """``sampled(seconds, shards)`` takes a sample of units of so many seconds, by a clock that only they move."""

    def take(taken: Sequence[float], shards: Sequence[Shard], **options: Any) -> tuple[sample.Sample, list[int]]:
        now, computed = [0.0], []

        def work(inputs: None, shard: Shard, isolated: object) -> ShardOutput:
            now[0] += taken[shard.first_unit]
            computed.append(shard.first_unit)
            return ShardOutput({}, {}, 1)

        def in_turn(work: Any, inputs: Any, units: Any, limit: float, patience: float) -> list[Any]:
            return [sample._compute(work, inputs, some, limit) for some in units]

        monkeypatch.setattr(sample.time, "perf_counter", lambda: now[0])
        monkeypatch.setattr(sample, "_round", in_turn)
        return take_sample(work, None, shards, n_workers=2, **{"seconds": 40.0, **options}), computed

    return take


def test_a_sample_goes_on_until_its_mean_is_known_and_no_longer(sampled: Sampled) -> None:
    shards = plan_shards([1.0] * 4000, n_shards=40)
    for spread, most in ((0.0, 80), (0.3, 300)):
        seconds = 0.1 * np.exp(np.random.default_rng(0).normal(0, spread, 4000))
        found, computed = sampled(seconds, shards)
        assert len(computed) == len(set(computed)) < most + 2 * sample.MOST_IN_ROUND
        assert found.error <= sample.ERROR_WANTED
        assert found.pace == pytest.approx(seconds.mean(), rel=3 * sample.ERROR_WANTED)


def test_the_error_said_is_the_error_made(sampled: Sampled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "ERROR_WANTED", 0.0)
    rng, off = np.random.default_rng(3), []
    for _ in range(40):
        seconds = 0.5 * np.exp(rng.normal(0, 1, 400))
        found, _ = sampled(seconds, plan_shards([1.0] * 400, n_shards=4), seconds=15.0)
        off.append((found.pace / seconds.mean() - 1) / found.error)
    assert 0.7 < np.std(off) < 1.5


def test_a_sample_weighs_units_by_what_they_were_planned_to_take(sampled: Sampled) -> None:
    planned = [10.0] * 30 + [0.1] * 300
    found, _ = sampled([2 * seconds for seconds in planned], plan_shards(planned, n_shards=330))
    assert found.pace == pytest.approx(2.0)


def test_units_that_are_all_computed_leave_no_error_and_one_alone_says_nothing_of_it(sampled: Sampled) -> None:
    whole, computed = sampled([0.1, 0.2, 0.3], plan_shards([1.0] * 3, n_shards=1))
    assert (sorted(computed), whole.error) == ([0, 1, 2], 0.0)
    assert sampled([30.0] * 9, plan_shards([1.0] * 9, n_shards=1), seconds=0.0)[0].error == 1.0


def test_seconds_are_those_until_the_last_worker_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "workers", lambda: 2)
    shards = plan_shards([3.0, 3.0, 4.0], n_shards=3)
    pace = Pace(2.0, 0.05, 0, "here", 5.0, 2**30)
    known = {"is_complete": False, "input_bytes": None, "inputs_bytes": 0, "driver_seconds": 10.0}
    start = sample.Sample(None, 0.0, 0, 1.5, 0)
    found = forecast.forecast(pace, start, shards, {}, **known)
    assert found.seconds == pytest.approx(10 + 5 + 1.5 + 6 * 0.3 + 6 * 0.4)
    assert dict(found.lines())["seconds"] == "about 21 with 2 workers, 2 a case (known to 5 %)"
    assert json.loads(json.dumps(vars(found), allow_nan=False))["node_bytes"] == 2**30
    assert forecast.forecast(pace, start, shards, {2: None}, **known).seconds == pytest.approx(10 + 5 + 1.5 + 2.0)


def test_the_peak_of_a_process_is_what_it_held_since_it_was_forgotten() -> None:
    block = np.ones(4 * 2**20)
    held = held_by()
    assert held.peak >= held.now > block.nbytes
    del block
    assert held_by().peak >= held.peak - 2**22
    forget_peak()
    after = held_by(os.getpid())
    assert after.peak - after.now < 2**24
