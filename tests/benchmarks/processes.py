"""A command under way, and what all its processes together hold in memory."""

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import psutil

from tests.suites.cli import environment

SAMPLE_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """Seconds, and peaks of bytes in memory: of all processes, shared pages counted once; what one has to itself."""

    seconds: float
    peak_bytes: int
    driver_bytes: int
    worker_bytes: int
    output: str


def run_measured(*arguments: str, module: str = "jobs") -> Measured:
    """``recsys-ops``, or another module, with these arguments; its memory is looked at once a second."""
    command = [sys.executable, "-m", module, *arguments]
    started = time.perf_counter()
    peak = driver_peak = worker_peak = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    ) as driver:
        while driver.poll() is None:
            time.sleep(SAMPLE_SECONDS)
            sizes = _sizes(driver.pid)
            peak = max(peak, sum(size.pss for _, size in sizes))
            driver_peak = max([driver_peak, *(size.uss for name, size in sizes if name == "driver")])
            worker_peak = max([worker_peak, *(size.uss for name, size in sizes if name == "worker")])
        output = driver.stdout.read() if driver.stdout else ""
    assert driver.returncode == 0, output
    return Measured(time.perf_counter() - started, peak, driver_peak, worker_peak, output)


def _sizes(pid: int) -> list[tuple[str, Any]]:
    """Kind and memory of the driver and everything below it."""
    sizes = []
    try:
        top = psutil.Process(pid)
        family = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    for process in family:
        try:
            name = "driver" if process.pid == pid else "worker" if "ray::" in " ".join(process.cmdline()) else "ray"
            sizes.append((name, process.memory_full_info()))
        except psutil.Error:
            continue
    return sizes
