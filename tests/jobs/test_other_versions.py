"""Runs of other versions: the commands say what to do about them, and show no traceback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.ask import settings_from
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.recourse.config import RecourseConfig
from jobs.runtime.shards import plan_shards
from jobs.runtime.worker import compute_shard
from jobs.store.commit import commit_run
from jobs.store.models import read_models
from jobs.store.records import ShardOutput
from jobs.store.start import start_run
from recsys_ops.errors import InputError
from recsys_ops.runs import Run, open_run
from tests.suites.cli import CommandLine


def make_run(out: Path, job: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Commits a run without cases under the id ``old``, and lets ``change`` edit its manifest."""
    shards = plan_shards([1.0], n_shards=1)
    run = start_run(str(out), "old", job=job, configuration={"k": 5}, inputs={"data": "abc"}, shards=shards)
    records = [compute_shard(lambda *_: ShardOutput({}, {}, 0), None, shard, {}, run.folder) for shard in shards]
    commit_run(run, records, models={"sizes": np.arange(3)})
    file = out / "runs/old/_manifest.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest))


@pytest.mark.parametrize("model", [RecourseConfig, CounterfactualsConfig])
@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"nearby": 3}, "--nearby: no such setting"),
        ({"k": "many"}, "--k many: "),
        ({"k": 0, "seed": -1}, "--seed -1: .* --k 0: "),
    ],
)
def test_settings_that_this_version_does_not_have_are_refused_by_name(
    model: Any, settings: dict[str, Any], found: str
) -> None:
    run = Run("out/runs/old", {"run_id": "old", "configuration": settings})
    remedy = r"Run the job again, or use the version that made the run\."
    with pytest.raises(
        InputError, match=rf"run old: its settings are not those of this recsys-ops\. {found}.*{remedy}"
    ):
        settings_from(run, model)


def test_settings_that_the_run_did_not_have_yet_are_the_present_defaults() -> None:
    run = Run("out/runs/old", {"run_id": "old", "configuration": {"k": 7}})
    assert settings_from(run, RecourseConfig) == RecourseConfig(k=7)


@pytest.mark.parametrize(("job", "case"), [("recourse", "--item"), ("counterfactuals", "--user")])
def test_ask_refuses_a_run_whose_settings_no_longer_exist(
    command_line: CommandLine, tmp_path: Path, job: str, case: str
) -> None:
    make_run(tmp_path, job, lambda manifest: manifest["configuration"].update(nearby=3))
    done = command_line("ask", "--out", str(tmp_path), case, "7")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("recsys-ops: run old: its settings are not those of this recsys-ops. --nearby: ")


@pytest.mark.parametrize(
    "arguments", [("ask", "--item", "7"), ("runs", "--show", "old"), ("runs", "--diff", "old,old"), ("runs", "--prune")]
)
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda manifest: manifest.pop("configuration"), "(no field configuration)"),
        (lambda manifest: manifest.update(schema_version=99), "was written with schema version 99"),
        (lambda manifest: manifest["tables"]["runs"]["parts"][0].update(path="../other/part"), "'../other/part'"),
        (lambda manifest: manifest["models"]["sizes"].update(path="s3://other/model"), "'s3://other/model'"),
    ],
)
def test_a_manifest_that_cannot_be_followed_ends_with_2_and_the_remedy(
    command_line: CommandLine, tmp_path: Path, arguments: tuple[str, ...], change: Any, found: str
) -> None:
    make_run(tmp_path, "recourse", change)
    done = command_line(*arguments, "--out", str(tmp_path))
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("recsys-ops: ")
    assert found in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_model_that_an_earlier_version_did_not_store_is_named(tmp_path: Path) -> None:
    make_run(tmp_path, "recourse", lambda manifest: None)
    models = read_models(open_run(str(tmp_path)))
    assert ("sizes" in models, "weights" in models) == (True, False)
    with pytest.raises(InputError, match=r"run old: was made by another version, which stored no model weights\."):
        models["weights"]
