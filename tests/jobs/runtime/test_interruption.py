"""Stopping and killing the driver: what is committed stays, and the message says how to go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.runtime.shards import plan_shards
from jobs.store.records import RunFolder
from jobs.store.resume import intact_shards
from jobs.store.start import start_run

pytestmark = pytest.mark.usefixtures("machine")

DRIVER = """
import sys, time
import pyarrow as pa
import ray
from jobs.runtime.cluster import connect
from jobs.errors import Interrupted, exit_code_of
from jobs.store.records import ShardOutput
from jobs.runtime.shards import plan_shards
from jobs.store.start import start_run
from jobs.runtime.tasks import run_shards

def work(shared, shard, isolated):
    time.sleep(0.2 if shard.number < 2 else 60)
    return ShardOutput({"t": pa.table({"x": [shard.number]})}, {"optimal": 1}, 1)

shards = plan_shards([1.0] * 6, n_shards=6)
run = start_run(sys.argv[1], "r1", job="j", configuration={}, inputs={}, shards=shards)
try:
    with connect("local", 2):
        run_shards(work, ray.put(0), shards, run.folder)
except Interrupted as stopped:
    print(stopped)
    sys.exit(exit_code_of(stopped))
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_driver_keeps_finished_shards_and_says_how_to_resume(
    tmp_path: Path, stop: signal.Signals
) -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        _wait_for(tmp_path / "runs/r1/_shards/00001.json")
        _wait_for(tmp_path / "runs/r1/_shards/00000.json")
        time.sleep(0.5)
        stopped = time.monotonic()
        driver.send_signal(stop)
        output, _ = driver.communicate(timeout=30)
    finally:
        driver.kill()
    assert time.monotonic() - stopped < 10
    assert driver.returncode == 4
    assert output.strip() == (
        "run r1: interrupted; 2 of 6 shards are complete and kept. Nothing was committed. "
        "Continue with --run-id r1 --resume."
    )
    _assert_two_shards_hold(tmp_path)


def test_a_killed_driver_loses_no_finished_shard(tmp_path: Path) -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        _wait_for(tmp_path / "runs/r1/_shards/00001.json")
        _wait_for(tmp_path / "runs/r1/_shards/00000.json")
    finally:
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait(30)
    _assert_two_shards_hold(tmp_path)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.05)


def _assert_two_shards_hold(out: Path) -> None:
    shards = plan_shards([1.0] * 6, n_shards=6)
    folder: RunFolder = start_run(
        str(out), "r1", job="j", configuration={}, inputs={}, shards=shards, resume=True
    ).folder
    assert sorted(intact_shards(folder)) == [0, 1]
    assert not (out / "runs/r1/_manifest.json").exists()
