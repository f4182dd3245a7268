"""The lines of the log, for people and for a log store."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.runtime import logs
from jobs.runtime.logs import SHARD_LOG, JsonLines, log_about, log_format, set_up_logs
from tests.suites.cli import CommandLine, run_command

SMALL = ("recourse", "--data", "synthetic:items=24,users=10,ratings_per_user=4", "--groups", "n_ratings:1")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Handlers, levels and what the log is about, as other tests had them."""
    root, about = logging.getLogger(), dict(logs._about)
    handlers, level, shard_level = list(root.handlers), root.level, SHARD_LOG.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    SHARD_LOG.setLevel(shard_level)
    logs._about.update(about)


def test_a_json_record_says_when_where_what_and_of_which_run_and_shard() -> None:
    log_about(run_id="r1", job="recourse")
    record = logging.LogRecord("recsys_ops.jobs", logging.INFO, "", 0, "%d cases\nin two lines", (3,), None)
    record.created = 1_700_000_000.25
    assert json.loads(JsonLines().format(record)) == {
        "time": "2023-11-14T22:13:20.250+00:00", "level": "INFO", "logger": "recsys_ops.jobs", "run_id": "r1",
        "job": "recourse", "shard": None, "message": "3 cases\nin two lines",
    }  # fmt: skip
    record.shard = 7
    assert json.loads(JsonLines().format(record))["shard"] == 7


def test_an_exception_is_in_its_record() -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    written = json.loads(JsonLines().format(record))
    assert written["exception"].endswith("KeyError: 'lost'")


def test_the_format_can_be_changed_and_others_handlers_stay() -> None:
    others = list(logging.getLogger().handlers)
    set_up_logs("json")
    set_up_logs("json")
    assert (log_format(), len(logging.getLogger().handlers)) == ("json", len(others) + 1)
    assert SHARD_LOG.isEnabledFor(logging.INFO)
    set_up_logs("text")
    assert (log_format(), logging.getLogger().handlers) == ("text", others)
    assert not SHARD_LOG.isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("machine")
def test_every_line_of_a_run_is_a_record_with_run_and_job_and_those_of_shards_with_the_shard(
    command_line: CommandLine, tmp_path: Path
) -> None:
    options = ("--out", str(tmp_path), "--run-id", "r", "--workers", "1", "--log-format", "json")
    done = run_command(*SMALL, *options)
    assert done.code == 0, done.stderr
    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(record["run_id"], record["job"]) for record in records} == {("r", "recourse")}
    (of_shard,) = [record for record in records if record["logger"] == "recsys_ops.shards"]
    assert of_shard["shard"] == 0
    assert re.fullmatch(r"shard 0: \d+ cases in \d+\.\d s", of_shard["message"])
    again = command_line(*SMALL, *options)
    (failure,) = [json.loads(line) for line in again.stderr.splitlines()]
    assert (again.code, failure["level"], failure["run_id"]) == (2, "ERROR", "r")
    assert failure["message"] == "run r exists (complete). Pass --resume, or another --run-id."
