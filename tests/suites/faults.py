"""What may break under a run: each fault breaks it at once, and repairs it at its end, before the run is resumed."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ray._private import ray_constants

from tests.suites import cli
from tests.suites.bed import Bed


@contextmanager
def worker_killed(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """SIGKILL to a worker that computes a shard."""
    while not (busy := cli.busy_workers(os.getpid())) and driver.poll() is None:
        time.sleep(0.01)
    for worker in busy[:1]:
        cli.kill(worker)
    yield bool(busy)


@contextmanager
def raylet_killed(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """SIGKILL to the raylet of the node that the driver is not on; a new node comes for the resumed run."""
    (raylet,) = bed.second.all_processes[ray_constants.PROCESS_TYPE_RAYLET]
    raylet.process.kill()
    yield True
    bed.cluster.remove_node(bed.second, allow_graceful=False)
    bed.add_second_node()


@contextmanager
def driver_killed(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """SIGKILL to the driver, alone."""
    driver.kill()
    yield True


@contextmanager
def server_killed(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """SIGKILL to all of the S3 server, which is started again 5 s later."""
    bed.store.kill()
    time.sleep(5)
    bed.store.restart()
    yield True


@contextmanager
def unavailable(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """From now on 10 % of the requests are answered 503."""
    n_before = bed.proxy.counts["unavailable"]
    bed.proxy.unavailable = 0.1
    yield True
    bed.proxy.unavailable = 0.0
    assert bed.proxy.counts["unavailable"] > n_before, "no request met the fault"


@contextmanager
def connections_dropped(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """From now on 10 % of the connections break, half of them after the server did what was requested."""
    n_before = bed.proxy.counts["dropped"]
    bed.proxy.dropped = 0.1
    yield True
    bed.proxy.dropped = 0.0
    assert bed.proxy.counts["dropped"] > n_before, "no request met the fault"


@contextmanager
def disk_full(bed: Bed, driver: subprocess.Popen[bytes]) -> Iterator[bool]:
    """Nothing more can be spilled, and the object store is full."""
    ballast = bed.spill / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(2**16)):
            pass
    bed.ask_neighbour("fill")
    yield True
    ballast.unlink()
    bed.ask_neighbour("empty")
