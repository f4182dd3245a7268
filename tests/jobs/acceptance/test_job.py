"""The acceptance job: from a committed recourse run and its ratings to tables, sentences and what is read from them."""

import html
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.acceptance import job as acceptance
from jobs.acceptance.config import AcceptanceConfig
from jobs.acceptance.inputs import make_inputs
from jobs.acceptance.work import FITS, run_shard
from jobs.runtime import job as runtime
from jobs.runtime.shards import Shard
from recsys_ops.acceptance.feedback import read_cases, read_feedback
from recsys_ops.acceptance.learned import choose_first, latest_caps, read_learned
from recsys_ops.acceptance.sentences import caps_in_words, fit_in_words
from recsys_ops.acceptance.simulator import simulate_people, simulate_study
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.features.caps import Caps
from recsys_ops.report.night import night_page
from recsys_ops.report.svg import has_matplotlib
from recsys_ops.runs import Run, open_run
from recsys_ops.status import Status
from tests.reactions import recourse_run
from tests.suites.browser import browser, needs_chromium
from tests.suites.cli import CommandLine
from tests.suites.shops import shop_tables, write_shop

pytestmark = pytest.mark.usefixtures("ray_session")

NAMES = [f"f{n}" for n in range(12)]
TABLES = ("acceptance_fits", "acceptance_curves", "acceptance_people", "impossible_features", "remarks")
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rated() -> tuple[Any, pa.Table]:
    """A run and its ratings: 80 sellers rate 8 recourses each, and seller 0 cannot change f0."""
    study = simulate_study(seed=2, n_people=80, n_each=8)
    sellers = [f"s{one:02}" for one in study.person]
    run = recourse_run(
        *[NAMES[: int(n)] for n in study.sparsity],
        run_id="night", seller_id=sellers, proximity=study.proximity.tolist(),
    )  # fmt: skip
    is_blocked = np.array(sellers) == "s00"
    table = {
        "case_id": [f"night/{n}/all/0" for n in range(len(sellers))],
        "person_id": sellers,
        "accept": study.accept,
        "act": study.act,
        "impossible_features": ["f0" if one and n % 2 else "" for n, one in enumerate(is_blocked)],
    }
    return run, pa.table(table)


@pytest.fixture(scope="module")
def done(rated: tuple[Any, pa.Table], ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The job's run on it."""
    return run_job(rated, tmp_path_factory.mktemp("done"))


def run_job(rated: tuple[Any, pa.Table], out: Path, **changes: Any) -> Run:
    run, table = rated
    pq.write_table(table, out / "feedback.parquet")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(acceptance, "open_run", lambda url, job: run)
        config = AcceptanceConfig(out=str(out), run_id="learned", **changes)
        assert runtime.run_job(config, acceptance.JOB) == 0
    return open_run(str(out / "runs" / "learned"), verify=True)


def rows_of(run: Run, table: str) -> Rows:
    rows: Rows = run.table(table).to_table().to_pylist()
    return rows


def test_its_page_has_the_caps_the_curves_and_what_was_found_of_people(done: Run) -> None:
    page = html.unescape(night_page(done))
    found = rows_of(done, "acceptance_fits")
    assert caps_in_words(found) in page
    assert all(fit_in_words(row) in page for row in found)
    assert page.count("<svg") == (8 if has_matplotlib() else 0)


@needs_chromium
@pytest.mark.usefixtures("machine")
def test_a_browser_shows_its_page(done: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(night_page(done))
    with browser(tmp_path) as tab:
        tab.check(page.as_uri())


def test_a_rated_run_that_was_made_anew_is_not_taken_for_the_one_that_was_resumed(
    rated: tuple[Any, pa.Table], tmp_path: Path
) -> None:
    run, table = rated
    learned = run_job(rated, tmp_path)
    Path(learned.url, "_manifest.json").unlink()
    with pytest.raises(ConfigError, match=r"input run night was of the manifest .*, now of another"):
        run_job((replace(run, fingerprint="of another"), table), tmp_path, resume=True)
    run_job(rated, tmp_path, resume=True)


def test_there_is_a_row_for_every_response_and_distance(done: Run) -> None:
    rows = rows_of(done, "acceptance_fits")
    assert [(row["response"], row["distance"]) for row in rows] == list(FITS)
    assert {row["n_people"] for row in rows} == {80}
    assert {row["n"] for row in rows} == {80 * 8 - 4}, "four ratings of what seller 0 cannot change are left out"


def test_acceptance_is_flat_and_action_has_a_threshold_and_a_cap(done: Run) -> None:
    found = {(row["response"], row["distance"]): row for row in rows_of(done, "acceptance_fits")}
    assert found["accept", "sparsity"]["status"] == "flat"
    assert found["accept", "sparsity"]["cap"] is None
    act = found["act", "sparsity"]
    assert act["status"] == "falls_then_flat"
    assert act["threshold_low"] <= act["threshold"] <= act["threshold_high"]
    assert act["cap"] == np.floor(act["threshold"])


def test_every_number_of_a_fit_is_there(done: Run) -> None:
    names = set(done.table("acceptance_fits").schema.names) - {"threshold", "threshold_low", "threshold_high", "cap"}
    assert all(row[name] is not None for row in rows_of(done, "acceptance_fits") for name in names)


def test_curves_have_their_bands_and_the_ratings_around_each_point(done: Run) -> None:
    rows = rows_of(done, "acceptance_curves")
    for fit in FITS:
        mine = [row for row in rows if (row["response"], row["distance"]) == fit]
        assert len(mine) == (12 if fit[1] == "sparsity" else 50)
        assert sum(row["n"] for row in mine) == 636
        assert all(row["high"] - row["low"] == pytest.approx(2 * 1.959964 * row["se"]) for row in mine)
        assert all(row["low"] < row["smooth"] < row["high"] for row in mine)


def test_every_person_has_effects_in_every_fit_and_the_seller_they_rated(done: Run) -> None:
    rows = rows_of(done, "acceptance_people")
    assert len(rows) == 4 * 80
    assert all(row["person_id"] == row["seller_id"] for row in rows)
    assert sorted({row["n"] for row in rows}) == [4, 8]


def test_a_person_who_rated_several_sellers_has_none(rated: tuple[Any, pa.Table], tmp_path: Path) -> None:
    run, table = rated
    people = ["anna" if one in ("s01", "s02") else one for one in table["person_id"].to_pylist()]
    done = run_job((run, table.set_column(1, "person_id", pa.array(people))), tmp_path)
    rows = rows_of(done, "acceptance_people")
    assert {row["seller_id"] for row in rows if row["person_id"] == "anna"} == {None}
    assert {row["seller_id"] for row in rows if row["person_id"] == "s03"} == {"s03"}


def test_what_a_person_cannot_change_is_listed_with_how_often_it_was_said(done: Run) -> None:
    assert rows_of(done, "impossible_features") == [{"person_id": "s00", "seller_id": "s00", "feature": "f0", "n": 4}]


def test_what_was_learned_is_read_back(done: Run) -> None:
    out = done.url.rpartition("/runs/")[0]
    learned = read_learned(out)
    caps = {row["distance"]: row["cap"] for row in rows_of(done, "acceptance_fits") if row["response"] == "act"}
    assert learned.caps == latest_caps(out) == Caps(**{name: cap for name, cap in caps.items() if cap is not None})
    assert learned.impossible == {"s00": {"f0"}}
    assert len(learned.willingness["sparsity"].slopes) == 80
    options = (np.array([9.0, 2.0]), np.array([5.0, 1.0]), [{"f1"}, {"f0"}])
    assert choose_first(*options, seller="s01", learned=learned) == 1
    assert choose_first(*options, seller="s00", learned=learned) == 0


def test_with_too_few_ratings_it_says_so_and_nothing_follows(
    rated: tuple[Any, pa.Table], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, table = rated
    done = run_job((run, table.slice(0, 48)), tmp_path)
    rows = rows_of(done, "acceptance_fits")
    assert {row["status"] for row in rows} == {"too_few"}
    assert all("at least 100 needed" in row["reason"] and row["edf"] is None for row in rows)
    learned = read_learned(str(tmp_path))
    assert (learned.caps, learned.willingness) == (Caps(), {})
    assert learned.impossible == {"s00": {"f0"}}
    said = " ".join(capsys.readouterr().out.split())
    assert "Too few ratings: the settings stay as they are. Collect more (44 ratings, at least 100 needed" in said
    assert "No cap follows from these ratings: the next run keeps its settings." in said


def test_results_do_not_depend_on_shards_and_properties_of_people_are_beside_them(
    rated: tuple[Any, pa.Table], done: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = run_job(rated, tmp_path, shards=3, people=write_people(tmp_path))
    for name in TABLES:
        assert other.table(name).to_table().equals(done.table(name).to_table())
    said = " ".join(capsys.readouterr().out.split())
    check_differences(rows_of(other, "acceptance_differences"), said)


def write_people(path: Path) -> str:
    """A number that follows how willing people are to act, and a category of three levels that does nothing."""
    rng = np.random.default_rng(5)
    kinds = rng.choice(["shop", "maker", "trader"], 80, p=[0.5, 0.3, 0.2])
    years = np.rint(20 + 5 * simulate_people(80, seed=2).effects["act"][:, 0])
    columns = {"person_id": [f"s{one:02}" for one in range(80)], "years": years, "kind": kinds}
    pq.write_table(pa.table(columns), path / "people.parquet")
    return str(path / "people.parquet")


def check_differences(rows: Rows, said: str) -> None:
    """A row per fit, effect and column, nothing null, and a sentence for what was found."""
    assert len(rows) == 4 * 2 * 3
    assert {row["property"] for row in rows} == {"years", "kind"}
    assert {row["reference"] for row in rows if row["property"] == "kind"} == {"shop"}
    assert all(row["low"] < row["coefficient"] < row["high"] and row["n_people"] == 80 for row in rows)
    found = {(row["response"], row["property"], row["effect"]) for row in rows if row["p_adjusted"] < 1e-3}
    assert ("act", "years", "intercept") in found
    assert {name for _, name, _ in found} == {"years"}
    assert "Willingness to act by sparsity, per unit of years: +0.2" in said


def test_the_order_of_the_ratings_does_not_matter(rated: tuple[Any, pa.Table], done: Run, tmp_path: Path) -> None:
    run, table = rated
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(len(table))))
    other = run_job((run, shuffled), tmp_path)
    assert other.manifest["inputs"] == done.manifest["inputs"]
    assert other.table("acceptance_fits").to_table().equals(done.table("acceptance_fits").to_table())


def test_the_seed_moves_the_threshold_only(rated: tuple[Any, pa.Table], done: Run, tmp_path: Path) -> None:
    other = run_job(rated, tmp_path, seed=1)
    drawn = ("threshold", "threshold_low", "threshold_high")
    names = [name for name in done.table("acceptance_fits").schema.names if name not in (*drawn, "cap", "status")]
    for one, two in zip(rows_of(done, "acceptance_fits"), rows_of(other, "acceptance_fits"), strict=True):
        assert [one[name] for name in names] == [two[name] for name in names]
        moved = [one[name] != two[name] for name in drawn]
        assert any(moved) == (one["response"] == "act")


def test_a_fit_that_is_isolated_or_fails_keeps_its_row(
    rated: tuple[Any, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, table = rated
    pq.write_table(table, tmp_path / "feedback.parquet")
    cases = read_cases([run])
    feedback = read_feedback(str(tmp_path / "feedback.parquet"), cases)

    def fail(*_: Any, **__: Any) -> Any:
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr("jobs.acceptance.work.fit_propensity", fail)
    shared = make_inputs(cases, feedback, seed=0)
    output = run_shard(shared, Shard(0, 0, 3, 4), {1: (Status.ERROR, "the worker died")})
    rows = output.tables["acceptance_fits"].to_pylist()
    assert [row["reason"] for row in rows] == [
        "LinAlgError: singular",
        "the worker died",
        *["LinAlgError: singular"] * 2,
    ]
    assert output.counts == {"error": 4}
    assert output.tables["acceptance_people"].num_rows == 0


def test_quarantined_ratings_are_in_the_table_rejected(rated: tuple[Any, pa.Table], tmp_path: Path) -> None:
    run, table = rated
    ratings = table["act"].to_pylist()
    ratings[5] = 9
    done = run_job((run, table.set_column(3, "act", pa.array(ratings))), tmp_path, on_bad_rows="quarantine")
    (row,) = rows_of(done, "rejected")
    assert (row["table"], row["row"], row["column"], row["value"]) == ("feedback", 5, "act", "9")


def test_without_an_acceptance_run_reading_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no complete run of acceptance here"):
        read_learned(str(tmp_path))


def test_people_are_counted_although_they_find_something_impossible_in_all_that_they_rated(
    rated: tuple[Any, pa.Table], tmp_path: Path, caplog: pytest.LogCaptureFixture, ray_session: None
) -> None:
    run, table = rated
    of_four = table.slice(0, 32).set_column(4, "impossible_features", pa.array(["f0"] * 32))
    with caplog.at_level("INFO", logger="recsys_ops.jobs"):
        done = run_job((run, of_four), tmp_path)
    assert "acceptance: 32 ratings by 4 people" in caplog.messages
    assert {row["n"] for row in rows_of(done, "acceptance_fits")} == {0}


def test_a_real_run_is_rated_and_learned_from_by_command(command_line: CommandLine, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", shop_tables(sellers=2, items_per_seller=12, users=30, ratings_per_user=8))
    out = str(tmp_path / "out")
    arguments = ("--data", shop, "--groups", "n_ratings:2", "--max-changes", "3", "--out", out, "--run-id", "night")
    assert command_line("recourse", *arguments).code == 0
    cases = read_cases([open_run(out)]).table
    feedback = {"case_id": cases["case_id"], "person_id": cases["seller_id"], "accept": [5] * len(cases)}
    feedback |= {"act": [2] * len(cases), "impossible_features": [""] * len(cases)}
    dismissed = {"accept": [None, *[5] * (len(cases) - 1)], "act": [None, *[2] * (len(cases) - 1)]}
    dismissed |= {
        name: [text, *[""] * (len(cases) - 1)] for name, text in (("decision", "dismissed"), ("comment", "="))
    }
    url = f"{out}/feedback.parquet"
    pq.write_table(pa.table(feedback | dismissed), url)
    learned = command_line("acceptance", "--run", f"{out}/runs/night", "--feedback", url, "--out", out)
    assert learned.code == 0
    assert "Willingness to act by proximity: Too few ratings" in " ".join(learned.stdout.split())
    assert "Decided: 1 dismissed (table 'remarks')" in learned.stdout
    (remark,) = rows_of(open_run(out, job="acceptance"), "remarks")
    assert (remark["case_id"], remark["comment"]) == (cases["case_id"][0].as_py(), "=")
    assert read_learned(out).dismissed == {str(remark["item_id"]): {frozenset(remark["features"])}}
    assert open_run(out, job="acceptance").table("acceptance_fits").to_table()["measured_by"].to_pylist() == [
        "sparsity", "proximity", "sparsity", "proximity",
    ]  # fmt: skip
    pq.write_table(pa.table(feedback | {"act": [9, *[2] * (len(cases) - 1)]}), url)
    refused = command_line("acceptance", "--out", out, "--run-id", "again")
    assert (refused.code, refused.stdout) == (2, "")
    assert (
        "feedback.parquet: column 'act' has 1 value that is no whole number 1 to 7 (first: row 0 = 9)" in refused.stderr
    )
    assert "Traceback" not in refused.stderr
