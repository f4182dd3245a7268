"""The nightly run beside other runs: what people taught holds tonight, and a run for one seller is not the night."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import nightly
from jobs.acceptance import job as acceptance
from jobs.acceptance.config import AcceptanceConfig
from jobs.counterfactuals import job as counterfactuals
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.nightly import NightlyConfig
from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.recourse.order import nights_waited
from jobs.runtime import job as runtime
from recsys_ops.acceptance.feedback import case_ids
from recsys_ops.errors import ConfigError, StorageError
from recsys_ops.runs import Run, list_runs, open_run
from recsys_ops.storage import QUICK_ATTEMPTS
from tests.suites.cli import CommandLine
from tests.suites.scripted_s3 import BUCKET, scripted_s3
from tests.suites.shops import shop_tables, write_shop

pytestmark = pytest.mark.usefixtures("ray_session")

SETTINGS: dict[str, Any] = {
    "data": "synthetic:items=40,users=60,sellers=4,ratings_per_user=10", "groups": "n_ratings:1", "options": 3, "k": 5,
    "seen_by": 1.0, "plausibility": "none",
}  # fmt: skip


def night(out: Path, run_id: str, **changes: Any) -> Run:
    assert nightly.run(NightlyConfig(out=str(out), run_id=run_id, **(SETTINGS | changes))) == 0
    return open_run(f"{out}/runs/{run_id}", verify=True)


def rows_of(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run.table("recourse").to_table().to_pylist()
    return rows


def changed_by(rows: list[dict[str, Any]], seller: object) -> set[str]:
    return {feature for row in rows if row["seller_id"] == seller for feature in features_of(row)}


def features_of(row: dict[str, Any]) -> set[str]:
    return {change["feature"] for change in row["changes"] or ()}


def interrupted(run: Run) -> None:
    """As if its driver had been stopped before the commit."""
    Path(run.url, "_manifest.json").unlink()


def react(out: Path, run: Run, seller: object, impossible: set[str]) -> None:
    """Sellers act upon what is near; one of them cannot change some features."""
    rng = np.random.default_rng(0)
    names = case_ids(run.run_id, run.table("recourse").to_table()).to_pylist()
    shown = [(name, row) for name, row in zip(names, rows_of(run), strict=True) if row["changes"]]
    ratings = [
        {
            "case_id": case_id,
            "person_id": f"{row['seller_id']}-{person}",
            "accept": int(rng.integers(3, 6)),
            "act": int(np.clip(7 - row["sparsity"] + rng.integers(-1, 2), 1, 7)),
            "impossible_features": sorted(impossible & features_of(row)) if row["seller_id"] == seller else [],
        }
        for case_id, row in shown
        for person in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(ratings), out / "feedback.parquet")
    assert runtime.run_job(AcceptanceConfig(out=str(out), run=run.url, run_id="learned"), acceptance.JOB) == 0


def test_what_a_provider_cannot_change_stays_the_next_night_and_nearer_options_come_first(tmp_path: Path) -> None:
    first = night(tmp_path, "first")
    assert first.manifest["configuration"]["learned"] is None
    seller = next(row["seller_id"] for row in rows_of(first) if row["changes"])
    changed = sorted(changed_by(rows_of(first), seller))
    whole, tag = changed[0], next(feature for feature in changed if feature.startswith("tag: "))
    assert not whole.startswith("tag: ")
    react(tmp_path, first, seller, {whole, tag})

    second = night(tmp_path, "second", keep="none")
    assert second.manifest["configuration"]["learned"] == f"{tmp_path}/runs/learned"
    assert {whole, tag}.isdisjoint(changed_by(rows_of(second), seller))
    assert {whole, tag} <= {name for other in {row["seller_id"] for row in rows_of(second)} - {seller}
                            for name in changed_by(rows_of(second), other)}  # fmt: skip
    by_case: dict[tuple[Any, ...], list[int]] = {}
    for row in rows_of(second):
        if row["changes"]:
            by_case.setdefault((row["item_id"], row["group"]), []).append(row["sparsity"])
    several = [sparsities for sparsities in by_case.values() if len(sparsities) > 1]
    assert several
    assert np.mean([sparsities[0] for sparsities in several]) < np.mean([np.mean(one) for one in several])


def test_advice_stands_from_night_to_night_and_says_since_when(tmp_path: Path) -> None:
    first, second = (night(tmp_path, run_id, options=1) for run_id in ("first", "second"))
    assert [run.manifest["configuration"]["keep"] for run in (first, second)] == [None, "first"]
    before, after = ({(row["item_id"], row["group"]): row for row in rows_of(run)} for run in (first, second))
    given = [case for case, row in before.items() if row["changes"] and row["reason"] is None]
    assert given
    assert {after[case]["since"] for case in given} == {"first"}
    assert all(before[case]["since"] is None for case in before)
    assert [after[case]["changes"] for case in given] == [before[case]["changes"] for case in given]
    assert night(tmp_path, "second", options=1).manifest == second.manifest  # repeated, it keeps what it kept


def test_a_night_that_is_taken_up_again_keeps_what_it_began_with(tmp_path: Path) -> None:
    first = night(tmp_path, "first", items="1,2,3")
    react(tmp_path, first, "nobody", {"nothing"})
    again = night(tmp_path, "first", items="1,2,3")
    assert again.manifest == first.manifest


def test_a_night_whose_acceptance_run_was_made_anew_is_not_finished_with_the_new_one(tmp_path: Path) -> None:
    first = night(tmp_path, "first", items="1,2,3,4,5,6")
    react(tmp_path, first, "nobody", {"nothing"})
    (tmp_path / "runs/learned").rename(tmp_path / "other")
    react(tmp_path, first, "nobody", {"nothing"})
    interrupted(night(tmp_path, "second", items="1,2,3"))
    shutil.rmtree(tmp_path / "runs/learned")
    (tmp_path / "other").rename(tmp_path / "runs/learned")
    with pytest.raises(ConfigError, match=r"run second: cannot be resumed, .*\(input learned was \w{64}, now \w{64}\)"):
        night(tmp_path, "second", items="1,2,3")


@pytest.mark.parametrize(
    ("code", "begun_by"),
    [
        ({"version": "0.0.9", "sha256": "0" * 64}, "recsys-ops 0.0.9 (source 000000000000)"),
        (None, "an earlier recsys-ops that did not record its source"),
    ],
)
def test_a_night_that_other_code_began_is_refused_before_any_work(
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    code: dict[str, str] | None,
    begun_by: str,
) -> None:
    run = night(tmp_path, "first", items="1,2,3")
    interrupted(run)
    file = Path(run.url, "_run.json")
    info = json.loads(file.read_text())
    del info["code"]
    file.write_text(json.dumps(info | ({"code": code} if code else {})))
    monkeypatch.delattr(recourse, "load_dataset")
    done = command_line("nightly", "--data", SETTINGS["data"], "--out", str(tmp_path), "--run-id", "first")
    assert done.code == 2
    assert done.stderr.startswith(
        f"recsys-ops: run first: cannot be resumed, it was begun by {begun_by}, and this is recsys-ops "
    )
    assert done.stderr.endswith("Complete it with the code that began it, or use another --run-id.\n")


def test_a_run_for_some_sellers_or_items_is_marked_and_does_not_take_the_place_of_the_night(tmp_path: Path) -> None:
    whole = night(tmp_path, "night")
    for run_id, named in (("of-sellers", {"sellers": "seller-00001"}), ("of-items", {"items": "1,2"})):
        config = RecourseConfig(out=str(tmp_path), run_id=run_id, **(SETTINGS | named))
        assert runtime.run_job(config, recourse.JOB) == 0
        assert open_run(str(tmp_path), job="recourse").run_id == open_run(str(tmp_path)).run_id == "night"
        some = open_run(f"{tmp_path}/runs/{run_id}", job="recourse")
        assert 0 < some.table("recourse").count_rows() < whole.table("recourse").count_rows()
        assert some.manifest["partial"]
        assert json.loads((tmp_path / f"runs/{run_id}/_run.json").read_text())["partial"]
    assert not whole.manifest["partial"]
    assert not json.loads((tmp_path / "runs/night/_run.json").read_text())["partial"]
    partial = {run["run_id"]: run["partial"] for run in list_runs(str(tmp_path))}
    assert partial == {"night": False, "of-sellers": True, "of-items": True}


def test_a_run_for_some_users_is_marked_and_is_not_the_latest(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data": SETTINGS["data"], "k": 5, "top": 1, "out": str(tmp_path)}
    for run_id, users in (("all", None), ("some", "1,2")):
        assert runtime.run_job(CounterfactualsConfig(run_id=run_id, users=users, **settings), counterfactuals.JOB) == 0
    assert open_run(str(tmp_path), job="counterfactuals").run_id == "all"
    assert open_run(f"{tmp_path}/runs/some").manifest["partial"]


def test_a_night_of_a_date_reads_nothing_later_and_leaves_readers_where_they_are(
    tmp_path: Path, command_line: CommandLine
) -> None:
    shop = tmp_path / "shop"
    write_shop(shop, shop_tables(sellers=2, items_per_seller=12, users=20, ratings_per_user=6))
    rated = pq.read_table(shop / "interactions.parquet")
    days = [f"2026-11-{10 + row % 10}" for row in range(len(rated))]
    pq.write_table(rated.append_column("timestamp", pa.array(days)), shop / "interactions.parquet")
    common = ("nightly", "--data", str(shop), "--groups", "n_ratings:1", "--k", "3", "--out", str(tmp_path / "out"))
    assert command_line(*common, "--run-id", "tonight").code == 0
    done = command_line(*common, "--date", "2026-11-14")
    assert done.code == 0, done.stderr
    backfilled = open_run(str(tmp_path / "out/runs/nightly-2026-11-14"))
    assert backfilled.manifest["configuration"]["until"] == "2026-11-15"
    assert open_run(str(tmp_path / "out"), job="recourse").run_id == "tonight"
    refused = command_line(*common, "--date", "Tuesday")
    assert (refused.code, "--date Tuesday: expected a date such as 2026-11-18" in refused.stderr) == (2, True)


def test_a_store_that_is_away_is_reported_after_the_few_tries_of_a_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with scripted_s3(monkeypatch) as store:
        store.script = lambda *_: (503, "ServiceUnavailable")
        with pytest.raises(StorageError, match=r"writing a probe file failed \(ServiceUnavailable\)"):
            nightly.run(NightlyConfig(out=f"s3://{BUCKET}/out", **SETTINGS))
        assert sum(store.counts.values()) <= QUICK_ATTEMPTS


def test_a_plan_says_the_cases_of_the_night_and_writes_nothing(tmp_path: Path, command_line: CommandLine) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    arguments = ["nightly", *options, "--out", str(tmp_path), "--run-id", "n", "--result", "json"]
    planned = command_line(*arguments, "--plan")
    assert (planned.code, list(tmp_path.iterdir())) == (0, [])
    plan = json.loads(planned.stdout.splitlines()[-1])["plan"]
    assert "thrown away" in plan["known_from"]
    done = json.loads(command_line(*arguments).stdout.splitlines()[-1])
    manifest = open_run(str(tmp_path), job="recourse").manifest
    assert (done["run"], done["exit"], done["url"]) == ("n", 0, f"{tmp_path}/runs/n")
    assert done["n_cases"] == plan["n_cases"] == manifest["n_cases"] == sum(done["counts"].values())
    assert done["tables"]["recourse"] == {
        "url": f"{tmp_path}/runs/n/recourse", "rows": manifest["tables"]["recourse"]["rows"]
    }  # fmt: skip
    again = command_line(*arguments, "--plan").stdout
    assert "all: the run is complete" in again
    assert "run n (" in again
    refused = command_line(*arguments, "--k", "7")
    failed = json.loads(refused.stdout.splitlines()[-1])
    assert (refused.code, failed["exit"], failed["run"]) == (2, 2, "n")
    assert "--k was 5, now 7" in failed["message"]


def test_a_night_past_its_deadline_has_a_row_for_every_case_and_the_next_one_begins_with_them(tmp_path: Path) -> None:
    cut = night(tmp_path, "cut", deadline="2026-01-01")
    assert cut.manifest["counts"] == {"not_started": cut.manifest["n_cases"]}
    assert {row["reason"] for row in rows_of(cut)} == {
        "not started: the run had to end by 2026-01-01 00:00 UTC; first in line in the next run"
    }
    config = RecourseConfig(out=str(tmp_path), **SETTINGS)
    dataset = recourse.load(config).catalogue.dataset
    ids = {row["item_id"] for row in rows_of(cut)}
    assert not nights_waited(str(tmp_path), "cut", dataset).any()
    waited = nights_waited(str(tmp_path), "next", dataset)
    assert waited.tolist() == [int(item in ids) for item in dataset.item_ids.to_pylist()]
    whole = night(tmp_path, "next", deadline="3h")
    assert "not_started" not in whole.manifest["counts"]
    assert not nights_waited(str(tmp_path), None, dataset).any()
    interrupted(cut)
    again = night(tmp_path, "cut")
    assert rows_of(again) == rows_of(whole)
