"""Results in a folder, computed on two nodes whose working folder is not the driver's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_ops.runs import open_run

pytestmark = pytest.mark.usefixtures("machine")

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

ray_constants.ENABLE_RAY_CLUSTER = False
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
os.chdir(sys.argv[1])

def work(shared, shard, isolated):
    return ShardOutput({"t": pa.table({"x": [shard.number]})}, {"optimal": 1}, 1)

shards = plan_shards([1.0] * 4, n_shards=4)
try:
    with connect(cluster.address, out=sys.argv[2]):
        run = start_run(sys.argv[2], "r1", job="j", configuration={}, inputs={}, shards=shards)
        commit_run(run, run_shards(work, ray.put(0), shards, run.folder))
finally:
    cluster.shutdown()
"""


def driven(out: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """A run with ``--out out`` from the folder ``driver``, on nodes that were started in the folder ``nodes``."""
    for name in ("driver", "nodes"):
        (tmp_path / name).mkdir()
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path / "driver"), out],
        cwd=tmp_path / "nodes",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_relative_folder_is_the_drivers_on_every_node(tmp_path: Path) -> None:
    done = driven("results", tmp_path)
    assert done.returncode == 0, done.stderr
    run = open_run(str(tmp_path / "driver/results"), verify=True)
    assert run.table("t").to_table()["x"].to_pylist() == [0, 1, 2, 3]
    assert not list(tmp_path.rglob(".probe-*"))
    assert list((tmp_path / "nodes").iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs a path that leads elsewhere in each process")
def test_a_folder_that_the_nodes_do_not_share_is_refused_before_any_work(tmp_path: Path) -> None:
    done = driven("/proc/self/cwd/results", tmp_path)
    told = (
        "--out /proc/self/cwd/results: the folder is not shared, 2 of 2 nodes do not see what is written here (first: "
    )
    assert f"ConfigError: {told}" in done.stderr
    assert "Use a folder that all nodes share, or a URL such as s3://bucket/folder." in done.stderr
    assert list((tmp_path / "driver/results").iterdir()) == []
    assert list((tmp_path / "nodes").iterdir()) == []
