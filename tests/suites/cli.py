"""The command line as a user has it: in a process of its own, or quickly in this one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from jobs.__main__ import main


class CommandResult(NamedTuple):
    """How a command ended and what it said."""

    code: int
    stdout: str
    stderr: str


class CommandLine:
    """Runs ``recsys-ops`` in this process, with this process's Ray if it has one."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> CommandResult:
        """Exit code and both streams of one command."""
        self.capsys.readouterr()
        code = exit_code_here(*arguments)
        captured = self.capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)


def exit_code_here(*arguments: str) -> int:
    """Exit code of ``recsys-ops`` in this process, with this process's Ray if it has one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["recsys-ops", *arguments])
        try:
            main()
        except SystemExit as stopped:
            return int(stopped.code or 0)
    return 0


def run_command(*arguments: str, timeout: float = 120, cwd: Path | None = None, module: str = "jobs") -> CommandResult:
    """``recsys-ops`` with these arguments in a process of its own, with a Ray of its own; ``module`` may add jobs."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=environment(),
        check=False,
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    """This process's, without a Ray to connect to, and with the project to import from anywhere."""
    kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    root = str(Path(__file__).parents[2])
    return kept | {"PYTHONPATH": root, "COLUMNS": "200"}


@contextmanager
def started(*arguments: str, log: Path, module: str = "jobs") -> Iterator[subprocess.Popen[bytes]]:
    """``recsys-ops`` under way, both streams in the file ``log``; leaves no process of it behind."""
    with log.open("wb") as stream:
        driver = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=stream, stderr=subprocess.STDOUT, env=environment()
        )
        family: list[psutil.Process] = []
        try:
            yield driver
            family = descendants(driver.pid)
        finally:
            for process in [*family, *descendants(driver.pid)]:
                kill(process)
            if driver.poll() is None:
                driver.kill()
            driver.wait(30)


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below ``pid``."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def busy_workers(pid: int) -> list[psutil.Process]:
    """Ray workers below ``pid`` that compute a shard at this moment."""
    busy = []
    for process in descendants(pid):
        try:
            if " ".join(process.cmdline()).startswith("ray::run_attempt"):
                busy.append(process)
        except psutil.Error:
            continue
    return busy


def wait_for_busy_workers(pid: int) -> list[psutil.Process]:
    """Ray workers below ``pid``, as soon as there are any that compute a shard."""
    deadline = time.monotonic() + 30
    while not (workers := busy_workers(pid)):
        assert time.monotonic() < deadline, "no worker was seen at work"
        time.sleep(0.01)
    return workers


def kill(process: psutil.Process) -> None:
    """SIGKILL, if it still lives."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def wait_until_gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still live after so long, without Ray's agents; all are killed then."""
    deadline = time.monotonic() + seconds
    agents = [process for process in processes if is_agent(process)]
    others = [process for process in processes if process not in agents]
    while (alive := [process for process in others if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in [*alive, *agents]:
        kill(process)
    return alive


def is_agent(process: psutil.Process) -> bool:
    """Whether it only watches a node: Ray's agents ask a dead Ray for a minute before they end (seen in 2.60)."""
    try:
        return process.name().startswith(("ray::Dashboard", "ray::RuntimeEnv"))
    except psutil.NoSuchProcess:
        return False


def is_alive(process: psutil.Process) -> bool:
    """Whether it can still do anything; in a container nobody may reap an orphan, which then stays a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_shards(run: Path, n_shards: int, *, driver: subprocess.Popen[bytes], seconds: float = 90) -> None:
    """Until so many shards of the run at ``run`` are recorded."""
    deadline = time.monotonic() + seconds
    while len(list(run.glob("_shards/*.json"))) < n_shards:
        assert time.monotonic() < deadline, f"{n_shards} shards did not come"
        assert driver.poll() is None, "the driver ended before"
        time.sleep(0.02)
