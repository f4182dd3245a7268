"""A job on a cluster of two nodes that writes to a real S3 server, to be disturbed and compared with its calm run."""

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ray._private import ray_constants
from ray.cluster_utils import Cluster

from recsys_ops.runs import open_run
from tests.suites import cli
from tests.suites.faulty_proxy import FaultyProxy, faulty_proxy
from tests.suites.object_store import FOREIGN, ObjectStore
from tests.suites.shops import shop_tables, write_shop

N_SHARDS = 12
OBJECT_STORE_BYTES = 80 * 2**20
SPILL_BYTES = 48 * 2**20
DEADLINE_SECONDS = 120
"""A disturbed run that has not ended by then hangs."""

CLOCK_TABLES = frozenset({"runs", "shard_timings", "timings"})
"""They depend on the clock, so their bytes may differ."""

RAY_SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_health_check_period_ms": "300",
    "RAY_health_check_failure_threshold": "5",
}
"""All on 127.0.0.1 (see jobs/runtime/cluster.py); and a dead node is missed after seconds, not half a minute."""

NO_DASHBOARD = {"include_dashboard": False, "dashboard_port": 0}
"""Ray takes a port all the same, and its usual number may be another Ray's."""

NEIGHBOUR = """
import sys
import numpy as np
import ray

ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
held = []
for line in sys.stdin:
    held.clear()
    for n_numbers in (2**18, 2**14) if line == "fill\\n" else ():
        try:
            while True:
                held.append(ray.put(np.ones(n_numbers)))
        except ray.exceptions.RayError:
            pass
    print("done", flush=True)
"""
"""Another user of the cluster, who on request fills the object store until nothing more goes in."""


Fault = Callable[["Bed", "subprocess.Popen[bytes]"], AbstractContextManager[bool]]
"""Breaks something at once, under the driver given; gives whether there was anything to break; repairs it at last."""


@dataclass(frozen=True)
class Trial:
    """What became of one disturbed run."""

    n_recorded: int
    """Shards in storage when the fault came."""
    code: int | None
    """Exit code of the disturbed driver; None if it hung."""
    message: str
    """Its last line."""
    resumed: int | None
    """Exit code of the driver that resumed it; None if that was not needed."""
    wrong: list[str]
    """In what the result differs from that of an undisturbed run."""

    @property
    def survived(self) -> bool:
        """Whether the disturbed driver completed the run by itself."""
        return self.code == 0


@dataclass
class Bed:
    """Two nodes, a server behind a proxy, a job, and its undisturbed run."""

    store: ObjectStore
    proxy: FaultyProxy
    cluster: Cluster
    data: str
    spill: Path
    log: Path
    ask_neighbour: Callable[[str], None]
    second: Any = None
    seconds: float = 0.0
    """From the claim of the run id to the commit, undisturbed."""
    calm: dict[str, str] = field(default_factory=dict)

    def add_second_node(self) -> None:
        """One with one CPU, as the first."""
        self.second = self.cluster.add_node(**_node_arguments(self.spill))

    def run_calmly(self) -> None:
        """What every disturbed run is compared with."""
        with self.started("calm") as driver:
            self.wait_for("_run.json", "calm", driver)
            claimed = time.monotonic()
            self.wait_for("_manifest.json", "calm", driver)
            self.seconds = time.monotonic() - claimed
            assert driver.wait(DEADLINE_SECONDS) == 0, self.log.read_text()
        self.calm = self.digests("calm")
        assert len(self.written("calm")) == N_SHARDS

    def started(self, run_id: str, *more: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """A driver under way."""
        return cli.started(
            "recourse", "--data", self.data, "--groups", "n_ratings:1", "--seen-by", "1", "--max-changes", "4",
            "--seed", "3", "--shards", str(N_SHARDS), "--address", str(self.cluster.address),
            "--out", self.store.bucket_url, "--run-id", run_id, *more, log=self.log,
        )  # fmt: skip

    def url(self, run_id: str) -> str:
        """Folder of a run."""
        return f"{self.store.bucket_url}/runs/{run_id}"

    def wait_for(self, name: str, run_id: str, driver: subprocess.Popen[bytes]) -> None:
        """Until the run has a file of that name: ``_run.json`` comes first, ``_manifest.json`` last."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self.store.filesystem.exists(f"{self.url(run_id)}/{name}"):
            assert driver.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"{name} did not come"
            time.sleep(0.05)

    def written(self, run_id: str) -> dict[str, str]:
        """When the record of each complete shard was written; a shard computed again writes it again."""
        folder = f"{self.url(run_id).removeprefix('s3://')}/_shards"
        return {
            path.rpartition("/")[2]: str(entry["LastModified"])
            for path, entry in self.store.filesystem.find(folder, detail=True).items()
        }

    def digests(self, run_id: str) -> dict[str, str]:
        """SHA-256 of every file of a run; of those that depend on the clock only that they are there."""
        root = self.url(run_id).removeprefix("s3://")
        store = self.store.filesystem
        files = store.cat(store.find(root))
        return {
            path.removeprefix(f"{root}/"): hashlib.sha256(data).hexdigest() if _is_fixed(path, root) else ""
            for path, data in files.items()
        }

    def disturb(self, run_id: str, fault: Fault, after: float) -> Trial | None:
        """Start a run, break something ``after`` so many seconds of it, resume if needed, compare.

        Returns
        -------
        Trial or None
            None if the run was over by then.
        """
        with self.started(run_id) as driver:
            self.wait_for("_run.json", run_id, driver)
            time.sleep(after)
            if driver.poll() is not None:
                return None
            written = self.written(run_id)
            with fault(self, driver) as struck:
                code = _exit_code(driver)
            message = (self.log.read_text(errors="replace").strip().splitlines() or [""])[-1]
        if not struck:
            return None
        n_recorded, resumed = len(written), None
        if code != 0:
            written = self.written(run_id)
            with self.started(run_id, "--resume") as driver:
                resumed = _exit_code(driver)
        return Trial(n_recorded, code, message, resumed, self.differences(run_id, written))

    def differences(self, run_id: str, intact: dict[str, str]) -> list[str]:
        """In what a run that should be complete differs from the calm one; ``intact`` shards were done before."""
        if not self.store.filesystem.exists(f"{self.url(run_id)}/_manifest.json"):
            return [f"no manifest: {self.log.read_text(errors='replace')[-2000:]}"]
        wrong = []
        run, calm = open_run(self.url(run_id), verify=True), open_run(self.url("calm"))
        for name, table in run.manifest["tables"].items():
            paths = [_plain(part["path"]) for part in table["parts"]]
            wrong += [f"{name}: parts listed twice"] if len(set(paths)) < len(paths) else []
            expected = calm.manifest["tables"][name]
            wrong += [f"{name}: {table['rows']} rows"] if table["rows"] != expected["rows"] and name != "runs" else []
            wrong += [f"{name}: other parts"] if paths != [part["path"] for part in expected["parts"]] else []
        digests = self.digests(run_id)
        found = {_plain(path): digest for path, digest in digests.items()}
        wrong += [f"{len(digests) - len(found)} replaced parts left behind"] if len(found) < len(digests) else []
        wrong += [f"{path}: other bytes" for path in found if found[path] != self.calm.get(path, found[path])]
        wrong += [f"{path}: left behind" for path in found.keys() - self.calm.keys()]
        wrong += [f"{path}: missing" for path in self.calm.keys() - found.keys()]
        now = self.written(run_id)
        wrong += [f"{name}: computed again" for name, written in intact.items() if now.get(name) != written]
        return wrong


def _exit_code(driver: subprocess.Popen[bytes]) -> int | None:
    try:
        return driver.wait(DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _plain(path: str) -> str:
    """The path of a part as undisturbed runs have it; one that depends on the clock is written again under another."""
    return re.sub(r"-[0-9a-f]{16}(?=\.)", "", path) if path.partition("/")[0] in CLOCK_TABLES else path


def _is_fixed(path: str, root: str) -> bool:
    table = path.removeprefix(f"{root}/").partition("/")[0]
    return "/" in path.removeprefix(f"{root}/") and table not in CLOCK_TABLES | {"_shards"}


@contextmanager
def make_bed(store: ObjectStore, folder: Path, *, spill: Path) -> Iterator[Bed]:
    """Everything started, and the job run once undisturbed; all on the loopback interface.

    ``folder`` takes data and log, ``spill`` what Ray moves out of memory.
    """
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        proxy = stack.enter_context(faulty_proxy(store.endpoint, seed=7))
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in {**store.environment, "AWS_ENDPOINT_URL": proxy.endpoint, **RAY_SETTINGS}.items():
            patch.setenv(name, value)
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        tables = shop_tables(sellers=N_SHARDS, items_per_seller=20, users=40, ratings_per_user=15)
        data = write_shop(folder / "shop", tables)
        cluster = Cluster(initialize_head=True, head_node_args={**_node_arguments(spill), **NO_DASHBOARD})
        stack.callback(cluster.shutdown)
        ask_neighbour = stack.enter_context(_neighbour(cluster.address))
        bed = Bed(store, proxy, cluster, data, spill, folder / "log", ask_neighbour)
        bed.add_second_node()
        bed.run_calmly()
        yield bed


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, to be filled; without the right to mount one, the test is skipped."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SPILL_BYTES}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no disk to fill: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _neighbour(address: str) -> Iterator[Callable[[str], None]]:
    command = [sys.executable, "-c", NEIGHBOUR, address]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=cli.environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(what: str) -> None:
            print(what, file=process.stdin, flush=True)
            assert process.stdout is not None
            # Ray writes there too, whatever its log level.
            assert any(line == "done\n" for line in iter(process.stdout.readline, "")), "the neighbour died"

        try:
            ask("empty")
            yield ask
        finally:
            process.kill()


def _node_arguments(spill: Path) -> dict[str, Any]:
    return {"num_cpus": 1, "object_store_memory": OBJECT_STORE_BYTES, "object_spilling_directory": str(spill)}
