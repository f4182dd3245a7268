"""Results in a folder, computed on two nodes whose working folder is not the driver's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_ops.runs import open_run

DRIVER = """
import os, sys
import pyarrow as pa
import ray
from ray._private import ray_constants
from ray.cluster_utils import Cluster
from jobs.runtime.cluster import connect
from jobs.store.commit import commit_run
from jobs.store.records import ShardOutput
from jobs.runtime.shards import plan_shards
from jobs.store.start import start_run
from jobs.runtime.tasks import run_shards
from recsys_ops.errors import ConfigError

ray_constants.ENABLE_RAY_CLUSTER = False
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
os.chdir(sys.argv[1])

def work(shared, shard, isolated):
    return ShardOutput({"t": pa.table({"x": [shard.number]})}, {"optimal": 1}, 1)

shards = plan_shards([1.0] * 4, n_shards=4)
try:
    for out in sys.argv[2:]:
        try:
            with connect(cluster.address, out=out):
                run = start_run(out, "r1", job="j", configuration={}, inputs={}, shards=shards)
                commit_run(run, run_shards(work, ray.put(0), shards, run.folder))
        except ConfigError as error:
            print(error)
finally:
    cluster.shutdown()
"""

NOT_SHARED = "/proc/self/cwd/results"
"""It leads elsewhere in each process."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, machine: None) -> tuple[Path, str]:
    """A folder and what was printed: two runs from its folder ``driver`` on nodes started in its folder ``nodes``.

    One run has a relative ``--out``; the other has one that the nodes do not share, where there is such a path.
    """
    folder = tmp_path_factory.mktemp("shared")
    for name in ("driver", "nodes"):
        (folder / name).mkdir()
    not_shared = [NOT_SHARED] if Path("/proc/self/cwd").exists() else []
    ended = subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder / "driver"), "relative", *not_shared],
        cwd=folder / "nodes",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stdout


def test_a_relative_folder_is_the_drivers_on_every_node(done: tuple[Path, str]) -> None:
    folder, _ = done
    run = open_run(str(folder / "driver/relative"), verify=True)
    assert run.table("t").to_table()["x"].to_pylist() == [0, 1, 2, 3]
    assert not list(folder.rglob(".probe-*"))
    assert list((folder / "nodes").iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs a path that leads elsewhere in each process")
def test_a_folder_that_the_nodes_do_not_share_is_refused_before_any_work(done: tuple[Path, str]) -> None:
    folder, printed = done
    message = f"--out {NOT_SHARED}: the folder is not shared, 2 of 2 nodes do not see what is written here (first: "
    assert message in printed
    assert "Use a folder that all nodes share, or a URL such as s3://bucket/folder." in printed
    assert list((folder / "driver/results").iterdir()) == []
    assert list((folder / "nodes").iterdir()) == []
