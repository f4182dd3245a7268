"""Manifests of other versions, damaged ones, and edited ones: read, or refused with what to do about it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from recsys_ops.errors import InputError
from recsys_ops.runs import latest_runs, list_runs, open_run
from recsys_ops.tables import SHARD_TIMINGS, case_timings_schema, schema_text
from tests.recsys_ops.test_runs import write_run

REMEDY = r"Read the run with the version that wrote it, or run the job again with another --run-id\."

Edit = Callable[[Callable[[dict[str, Any]], Any]], str]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """``edited(change)`` writes a run, lets ``change`` edit its manifest, and returns its URL."""

    def edit(change: Callable[[dict[str, Any]], Any]) -> str:
        write_run(tmp_path, "a")
        file = tmp_path / "runs/a/_manifest.json"
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps(change(manifest) or manifest))
        return str(tmp_path / "runs/a")

    return edit


@pytest.mark.parametrize(
    "field",
    ["run_id", "job", "started", "finished", "format", "configuration", "inputs", "versions", "counts", "n_cases",
     "timings", "peak_memory_bytes", "tables"],
)  # fmt: skip
def test_a_manifest_without_a_field_is_refused_and_the_field_named(edited: Edit, field: str) -> None:
    url = edited(lambda manifest: manifest.pop(field) and None)
    with pytest.raises(InputError, match=rf"runs/a/_manifest\.json: .* \(no field {field}\)\. {REMEDY}"):
        open_run(url)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda manifest: [manifest], "it is a list, not a mapping"),
        (lambda manifest: manifest.update(tables=[]), "the field tables as list"),
        (lambda manifest: manifest.update(format="csv"), "the format is 'csv'"),
        (lambda manifest: manifest.update(timings={}), "timings has no field wall_seconds"),
        (lambda manifest: manifest.update(schema_version="2"), "schema_version is '2'"),
        (lambda manifest: manifest.update(schema_version=0), "schema_version is 0"),
        (lambda manifest: manifest.update(models=[]), "models is a list, not a mapping"),
        (lambda manifest: manifest["tables"]["recourse"].pop("parts") and None, "table recourse has no field parts"),
        (lambda manifest: manifest["tables"]["recourse"]["parts"][0].update(path=3),
         "a part of table recourse has the field path as int"),
    ],
)  # fmt: skip
def test_a_manifest_of_another_form_is_refused_with_what_was_found(edited: Edit, change: Any, why: str) -> None:
    with pytest.raises(InputError, match=rf"_manifest\.json: .* \({why}\)\. {REMEDY}"):
        open_run(edited(change))


def test_a_manifest_of_a_later_version_is_refused(edited: Edit) -> None:
    with pytest.raises(InputError, match=r"run a: was written with schema version 99; .* Upgrade the package\."):
        open_run(edited(lambda manifest: manifest.update(schema_version=99)))


def test_a_manifest_that_is_not_json_is_refused(edited: Edit) -> None:
    url = edited(lambda manifest: None)
    Path(url, "_manifest.json").write_text('{"run_id": "a"')
    for read in (open_run, lambda url: list_runs(url.removesuffix("/runs/a"))):
        with pytest.raises(InputError, match=r"_manifest\.json: not JSON .* Restore the file, or remove the run\."):
            read(url)


OUTSIDE = ["../b/part", "recourse/../../b/part", "/etc/passwd", "s3://bucket/part", "recourse//part", "..", "", "a\\b",
           "recourse/%2e%2e/part", "memory://part"]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_part_outside_of_the_run_is_refused(edited: Edit, path: str) -> None:
    url = edited(lambda manifest: manifest["tables"]["recourse"]["parts"][1].update(path=path))
    with pytest.raises(InputError, match=r"a part of table recourse is at .*, which is not below the run\.") as raised:
        open_run(url)
    assert repr(path) in str(raised.value)


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_model_outside_of_the_run_is_refused(edited: Edit, path: str) -> None:
    model = {"path": path, "bytes": 1, "sha256": ""}
    url = edited(lambda manifest: manifest.update(models={"weights": model}))
    with pytest.raises(InputError, match=r"model weights is at .*, which is not below the run"):
        open_run(url)


def test_a_table_whose_folder_is_outside_of_the_run_is_refused(edited: Edit) -> None:
    url = edited(lambda manifest: manifest["tables"].update({"../b": {"rows": 0, "parts": []}}))
    with pytest.raises(InputError, match=r"table \.\./b is at '\.\./b', which is not below the run"):
        open_run(url)


@pytest.mark.parametrize("content", [{}, [], {"run_id": "../../b"}, {"run_id": 3}])
def test_a_latest_file_that_names_no_run_is_refused(tmp_path: Path, content: Any) -> None:
    write_run(tmp_path, "a")
    (tmp_path / "latest/recourse.json").write_text(json.dumps(content))
    for read in (open_run, latest_runs):
        with pytest.raises(InputError, match=r"latest/recourse\.json: names no run .* Remove the file"):
            read(str(tmp_path))


@pytest.mark.parametrize("change", [{"run_id": "../b"}, {"n_shards": None}, {"started": 5}])
def test_a_run_that_does_not_say_what_it_is_is_not_listed(tmp_path: Path, change: dict[str, Any]) -> None:
    write_run(tmp_path, "a")
    file = tmp_path / "runs/a/_run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=r"runs/a/_run\.json: "):
        list_runs(str(tmp_path))


def test_a_field_that_this_version_does_not_know_is_no_reason_to_refuse(edited: Edit) -> None:
    assert open_run(edited(lambda manifest: manifest.update(mood="good"))).run_id == "a"


def of_version(manifest: dict[str, Any], version: int, name: str, columns: pa.Schema) -> None:
    """Make the manifest one of an earlier version, with a single table of these columns and the parts it has."""
    parts = manifest["tables"]["recourse"]["parts"]
    table = {"schema": str(columns), "rows": 2, "parts": parts}
    if version == 2:
        table |= {"arrow_schema": schema_text(columns), "columns": {}}
        manifest["commit_protocol"] = "hard-link"
    manifest.update(schema_version=version, tables={name: table})


@pytest.mark.parametrize("version", [1, 2])
def test_timings_by_shard_of_earlier_versions_are_found_under_their_present_name(edited: Edit, version: int) -> None:
    run = open_run(edited(lambda manifest: of_version(manifest, version, "timings", SHARD_TIMINGS)), verify=True)
    assert run.tables == ["shard_timings"]
    assert run.table("shard_timings").count_rows() == 2


def test_timings_by_case_of_an_earlier_version_keep_their_name(edited: Edit) -> None:
    by_case = case_timings_schema(pa.int64(), pa.int64())
    assert open_run(edited(lambda manifest: of_version(manifest, 2, "timings", by_case))).tables == ["timings"]


@pytest.mark.parametrize("field", ["arrow_schema", "columns"])
def test_a_table_of_version_2_without_what_that_version_added_is_refused(edited: Edit, field: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        of_version(manifest, 2, "timings", SHARD_TIMINGS)
        del manifest["tables"]["timings"][field]

    with pytest.raises(InputError, match=rf"\(table timings has no field {field}\)\. {REMEDY}"):
        open_run(edited(change))
