"""A cluster of separate nodes on this machine, as the project's own command starts, breaks and stops it."""

import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.manifests import ROOT
from tests.suites import cli
from tests.suites.job import digests_of
from tests.suites.shops import shop_tables, write_shop

pytestmark = pytest.mark.usefixtures("machine")


def local(*arguments: str, folder: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cluster" / "local"), *arguments, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def environment(folder: Path) -> dict[str, str]:
    """Ours, with what ``eval "$(python cluster/local env)"`` would export."""
    exports = [line.removeprefix("export ") for line in local("env", folder=folder).stdout.splitlines()]
    return os.environ | dict(shlex.split(export)[0].split("=", 1) for export in exports)


def processes(folder: Path) -> list[psutil.Process]:
    """Everything that was started with the token of this folder."""
    token = str(folder / "token")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RAY_AUTH_TOKEN_PATH") == token:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="module")
def folder(machine: None) -> Iterator[Path]:
    """A running head and two workers; the folder is short, as sockets stand in it."""
    parent = Path(tempfile.mkdtemp(prefix="rl-"))
    place = parent / "c"
    local("start", "--workers", "2", "--port", "0", "--no-dashboard", "--store-megabytes", "200", folder=place)
    try:
        yield place
    finally:
        if place.exists():
            local("stop", folder=place)
        shutil.rmtree(parent)


def test_nodes_listen_on_loopback_only_and_the_token_is_its_owners(folder: Path) -> None:
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    found = [c for p in processes(folder) for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert len(found) >= 4
    assert {connection.laddr.ip.removeprefix("::ffff:") for connection in found} <= {"127.0.0.1", "::1"}


@pytest.mark.benchmark  # tests/jobs/runtime/test_nodes.py has it on nodes of one process
def test_a_run_that_loses_a_node_and_gets_another_has_the_bytes_of_one_machine(
    folder: Path, ray_session: None, tmp_path: Path
) -> None:
    shop = write_shop(tmp_path / "shop", shop_tables(sellers=10, items_per_seller=17, users=60, ratings_per_user=20))
    nightly = ["nightly", "--data", shop, "--groups", "n_ratings:1", "--seen-by", "1", "--shards", "10"]
    nightly += ["--keep", "none", "--out", str(tmp_path), "--run-id"]
    assert cli.exit_code_here(*nightly, "one") == 0
    there = environment(folder)
    run = subprocess.Popen(
        [sys.executable, "-m", "jobs", *nightly, "many", "--address", there["RAY_ADDRESS"]],
        cwd=ROOT, env=there, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not list(tmp_path.glob("runs/many/_shards/*")):
            assert run.poll() is None
            time.sleep(0.05)
        local("kill", folder=folder)
        assert run.poll() is None
        local("add", folder=folder)
        assert run.wait(timeout=150) == 0
    finally:
        run.kill()
    assert "worker-3   running" in local("status", folder=folder).stdout
    one, many = (digests_of(tmp_path / f"runs/{name}", ("recourse", "frontier")) for name in ("one", "many"))
    assert one
    assert one == many


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start"], "a cluster runs in"),
        (["kill", "worker-9"], "there is no running worker worker-9 (running: worker-"),
        (["kill", "head"], "Use stop"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_message(folder: Path, arguments: list[str], message: str) -> None:
    done = local(*arguments, folder=folder, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["add", "kill", "status", "env", "stop"])
def test_without_a_cluster_every_command_says_so(tmp_path: Path, command: str) -> None:
    done = local(command, folder=tmp_path / "none", check=False)
    assert done.returncode == 2
    assert f"{tmp_path / 'none'}" in done.stderr


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").touch()
    done = local("start", folder=tmp_path, check=False)
    assert "is not empty" in done.stderr
    assert (tmp_path / "thesis").exists()


def test_stop_ends_all_that_was_started_and_nothing_else(folder: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"], env=os.environ | {"RAY_AUTH_TOKEN_PATH": "another"})
    assert len(processes(folder)) >= 8
    local("stop", folder=folder)
    assert processes(folder) == []
    assert not folder.exists()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
