"""A cluster of two nodes on the loopback interface, one of which dies under the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_ops.runs import open_run

DRIVER = """
import os, sys, time
from pathlib import Path
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

out = Path(sys.argv[1])
ray_constants.ENABLE_RAY_CLUSTER = False
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
second = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()

def work(shared, shard, isolated):
    (out / f"started-{shard.number}-{os.getpid()}").touch()
    time.sleep(1.5)
    return ShardOutput({"t": pa.table({"x": [shard.number]})}, {"error" if isolated else "optimal": 1}, 1)

def kill_second(record):
    global second
    if second is not None and len(list(out.glob("started-*"))) >= 2:
        cluster.remove_node(second, allow_graceful=False)
        second = None

shards = plan_shards([1.0] * 4, n_shards=4)
with connect(cluster.address):
    run = start_run(str(out / "results"), "r1", job="j", configuration={}, inputs={}, shards=shards)
    commit_run(run, run_shards(work, ray.put(0), shards, run.folder, on_progress=kill_second))
assert second is None
assert len(list(out.glob("started-*"))) == 5
cluster.shutdown()
"""


@pytest.mark.usefixtures("machine")
def test_shards_of_a_dead_node_are_computed_elsewhere_and_none_is_isolated(tmp_path: Path) -> None:
    quick = {"RAY_health_check_period_ms": "300", "RAY_health_check_failure_threshold": "2"}
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        check=True,
        env=os.environ | quick,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
    run = open_run(str(tmp_path / "results"), verify=True)
    assert run.manifest["counts"] == {"optimal": 4}
    assert run.table("t").to_table()["x"].to_pylist() == [0, 1, 2, 3]
