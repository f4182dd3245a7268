"""Connect to Ray: a private one on this machine by default, a cluster by address; stop only what was started here."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import gettempdir
from typing import Any

# Read by Ray when it is imported or started: quiet about accelerators, no usage reports, no second environment by uv.
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import ray
from ray import exceptions as failures
from ray._private import ray_constants
from ray._private import utils as ray_utils
from ray._private import worker as ray_worker

from jobs.runtime.shared_folder import check_shared
from recsys_ops.errors import ConfigError, StorageError

CONNECT_SECONDS = 10.0
SET_TOKEN = "Set RAY_AUTH_MODE=token, and the cluster's token in RAY_AUTH_TOKEN or its file in RAY_AUTH_TOKEN_PATH."
_log = logging.getLogger("recsys_ops.ray")


@contextmanager
def connect(
    address: str | None = None,
    workers: int | None = None,
    *,
    out: str | None = None,
    object_store_memory: int | None = None,
) -> Iterator[None]:
    """A Ray to run tasks on, for the length of the ``with`` block.

    Parameters
    ----------
    address : str, optional
        ``host:6379``, ``auto``, or ``local``. By default RAY_ADDRESS (set inside submitted jobs), else ``local``: a Ray
        of our own on 127.0.0.1. With RAY_AUTH_MODE=token Ray itself takes the token from RAY_AUTH_TOKEN or its file.
    workers : int, optional
        Processes of the local Ray; as many as CPUs by default. A cluster has its own number.
    out : str, optional
        Results folder, which all nodes of a cluster have to share.
    object_store_memory : int, optional
        Bytes of the local object store; Ray's choice by default.

    Raises
    ------
    ConfigError
        Nothing answers at ``address``, it is of a kind that is not supported, it does not accept the token, its nodes
        do not share ``out``, ``workers`` is below 1, or Ray's temporary folder cannot be used.
    """
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers {workers} is below 1. Use --workers 1 or more, or leave it out.")
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": "error"}
    if address == "local":
        options |= {
            "num_cpus": workers or os.cpu_count(),
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
            "object_store_memory": object_store_memory,
        }
    else:
        _check_reachable(address)
    with ExitStack() as stack:
        stack.callback(ray.shutdown)
        stack.enter_context(_replaced(ray_worker, "print_to_stdstream", _log_message))
        if address == "local":
            stack.enter_context(_replaced(ray_constants, "ENABLE_RAY_CLUSTER", False))
            stack.enter_context(_replaced(ray_utils, "get_dashboard_dependency_error", lambda: ImportError("local")))
        try:
            before = signal.getsignal(signal.SIGTERM)
            ray.init(**options)
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray's own would exit with 15, whatever is under way
        except failures.AuthenticationError as error:
            raise ConfigError(f"--address {address}: {str(error).partition('. ')[0]}. {SET_TOKEN}") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise _not_started(error) if address == "local" else _not_connected(address, error) from error
        if address != "local" and out is not None:
            check_shared(out)
        try:
            yield
        except (failures.ObjectStoreFullError, failures.OutOfDiskError) as error:
            raise StorageError(
                "Ray's object store is full, and so is the disk that it spills to. Free space in Ray's temporary "
                "folder, or give the node more memory; then repeat with --resume."
            ) from error


def tasks_in_flight() -> int:
    """Tasks to keep submitted and not complete: two per CPU, so that a worker never waits for the driver."""
    return 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))


@contextmanager
def _replaced(module: Any, name: str, value: object) -> Iterator[None]:
    """Set a private of Ray for a while; a Ray without it goes on as it is.

    Three are needed (seen in 2.60): without ``ENABLE_RAY_CLUSTER = False`` Ray takes 127.0.0.1 to mean the outside
    address and listens on all interfaces; each dead worker prints a page to our stdout, ``log_to_driver`` or not; and
    a Ray of our own, which nobody submits to or scrapes, starts three times as fast without job server and metrics.
    """
    if not hasattr(module, name):
        yield
        return
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _log_message(data: dict[str, Any], *_: object, **__: object) -> None:
    for line in data.get("lines", ()):
        _log.debug("%s", line)


def _check_reachable(address: str) -> None:
    """Fail in seconds: Ray itself tries for minutes."""
    if "://" in address:
        raise ConfigError(
            f"--address {address}: Ray Client is not supported. Use host:6379 from a machine of the cluster."
        )
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--address {address}: expected host:port, such as 10.0.0.5:6379.")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _not_started(error: Exception) -> ConfigError:
    folder = os.environ.get("RAY_TMPDIR", gettempdir())
    return ConfigError(
        f"Ray cannot be started on this machine ({type(error).__name__}: {error}). Its temporary folder is {folder}; "
        "RAY_TMPDIR names another, with a short path that can be written to."
    )


def _not_connected(address: str, error: Exception) -> ConfigError:
    if address == "auto":
        return _unreachable(address, f"{type(error).__name__}: {error}")
    # Ray tells a refused token from other failures only on stderr (seen in 2.60).
    return ConfigError(
        f"--address {address}: something answers, but Ray cannot connect to it as to a cluster ({error}). If the "
        f"cluster has a token: {SET_TOKEN} Otherwise correct the address, or install the cluster's version of Ray."
    )


def _unreachable(address: str, detail: str) -> ConfigError:
    return ConfigError(
        f"--address {address}: no Ray cluster answers ({detail}). "
        "Start it (ray start --head), correct the address, or leave --address out to run on this machine."
    )
