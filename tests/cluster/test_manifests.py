"""The manifests without a cluster: their schemas, what KubeRay would refuse, and what security asks of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from typer.main import get_command

import jobs.__main__
from jobs.config import make_config
from jobs.recourse.config import RecourseConfig
from tests.cluster.manifests import (
    KUBERNETES,
    RAY_CLUSTER_SPEC,
    RAY_JOB_SPEC,
    ROOT,
    documents,
    objects,
    of_kind,
    pins,
    pod_templates,
)

SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSWORD", re.IGNORECASE)
OVERLAYS = sorted(path.parent for path in (KUBERNETES / "overlays").glob("*/kustomization.yaml"))
LONGEST_NAME = 47
"""KubeRay refuses longer names of RayJobs: the names of their services would not fit."""


def ray_specs() -> list[dict[str, Any]]:
    """The clusters of all RayJobs and RayClusters."""
    return [found["spec"].get("rayClusterSpec", found["spec"]) for found in of_kind("RayJob", "RayCluster")]


def built(overlay: Path) -> list[dict[str, Any]]:
    """What ``kubectl apply -k`` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl, which builds overlays without a cluster, is not installed")
    done = subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("found", of_kind("RayJob", "RayCluster"), ids=lambda found: found["metadata"]["name"])
def test_a_ray_manifest_has_the_fields_that_kuberay_knows(found: dict[str, Any]) -> None:
    jsonschema.validate(found["spec"], RAY_JOB_SPEC if found["kind"] == "RayJob" else RAY_CLUSTER_SPEC)
    assert found["apiVersion"] == "ray.io/v1"
    dated = f"{found['metadata']['name']}-2026-11-21-10"
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", dated)
    assert len(dated) <= LONGEST_NAME


@pytest.mark.parametrize("found", of_kind("RayJob", "RayCluster"), ids=lambda found: found["metadata"]["name"])
def test_a_ray_manifest_fits_the_published_schema(found: dict[str, Any]) -> None:
    folder = os.environ.get("KUBERAY_CRDS")
    if folder is None:
        pytest.skip("KUBERAY_CRDS does not name a folder with KubeRay's published CRDs (ray.io_rayjobs.yaml ...)")
    (definition,) = documents(Path(folder) / f"ray.io_{found['kind'].lower()}s.yaml")
    (schema,) = (v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == "v1")
    jsonschema.validate(found, closed(schema))


def closed(schema: Any) -> Any:
    """The schema without room for unknown fields, which Kubernetes would drop in silence."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not is_open:
        result["additionalProperties"] = False
    return result


def test_kubernetes_own_kinds_fit_their_schemas() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate (108 MB)")
    own = [found for found in objects() if not found["apiVersion"].startswith("ray.io")]
    templates = [
        {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "template"}, "template": template}
        for found in of_kind("RayJob", "RayCluster")
        for template in pod_templates(found)
    ]
    assert len(templates) == 8
    for found in own + templates:
        kubernetes_validate.validate(found, "1.33", strict=True)


def test_ray_of_manifests_image_and_constraints_is_one_version() -> None:
    version = pins(ROOT / "constraints.txt")["ray"]
    assert {spec["rayVersion"] for spec in ray_specs()} == {version}
    assert pins(ROOT / "cluster" / "image" / "requirements.lock")["ray"] == version


def test_every_cluster_asks_for_a_token_and_none_shows_its_dashboard() -> None:
    for spec in ray_specs():
        assert spec["authOptions"] == {"mode": "token"}
        assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
        assert spec["headGroupSpec"]["enableIngress"] is False
    assert not of_kind("Ingress", "Service")
    for path in (ROOT / "cluster" / "vm").glob("*.yaml"):
        (config,) = documents(path)
        starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
        assert all("RAY_AUTH_MODE=token" in command for command in starts if "ray start" in command)
        assert any("--dashboard-host=127.0.0.1" in command for command in starts)
        assert any(target.endswith("/.ray/auth_token") for target in config["file_mounts"])
    assert "RAY_AUTH_MODE=token" in (ROOT / "cluster" / "image" / "Dockerfile").read_text(encoding="utf-8")


def test_only_pods_of_the_cluster_reach_it_but_for_job_status_and_metrics() -> None:
    (policy,) = of_kind("NetworkPolicy")
    label = {"app.kubernetes.io/name": "recsys-ops"}
    assert policy["spec"]["podSelector"]["matchLabels"] == label
    inside, *outside = policy["spec"]["ingress"]
    assert inside == {"from": [{"podSelector": {"matchLabels": label}}]}
    assert [[port["port"] for port in rule["ports"]] for rule in outside] == [[8265], [8080]]
    for template in [template for found in of_kind("RayJob", "RayCluster") for template in pod_templates(found)]:
        assert template["metadata"]["labels"].items() >= label.items()


@pytest.mark.parametrize("found", of_kind("RayJob", "RayCluster", "CronJob"), ids=lambda f: f["metadata"]["name"])
def test_no_pod_may_more_than_it_needs(found: dict[str, Any]) -> None:
    for template in pod_templates(found):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all("hostPath" not in volume for volume in pod.get("volumes", []))
        for container in pod["containers"]:
            assert container["image"] == "recsys-ops"
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert container["resources"]["limits"]["memory"]


def test_secrets_are_referred_to_and_never_written() -> None:
    assert not of_kind("Secret")
    for found in objects():
        for template in pod_templates(found):
            for container in template["spec"]["containers"]:
                written = [entry["name"] for entry in container.get("env", []) if "value" in entry]
                assert not [name for name in written if SECRET_NAME.search(name)]


def test_the_starter_may_read_and_create_runs_and_nothing_else() -> None:
    (role,) = of_kind("Role")
    assert role["rules"] == [{"apiGroups": ["ray.io"], "resources": ["rayjobs"], "verbs": ["get", "create"]}]
    accounts = {account["metadata"]["name"]: account for account in of_kind("ServiceAccount")}
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())
    (binding,) = of_kind("RoleBinding")
    assert [subject["name"] for subject in binding["subjects"]] == ["recsys-ops-starter"]
    for found in of_kind("RayJob", "RayCluster"):
        named = {template["spec"].get("serviceAccountName", "recsys-ops") for template in pod_templates(found)}
        assert named == {"recsys-ops"}


def test_the_nightly_cron_job_runs_once_at_a_time_and_keeps_a_history() -> None:
    (cron,) = of_kind("CronJob")
    spec = cron["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["successfulJobsHistoryLimit"] >= 1
    assert spec["failedJobsHistoryLimit"] >= 1
    (template,) = pod_templates(cron)
    assert template["spec"]["containers"][0]["args"][0] in {found["metadata"]["name"] for found in of_kind("RayJob")}
    nightly = next(found for found in of_kind("RayJob") if found["metadata"]["name"] == "recsys-ops-nightly")
    attempts = 1 + nightly["spec"]["backoffLimit"]
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] >= nightly["spec"]["activeDeadlineSeconds"]
    assert attempts >= 2


def test_every_disruption_budget_finds_heads() -> None:
    heads = [spec["headGroupSpec"]["template"]["metadata"]["labels"] for spec in ray_specs()]
    for budget in of_kind("PodDisruptionBudget"):
        selected = budget["spec"]["selector"]["matchLabels"].items()
        assert sum(labels.items() >= selected for labels in heads) == 1


def test_every_entrypoint_and_its_settings_are_those_of_the_command_line() -> None:
    commands = get_command(jobs.__main__.make_app()).commands
    for found in of_kind("RayJob"):
        words = found["spec"]["entrypoint"].split()
        assert words[:3] == ["python", "-m", "jobs"]
        if words[3:]:
            options = {option for parameter in commands[words[3]].params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options
    for path in KUBERNETES.rglob("settings.nightly.yaml"):
        assert make_config(RecourseConfig, {}, str(path)).out.startswith("s3://")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_an_overlay_builds_into_valid_manifests_of_one_image(overlay: Path) -> None:
    found = built(overlay)
    assert {one["kind"] for one in objects()} < {one["kind"] for one in found}
    for one in found:
        if one["kind"] == "RayJob":
            jsonschema.validate(one["spec"], RAY_JOB_SPEC)
        if one["kind"] == "RayCluster":
            jsonschema.validate(one["spec"], RAY_CLUSTER_SPEC)
    images = {c["image"] for one in found for t in pod_templates(one) for c in t["spec"]["containers"]}
    assert len(images) == 1
    assert all("namespace" in one["metadata"] for one in found)


@pytest.mark.parametrize("name", ["aws", "on-premise"])
def test_ray_up_accepts_the_machines_file(name: str) -> None:
    (config,) = documents(ROOT / "cluster" / "vm" / f"{name}.yaml")
    validate_config(prepare_config(config))


def test_ec2_knows_every_field_of_the_instances() -> None:
    (config,) = documents(ROOT / "cluster" / "vm" / "aws.yaml")
    operation = botocore.session.get_session().get_service_model("ec2").operation_model("RunInstances")
    for node_type in config["available_node_types"].values():
        parameters = node_type["node_config"] | {"MinCount": 1, "MaxCount": 1}
        unknown = parameters.keys() - operation.input_shape.members.keys()
        report = botocore.validate.ParamValidator().validate(parameters, operation.input_shape)
        assert not unknown
        assert not report.has_errors(), report.generate_report()
    worker = config["available_node_types"]["spot_worker"]["node_config"]
    assert worker["InstanceMarketOptions"] == {"MarketType": "spot"}


def test_every_config_of_the_readme_is_a_file_in_the_head_of_the_run() -> None:
    text = (ROOT / "cluster" / "README.md").read_text(encoding="utf-8")
    named = {Path(config) for config in re.findall(r"--config (\S+)", text)}
    assert named
    for found in of_kind("RayJob"):
        (head,) = found["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
        assert {str(config.parent) for config in named} <= {mount["mountPath"] for mount in head["volumeMounts"]}
    for path in KUBERNETES.rglob("kustomization.yaml"):
        generators = {found["name"]: found["files"] for found in documents(path)[0]["configMapGenerator"]}
        keys = {file.partition("=")[0] for file in generators["recsys-ops-settings"]}
        assert {config.name for config in named} <= keys


def test_every_package_of_the_image_has_hashes_and_the_version_of_the_constraints() -> None:
    image, constraints = ROOT / "cluster" / "image", pins(ROOT / "constraints.txt")
    for name in ("requirements.lock", "torch.cpu.lock", "torch.cuda.lock"):
        text = (image / name).read_text(encoding="utf-8")
        entries = re.findall(
            r"^[\w.-]+==\S+(?: ;[^\n]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M
        )
        assert len(entries) == len(pins(image / name)) > 0
        assert "://" not in text
        versions = {package: version.split("+")[0] for package, version in pins(image / name).items()}
        assert {p: v for p, v in versions.items() if p in constraints and constraints[p] != v} == {}


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("tool", "pattern"), [("hadolint", "image/Dockerfile"), ("shellcheck", "**/*.sh")])
def test_what_a_shell_runs_is_clean(tool: str, pattern: str) -> None:
    program = Path(sys.executable).with_name(tool)
    paths = [str(path) for path in (ROOT / "cluster").glob(pattern)]
    assert paths
    done = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_image_does_not_run_as_root() -> None:
    text = (ROOT / "cluster" / "image" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", text, flags=re.MULTILINE) == ["1000:1000"]
    assert text.count("--require-hashes") == 1


def test_no_pickle_is_read_from_storage() -> None:
    found = []
    for package in ("recsys_ops", "jobs"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found += re.findall(r"import pickle|pickle\.loads?|joblib\.load|allow_pickle=True", text)
            found += re.findall(r"torch\.load\((?![^\n]*weights_only=True).*", text)
    assert not found


def test_every_file_and_make_target_of_the_readme_exists() -> None:
    text = (ROOT / "cluster" / "README.md").read_text(encoding="utf-8")
    folders = "local|vm|kubernetes|overlays|image|monitoring|policy"
    named = set(re.findall(rf"(?<![\w/])((?:cluster/)?(?:{folders})/[\w./-]*)", text))
    assert len(named) >= 10
    places = (ROOT, ROOT / "cluster", KUBERNETES)
    assert not {name for name in named if not any((place / name).exists() for place in places)}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in re.findall(r"`make (\w+)`", text))
