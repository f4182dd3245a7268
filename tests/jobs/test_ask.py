"""One case on demand: the row that the run would give, from its stored models, without fitting anything."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.counterfactuals import ask as ask_counterfactuals
from jobs.recourse import ask as ask_recourse
from jobs.store.models import matrix_models, matrix_of, read_models
from recsys_ops.datasets import load_dataset
from recsys_ops.errors import InputError
from recsys_ops.features.sentences import plan_in_words
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.runs import Run, open_run
from tests.suites.cli import CommandLine, exit_code_here, run_command
from tests.suites.shops import shop_tables, write_shop

DATA = ("--data", "synthetic:items=60,users=120,ratings_per_user=15")


@pytest.fixture
def run_job(command_line: CommandLine, tmp_path: Path, ray_session: None) -> Any:
    """``run_job("recourse", ...)`` commits a run and opens it."""

    def run(*arguments: str) -> Run:
        done = command_line(*arguments, "--out", str(tmp_path / "out"), "--run-id", "r")
        assert done.code == 0, done.stderr
        return open_run(str(tmp_path / "out/runs/r"), job=arguments[0])

    return run


@pytest.fixture(scope="module")
def explained_once(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results folder with counterfactuals for the user 5."""
    out = tmp_path_factory.mktemp("explained")
    options = ("--users", "5", "--k", "5", "--out", str(out), "--run-id", "r")
    assert exit_code_here("counterfactuals", *DATA, *options) == 0
    return out


@pytest.fixture
def explained(explained_once: Path, tmp_path: Path) -> Run:
    """Its run in a folder of the test's own, ``out``."""
    shutil.copytree(explained_once, tmp_path / "out")
    return open_run(str(tmp_path / "out/runs/r"), job="counterfactuals")


def rows_of(run: Run, table: str, column: str, value: object) -> list[dict[str, Any]]:
    return [row for row in run.table(table).to_table().to_pylist() if row[column] == value]


@pytest.mark.parametrize("method", ["recrec", "examples"])
def test_an_item_gets_the_rows_of_the_run(run_job: Any, method: str) -> None:
    run = run_job("recourse", *DATA, "--groups", "group", "--method", method, "--seen-by", "1")
    settings = ask_recourse.settings_of(run)
    dataset = load_dataset(settings.data, seed=settings.seed)
    found = ask_recourse.rows(run, settings, dataset, item="12", seller=None)
    expected = rows_of(run, "recourse", "item_id", 12)
    assert len(found) == len(expected) == 5
    seller = expected[0]["seller_id"]
    of_seller = ask_recourse.rows(run, settings, dataset, item=None, seller=seller)
    expected_ids = [row["item_id"] for row in rows_of(run, "recourse", "seller_id", seller)]
    # The run leaves out an item that a whole group sees already; requested by seller, it has its rows.
    assert [row["item_id"] for row in of_seller if row["item_id"] in expected_ids] == expected_ids
    for row, other in zip(found, expected, strict=True):
        assert row.keys() == other.keys()
        for name in row:
            assert row[name] == (pytest.approx(other[name]) if isinstance(row[name], float) else other[name])


def test_an_item_that_the_run_left_out_has_no_rank(run_job: Any) -> None:
    run = run_job("recourse", *DATA, "--groups", "group", "--items", "7")
    settings = ask_recourse.settings_of(run)
    dataset = load_dataset(settings.data, seed=settings.seed)
    found = ask_recourse.rows(run, settings, dataset, item="8", seller=None)
    assert {row["status"] for row in found} <= {"optimal", "feasible", "infeasible", "already_satisfied"}
    assert all(row["rank_before"] is None or row["rank_before"] != row["rank_before"] for row in found)


def test_a_case_is_answered_where_the_device_of_the_run_is_not(run_job: Any) -> None:
    run = run_job("recourse", *DATA, "--groups", "group", "--items", "7")
    settings = ask_recourse.settings_of(run)
    dataset = load_dataset(settings.data, seed=settings.seed)
    elsewhere = settings.model_copy(update={"device": "meta"})
    found, other = (ask_recourse.rows(run, s, dataset, item="7", seller=None) for s in (settings, elsewhere))
    assert found == other


def test_what_reaches_less_than_wanted_is_answered_with_its_status_and_reason(
    run_job: Any, command_line: CommandLine
) -> None:
    run = run_job("recourse", *DATA, "--groups", "group", "--max-changes", "2", "--min-success", "0.9")
    short = next(row for row in run.table("recourse").to_table().to_pylist() if row["changes"] and row["reason"])
    done = command_line("ask", "--out", run.url.rpartition("/runs/")[0], "--item", str(short["item_id"]))
    assert f"for {short['group']}: {short['status']} ({short['reason']})" in done.stdout
    assert plan_in_words(short["changes"]) not in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--model", "knn"),
        ("--plausibility", "threshold", "--aggregator", "none", "--folds", "3", "--time-limit", "60"),
    ],
)
def test_a_user_gets_the_rows_of_the_run(
    run_job: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    run = run_job("counterfactuals", *DATA, "--users", "5,6", "--k", "5", *options)
    monkeypatch.setattr("jobs.counterfactuals.job.make_recommender", None)
    monkeypatch.setattr("jobs.counterfactuals.job.learn_folds", None)
    settings = ask_counterfactuals.settings_of(run)
    dataset = load_dataset(settings.data, seed=settings.seed)
    assert ask_counterfactuals.rows(run, settings, dataset, user="5") == rows_of(run, "counterfactuals", "user_id", 5)
    other = ask_counterfactuals.rows(run, settings, dataset, user="7")  # of whom the run has no rows
    assert [row["user_id"] for row in other] == [7, 7, 7]


def test_the_answer_is_in_words_with_what_took_how_long(explained: Run, command_line: CommandLine) -> None:
    out = explained.url.rpartition("/runs/")[0]
    done = command_line("ask", "--out", out, "--run-id", "r", "--user", "5")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.count("\nUser 5: ") == 3
    assert "\nUser 5: you were recommended " in done.stdout
    assert "From the models of run r: start-up " in done.stdout
    wrong = command_line("ask", "--out", out, "--run-id", "r", "--user", "nobody")
    assert (
        wrong.code,
        "--user: 1 ids are not in the data (first: nobody). The users there look like " in wrong.stderr,
    ) == (2, True)


def test_rows_come_as_json_csv_or_markdown_also_for_one_item_of_the_list(
    explained: Run, command_line: CommandLine
) -> None:
    rows = rows_of(explained, "counterfactuals", "user_id", 5)
    arguments = ("ask", "--out", explained.url.rpartition("/runs/")[0], "--run-id", "r", "--user", "5")
    assert json.loads(command_line(*arguments, "--format", "json").stdout) == rows
    header, *lines = list(csv.reader(io.StringIO(command_line(*arguments, "--format", "csv").stdout)))
    assert header == list(rows[0])
    assert [json.loads(line[header.index("removed")] or "null") for line in lines] == [row["removed"] for row in rows]
    last = rows[-1]["item_id"]
    one = command_line(*arguments, "--item", str(last), "--format", "md").stdout.splitlines()
    assert len(one) == 3
    assert f"| {last} | {rows[-1]['title']} |" in one[2]
    of_the_history = str(rows[-1]["removed"][0])
    refused = command_line(*arguments, "--item", of_the_history)
    assert f"--item {of_the_history}: it is in the history of user 5, so it is not recommended." in refused.stderr


def test_an_item_that_is_not_shown_is_answered_with_what_would_bring_it_in(
    explained: Run, command_line: CommandLine
) -> None:
    settings = ask_counterfactuals.settings_of(explained)
    dataset = load_dataset(settings.data, seed=settings.seed)
    shown = {row["item_id"] for row in rows_of(explained, "counterfactuals", "user_id", 5)}
    history = dataset.ratings.indices[slice(*dataset.ratings.indptr[5:7])]
    item = next(i for i, one in enumerate(dataset.item_ids.to_pylist()) if one not in shown and i not in history)
    arguments = ("ask", "--out", explained.url.rpartition("/runs/")[0], "--run-id", "r", "--user", "5")
    named = (*arguments, "--item", str(dataset.item_ids[item].as_py()))
    (row,) = json.loads(command_line(*named, "--format", "json").stdout)
    title = dataset.items.column("title")[item].as_py()
    assert (row["user_id"], row["title"], row["k"]) == (5, title, 5)
    assert row["text"].startswith(f"{title} is not in your list: it is at rank {row['rank_before']}, and ")
    assert f"\nUser 5: {row['text']}\n" in command_line(*named).stdout
    german = ask_counterfactuals.rows(
        explained, settings.model_copy(update={"language": "de"}), dataset, user="5", item=str(row["item_id"])
    )
    assert german[0]["text"].startswith(f"{title} steht nicht in Ihrer Liste: ")
    capped = json.loads(command_line(*named, "--format", "json", "--max-added", "1").stdout)[0]
    assert (capped["status"], capped["added"]) == ("infeasible", None)
    assert capped["text"].endswith(" items that speak most for it would bring it in.")


def test_the_last_whole_run_answers_unless_another_is_named(
    explained: Run, command_line: CommandLine, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    done = command_line("ask", "--out", out, "--user", "5")
    assert done.code == 2
    assert "no complete run of counterfactuals here." in done.stderr
    assert done.stderr.endswith("A run for some items, sellers or users only is opened by its id.\n")
    command_line("counterfactuals", *DATA, "--top", "1", "--out", out, "--run-id", "all")
    assert "From the models of run all: " in command_line("ask", "--out", out, "--user", "5").stdout


def test_data_that_changed_are_refused(run_job: Any, command_line: CommandLine, tmp_path: Path) -> None:
    tables = shop_tables(sellers=2, items_per_seller=12, users=20, ratings_per_user=6)
    shop = write_shop(tmp_path / "shop", tables)
    run = run_job("counterfactuals", "--data", shop, "--users", "1", "--k", "3")
    changed = tables["interactions"].slice(1)
    write_shop(tmp_path / "shop", tables | {"interactions": changed})
    done = command_line("ask", "--out", str(tmp_path / "out"), "--run-id", "r", "--user", "2")
    assert done.code == 2
    assert f"has changed since run {run.run_id}, whose models do not fit it any more." in done.stderr


def test_costs_that_changed_are_refused(run_job: Any, command_line: CommandLine, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", shop_tables(sellers=2, items_per_seller=12, users=20, ratings_per_user=6))
    item = load_dataset(shop, seed=0).item_ids[int(load_dataset(shop, seed=0).ratings.indices[0])].as_py()
    costs = tmp_path / "costs.csv"
    costs.write_text(f"user_id,item_id,cost\n1,{item},2\n")
    run = run_job("counterfactuals", "--data", shop, "--top", "1", "--k", "3", "--removal-costs", str(costs))
    command = ("ask", "--out", str(tmp_path / "out"), "--user", "1")
    assert command_line(*command).code == 0
    costs.write_text(f"user_id,item_id,cost\n1,{item},3\n")
    done = command_line(*command)
    assert done.code == 2
    assert f"--removal-costs {costs}: has changed since run {run.run_id}" in done.stderr


def test_a_model_that_was_edited_or_is_not_there_is_refused(explained: Run) -> None:
    (file,) = Path(explained.url, "models").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"weights-\w+\.npy: this model is missing or not as it was written"):
        read_models(explained)
    file.unlink()
    with pytest.raises(InputError, match="this model is missing"):
        read_models(explained)
    without = Run(explained.url, {**explained.manifest, "models": {}})
    with pytest.raises(InputError, match="no models are stored with it"):
        read_models(without)


def test_models_are_no_orphans(explained: Run, command_line: CommandLine) -> None:
    done = command_line("runs", "--out", explained.url.rpartition("/runs/")[0], "--prune", "--yes")
    assert done.code == 0, done.stderr
    assert read_models(explained)


def test_a_sparse_matrix_comes_back_from_its_arrays() -> None:
    weights = fit_item_knn(load_dataset(DATA[1], seed=0).ratings.astype(float)).weights
    back = matrix_of(matrix_models("weights", weights), "weights")
    assert (back != weights).nnz == 0
    assert back.has_sorted_indices


@pytest.mark.parametrize("arguments", [(), ("--user", "1", "--seller", "2"), ("--item", "1", "--seller", "2")])
def test_exactly_one_case_must_be_named(command_line: CommandLine, arguments: tuple[str, ...]) -> None:
    done = command_line("ask", *arguments)
    assert done.code == 2
    expected = "recsys-ops: name one --item, one --seller or one --user, or a --user and an --item.\n"
    assert done.stderr == expected


def test_the_length_of_an_answer_is_for_why_not_only(command_line: CommandLine) -> None:
    done = command_line("ask", "--user", "1", "--max-added", "3")
    assert (done.code, done.stderr) == (2, "recsys-ops: --max-added is for a --user and an --item.\n")


def test_a_process_of_its_own_starts_no_ray(explained: Run, tmp_path: Path) -> None:
    done = run_command("ask", "--out", str(tmp_path / "out"), "--run-id", "r", "--user", "5", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
