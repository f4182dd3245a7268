"""How a run ended reaches what started it: the last line, hooks, and OpenLineage events."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from pydantic import ValidationError

from jobs.config import RunConfig
from jobs.errors import ExitCode
from jobs.hooks import call_hook
from jobs.runtime.job import run_job
from recsys_ops.errors import ConfigError
from recsys_ops.runs import open_run
from tests.suites.squares import JOB, SquaresConfig


def interrupt(_: SquaresConfig) -> range:
    raise KeyboardInterrupt


def break_down(_: SquaresConfig) -> range:
    raise ZeroDivisionError("of the program")


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return content


@contextmanager
def listener(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """An HTTP server that answers every POST with ``status``, and what it got."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/secret", got
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("ray_session")
def test_success_and_failure_reach_the_command_and_are_the_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    config = SquaresConfig(
        out=str(tmp_path / "out"), run_id="r", result="json", on_success=f"sh -c 'cat > {good}; echo printed'",
        on_failure=f"tee {bad}",
    )  # fmt: skip
    assert run_job(config, JOB) == ExitCode.COMPLETE
    done = last_line(capsys)
    assert json.loads(good.read_text()) == done
    assert (done["run"], done["exit"], done["n_cases"], done["tables"]["squares"]["rows"]) == ("r", 0, 6, 6)
    assert not bad.exists()
    assert not {"on_success", "on_failure"} & open_run(str(tmp_path / "out")).manifest["configuration"].keys()
    with pytest.raises(ConfigError):
        run_job(config, JOB)
    refused = last_line(capsys)
    assert json.loads(bad.read_text()) == refused
    assert (refused["exit"], "exists" in refused["message"]) == (2, True)


@pytest.mark.parametrize(
    ("load", "error", "exit_code", "message"),
    [
        (interrupt, KeyboardInterrupt, 4, "interrupted"),
        (break_down, ZeroDivisionError, 1, "ZeroDivisionError: of the program"),
    ],
)
def test_an_interrupted_run_and_a_defect_have_a_last_line_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], load: Any, error: type[BaseException], exit_code: int,
    message: str,
) -> None:  # fmt: skip
    with pytest.raises(error):
        run_job(SquaresConfig(out=str(tmp_path), run_id="r", result="json"), replace(JOB, load=load))
    line = last_line(capsys)
    assert line == {"job": "squares", "run": "r", "exit": exit_code, "url": f"{tmp_path}/runs/r", "message": message}


@pytest.mark.usefixtures("machine")
def test_a_webhook_gets_the_result_and_one_that_fails_is_a_warning_without_its_path(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with listener(200) as (url, got):
        call_hook("--on-success", url, '{"exit": 0}')
    assert (got, caplog.messages) == ([b'{"exit": 0}'], [])
    with listener(500) as (url, got):
        call_hook("--on-failure", url, "{}")
    call_hook("--on-failure", url, "{}")  # nobody listens any more
    call_hook("--on-success", "sh -c 'exit 3'", "{}")
    refused, away, failed = caplog.messages
    assert refused.startswith("--on-failure: 127.0.0.1 was not reached or failed (")
    assert "refused" in away
    assert failed.startswith("--on-success: sh was not reached or failed (exit code 3)")
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("ftp://host/x", "http://"),
        ("http:///x", "names a host"),
        ("no-such-program --now", "no program 'no-such-program'"),
        ("sh -c 'x", "cannot be read"),
        (" ", "found nothing"),
    ],
)
def test_what_can_be_no_hook_is_refused_before_the_run(hook: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RunConfig(on_failure=hook)


def events_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def check_event(event: dict[str, Any]) -> None:
    """What the published schema, which the client does not ship, requires of an event, its data sets and facets."""
    assert event["eventType"] in ("START", "COMPLETE", "FAIL", "ABORT")
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
    assert UUID(event["run"]["runId"])
    described = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    assert all(each["namespace"] and each["name"] for each in described[1:])
    facets = [facet for each in described for facet in each.get("facets", {}).values()]
    facets += [facet for each in event["outputs"] for facet in each["outputFacets"].values()]
    for url in [
        event["producer"],
        event["schemaURL"],
        *(f[key] for f in facets for key in ("_producer", "_schemaURL")),
    ]:
        assert urlsplit(url).scheme
    assert all(facet["_producer"].startswith("urn:recsys-ops:") for facet in facets)


@pytest.fixture
def lineage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which events go."""
    pytest.importorskip("openlineage", reason="openlineage-python is not installed (extra 'lineage')")
    for name, value in {"TYPE": "file", "LOG_FILE_PATH": str(tmp_path / "events"), "APPEND": "true"}.items():
        monkeypatch.setenv(f"OPENLINEAGE__TRANSPORT__{name}", value)
    return tmp_path / "events"


@pytest.mark.usefixtures("ray_session")
def test_each_attempt_has_a_start_and_one_end_with_its_data_sets(
    tmp_path: Path, lineage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = "018f0000-0000-7000-8000-000000000001"
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"air/flow/dag.task/{parent}")
    config = SquaresConfig(out=str(tmp_path / "out"), run_id="r", lineage=True)
    with pytest.raises(KeyboardInterrupt):
        run_job(config, replace(JOB, load=interrupt))
    with pytest.raises(ZeroDivisionError):
        run_job(config, replace(JOB, load=break_down))
    assert run_job(config, JOB) == ExitCode.COMPLETE
    events = events_of(lineage)
    for event in events:
        check_event(event)
    assert [event["eventType"] for event in events] == ["START", "ABORT", "START", "FAIL", "START", "COMPLETE"]
    attempts = [event["run"]["runId"] for event in events]
    assert attempts[::2] == attempts[1::2]
    assert len(set(attempts)) == 3
    assert events[3]["run"]["facets"]["errorMessage"]["message"] == "ZeroDivisionError: of the program"
    started_by = events[0]["run"]["facets"]["parent"]["job"]
    assert (started_by["namespace"], started_by["name"]) == ("air/flow", "dag.task")
    outputs = {dataset["name"]: dataset for dataset in events[-1]["outputs"]}
    squares = outputs[f"{tmp_path}/out/squares/squares"]
    assert squares["namespace"] == "file"
    assert squares["facets"]["version"]["datasetVersion"] == "r"
    assert [field["name"] for field in squares["facets"]["schema"]["fields"]][:2] == ["number", "square"]
    assert squares["outputFacets"]["outputStatistics"]["rowCount"] == 6


def test_data_sets_are_named_by_the_convention_and_a_lineage_server_that_is_away_ends_no_run(
    lineage: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.lineage import dataset_name, started

    assert dataset_name("s3://shop/export/day/") == ("s3://shop", "export/day")
    assert dataset_name("movielens-1m:gs://lake/ml-1m") == ("gs://lake", "ml-1m")
    assert dataset_name("/data/shop") == ("file", "/data/shop")
    assert dataset_name("synthetic:items=9") == ("recsys-ops", "synthetic:items=9")
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", "no-parent")
    with pytest.raises(ConfigError, match="expected namespace/job/run"):
        started(RunConfig(), "squares", "r")
    monkeypatch.delenv("OPENLINEAGE_PARENT_ID")
    monkeypatch.setattr("openlineage.client.OpenLineageClient.emit", lambda *_: 1 / 0)
    assert started(RunConfig(), "squares", "r") is not None
    assert "--lineage: the event START was not sent (ZeroDivisionError); the run goes on." in caplog.messages
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "telex")
    with pytest.raises(ConfigError, match="settings of OpenLineage cannot be used"):
        started(RunConfig(), "squares", "r")
