"""A Ray cluster of several nodes on this machine, to develop and to break: ``python cluster/local start --workers 3``.

Every node is its own ``ray start`` with its own process group, listens on the loopback interface only, and asks for a
token. ``kill`` ends a worker the way a machine dies, ``add`` brings a new one, ``stop`` ends what ``start`` and
``add`` started and nothing else.
"""

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import psutil
import typer

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LONGEST_FOLDER = 40
"""Ray puts sockets below the folder, and the path of a socket has 107 bytes at most."""

_LAUNCH = f"""
from ray._private import ray_constants, services
ray_constants.ENABLE_RAY_CLUSTER = True
services.get_node_ip_address = lambda address=None: "{LOOPBACK}"
from ray.scripts.scripts import main
main()
"""
# Ray (seen in 2.60) takes 127.0.0.1 to mean the machine's outside address and would listen on all interfaces; the
# variable below tells drivers and jobs the same, but then `ray start` refuses a second node: hence the lines above.
_ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}
_NODE_ENVIRONMENT = _ENVIRONMENT | {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_period_ms": "1000",  # a dead worker is noticed in 3 seconds
    "RAY_health_check_failure_threshold": "3",
}

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

Folder = Annotated[Path | None, typer.Option(help="Where token, logs and sockets are; one cluster per folder.")]
Cpus = Annotated[int, typer.Option(min=1, help="Tasks at a time, per worker.")]
StoreMegabytes = Annotated[int, typer.Option(min=100, help="Object store of each node, in MB.")]


class LocalError(Exception):
    """What was wrong and what to do, for the person at the terminal."""


@dataclass
class Node:
    """A ``ray start --block``: leader of its own process group; ``created`` tells it from a later owner of its id."""

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


@app.command()
def start(
    workers: Annotated[int, typer.Option(min=1, help="Worker nodes; the head itself computes nothing.")] = 3,
    cpus: Cpus = 1,
    port: Annotated[int, typer.Option(help="Of the head, for --address; 0 takes a free one.")] = 6379,
    job_port: Annotated[int, typer.Option(help="Of job server and dashboard; 0 takes a free one.")] = 8265,
    dashboard: Annotated[bool, typer.Option(help="Start job server and dashboard.")] = True,
    store_megabytes: StoreMegabytes = 500,
    folder: Folder = None,
) -> None:
    """Start a head and workers."""
    place = _folder(folder)
    _check_can_start(place, dashboard)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = _checked_port("--port", port), _checked_port("--job-port", job_port) if dashboard else None
    cluster = Cluster(place, *ports)
    _write_token(cluster.token_file)
    options = [
        "--head", f"--port={cluster.port}", "--num-cpus=0", "--disable-usage-stats",
        f"--include-dashboard={str(dashboard).lower()}",
    ]  # fmt: skip
    if find_spec("grpc"):  # with it Ray starts a server for Ray Client, wanted or not
        options.append(f"--ray-client-server-port={_free_port()}")
    if cluster.job_port:
        options += [f"--dashboard-host={LOOPBACK}", f"--dashboard-port={cluster.job_port}"]
    try:
        _start_node(cluster, "head", options, store_megabytes)
        for _ in range(workers):  # one after the other: nodes of one address that start together find the wrong raylet
            _start_worker(cluster, cpus, store_megabytes)
    except BaseException:
        _stop(cluster)
        raise
    typer.echo(f"{workers} workers at {LOOPBACK}:{cluster.port}" + _told_job_server(cluster))
    given = f" --folder {shlex.quote(str(folder))}" if folder else ""
    typer.echo(f'Use it in this shell:  eval "$(python cluster/local env{given})"')


@app.command()
def add(cpus: Cpus = 1, store_megabytes: StoreMegabytes = 500, folder: Folder = None) -> None:
    """Add a worker."""
    cluster = _running(folder)
    typer.echo(f"{_start_worker(cluster, cpus, store_megabytes).name} added")


@app.command()
def kill(
    name: Annotated[str | None, typer.Argument(help="As status shows it; by default the oldest worker.")] = None,
    folder: Folder = None,
) -> None:
    """End a worker at once, as when its machine dies."""
    cluster = _running(folder)
    workers = [node for node in cluster.nodes if node.name != "head" and node.is_alive()]
    if name == "head":
        raise LocalError("the head cannot be killed alone: without it there is no cluster. Use stop.")
    chosen = [node for node in workers if name in (None, node.name)]
    if not chosen:
        names = ", ".join(node.name for node in workers) or "none"
        raise LocalError(f"there is no running worker {name or ''}".rstrip() + f" (running: {names}).")
    _signal(chosen[0].processes(), signal.SIGKILL)
    cluster.nodes.remove(chosen[0])
    cluster.save()
    typer.echo(f"{chosen[0].name} killed")


@app.command()
def status(folder: Folder = None) -> None:
    """Show the nodes."""
    cluster = _running(folder)
    typer.echo(f"{LOOPBACK}:{cluster.port}" + _told_job_server(cluster))
    for node in cluster.nodes:
        typer.echo(f"{node.name:<10} {'running' if node.is_alive() else 'dead'}")


@app.command()
def env(folder: Folder = None) -> None:
    """Print what a shell must export so that its jobs run on the cluster."""
    cluster = _running(folder)
    values = _ENVIRONMENT | {
        "RAY_ADDRESS": f"{LOOPBACK}:{cluster.port}",
        "RAY_AUTH_TOKEN_PATH": str(cluster.token_file),
    }
    if cluster.job_port:
        values["RAY_API_SERVER_ADDRESS"] = f"http://{LOOPBACK}:{cluster.job_port}"
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def stop(folder: Folder = None) -> None:
    """End what was started here, and remove its token, logs and sockets."""
    cluster = _read(_folder(folder))
    if cluster is None:
        raise LocalError(f"nothing was started in {_folder(folder)}.")
    _stop(cluster)
    typer.echo("stopped")


def _start_worker(cluster: Cluster, cpus: int, store_megabytes: int) -> Node:
    cluster.n_started += 1
    options = [f"--address={LOOPBACK}:{cluster.port}", f"--num-cpus={cpus}"]
    return _start_node(cluster, f"worker-{cluster.n_started}", options, store_megabytes)


def _start_node(cluster: Cluster, name: str, options: list[str], store_megabytes: int) -> Node:
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


def _stop(cluster: Cluster) -> None:
    """Ask the leaders, which end their nodes in order; kill what is left of what was started."""
    leaders = [psutil.Process(node.pid) for node in cluster.nodes if node.is_alive()]
    processes = [process for node in cluster.nodes for process in node.processes()]
    _signal(leaders, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    _signal(left, signal.SIGKILL)
    shutil.rmtree(cluster.folder)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send to all, leaders last, so that none is restarted in between; psutil makes sure of who they are."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _folder(given: Path | None) -> Path:
    return (given or Path(tempfile.gettempdir()) / f"recsys-ops-{os.getuid()}").absolute()


def _read(folder: Path) -> Cluster | None:
    try:
        content = json.loads((folder / "cluster.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    nodes = [Node(**node) for node in content.pop("nodes")]
    return Cluster(**(content | {"folder": folder, "nodes": nodes}))


def _running(given: Path | None) -> Cluster:
    cluster = _read(_folder(given))
    if cluster is None or not any(node.name == "head" and node.is_alive() for node in cluster.nodes):
        raise LocalError(f"no cluster runs in {_folder(given)}. Start one: python cluster/local start.")
    return cluster


def _check_can_start(folder: Path, dashboard: bool) -> None:
    cluster = _read(folder)
    if cluster and any(node.is_alive() for node in cluster.nodes):
        raise LocalError(f"a cluster runs in {folder}. Use it, stop it, or give another --folder.")
    if cluster:
        _stop(cluster)
    if folder.exists() and any(folder.iterdir()):
        raise LocalError(f"{folder} is not empty. Give another --folder.")
    if len(str(folder)) > LONGEST_FOLDER:
        raise LocalError(f"{folder} is longer than {LONGEST_FOLDER} characters. Give a shorter --folder.")
    if dashboard and find_spec("aiohttp_cors") is None:
        raise LocalError("the job server needs pip install 'ray[default]'. Install it, or give --no-dashboard.")


def _checked_port(option: str, port: int) -> int:
    if port == 0:
        return _free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise LocalError(f"{option} {port} cannot be used ({error.strerror}). Give another, or 0.") from None
    return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _write_token(path: Path) -> None:
    """A new secret, readable by its owner from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))


def _told_job_server(cluster: Cluster) -> str:
    return f", job server and dashboard at http://{LOOPBACK}:{cluster.job_port}" if cluster.job_port else ""


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])


if __name__ == "__main__":
    try:
        app()
    except LocalError as error:
        sys.stderr.write(f"cluster/local: {error}\n")
        sys.exit(2)
