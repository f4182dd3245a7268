"""A Ray cluster with job server and token on this machine, started and stopped by the project's own command."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
METRICS_MILLISECONDS = 500


@contextmanager
def running_cluster(*options: str) -> Iterator[dict[str, str]]:
    """The variables that a shell needs to use the cluster; its nodes find the commands of this Python."""
    parent = Path(tempfile.mkdtemp(prefix="rj-"))
    folder = parent / "c"
    inherited = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": "",
        "RAY_metrics_report_interval_ms": str(METRICS_MILLISECONDS),
    }

    def local(*arguments: str) -> str:
        command = [sys.executable, str(ROOT / "cluster" / "local"), *arguments, "--folder", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=inherited, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        local("start", "--port", "0", "--job-port", "0", "--store-megabytes", "200", *options)
        exports = [line.removeprefix("export ") for line in local("env").splitlines()]
        yield dict(shlex.split(export)[0].split("=", 1) for export in exports)
    finally:
        if folder.exists():
            local("stop")
        shutil.rmtree(parent)
