"""What the manifests of cluster/kubernetes hold, and what we know of the kinds that Kubernetes itself does not have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "cluster" / "kubernetes"

POD_TEMPLATE = {"type": "object", "required": ["spec"], "properties": {"metadata": {}, "spec": {"type": "object"}}}


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_COUNT = {"type": "integer", "minimum": 0}
_START_PARAMETERS = {"type": "object", "additionalProperties": {"type": "string"}}
RAY_CLUSTER_SPEC = _closed(
    ["rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"],
    rayVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    suspend={"type": "boolean"},
    authOptions=_closed(["mode"], mode={"const": "token"}),
    headGroupSpec=_closed(
        ["rayStartParams", "template"],
        serviceType={"const": "ClusterIP"},
        enableIngress={"const": False},
        rayStartParams=_START_PARAMETERS,
        template=POD_TEMPLATE,
    ),
    workerGroupSpecs={
        "type": "array",
        "minItems": 1,
        "items": _closed(
            ["groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"],
            groupName={"type": "string"},
            replicas=_COUNT,
            minReplicas=_COUNT,
            maxReplicas=_COUNT,
            rayStartParams=_START_PARAMETERS,
            template=POD_TEMPLATE,
        ),
    },
)
RAY_JOB_SPEC = _closed(
    ["entrypoint", "rayClusterSpec", "shutdownAfterJobFinishes", "activeDeadlineSeconds"],
    suspend={"type": "boolean"},
    entrypoint={"type": "string"},
    submissionMode={"enum": ["K8sJobMode", "HTTPMode"]},
    backoffLimit=_COUNT,
    activeDeadlineSeconds={"type": "integer", "minimum": 1},
    shutdownAfterJobFinishes={"const": True},
    ttlSecondsAfterFinished=_COUNT,
    rayClusterSpec=RAY_CLUSTER_SPEC,
    submitterPodTemplate=POD_TEMPLATE,
)
"""The part of KubeRay 1.6 that the manifests use: a field outside it is a misspelt one, or to be added here."""


def documents(path: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def objects() -> list[dict[str, Any]]:
    """All Kubernetes objects of the base."""
    paths = sorted((KUBERNETES / "base").glob("*.yaml"))
    return [
        found for path in paths for found in documents(path) if "kind" in found and found["kind"] != "Kustomization"
    ]


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [found for found in objects() if found["kind"] in kinds]


def pod_templates(node: Any) -> Iterator[dict[str, Any]]:
    """Every pod template below ``node``, wherever it stands."""
    if isinstance(node, dict):
        if "containers" in node.get("spec", {}):
            yield node
        for child in node.values():
            yield from pod_templates(child)
    elif isinstance(node, list):
        for child in node:
            yield from pod_templates(child)


def pins(path: Path) -> dict[str, str]:
    """Version by name, as the index compares names."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}
