"""Jobs on a cluster: a real one on this machine, with a job server that asks for a token."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest

from jobs.config import make_config
from jobs.errors import Interrupted
from jobs.recourse.config import RecourseConfig
from jobs.runtime.job_server import Submission, _Log, exit_code_of_job
from jobs.submit import _follow, _packed, command_of, is_started_again, submit_model
from recsys_ops.errors import ConfigError
from recsys_ops.runs import open_run
from recsys_ops.status import Status
from tests.suites.cli import CommandLine, CommandResult, environment
from tests.suites.ray_cluster import running_cluster

SMALL = ("recourse", "--data", "synthetic:items=24,users=10,ratings_per_user=4", "--groups", "n_ratings:1")
USERS = ",".join(map(str, range(1, 17)))
LONG = (
    "counterfactuals", "--data", "synthetic:items=60,users=120,ratings_per_user=15", "--engine", "pyomo",
    "--users", USERS, "--shards", "8",
)  # fmt: skip

Shell = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def variables(machine: None) -> Iterator[dict[str, str]]:
    """A running cluster of a head and one worker with two CPUs: what its users export."""
    with running_cluster("--workers", "1", "--cpus", "2") as exported:
        yield exported


@pytest.fixture
def shell(variables: dict[str, str]) -> Iterator[Shell]:
    """``shell("submit", ...)`` is a command under way in a terminal of its own."""
    begun = []

    def start(*arguments: str, **changed: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment() | variables | changed, start_new_session=True, preexec_fn=_heed_hangup,
        )  # fmt: skip
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _heed_hangup() -> None:
    """A terminal's processes do, even if these tests were started by something that does not."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def end_of(process: "subprocess.Popen[str]", timeout: float = 180) -> CommandResult:
    out, err = process.communicate(timeout=timeout)
    return CommandResult(process.returncode, out, err)


def wait_for(run: Path, pattern: str, n_files: int = 1, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while len(list(run.glob(pattern))) < n_files:
        assert time.monotonic() < deadline, f"{run}: no {n_files} files {pattern} came"
        time.sleep(0.05)


def test_a_run_outlives_its_terminal_is_found_again_and_once_stopped_from_outside_is_resumed(
    shell: Shell, variables: dict[str, str], tmp_path: Path
) -> None:
    run = tmp_path / "runs/lost"
    options = ("--out", str(tmp_path), "--run-id", "lost", "--top", "2")
    first = shell("submit", *LONG, *options)
    wait_for(run, "_shards/*.json")
    os.killpg(first.pid, signal.SIGHUP)
    assert first.wait(20) == -signal.SIGHUP
    assert not (run / "_manifest.json").exists()
    attached, again, other = (
        shell("attach", "lost"), shell("submit", *LONG, *options), shell("submit", *LONG, *options, "--k", "3"),
    )  # fmt: skip
    wait_for(run, "_shards/*.json", 2)
    requested(variables, "POST", "jobs/lost/stop")
    refused = end_of(other)
    assert refused.code == 2
    assert "run lost: the cluster has a job of that name with other settings." in refused.stderr
    done, repeated = end_of(attached), end_of(again)
    assert "run lost: is on the cluster already (" in repeated.stderr
    for outcome in (done, repeated):
        assert outcome.code == 4
        assert outcome.stdout.count("Running entrypoint for job lost: python -m jobs counterfactuals ") == 1
        assert outcome.stderr.splitlines()[-1] == (
            "recsys-ops: run lost: was stopped from outside. Complete shards are kept in storage, and unless it was at "
            "its very end nothing was committed. Submit it again with --run-id lost --resume."
        )
    kept = {path.name for path in run.glob("_shards/*.json")}
    assert 2 <= len(kept) < 8
    assert not (run / "_manifest.json").exists()
    check_resumed(shell("submit", *LONG, *options, "--resume"), run, len(kept), metric_ports(variables))


def check_resumed(process: "subprocess.Popen[str]", run: Path, n_kept: int, ports: list[str]) -> None:
    """It computes only what is missing, and a monitor sees what the run's own table says."""
    shown: dict[tuple[str, ...], float] = {}
    while process.poll() is None:
        shown |= scraped(ports)  # as a monitor does: a gauge is not there for long
        time.sleep(0.3)
    resumed = end_of(process)
    assert resumed.code == 0, resumed.stderr
    assert f"counterfactuals: {n_kept} of 8 shards are complete already" in resumed.stdout
    assert "Running entrypoint for job lost--2: " in resumed.stdout
    assert "32 cases in " in resumed.stdout
    assert not (run / "_fragments").exists()
    check_metrics(open_run(str(run)).table("runs").to_table().to_pylist()[0], shown | scraped(ports))


def check_metrics(row: dict[str, Any], shown: dict[tuple[str, ...], float]) -> None:
    """The monitor shows what the table says."""
    prefix, job = "ray_recsys_ops_", ("counterfactuals", "partial")  # it names its users
    counts = {counted["status"]: counted["cases"] for counted in row["counts"]}
    missed = {status: counts.get(status, 0) - shown[(f"{prefix}cases_total", *job, status)] for status in Status}
    assert min(missed.values()) >= 0
    assert sum(missed.values()) <= 2 * 4  # what two workers had just written when the first driver was stopped
    assert shown[(f"{prefix}case_seconds_count", *job)] == row["cases"]
    assert shown[(f"{prefix}case_seconds_sum", *job)] > 0  # Ray rebuilds it from the buckets
    assert shown[(f"{prefix}parts_committed_total", *job)] == row["parts"] > 3
    assert shown[(f"{prefix}shard_retries_total", *job)] == row["shard_retries"] == 0
    assert shown[(f"{prefix}solver_timeouts_total", *job)] == row["solver_timeouts"]
    assert abs(shown[(f"{prefix}run_committed_timestamp_seconds", *job)] - row["committed"].timestamp()) < 10
    assert abs(shown[(f"{prefix}run_started_timestamp_seconds", *job)] - row["started"].timestamp()) < 60


def metric_ports(variables: dict[str, str]) -> list[str]:
    """Where Prometheus reads the metrics of each node."""
    (found,) = json.loads(requested(variables, "GET", "prometheus/sd"))
    return [target.rpartition(":")[2] for target in found["targets"]]


def requested(variables: dict[str, str], method: str, path: str) -> bytes:
    """The answer of the job server."""
    token = Path(variables["RAY_AUTH_TOKEN_PATH"]).read_text()
    url = f"{variables['RAY_API_SERVER_ADDRESS']}/api/{path}"
    request = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def scraped(ports: list[str]) -> dict[tuple[str, ...], float]:
    """What Prometheus would read from all nodes: name, job, scope, and status where there is one; summed."""
    values: dict[tuple[str, ...], float] = {}
    for port in ports:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                lines = answer.read().decode().splitlines()
        except URLError:  # Ray names its autoscaler too, which listens only where there is one to scale
            continue
        for line in lines:
            if line.startswith("ray_recsys_ops_") and "_bucket{" not in line:
                name, labels, value = line.partition("{")[0], line.partition("{")[2], line.rpartition(" ")[2]
                tags = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                key = (name, tags["job"], tags["scope"], *([tags["status"]] if "status" in tags else []))
                values[key] = values.get(key, 0.0) + float(value)
    return values


def test_the_exit_code_is_that_of_the_job(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = end_of(shell("submit", *SMALL, "--out", str(tmp_path / "file")))
    assert (ended.code, "writing a probe file failed" in ended.stdout) == (3, True)


def test_a_wrong_token_is_refused_and_nothing_is_submitted(shell: Shell, tmp_path: Path) -> None:
    wrong = end_of(shell("submit", *SMALL, "--out", str(tmp_path / "out"), RAY_AUTH_TOKEN="0" * 64))
    assert wrong.code == 2
    assert "the cluster does not accept the token. Set RAY_AUTH_MODE=token" in wrong.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_that_the_cluster_does_not_know_cannot_be_followed(shell: Shell) -> None:
    done = end_of(shell("attach", "never"))
    assert done.code == 2
    assert "recsys-ops: run never: the cluster at http://127.0.0.1:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("submit", *SMALL, "--out", "s3://b/o", "--address", "http://127.0.0.1:1"), "no job server answers"),
        (("attach", "r", "--address", "127.0.0.1:8265"), "expected the job server, such as http://127.0.0.1:8265"),
        (("submit", *SMALL, "--out", "out"), "--out out: a folder below the one of this terminal"),
        (("submit", "recourse", "--data", "movielens-1m:ml-1m", "--out", "s3://b/o"), "--data ml-1m: a folder below"),
        (("submit", *SMALL, "--out", "s3://key:secret@host/bucket"), "the URL holds credentials"),
        (("attach", "r", "--address", "http://me:secret@host:8265"), "the URL holds credentials"),
        (("submit", *SMALL, "--out", "s3://b/o", "--run-id", "a b"), "--run-id 'a b' is not a folder name"),
    ],
)
def test_what_cannot_be_submitted_is_refused_before_anything_is_sent(
    command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    done = command_line(*arguments)
    assert done.code == 2
    assert message in done.stderr
    assert "secret" not in done.stderr


def test_the_command_has_what_was_given_and_nothing_that_is_only_for_submitting() -> None:
    given = {"run_id": "r", "out": "s3://b/my out", "resume": True, "address": "http://h:1", "installed": True, "k": 3}
    config: Any = make_config(submit_model(RecourseConfig), given, None)
    assert command_of("recourse", config) == "recsys-ops recourse '--out=s3://b/my out' --run-id=r --resume --k=3"


@pytest.mark.parametrize(
    ("status", "exit_code", "error_type", "expected"),
    [
        ("SUCCEEDED", 0, None, 0),
        ("FAILED", 1, "JOB_ENTRYPOINT_COMMAND_ERROR", 1),
        ("FAILED", 2, "JOB_ENTRYPOINT_COMMAND_ERROR", 2),
        ("FAILED", 3, "JOB_ENTRYPOINT_COMMAND_ERROR", 3),
        ("FAILED", 4, "JOB_ENTRYPOINT_COMMAND_ERROR", 4),
        ("FAILED", 137, "JOB_ENTRYPOINT_COMMAND_ERROR", 4),
        ("FAILED", -9, "JOB_ENTRYPOINT_COMMAND_ERROR", 4),
        ("FAILED", None, "JOB_SUPERVISOR_ACTOR_DIED", 4),
        ("FAILED", None, "RUNTIME_ENV_SETUP_FAILURE", 1),
        ("STOPPED", None, None, 4),
    ],
)
def test_every_end_of_a_job_has_an_exit_code(
    status: str, exit_code: int | None, error_type: str | None, expected: int
) -> None:
    assert exit_code_of_job(Submission("r", status, exit_code, "", error_type, {})) == expected


@pytest.mark.parametrize(
    ("status", "exit_code", "resume", "expected"),
    [
        ("RUNNING", None, True, False),
        ("SUCCEEDED", 0, True, False),
        ("FAILED", 2, False, True),
        ("FAILED", 3, False, True),
        ("FAILED", 1, False, False),
        ("FAILED", 4, False, False),
        ("FAILED", 4, True, True),
        ("STOPPED", None, False, False),
        ("STOPPED", None, True, True),
    ],
)
def test_only_what_failed_at_once_or_is_resumed_starts_again(
    status: str, exit_code: int | None, resume: bool, expected: bool
) -> None:
    assert is_started_again(Submission("r", status, exit_code, "", None, {}), resume=resume) is expected


def test_a_log_that_is_sent_again_from_its_beginning_is_written_once() -> None:
    written: list[str] = []
    log = _Log(written.append)
    log.add("one\ntw")
    log.start_again()
    for chunk in ("one\n", "two\nthr", "ee\n"):
        log.add(chunk)
    log.start_again()
    log.add("one\ntwo\nthree\n")
    assert "".join(written) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (KeyboardInterrupt(), "run r: goes on, only following it ended. Go on with: recsys-ops attach r."),
        (Interrupted("away."), "run r: away. Complete shards are kept in storage."),
    ],
)
def test_following_that_ends_early_leaves_the_run_alone(ended: BaseException, message: str) -> None:
    def follow(submission_id: str, write: object) -> None:
        raise ended

    server: Any = SimpleNamespace(follow=follow)
    with pytest.raises(Interrupted, match=re.escape(message)):
        _follow(server, "r", "r")


def test_a_job_that_could_not_be_started_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    job = Submission("r", "FAILED", None, "no such module: jobs\n", "RUNTIME_ENV_SETUP_FAILURE", {})
    server: Any = SimpleNamespace(follow=lambda submission_id, write: job)
    assert _follow(server, "r", "r") == 1
    assert capsys.readouterr().err == "recsys-ops: run r: could not be started. no such module: jobs\n"


def test_without_a_working_tree_the_installed_version_must_be_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.__file__", "/usr/lib/site-packages/jobs/__init__.py")
    with pytest.raises(ConfigError, match="Use --installed, or run it from a checkout"), _packed(False):
        pass
    with _packed(True) as runtime_env:
        assert runtime_env == {}
