"""Reading runs: what the manifest lists, and nothing else."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys_ops.errors import InputError
from recsys_ops.runs import list_runs, open_run


def write_run(
    out: Path, run_id: str, *, job: str = "recourse", finished: str = "2026-11-20", complete: bool = True
) -> None:
    """A run of two parts as the contract describes it, written without the jobs package."""
    folder = out / "runs" / run_id
    (folder / "recourse").mkdir(parents=True)
    parts = []
    for number in range(2):
        sink = io.BytesIO()
        pq.write_table(pa.table({"item_id": [number]}), sink)
        path = f"recourse/part-{number:05d}.parquet"
        (folder / path).write_bytes(sink.getvalue())
        digest = hashlib.sha256(sink.getvalue()).hexdigest()
        parts.append({"path": path, "rows": 1, "bytes": len(sink.getvalue()), "sha256": digest})
    info: dict[str, Any] = {"run_id": run_id, "job": job, "started": finished, "n_shards": 2}
    (folder / "_run.json").write_text(json.dumps(info))
    if complete:
        manifest = {
            **info, "finished": finished, "format": "parquet", "configuration": {}, "inputs": {}, "versions": {},
            "counts": {"optimal": 2}, "n_cases": 2, "timings": {"wall_seconds": 1.5}, "peak_memory_bytes": 1,
            "tables": {"recourse": {"rows": 2, "parts": parts}},
        }  # fmt: skip
        (folder / "_manifest.json").write_text(json.dumps(manifest))
        (out / "latest").mkdir(exist_ok=True)
        (out / f"latest/{job}.json").write_text(json.dumps({"run_id": run_id}))


def test_a_run_folder_opens_as_a_dataset(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    run = open_run(str(tmp_path / "runs" / "a"), verify=True)
    assert run.table("recourse").to_table().to_pylist() == [{"item_id": 0}, {"item_id": 1}]


def test_a_run_prints_what_it_is_how_its_cases_ended_and_what_can_be_read(tmp_path: Path) -> None:
    write_run(tmp_path, "a", finished="2026-11-19T04:30:00")
    assert str(open_run(str(tmp_path))).splitlines() == [
        "Run a of recourse, committed 2026-11-19T04:30",
        "2 optimal",
        f"Tables: recourse ({tmp_path}/runs/a)",
    ]


def test_a_file_that_the_manifest_does_not_list_is_not_read(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    pq.write_table(pa.table({"item_id": [99]}), tmp_path / "runs/a/recourse/part-00099.parquet")
    assert open_run(str(tmp_path)).table("recourse").count_rows() == 2


def test_a_results_folder_opens_its_latest_run_of_the_requested_job(tmp_path: Path) -> None:
    write_run(tmp_path, "a", job="recourse", finished="2026-11-19")
    write_run(tmp_path, "b", job="antidote", finished="2026-11-20")
    assert open_run(str(tmp_path)).run_id == "b"
    assert open_run(str(tmp_path), job="recourse").run_id == "a"
    with pytest.raises(InputError, match=r"no complete run of nightly here\. Jobs with one: antidote, recourse"):
        open_run(str(tmp_path), job="nightly")


def test_an_incomplete_run_does_not_open(tmp_path: Path) -> None:
    write_run(tmp_path, "a", complete=False)
    with pytest.raises(InputError, match="no complete run here"):
        open_run(str(tmp_path / "runs" / "a"))


def test_a_run_of_another_job_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    with pytest.raises(InputError, match="run a: is of job recourse, not antidote"):
        open_run(str(tmp_path / "runs" / "a"), job="antidote")


def test_verifying_names_the_parts_that_do_not_hold(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    (tmp_path / "runs/a/recourse/part-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"run a: 1 of 2 parts .*recourse/part-00001\.parquet"):
        open_run(str(tmp_path), verify=True)


def test_an_unknown_table_is_refused_with_those_there_are(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    with pytest.raises(InputError, match=r"run a: no table antidote \(found recourse\)"):
        open_run(str(tmp_path)).table("antidote")


def test_runs_are_listed_with_their_state_oldest_first(tmp_path: Path) -> None:
    write_run(tmp_path, "b", finished="2026-11-20", complete=False)
    write_run(tmp_path, "a", finished="2026-11-21")
    assert [(run["run_id"], run["state"]) for run in list_runs(str(tmp_path))] == [
        ("b", "incomplete"),
        ("a", "complete"),
    ]
    assert list_runs(str(tmp_path / "nothing")) == []
