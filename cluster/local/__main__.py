"""A Ray cluster of several nodes on this machine, to develop and to break: ``python cluster/local start --workers 3``.

Every node is its own ``ray start`` with its own process group, listens on the loopback interface only, and asks for a
token. ``kill`` ends a worker the way a machine dies, ``add`` brings a new one, ``stop`` ends what ``start`` and
``add`` started and nothing else.
"""

import os
import secrets
import shlex
import signal
import socket
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from nodes import (
    ENVIRONMENT,
    LOOPBACK,
    Cluster,
    LocalError,
    read_cluster,
    send_to_all,
    start_node,
    start_worker,
    stop_nodes,
)

LONGEST_FOLDER = 40
"""Ray puts sockets below the folder, and the path of a socket has 107 bytes at most."""

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

Folder = Annotated[Path | None, typer.Option(help="Where token, logs and sockets are; one cluster per folder.")]
Cpus = Annotated[int, typer.Option(min=1, help="Tasks at a time, per worker.")]
StoreMegabytes = Annotated[int, typer.Option(min=100, help="Object store of each node, in MB.")]


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
        start_node(cluster, "head", options, store_megabytes)
        for _ in range(workers):  # one after the other: nodes of one address that start together find the wrong raylet
            start_worker(cluster, cpus, store_megabytes)
    except BaseException:
        stop_nodes(cluster)
        raise
    typer.echo(f"{workers} workers at {LOOPBACK}:{cluster.port}" + _job_server_in_words(cluster))
    given = f" --folder {shlex.quote(str(folder))}" if folder else ""
    typer.echo(f'Use it in this shell:  eval "$(python cluster/local env{given})"')


@app.command()
def add(cpus: Cpus = 1, store_megabytes: StoreMegabytes = 500, folder: Folder = None) -> None:
    """Add a worker."""
    cluster = _running(folder)
    typer.echo(f"{start_worker(cluster, cpus, store_megabytes).name} added")


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
    send_to_all(chosen[0].processes(), signal.SIGKILL)
    cluster.nodes.remove(chosen[0])
    cluster.save()
    typer.echo(f"{chosen[0].name} killed")


@app.command()
def status(folder: Folder = None) -> None:
    """Show the nodes."""
    cluster = _running(folder)
    typer.echo(f"{LOOPBACK}:{cluster.port}" + _job_server_in_words(cluster))
    for node in cluster.nodes:
        typer.echo(f"{node.name:<10} {'running' if node.is_alive() else 'dead'}")


@app.command()
def env(folder: Folder = None) -> None:
    """Print what a shell must export so that its jobs run on the cluster."""
    cluster = _running(folder)
    values = ENVIRONMENT | {
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
    cluster = read_cluster(_folder(folder))
    if cluster is None:
        raise LocalError(f"nothing was started in {_folder(folder)}.")
    stop_nodes(cluster)
    typer.echo("stopped")


def _folder(given: Path | None) -> Path:
    return (given or Path(tempfile.gettempdir()) / f"recsys-ops-{os.getuid()}").absolute()


def _running(given: Path | None) -> Cluster:
    cluster = read_cluster(_folder(given))
    if cluster is None or not any(node.name == "head" and node.is_alive() for node in cluster.nodes):
        raise LocalError(f"no cluster runs in {_folder(given)}. Start one: python cluster/local start.")
    return cluster


def _check_can_start(folder: Path, dashboard: bool) -> None:
    cluster = read_cluster(folder)
    if cluster and any(node.is_alive() for node in cluster.nodes):
        raise LocalError(f"a cluster runs in {folder}. Use it, stop it, or give another --folder.")
    if cluster:
        stop_nodes(cluster)
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


def _job_server_in_words(cluster: Cluster) -> str:
    return f", job server and dashboard at http://{LOOPBACK}:{cluster.job_port}" if cluster.job_port else ""


if __name__ == "__main__":
    try:
        app()
    except LocalError as error:
        sys.stderr.write(f"cluster/local: {error}\n")
        sys.exit(2)
