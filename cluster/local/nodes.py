"""The nodes of a local cluster: how one is started, what is kept of it in the folder, and how all are ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0

_LAUNCH = f"""
from ray._private import ray_constants, services
ray_constants.ENABLE_RAY_CLUSTER = True
services.get_node_ip_address = lambda address=None: "{LOOPBACK}"
from ray.scripts.scripts import main
main()
"""
# Ray (seen in 2.60) takes 127.0.0.1 to mean the machine's outside address and would listen on all interfaces; the
# variable below does the same for drivers and jobs, but then `ray start` refuses a second node: hence the lines above.
ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}
_NODE_ENVIRONMENT = ENVIRONMENT | {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_period_ms": "1000",  # a dead worker is noticed in 3 seconds
    "RAY_health_check_failure_threshold": "3",
}


class LocalError(Exception):
    """What was wrong and what to do, for the person at the terminal."""


@dataclass
class Node:
    """A ``ray start --block``: leader of its own process group; a later owner of its id has another ``created``."""

    name: str
    pid: int
    created: float

    def is_alive(self) -> bool:
        """Whether the process that was started still runs."""
        try:
            process = psutil.Process(self.pid)
            return bool(process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def processes(self) -> list[psutil.Process]:
        """The node's processes, its leader last."""
        if not self.is_alive():
            return []
        leader = psutil.Process(self.pid)
        return [*leader.children(recursive=True), leader]


@dataclass
class Cluster:
    """What ``start`` started, as kept in the folder."""

    folder: Path
    port: int
    job_port: int | None
    nodes: list[Node] = field(default_factory=list)
    n_started: int = 0

    @property
    def token_file(self) -> Path:
        return self.folder / "token"

    def log(self, name: str) -> Path:
        """What the ``ray start`` of a node says."""
        return self.folder / f"{name}.log"

    def save(self) -> None:
        """Write the file that the next command reads."""
        content = asdict(self) | {"folder": str(self.folder)}
        temporary = self.folder / "cluster.json.new"
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.folder / "cluster.json")


def read_cluster(folder: Path) -> Cluster | None:
    """What ``start`` left in the folder, None if nothing."""
    try:
        content = json.loads((folder / "cluster.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    nodes = [Node(**node) for node in content.pop("nodes")]
    return Cluster(**(content | {"folder": folder, "nodes": nodes}))


def start_worker(cluster: Cluster, cpus: int, store_megabytes: int) -> Node:
    """Start the next worker, as ``start_node``."""
    cluster.n_started += 1
    options = [f"--address={LOOPBACK}:{cluster.port}", f"--num-cpus={cpus}"]
    return start_node(cluster, f"worker-{cluster.n_started}", options, store_megabytes)


def start_node(cluster: Cluster, name: str, options: list[str], store_megabytes: int) -> Node:
    """Start one node and wait until it has joined; ports of all nodes are free ones, as they share the address."""
    # A folder for each, with a short name: in a common one every node puts its own copy of a job's files in the place
    # of the last, whose running job is then in a folder that is gone.
    own = cluster.folder / name.removeprefix("worker-").replace("head", "0")
    command = [
        sys.executable, "-c", _LAUNCH, "start", "--block", f"--node-ip-address={LOOPBACK}", "--min-worker-port=0",
        "--max-worker-port=0", "--dashboard-agent-listen-port=0", f"--object-store-memory={store_megabytes * 10**6}",
        f"--temp-dir={own}", *options,
    ]  # fmt: skip
    environment = os.environ | _NODE_ENVIRONMENT | {"RAY_AUTH_TOKEN_PATH": str(cluster.token_file)}
    for inherited in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS", "RAY_AUTH_TOKEN"):
        environment.pop(inherited, None)
    with cluster.log(name).open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    node = Node(name, process.pid, psutil.Process(process.pid).create_time())
    cluster.nodes.append(node)
    cluster.save()
    log = cluster.log(name)
    deadline = time.monotonic() + START_SECONDS
    while b"Ray runtime started" not in log.read_bytes():
        if not node.is_alive() or time.monotonic() > deadline:
            raise LocalError(f"{name} did not start. What it said:\n{_tail(log)}")
        time.sleep(0.1)
    return node


def stop_nodes(cluster: Cluster) -> None:
    """Stop the leaders, which end their nodes in order; kill the processes that remain."""
    leaders = [psutil.Process(node.pid) for node in cluster.nodes if node.is_alive()]
    processes = [process for node in cluster.nodes for process in node.processes()]
    send_to_all(leaders, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    send_to_all(left, signal.SIGKILL)
    shutil.rmtree(cluster.folder)


def send_to_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send to all, leaders last, so that none is restarted in between; psutil makes sure of who they are."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
