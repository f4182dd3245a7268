"""Whether the nodes of a cluster write into the same results folder as the driver: checked before any work."""

import os
import uuid
from pathlib import Path
from typing import Any

import ray
from ray import exceptions as failures
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jobs.store.files import is_local
from recsys_ops.errors import ConfigError
from recsys_ops.storage import open_store, storage_errors


def check_shared(out: str) -> None:
    """Let every node that computes look for a probe file that the driver wrote under ``out``, if that is a folder.

    Raises
    ------
    ConfigError
        A node does not see it: its fragments would be lost.
    StorageError
        The probe cannot be written.
    """
    filesystem, root = open_store(out)
    if not is_local(filesystem):
        return
    probe = Path(root, f".probe-{uuid.uuid4().hex}")
    with storage_errors(out, "writing a probe file"):
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
    try:
        n_nodes, without = _nodes_without(str(probe))
    finally:
        probe.unlink(missing_ok=True)
    if without:
        raise ConfigError(
            f"--out {out}: the folder is not shared, {len(without)} of {n_nodes} nodes do not see what is written here "
            f"(first: {without[0]}). Use a folder that all nodes share, or a URL such as s3://bucket/folder."
        )


def _nodes_without(path: str) -> tuple[int, list[str]]:
    """How many nodes compute shards, and the names of those where there is no file ``path``."""
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    exists: Any = ray.remote(num_cpus=0, max_retries=0)(os.path.exists)
    answers = [
        exists.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(path)
        for node in nodes
    ]
    without = []
    for node, answer in zip(nodes, answers, strict=True):
        try:
            if not ray.get(answer):
                without.append(node["NodeManagerHostname"])
        except failures.RayError:
            continue  # the node was lost meanwhile; what it would have computed goes to others
    return len(nodes), without
