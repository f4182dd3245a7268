"""The recourse job on a small shop: which cases, which rows, which files, and what each option changes."""

import hashlib
import itertools
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jobs import nightly
from jobs.recourse import ask, before_commit, together
from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import make_examples
from jobs.recourse.summary import _best_in_words, _cost_of_rule_in_words, _other_aim_in_words, sentence
from jobs.recourse.tables import frontier_table
from jobs.runtime import job as runtime
from jobs.store import merge
from recsys_ops.datasets import load_dataset, user_groups
from recsys_ops.features.encode import encode_items
from recsys_ops.models.user_summary import GroupCounts
from recsys_ops.recourse.proposal import FrontierPoint
from recsys_ops.recourse.solve import Recourse
from recsys_ops.report.seller import seller_pages
from recsys_ops.runs import Run, open_run
from recsys_ops.status import Status
from recsys_ops.tables import CHANGE
from tests.reactions import MemoryRun
from tests.suites.cli import CommandLine
from tests.suites.job import digests_of
from tests.suites.shops import Tables, shop_tables, with_rows, write_shop

pytestmark = pytest.mark.usefixtures("ray_session")

SELLERS = [f"s{n:02}" for n in range(6)]
SETTINGS: dict[str, Any] = {"model": "content", "groups": "n_ratings:2", "max_changes": 3, "plausibility": "none"}
TABLES = ("recourse", "frontier")
Rows = list[dict[str, Any]]


OAK = {"feature": "text", "before": "'oak' x 0", "after": "'oak' x 1", "text": "add the word 'oak'"}
"""A change as the table has it."""


@pytest.fixture(scope="module")
def tables() -> Tables:
    """6 sellers of 12 items, 40 users; everybody has rated the first item."""
    shop = shop_tables(sellers=6, items_per_seller=12, users=40, ratings_per_user=12)
    ratings = shop["interactions"]
    rated_by = {row["user_id"] for row in ratings.to_pylist() if row["item_id"] == "i0000"}
    others = sorted(set(shop["users"]["user_id"].to_pylist()) - rated_by)
    shop["interactions"] = with_rows(ratings, [{"user_id": user, "item_id": "i0000", "rating": 3.0} for user in others])
    return shop


@pytest.fixture(scope="module")
def shop(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its folder."""
    return write_shop(tmp_path_factory.mktemp("shop"), tables)


@pytest.fixture(scope="module")
def base(shop: str, ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every item of every seller in three shards, that is 144 cases."""
    return run_job(shop, tmp_path_factory.mktemp("base"), sellers=",".join(SELLERS), shards=3)


def run_job(shop: str, out: Path, run_id: str = "r", **changes: Any) -> Run:
    config = RecourseConfig(data=shop, out=str(out), run_id=run_id, **(SETTINGS | changes))
    assert runtime.run_job(config, recourse.JOB) == 0
    return open_run(str(out / "runs" / run_id), verify=True)


def rows_of(run: Run, table: str = "recourse") -> Rows:
    rows: Rows = run.table(table).to_table().to_pylist()
    return rows


def named(rows: Rows) -> list[tuple[Any, str]]:
    return [(row["item_id"], row["group"]) for row in rows]


def files_of(run: Run) -> dict[str, tuple[int, bytes]]:
    """Time of change and content of every file of the run."""
    folder = Path(run.url)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def test_every_case_has_one_row_sorted_by_seller_item_and_group(base: Run, tables: Tables) -> None:
    rows = rows_of(base)
    groups = list(dict.fromkeys(row["group"] for row in rows))
    items = sorted(zip(*(tables["items"][column].to_pylist() for column in ("seller_id", "item_id")), strict=True))
    expected = [(seller, item, group) for (seller, item), group in itertools.product(items, groups)]
    assert [(row["seller_id"], row["item_id"], row["group"]) for row in rows] == expected
    assert len(rows) == 144


def test_a_row_that_is_no_success_says_why(base: Run) -> None:
    seen = Counter(row["status"] for row in rows_of(base))
    assert seen.keys() == {Status.OPTIMAL, Status.FEASIBLE, Status.INFEASIBLE, Status.ALREADY_SATISFIED}
    for row in rows_of(base):
        if row["status"] == Status.INFEASIBLE:
            assert row["reason"]
        elif row["status"] == Status.ALREADY_SATISFIED:
            assert (row["reason"], row["changes"], row["success_after"]) == (None, [], 1)
        else:
            assert row["reason"] is None or not row["changes"]


def test_an_item_that_everybody_rated_keeps_its_rows_without_measures(base: Run) -> None:
    rows = [row for row in rows_of(base) if row["item_id"] == "i0000"]
    assert len(rows) == 2
    for row in rows:
        assert (row["status"], row["n_targets"]) == (Status.INFEASIBLE, 0)
        assert row["reason"] == "every user of the group has rated the item"
        assert all(row[name] is None for name in ("rank_before", "success_before", "changes", "n_changes", "gap"))


def test_the_measures_of_a_row_agree_with_each_other(base: Run) -> None:
    for row in rows_of(base):
        if row["n_targets"] == 0:
            continue
        assert 0 <= row["success_before"] <= row["success_after"] <= row["success_unthresholded"] <= 1
        assert 0 <= row["lower_bound"] <= row["n_changes"] == len(row["changes"]) <= 3
        of_changes = (row["n_changes"] - row["lower_bound"]) / max(row["n_changes"], 1)
        of_success = row["success_bound"] - row["success_after"]
        assert row["gap"] == pytest.approx(of_success if row["reason"] else of_changes)
        assert 0 < row["rbo"] <= 1
        assert all(change.keys() == {*CHANGE.names} for change in row["changes"])
        assert all(change["text"] and change["before"] != change["after"] for change in row["changes"])


def test_no_recourse_reaches_more_than_its_bound(base: Run) -> None:
    searched = [row for row in rows_of(base) if row["n_targets"]]
    beyond = [row["item_id"] for row in searched if row["success_unthresholded"] > row["success_bound"]]
    assert not beyond


def test_the_frontier_leads_from_no_change_through_the_recourse(base: Run) -> None:
    frontier = defaultdict(list)
    for point in rows_of(base, "frontier"):
        frontier[point["item_id"], point["group"]].append(point)
    searched = [row for row in rows_of(base) if row["n_targets"]]
    assert list(frontier) == named(searched)
    for row in searched:
        points = frontier[row["item_id"], row["group"]]
        successes = [point["success"] for point in points]
        assert [point["n_changes"] for point in points] == list(range(len(points)))
        assert {point["seller_id"] for point in points} == {row["seller_id"]}
        assert successes == sorted(successes)
        assert successes[0] == row["success_before"]
        assert successes[row["n_changes"]] == row["success_after"]
        assert successes[-1] == row["success_unthresholded"]
        assert all(len(point["text"].split("; ")) == n for n, point in enumerate(points[1:], 1))


def test_a_sellers_rows_stay_in_one_part(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "ENOUGH_BYTES", 1)  # so that nothing is merged
    run = run_job(shop, tmp_path, sellers=",".join(SELLERS), shards=3, max_changes=1)
    for table in TABLES:
        parts = [pd.read_parquet(Path(run.url) / part["path"]) for part in run.manifest["tables"][table]["parts"]]
        assert len(parts) == 3
        sellers = [seller for part in parts for seller in part["seller_id"].unique()]
        assert sellers == SELLERS


def test_the_manifest_lists_every_part_with_rows_bytes_and_checksum(base: Run) -> None:
    folder = Path(base.url)
    listed = {part["path"]: part for table in base.manifest["tables"].values() for part in table["parts"]}
    assert set(listed) == {str(file.relative_to(folder)) for file in folder.rglob("part-*")}
    for path, part in listed.items():
        data = (folder / path).read_bytes()
        assert part["rows"] == len(pd.read_parquet(folder / path))
        assert part["bytes"] == len(data)
        assert part["sha256"] == hashlib.sha256(data).hexdigest()
    assert base.tables == ["frontier", "recourse", "rejected", "runs", "shard_timings", "together"]
    assert base.manifest["tables"]["rejected"]["rows"] == 0


def test_the_manifest_says_what_was_run_on_what_and_how_it_ended(base: Run, shop: str) -> None:
    manifest = base.manifest
    expected = RecourseConfig(data=shop, run_id="r", sellers=",".join(SELLERS), shards=3, **SETTINGS)
    configuration = manifest["configuration"]
    assert configuration == expected.recorded | {"out": configuration["out"]}
    assert manifest["inputs"] == {"data": load_dataset(shop, seed=0).fingerprint}
    assert manifest["counts"] == dict(sorted(Counter(row["status"] for row in rows_of(base)).items()))
    assert manifest["n_cases"] == 144
    assert [shard["shard"] for shard in manifest["shards"]] == [0, 1, 2]
    assert {"python", "numpy", "torch", "ray"} <= manifest["versions"].keys()


def test_pandas_duckdb_and_polars_read_the_parts_as_they_are(base: Run) -> None:
    expected = base.table("recourse").to_table()
    pattern = f"{base.url}/recourse/*.parquet"
    by_pandas = pa.Table.from_pandas(pd.read_parquet(f"{base.url}/recourse"), schema=expected.schema)
    by_polars = pl.read_parquet(pattern).to_arrow().cast(expected.schema)
    by_duckdb = duckdb.sql(f"SELECT * FROM '{pattern}'").to_arrow_table().cast(expected.schema)
    for found in (by_pandas, by_polars, by_duckdb):
        assert found.to_pylist() == expected.to_pylist()
    counted = duckdb.sql(
        f"SELECT \"group\", count(*) FROM '{pattern}' WHERE status = 'optimal' GROUP BY ALL"
    ).fetchall()
    assert dict(counted) == Counter(row["group"] for row in expected.to_pylist() if row["status"] == "optimal")


def test_arrow_files_hold_the_rows_of_parquet_files(base: Run, shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, sellers=",".join(SELLERS), shards=3, format="arrow")
    for name in TABLES:
        assert run.table(name).to_table().equals(base.table(name).to_table())
        assert {part["path"].rpartition(".")[2] for part in run.manifest["tables"][name]["parts"]} == {"arrow"}
    first = run.manifest["tables"]["recourse"]["parts"][0]
    assert pl.read_ipc(f"{run.url}/{first['path']}").height == first["rows"]


def test_items_and_sellers_choose_what_is_done(shop: str, tmp_path: Path) -> None:
    chosen = {"items": "i0013, i0002", "sellers": "s01,s04"}
    by_item = rows_of(run_job(shop, tmp_path, "items", items=chosen["items"]))
    assert [row["item_id"] for row in by_item] == ["i0013", "i0013", "i0002", "i0002"]  # sellers s01 and s02
    by_seller = rows_of(run_job(shop, tmp_path, "sellers", sellers=chosen["sellers"]))
    assert Counter(row["seller_id"] for row in by_seller) == {"s01": 24, "s04": 24}
    by_both = rows_of(run_job(shop, tmp_path, "both", **chosen))
    assert [row["item_id"] for row in by_both] == ["i0013", "i0013"]


@pytest.mark.parametrize(
    ("option", "text", "named"),
    [
        ("--items", "i0001,i9999,nothing", ("2 ids", "i9999, nothing", "i0000, i0001, i0002")),
        ("--sellers", "s99", ("1 ids", "s99", "s00, s01, s02")),
    ],
)
def test_an_unknown_id_is_named_with_those_there_are(
    command_line: CommandLine, shop: str, tmp_path: Path, option: str, text: str, named: tuple[str, ...]
) -> None:
    done = command_line("recourse", "--data", shop, "--out", str(tmp_path), option, text)
    assert done.code == 2
    assert done.stderr.startswith(f"recsys-ops: {option}: {named[0]} ")
    assert all(part in done.stderr for part in named)
    assert list(tmp_path.iterdir()) == []


def test_a_column_gives_a_group_per_value_and_a_number_equal_parts(shop: str, tables: Tables, tmp_path: Path) -> None:
    by_value = rows_of(run_job(shop, tmp_path, "value", items="i0005", groups="group"))
    assert [row["group"] for row in by_value] == sorted(f"group {name}" for name in set(tables["users"]["group"]))
    by_size = rows_of(run_job(shop, tmp_path, "size", items="i0005", groups="age:4"))
    assert [row["group"].partition(" ")[0] for row in by_size] == ["age"] * 4
    n_rated = tables["interactions"]["item_id"].to_pylist().count("i0005")
    for rows in (by_value, by_size):
        assert sum(row["n_targets"] for row in rows) == 40 - n_rated


def test_seen_by_leaves_out_what_that_share_of_the_group_sees(base: Run, shop: str, tmp_path: Path) -> None:
    rows = rows_of(run_job(shop, tmp_path, seen_by=0.3))
    assert named(rows) == named([row for row in rows_of(base) if (row["success_before"] or 0.0) < 0.3])
    assert 0 < len(rows) < 144


def test_a_catalogue_that_everybody_sees_gives_empty_tables(shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, k=72, seen_by=0.5, groups="n_ratings:1", items=None)
    assert run.manifest["counts"] == {Status.INFEASIBLE: 1}  # the item that nobody may be shown
    everything = {"items": ",".join(f"i{n:04}" for n in range(1, 72)), "groups": "n_ratings:1"}
    run = run_job(shop, tmp_path, "all", k=72, **everything)
    assert run.manifest["counts"] == {Status.ALREADY_SATISFIED: 71}


def test_a_case_has_its_frontier_at_option_0_whichever_option_comes_first() -> None:
    items = pa.table({"item_id": [7], "seller_id": [1], "title": ["t"]})
    path = [FrontierPoint(0, 0.0, ""), FrontierPoint(1, 0.5, "add the word 'heist'")]
    found = [
        Recourse(0, Status.OPTIMAL, None, 4, option=0),
        Recourse(0, Status.OPTIMAL, None, 4, option=1, frontier=path),
    ]
    rows = frontier_table(items, found, ["all", "all"]).to_pylist()
    assert [(row["option"], row["n_changes"], row["success"]) for row in rows] == [(0, 0, 0.0), (0, 1, 0.5)]


def test_options_of_the_search_have_their_effect(base: Run, shop: str, tmp_path: Path) -> None:
    def chosen(**changes: Any) -> Rows:
        name = "-".join(f"{key}{value}" for key, value in changes.items())
        return rows_of(run_job(shop, tmp_path, name, sellers="s02", **changes))

    plain = [row for row in rows_of(base) if row["seller_id"] == "s02"]
    assert max(row["n_changes"] for row in plain) == 3
    assert max(row["n_changes"] for row in chosen(max_changes=1)) == 1
    longer = chosen(k=20)
    assert sum(row["success_before"] for row in longer) > sum(row["success_before"] for row in plain)
    lossless = chosen(tolerance=0)
    assert all(row["success_after"] == row["success_unthresholded"] for row in lossless)
    assert any(row["status"] == Status.FEASIBLE and row["changes"] for row in plain)
    proven = chosen(prove=5)
    assert {row["status"] for row in proven if row["changes"]} == {Status.OPTIMAL}
    sampled, resampled = chosen(sample=0.2), chosen(sample=0.2, seed=1)
    assert [row["n_targets"] for row in sampled] == [row["n_targets"] for row in plain]
    assert [row["changes"] for row in sampled] != [row["changes"] for row in resampled]


def test_options_are_rows_of_their_own_and_do_not_depend_on_the_shards(base: Run, shop: str, tmp_path: Path) -> None:
    first, other = (
        rows_of(
            run_job(shop, tmp_path, f"{select}-{shards}", sellers="s01,s02", options=4, select=select, shards=shards)
        )
        for select, shards in (("study", 1), ("study", 2))
    )
    assert first == other
    by_case = defaultdict(list)
    for row in first:
        by_case[row["item_id"], row["group"]].append(row)
    plain = {(row["item_id"], row["group"]): row for row in rows_of(base)}
    assert max(map(len, by_case.values())) == 4
    for case, options in by_case.items():
        assert [row["option"] for row in options] == list(range(len(options)))
        assert len({json.dumps(row["changes"]) for row in options}) == len(options)
        assert options[0]["sparsity"] == min(row["sparsity"] or 0 for row in options)
        assert len(options) == 1 or options[0]["n_changes"] <= plain[case]["n_changes"]
        assert all(row["sparsity"] == row["n_changes"] for row in options)
    diverse = rows_of(run_job(shop, tmp_path, "diverse", sellers="s01,s02", options=4, select="diverse"))
    assert {row["option"] for row in diverse} == {0, 1, 2, 3}
    assert [row["changes"] for row in diverse] != [row["changes"] for row in first]


def test_the_summary_counts_cases_and_not_options(command_line: CommandLine, shop: str, tmp_path: Path) -> None:
    options = ("--sellers", "s01", "--options", "3", "--run-id", "r")
    done = command_line("recourse", "--data", shop, "--out", str(tmp_path), *options)
    run = open_run(str(tmp_path / "runs/r"))
    rows = rows_of(run)
    n_cases = len({(row["item_id"], row["group"]) for row in rows})
    assert f"{n_cases} cases with {len(rows)} options in" in " ".join(done.stdout.split())
    assert sum(run.manifest["counts"].values()) == n_cases < len(rows)


def test_caps_hold_in_every_row_and_what_is_not_reached_within_them_has_a_reason(shop: str, tmp_path: Path) -> None:
    rows = rows_of(
        run_job(shop, tmp_path, sellers="s01,s02", max_proximity=2.2, max_cost=4, min_success=0.6, options=2)
    )
    statuses = Counter(row["status"] for row in rows)
    assert statuses.keys() >= {Status.INFEASIBLE, Status.FEASIBLE}
    for row in rows:
        if row["changes"] is None:
            continue
        assert row["proximity"] <= 2.2 + 1e-6
        assert row["cost"] <= 4
        assert (row["status"] == Status.INFEASIBLE) == (row["success_bound"] < 0.6)
        assert (row["reason"] is not None) == (row["success_after"] < 0.6)
        if row["reason"]:
            assert row["gap"] == row["success_bound"] - row["success_after"]
            assert f"{row['success_after']:.1%} of the group is the most" in row["reason"]
            assert row["success_bound"] >= row["success_after"]


def test_the_summary_is_only_of_recourses_that_reach_what_was_wanted(
    command_line: CommandLine, shop: str, tmp_path: Path
) -> None:
    arguments = ("--model", "content", "--sellers", "s01,s02", "--max-changes", "2", "--tolerance", "0")
    arguments += ("--plausibility", "none", "--out", str(tmp_path))
    done = command_line("recourse", "--data", shop, *arguments, "--min-success", "0.9")
    (run,) = (tmp_path / "runs").iterdir()
    rows = rows_of(open_run(str(run)))
    short = [row for row in rows if row["status"] == Status.FEASIBLE and row["reason"]]
    serving = [row for row in rows if row["n_changes"] and not row["reason"]]
    assert any(row["n_changes"] for row in short)
    assert f"{len(short)} of the feasible cases reach less than wanted, or nobody more" in " ".join(done.stdout.split())
    mean = 100 * sum(row["success_after"] for row in serving) / len(serving)
    assert re.search(rf"sees the item, after +│ +{mean:.2f}%", done.stdout)
    nothing = command_line("recourse", "--data", shop, *arguments, "--min-success", "1", "--run-id", "all", "--k", "1")
    assert "No case has a recourse that does what was wanted." in nothing.stdout


def test_examples_are_real_items_that_enough_of_the_group_sees(shop: str, tables: Tables, tmp_path: Path) -> None:
    plain = rows_of(run_job(shop, tmp_path, "plain", method="examples", max_changes=None, min_success=0.3, options=2))
    assert {row["method"] for row in plain} == {"examples"}
    serving = [row for row in plain if row["changes"] and row["status"] != Status.INFEASIBLE]
    assert all(row["success_after"] >= 0.3 for row in serving)
    assert {row["status"] for row in plain} <= {"optimal", "feasible", "infeasible", "already_satisfied"}
    near = rows_of(run_job(shop, tmp_path, "near", method="examples", max_changes=2, min_success=0.3))
    assert all(row["n_changes"] <= 2 for row in near if row["changes"])


def test_what_all_of_a_group_have_rated_they_have_seen() -> None:
    dataset = load_dataset("synthetic:items=24,users=15,ratings_per_user=5", seed=0)
    encoded = encode_items(dataset.items, dataset.rules)
    counts = GroupCounts(np.array([[4, 5, 0]]), np.array([[1, 0, 0]]), np.zeros((1, 0), dtype=np.int64))
    (examples,) = make_examples(encoded, counts, 0.1, "sparsity")
    assert examples.seen.tolist() == [0.25, 0.0, 1.0]


def test_examples_without_a_wanted_share_serve_with_any_gain(shop: str, tmp_path: Path) -> None:
    rows = rows_of(run_job(shop, tmp_path, method="examples", max_changes=None, min_success=0, sellers="s01"))
    assert {row["success_before"] for row in rows if row["status"] == Status.ALREADY_SATISFIED} <= {1.0}
    gained = [row["success_after"] > row["success_before"] for row in rows if row["changes"] and not row["reason"]]
    assert gained
    assert all(gained)


def test_a_yaml_file_and_flags_write_the_same_bytes(command_line: CommandLine, shop: str, tmp_path: Path) -> None:
    settings = {
        "data": shop,
        "sellers": "s03",
        "groups": "n_ratings:2",
        "max-changes": "3",
        "k": "5",
        "format": "arrow",
    }
    config = tmp_path / "night.yaml"
    config.write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    flags = [text for name, value in settings.items() for text in (f"--{name}", value)]
    where = {name: ("--out", str(tmp_path / name), "--run-id", "r") for name in ("yaml", "flags")}
    assert command_line("recourse", "--config", str(config), *where["yaml"]).code == 0
    assert command_line("recourse", *flags, *where["flags"]).code == 0
    one, other = (tmp_path / name / "runs/r" for name in ("yaml", "flags"))
    assert digests_of(one, TABLES) == digests_of(other, TABLES)
    configurations = [open_run(str(run)).manifest["configuration"] | {"out": ""} for run in (one, other)]
    assert configurations[0] == configurations[1]


def test_the_command_line_wins_over_the_yaml_file(command_line: CommandLine, shop: str, tmp_path: Path) -> None:
    config = tmp_path / "night.yaml"
    config.write_text(f"data: {shop}\nitems: i0004\nk: 5\nmax_changes: 2\n")
    where = ("--out", str(tmp_path / "out"), "--run-id", "r")
    assert command_line("recourse", "--config", str(config), "--k", "7", *where).code == 0
    configuration = open_run(str(tmp_path / "out/runs/r")).manifest["configuration"]
    assert (configuration["k"], configuration["max_changes"]) == (7, 2)


@pytest.mark.parametrize("kind", [pa.int32(), pa.uint64()])
def test_integer_ids_come_back_as_they_came_in_numeric_order(tables: Tables, tmp_path: Path, kind: pa.DataType) -> None:
    def number(table: pa.Table, column: str) -> pa.Table:
        values = [int(value[1:]) + 7 for value in table[column].to_pylist()]
        position = table.schema.get_field_index(column)
        return table.set_column(position, column, pa.array(values, kind))

    numbered = tables | {
        "items": number(number(tables["items"], "item_id"), "seller_id"),
        "interactions": number(tables["interactions"], "item_id"),
    }
    shop = write_shop(tmp_path / "numbers", numbered)
    run = run_job(shop, tmp_path / "out", sellers="9,12", groups="n_ratings:1")
    table = run.table("recourse").to_table()
    assert table.schema.field("item_id").type == table.schema.field("seller_id").type == kind
    assert run.table("frontier").schema.field("item_id").type == kind
    assert table["seller_id"].to_pylist() == [9] * 12 + [12] * 12
    assert table["item_id"].to_pylist() == [*range(9, 80, 6), *range(12, 80, 6)]


def test_string_ids_of_every_kind_of_string_come_back_as_strings(tables: Tables, tmp_path: Path) -> None:
    items = tables["items"]
    for column, kind in (("item_id", pa.large_string()), ("seller_id", pa.dictionary(pa.int32(), pa.string()))):
        items = items.set_column(items.schema.get_field_index(column), column, items[column].cast(kind))
    run = run_job(write_shop(tmp_path / "s", tables | {"items": items}), tmp_path / "out", items="i0007")
    assert run.table("recourse").schema.field("item_id").type == pa.string()
    assert [(row["item_id"], row["seller_id"]) for row in rows_of(run)] == [("i0007", "s01")] * 2


def test_a_number_in_yaml_may_name_an_item(tables: Tables, tmp_path: Path, command_line: CommandLine) -> None:
    numbers = {
        name: tables[name].set_column(
            tables[name].schema.get_field_index("item_id"),
            "item_id",
            pa.array([int(value[1:]) for value in tables[name]["item_id"].to_pylist()]),
        )
        for name in ("items", "interactions")
    }
    config = tmp_path / "one.yaml"
    config.write_text("items: 12\n")
    shop = write_shop(tmp_path / "numbers", tables | numbers)
    where = ("--out", str(tmp_path / "out"), "--run-id", "r")
    done = command_line("recourse", "--data", shop, "--config", str(config), *where)
    assert done.code == 0, done.stderr
    assert {row["item_id"] for row in rows_of(open_run(str(tmp_path / "out/runs/r")))} == {12}


def test_a_run_id_that_exists_is_refused_and_left_as_it_is(command_line: CommandLine, base: Run) -> None:
    out, before = str(Path(base.url).parents[1]), files_of(base)
    done = command_line("recourse", "--out", out, "--run-id", "r")
    message = "recsys-ops: run r exists (complete). Pass --resume, or another --run-id.\n"
    assert (done.code, done.stderr) == (2, message)
    settings = ("--model", "content", "--groups", "n_ratings:2", "--max-changes", "3", "--plausibility", "none")
    data = base.manifest["configuration"]["data"]
    done = command_line("recourse", "--data", data, "--out", out, "--run-id", "r", "--resume", *settings,
                        "--sellers", ",".join(SELLERS), "--shards", "3", "--items", "i0001")  # fmt: skip
    assert done.code == 2
    assert "run r: cannot be resumed" in done.stderr
    assert "--items was None, now i0001" in done.stderr
    assert files_of(base) == before


class _Tonight(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime(2026, 11, 21, 23, 59, tzinfo=UTC)


def test_nightly_repeated_the_same_night_does_nothing_or_only_what_is_missing(
    command_line: CommandLine, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "datetime", _Tonight)
    arguments = ("nightly", "--data", shop, "--out", str(tmp_path), "--groups", "n_ratings:1", "--shards", "3",
                 "--max-changes", "2", "--seen-by", "1")  # fmt: skip
    first = command_line(*arguments)
    assert first.code == 0, first.stderr
    run = open_run(str(tmp_path), job="recourse")
    assert run.run_id == "nightly-2026-11-21"
    assert {row["seller_id"] for row in rows_of(run)} == set(SELLERS)
    before = files_of(run)

    second = command_line(*arguments)
    assert (second.code, second.stdout) == (0, first.stdout)
    assert files_of(run) == before

    lost = "recourse/part-00000.parquet"
    for name in ("_manifest.json", lost):
        (Path(run.url) / name).unlink()
    assert command_line(*arguments).code == 0
    after = {path: file for path, file in files_of(run).items() if path.split("/")[0] in TABLES}
    assert {path for path, file in after.items() if before[path] != file} == {lost}
    assert after[lost][1] == before[lost][1]
    assert all(file[1] == before[path][1] for path, file in files_of(run).items() if path.split("/")[0] in TABLES)


@pytest.mark.parametrize(("share", "words"), [(0.0, "0 %"), (0.00234, "0.2 %"), (0.0149, "1 %"), (0.386, "39 %")])
def test_a_sentence_has_shares_below_one_per_cent_with_a_decimal(share: float, words: str) -> None:
    row = {"title": "Lamp", "group": "F", "changes": [OAK]}
    text = sentence({**row, "success_before": 0.0, "success_after": share})
    assert text.endswith(f"add the word 'oak'. Seen by 0 % of the group, then by {words}.")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0.094, 0.0949, "9.4 % of the group, then by 9.5 %"),
        (0.1701, 0.1704, "17.01 % of the group, then by 17.04 %"),
        (0.17, 0.18, "17 % of the group, then by 18 %"),
        (0.5, 0.5, "50 % of the group, then by 50 %"),
    ],
)
def test_a_gain_of_less_than_a_per_cent_does_not_read_as_none(before: float, after: float, words: str) -> None:
    row = {"title": "Lamp", "group": "F", "changes": [OAK]}
    assert words in sentence({**row, "success_before": before, "success_after": after})


def test_by_default_advice_is_plausible_and_says_what_it_is_worth(shop: str, tmp_path: Path) -> None:
    run = run_job(
        shop, tmp_path, plausibility="support", least_support=0.1, sellers="s02,s03", folds=2, rule_cost_cases=3
    )
    drawn = [row for row in rows_of(run) if row["success_any_change"] is not None]
    assert len(drawn) == 3
    assert all(row["success_any_change"] >= row["success_after"] for row in drawn)
    (cost,) = _cost_of_rule_in_words(run)
    more = 100 * np.mean([row["success_any_change"] - row["success_after"] for row in drawn])
    assert cost.startswith(f"What plausibility costs: without it {more:.2g} % more of the group")
    advice = [row for row in rows_of(run) if row["changes"] and row["reason"] is None]
    assert advice
    assert all(change["support"] >= 0.1 - 1e-9 for row in advice for change in row["changes"])
    for row in advice:
        assert row["success_after"] - row["success_before"] >= 0.002
        assert 1 <= row["rank_after"] < row["rank_before"]
        assert 0 <= row["new_users_lower"] <= row["success_new_users"] <= row["new_users_upper"] <= 1
        assert None not in (row["success_if_others_act"], row["others_before"], row["others_after"])
    together = pd.DataFrame(rows_of(run, "together"))
    assert len(together) == 4 * len(advice)
    everybody = together[together.share_acting == 1]
    assert everybody.groupby("item_id").is_taken.sum().eq(1).all()
    few = {(row.item_id, row.group): row.kept for row in together[together.share_acting == 0.05].itertuples()}
    assert few == {(row["item_id"], row["group"]): row["success_if_others_act"] for row in advice}


def test_one_plan_for_all_groups_that_halves_the_rank_does_so_by_the_search_and_by_the_pass_after_it(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset(shop, seed=0)
    labels, group_of_user = user_groups(dataset, "n_ratings:2")
    searched: list[dict[tuple[str, str], float]] = []
    before = together.weigh_promises

    def watched(catalogue: Any, config: RecourseConfig, read: Any) -> Any:
        rows = [row for table in read("recourse") for row in table.to_pylist()]
        searched.append({(row["item_id"], row["group"]): row["rank_after"] for row in rows})
        return before(catalogue, config, read)

    monkeypatch.setattr(before_commit, "weigh_promises", watched)
    run = run_job(
        shop, tmp_path, aim="rank", max_changes=12, k=3, sellers="s01,s02",
        for_all_groups=True, group_weights=f"{labels[0]}=3,{labels[1]}=1",
    )  # fmt: skip
    rows = rows_of(run)
    assert len(rows) == len({row["item_id"] for row in rows}) == 24
    assert {row["group"] for row in rows} == {"all groups"}
    sizes = [3 * int((group_of_user == 0).sum()), int((group_of_user == 1).sum())]
    for row in rows:
        assert [one["group"] for one in row["by_group"]] == labels
        assert all(one["n_targets"] <= size for one, size in zip(row["by_group"], sizes, strict=True))
        shares = [(one["n_targets"], one["success_after"]) for one in row["by_group"]]
        assert row["n_targets"] == sum(n for n, _ in shares)
        assert row["success_after"] == pytest.approx(sum(n * share for n, share in shares) / row["n_targets"])
    of_seller = ask.rows(run, ask.settings_of(run), dataset, item=None, seller="s01")
    assert of_seller == [row for row in rows if row["seller_id"] == "s01"]
    assert {(row["item_id"], row["group"]): row["rank_after"] for row in rows} == searched[0]
    serving = [row for row in rows if row["changes"] and row["reason"] is None]
    assert serving
    assert all(
        2 * row["rank_after"] <= row["rank_before"] and row["rank_bound"] <= row["rank_after"] for row in serving
    )
    assert all("half of it is wanted" in row["reason"] for row in rows if row["reason"])
    best = max(serving, key=lambda row: 1 - row["rank_after"] / row["rank_before"])
    (first, *_) = _best_in_words(run, "de")
    assert sentence(best, "de").split(". In den Listen")[1] in first
    cards = "".join(page for _, page in dict(seller_pages(run, None, "en")).values())
    assert cards.count("On average in place ") == len(serving)
    assert cards.count("It is proven that fewer changes cannot do as much.") == sum(
        row["status"] == Status.OPTIMAL for row in serving
    )
    ends = {(row["item_id"], row["group"], row["n_changes"]): row["rank_after"] for row in serving}
    points = {(one["item_id"], one["group"], one["n_changes"]): one["rank"] for one in rows_of(run, "frontier")}
    assert all(points[key] <= rank for key, rank in ends.items())  # there each change is made in full


def test_a_sentence_for_all_groups_says_what_each_of_them_sees_then() -> None:
    row = {"title": "Lamp", "group": "all groups", "changes": [OAK | {"text": "x"}], "success_before": 0.0}
    seen = [("F", 0.0, 0.05), ("M", 0.0, 0.004), ("X", None, None)]
    names = ("group", "success_before", "success_after")
    row |= {"success_after": 0.041, "by_group": [dict(zip(names, one, strict=True)) for one in seen]}
    assert sentence(row).endswith(": x. Seen by 0 % of the users, then by 4 % (F: 5 %; M: 0.4 %).")
    assert sentence(row, "de").endswith(": x. Bisher sehen es 0 % der Nutzer, danach 4 % (F: 5 %; M: 0,4 %).")
    ranks = {"rank_bound": 3.0, "rank_before": 30.4, "rank_after": 9.26}
    assert sentence(row | ranks, "de").endswith(
        "für alle Gruppen: x. In den Listen bisher im Mittel auf Platz 30,4, danach auf Platz 9,3."
    )


def test_weights_without_one_plan_for_all_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="--group-weights is ignored without --for-all-groups"):
        RecourseConfig(data="synthetic", group_weights="gender F=2")


@pytest.mark.parametrize("ignored", [{"options": 2}, {"min_success": 0.1}, {"keep": "r"}, {"method": "examples"}])
def test_what_an_aim_at_the_rank_would_ignore_is_refused(ignored: dict[str, Any]) -> None:
    (name,) = ignored
    with pytest.raises(ValueError, match=f"--{name.replace('_', '-')} knows top-k lists only, not --aim rank"):
        RecourseConfig(data="synthetic", aim="rank", **ignored)


def test_a_joint_plan_has_one_recourse_per_item_and_its_promises_hold_if_all_act(shop: str, tmp_path: Path) -> None:
    run = run_job(
        shop, tmp_path, plausibility="support", least_support=0.1, sellers="s02,s03", folds=0, options=2, joint="total"
    )
    rows = [row for row in rows_of(run) if row["success_joint"] is not None]
    assert rows
    assert len({row["item_id"] for row in rows}) == len(rows)
    assert all(row["success_joint"] > row["success_before"] for row in rows)
    together = pd.DataFrame(rows_of(run, "together"))
    everybody = together[together.share_acting == 1]
    assert everybody.is_taken.all()
    assert everybody.kept.tolist() == everybody.promised.tolist()
    promised = {(row.item_id, row.group): row.promised for row in everybody.itertuples()}
    assert promised == {(row["item_id"], row["group"]): row["success_joint"] for row in rows}


@pytest.mark.parametrize(
    ("aim", "n_infeasible", "is_said"), [("top-k", 3, True), ("top-k", 2, False), ("rank", 3, False)]
)
def test_where_lists_are_out_of_reach_of_most_items_the_other_aim_is_named(
    aim: str, n_infeasible: int, is_said: bool
) -> None:
    settings: Any = MemoryRun("r", {}, manifest={"configuration": {"aim": aim, "k": 5}})
    statuses = ["infeasible"] * n_infeasible + ["optimal"] * (4 - n_infeasible)
    said = _other_aim_in_words(settings, pa.table({"status": statuses}))
    assert [text.startswith("Lists of 5 are out of reach") and "--aim rank" in text for text in said] == [
        True
    ] * is_said
