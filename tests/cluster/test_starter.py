"""The program of the nightly CronJob against an API server of its own: what it creates, waits for and answers."""

import io
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.manifests import KUBERNETES, of_kind

_spec = spec_from_file_location("start_ray_job", KUBERNETES / "base" / "start_ray_job.py")
assert _spec is not None
assert _spec.loader is not None
starter: Any = module_from_spec(_spec)
_spec.loader.exec_module(starter)

TEMPLATE = next(found for found in of_kind("RayJob") if found["metadata"]["name"] == "recsys-ops-nightly")
RUN = "recsys-ops-nightly-2026-11-21"
SUCCEEDED = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
FAILED = [
    {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "reason": "AppFailed"},
    {"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"},
    {"jobDeploymentStatus": "ValidationFailed"},
]


class ApiServer(ThreadingHTTPServer):
    """RayJobs of one namespace; each GET of a created one shows its next status."""

    def __init__(self, statuses: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.found = {"recsys-ops-nightly": TEMPLATE}
        self.statuses = statuses
        self.tokens: set[str | None] = set()


class Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        name = self.path.removeprefix("/apis/ray.io/v1/namespaces/night/rayjobs/")
        self.server.tokens.add(self.headers["Authorization"])
        if name not in self.server.found:
            return self.answer(404, {})
        is_run = name != "recsys-ops-nightly"
        status = {"status": self.server.statuses.pop(0)} if is_run else {}
        return self.answer(200, self.server.found[name] | status)

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = job["metadata"]["name"]
        if name in self.server.found:
            return self.answer(409, {})
        self.server.found[name] = job
        return self.answer(201, job)

    def answer(self, code: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ApiServer]:
    (tmp_path / "namespace").write_text("night")
    (tmp_path / "token").write_text("of-the-account")
    with ApiServer([]) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{found.server_port}"
        original = starter.RayJobs
        monkeypatch.setattr(starter, "RayJobs", lambda _: original(url, tmp_path))
        monkeypatch.setattr(starter, "POLL_SECONDS", 0.01)
        for name, value in {"HOST": "unused", "PORT": "1"}.items():
            monkeypatch.setenv(f"KUBERNETES_SERVICE_{name}", value)
        monkeypatch.setenv("JOB_NAME", "recsys-ops-nightly-29400000")
        monkeypatch.setenv("JOB_UID", "6f0e")
        yield found
        found.shutdown()


def test_the_run_is_the_template_awake_with_its_arguments_and_its_owner(server: ApiServer) -> None:
    server.statuses = [{}, SUCCEEDED]
    assert starter.main(["recsys-ops-nightly", RUN, "--run-id", "nightly 1"]) == 0
    created = server.found[RUN]
    assert created["spec"] == TEMPLATE["spec"] | {
        "suspend": False,
        "entrypoint": TEMPLATE["spec"]["entrypoint"] + " --run-id 'nightly 1'",
    }
    (owner,) = created["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "batch/v1", "kind": "Job", "name": "recsys-ops-nightly-29400000", "uid": "6f0e"}
    assert server.tokens == {"Bearer of-the-account"}


@pytest.mark.parametrize(
    ("last", "code"),
    [(SUCCEEDED, 0), *((failed, 1) for failed in FAILED)],
)
def test_it_ends_as_the_run_ended(server: ApiServer, last: dict[str, str], code: int) -> None:
    server.statuses = [{"jobDeploymentStatus": "Running"}, last]
    assert starter.main(["recsys-ops-nightly", RUN]) == code
    assert not server.statuses


def test_a_second_starter_waits_for_the_run_that_is_there(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.found[RUN] = TEMPLATE
    server.statuses = [{}, {"jobDeploymentStatus": "Running"}, SUCCEEDED]
    assert starter.main(["recsys-ops-nightly", RUN]) == 0
    assert f"{RUN}: is under way, waiting for it\n" in capsys.readouterr().err
    assert server.found.keys() == {"recsys-ops-nightly", RUN}


@pytest.mark.parametrize("failed", FAILED, ids=lambda failed: failed["jobDeploymentStatus"])
def test_a_night_that_failed_is_started_again_under_the_next_name(
    server: ApiServer, capsys: pytest.CaptureFixture[str], failed: dict[str, str]
) -> None:
    server.found |= {RUN: TEMPLATE, f"{RUN}-2": TEMPLATE}
    server.statuses = [failed, failed, {}, SUCCEEDED]
    assert starter.main(["recsys-ops-nightly", RUN, "--run-id", "nightly"]) == 0
    assert not server.statuses
    assert server.found[f"{RUN}-3"]["metadata"]["name"] == f"{RUN}-3"
    assert server.found[f"{RUN}-3"]["spec"]["entrypoint"].endswith(" --run-id nightly")
    log = capsys.readouterr().err
    assert f"{RUN}: ended without success\n{RUN}-2: ended without success\n{RUN}-3: created\n" in log


def test_a_night_that_failed_and_is_under_way_again_is_waited_for(server: ApiServer) -> None:
    server.found |= {RUN: TEMPLATE, f"{RUN}-2": TEMPLATE}
    server.statuses = [FAILED[0], {"jobDeploymentStatus": "Retrying"}, SUCCEEDED]
    assert starter.main(["recsys-ops-nightly", RUN]) == 0
    assert server.found.keys() == {"recsys-ops-nightly", RUN, f"{RUN}-2"}


def test_a_night_that_succeeded_is_not_started_again(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.found[RUN] = TEMPLATE
    server.statuses = [SUCCEEDED, SUCCEEDED]
    assert starter.main(["recsys-ops-nightly", RUN]) == 0
    assert f"{RUN}: has succeeded already\n" in capsys.readouterr().err
    assert server.found.keys() == {"recsys-ops-nightly", RUN}


def test_a_run_that_was_deleted_ends_the_wait(server: ApiServer) -> None:
    with pytest.raises(starter.urllib.error.HTTPError, match="404"):
        starter.wait(starter.RayJobs(""), "gone")


def test_by_hand_a_template_becomes_a_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    template = {**TEMPLATE, "metadata": {"name": "t", "namespace": "n", "uid": "1", "resourceVersion": "5"}}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(template)))
    assert starter.main(["-", "one-seller", "--sellers", "7"]) == 0
    run = json.loads(capsys.readouterr().out)
    assert run["metadata"] == {"name": "one-seller", "namespace": "n", "labels": {}}
    assert run["spec"]["entrypoint"].endswith("auto --sellers 7")
