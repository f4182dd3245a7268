"""Every kind of bad input of the contract: one message and exit code 2 before any work, or rows set aside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime import job as runtime
from recsys_ops.errors import ConfigError
from recsys_ops.runs import open_run
from tests.suites.cli import CommandLine
from tests.suites.shops import Spoil, Tables, shop_tables, with_rows, with_value, write_shop

NAN, INFINITE = float("nan"), float("inf")


@pytest.fixture(scope="module")
def tables() -> Tables:
    """2 sellers of 12 items, 20 users: as small as the synthetic data come."""
    return shop_tables(sellers=2, items_per_seller=12, users=20, ratings_per_user=6)


def cell(table: str, column: str, row: int, value: object) -> Spoil:
    return lambda tables: tables | {table: with_value(tables[table], column, row, value)}


def rows(table: str, **columns: list[Any]) -> Spoil:
    """Rows added at the end; columns not named repeat the first row."""

    def spoil(tables: Tables) -> Tables:
        added = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        (first,) = tables[table].slice(0, 1).to_pylist()
        return tables | {table: with_rows(tables[table], [first | row for row in added])}

    return spoil


def column(table: str, name: str, change: Callable[[pa.ChunkedArray], Any]) -> Spoil:
    def spoil(tables: Tables) -> Tables:
        position = tables[table].schema.get_field_index(name)
        return tables | {table: tables[table].set_column(position, name, change(tables[table][name]))}

    return spoil


def without(table: str, *names: str) -> Spoil:
    return lambda tables: tables | {table: tables[table].drop_columns(list(names))}


def empty(table: str) -> Spoil:
    return lambda tables: tables | {table: tables[table].slice(0, 0)}


BAD_ROWS = {
    "a NaN rating": (
        cell("interactions", "rating", 3, NAN),
        "interactions.parquet: column 'rating' has 1 value of NaN or infinity (first: row 3 = nan).",
    ),
    "infinite ratings": (
        lambda tables: cell("interactions", "rating", 5, -INFINITE)(
            cell("interactions", "rating", 0, INFINITE)(tables)
        ),
        "interactions.parquet: column 'rating' has 2 values of NaN or infinity (first: row 0 = inf, row 5 = -inf).",
    ),
    "a missing rating": (
        cell("interactions", "rating", 2, None),
        "interactions.parquet: column 'rating' has 1 value missing (first: row 2 = null).",
    ),
    "ratings outside the range": (
        rows("interactions", rating=[0.0, 9.0, 5.5, -1.0], user_id=[1] * 4),
        "interactions.parquet: column 'rating' has 4 values outside [1, 5] "
        "(first: row {n} = 0, row {n+1} = 9, row {n+2} = 5.5).",
    ),
    "a user who rates an item twice": (
        rows("interactions", rating=[2.0]),
        "interactions.parquet: column 'item_id' has 1 value rated before by the same user (first: row {n} = ",
    ),
    "an unknown item": (
        cell("interactions", "item_id", 7, "i9999"),
        "interactions.parquet: column 'item_id' has 1 value that items.parquet does not have (first: row 7 = i9999).",
    ),
    "an unknown user": (
        cell("interactions", "user_id", 7, 999),
        "interactions.parquet: column 'user_id' has 1 value that users.parquet does not have (first: row 7 = 999).",
    ),
    "a missing item id": (
        cell("interactions", "item_id", 4, None),
        "interactions.parquet: column 'item_id' has 1 value missing (first: row 4 = null).",
    ),
    "an item that is there twice": (
        rows("items", title=["again"]),
        "items.parquet: column 'item_id' has 1 value that an earlier row has (first: row 24 = i0000).",
    ),
    "an item without a seller": (
        rows("items", item_id=["new"], seller_id=[None]),
        "items.parquet: column 'seller_id' has 1 value missing (first: row 24 = null).",
    ),
    "an item without a title": (
        rows("items", item_id=["new"], title=[None]),
        "items.parquet: column 'title' has 1 value missing (first: row 24 = null).",
    ),
    "an infinite price": (
        cell("items", "price", 4, INFINITE),
        "items.parquet: column 'price' has 1 value of infinity (first: row 4 = inf).",
    ),
    "an id with orders to the terminal": (
        cell("interactions", "item_id", 7, "\x1b]0;owned\x07i\x1b[31m9999"),
        "interactions.parquet: column 'item_id' has 1 value that items.parquet does not have (first: row 7 = i9999).",
    ),
    "a user who is there twice": (
        rows("users", age=[1]),
        "users.parquet: column 'user_id' has 1 value that an earlier row has (first: row 20 = 1).",
    ),
}

BAD_TABLES = {
    "a missing column": (
        without("interactions", "rating"),
        "interactions.parquet: column 'rating' is missing (found user_id, item_id), and there is a rating_range.",
    ),
    "missing columns": (
        without("items", "seller_id", "price"),
        "items.parquet: column 'price' is missing (found item_id, title, description, tags, category), but "
        "features name it.",
    ),
    "words in place of numbers": (
        column("interactions", "rating", lambda ratings: pa.array(["good", "3", *["5"] * (len(ratings) - 2)])),
        "interactions.parquet: column 'rating' is string, expected a number (1 of ",
    ),
    "a date in place of an id": (
        column("users", "user_id", lambda ids: pa.array(range(len(ids)), pa.date32())),
        "users.parquet: column 'user_id' is date32[day], expected integers or strings.",
    ),
    "a number in place of a text": (
        column("items", "description", lambda texts: pa.array([1.5] * len(texts))),
        "items.parquet: column 'description' is double, expected a string.",
    ),
    "ids of two types": (
        column("items", "item_id", lambda ids: pa.array(range(len(ids)))),
        "interactions.parquet: column 'item_id' is string, but in items.parquet it is int64.",
    ),
    "a column that is there twice": (
        lambda tables: tables | {"users": tables["users"].append_column("age", tables["users"]["age"])},
        "users.parquet: column 'age' is there 2 times (found user_id, group, age, age). Give each column a name",
    ),
    "a price that no floating-point number holds": (
        column("items", "price", lambda prices: pa.array([2**53 + 1] * len(prices))),
        "items.parquet: column 'price' has 24 integers that no floating-point number holds (first: row 0 = 9007199254",
    ),
    "no interactions": (empty("interactions"), "interactions.parquet: the table has no rows. Give at least one."),
    "no items": (empty("items"), "items.parquet: the table has no rows. Give at least one."),
    "no users": (empty("users"), "users.parquet: the table has no rows. Give at least one."),
    "only bad rows": (
        column("interactions", "rating", lambda ratings: pa.array([7.0] * len(ratings))),
        "interactions.parquet: ",
    ),
}

FEATURES = "rating_range: [1, 5]\nfeatures:\n  - {{column: {column}, kind: {kind}}}\n"

BAD_MAPPINGS = {
    "an unknown column": (
        FEATURES.format(column="colour", kind="category"),
        "items.parquet: column 'colour' is missing (found item_id, seller_id, title, description, tags, category, "
        "price), but features name it. Correct features in features.yaml, or add the column.",
    ),
    "a column mapped to nothing": (
        FEATURES.format(column="price", kind="number") + "tables: {items: {columns: {title: name}}}\n",
        "items.parquet: column 'name' that tables.items.columns names is missing",
    ),
    "an unknown kind": (
        FEATURES.format(column="price", kind="money"),
        "features.yaml: features.0.kind: Input should be 'text', 'tags', 'category', 'ordinal' or 'number' "
        "(found 'money')",
    ),
    "bounds that no tag has": (
        FEATURES.format(column="tags", kind="tags, upper: 3"),
        "features.yaml: features.0: feature 'tags': limits of tags are 0 (absent) or 1 (present), not 3",
    ),
    "a least price above all prices": (
        FEATURES.format(column="price", kind="number, lower: 9000"),
        "items: column 'price': lower 9000 is above ",
    ),
    "two features of one label": (
        FEATURES.format(column="price", kind="number, label: tags") + "  - {column: tags, kind: tags}\n",
        "features.yaml: the whole file: columns 'price' and 'tags' are both called 'tags'. Give each a ",
    ),
    "a key that is there twice": (
        FEATURES.format(column="price", kind="number") + "rating_range: [1, 9]\n",
        "features.yaml: 'rating_range' is there twice in one place (again in line 4). Keep one.",
    ),
    "an unknown field": ("rating_range: [1, 5]\nfeature: []\n", "features.yaml: "),
    "no rating range": (
        "features: [{column: price, kind: number}]\n",
        "interactions.parquet: there are ratings, but features.yaml has no rating_range.",
    ),
    "no YAML": ("features: [", "features.yaml: not YAML ("),
}

BAD_SETTINGS = {
    "an unknown group column": (
        ("--groups", "shoe_size"),
        "--groups shoe_size: users have no column 'shoe_size' that forms groups (found group, age, n_ratings).",
    ),
    "parts of a column of words": (
        ("--groups", "group:3"),
        "--groups group:3: column 'group' is string, not a number. Use --groups group.",
    ),
    "items of other sellers": (
        ("--items", "i0000", "--sellers", "s01"),
        "--items i0000 --sellers s01: none of these items is of one of these sellers. Leave one of the two out,",
    ),
    "more groups than users": (("--groups", "age:21"), "--groups age:21: only 20 users have a value."),
    "an unknown value": (("--format", "excel"), "--format excel: Input should be 'parquet' or 'arrow'."),
    "a value out of range": (("--seen-by", "1.5"), "--seen-by 1.5: Input should be less than or equal to 1."),
    "a torch device that is not there": (
        ("--device", "meta"),
        "--device meta: this machine has no such torch device (Cannot copy out of meta tensor; no data",
    ),
    "no torch device": (("--device", "toaster"), "--device toaster: no such torch device. Use cpu or cuda."),
    "a run id that is no name": (("--run-id", "a/b"), "--run-id 'a/b' is not a folder name."),
    "a run id that no store takes": (
        ("--run-id", 300 * "x"),
        "--run-id: 300 characters are too many for a folder. Use",
    ),
    "no such YAML file": (("--config", "none.yaml"), "--config none.yaml: cannot be read ("),
}


@pytest.fixture
def run_on(command_line: CommandLine, tmp_path: Path) -> Callable[..., str]:
    """``run_on(tables, *options)`` must fail with exit code 2, a line per problem and nothing written; gives these."""

    def run(shop: Tables | str, *options: str) -> str:
        data = shop if isinstance(shop, str) else write_shop(tmp_path / "shop", shop)
        out = tmp_path / "out"
        done = command_line("recourse", "--data", data, "--out", str(out), *options)
        assert done.code == 2
        assert done.stdout == ""
        assert done.stderr.startswith("recsys-ops: ")
        head, *problems = done.stderr.splitlines()
        assert not problems or head == f"recsys-ops: {len(problems)} problems:"
        assert not list(out.rglob("*"))
        return done.stderr.removeprefix("recsys-ops: ").partition(" problems:\n  1. ")[2] or done.stderr[12:]

    return run


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_bad_rows_stop_the_job_with_file_column_count_and_first_rows(
    tables: Tables, run_on: Callable[..., str], kind: str
) -> None:
    spoil, message = BAD_ROWS[kind]
    n_ratings = tables["interactions"].num_rows
    for n in range(3):
        message = message.replace("{n}" if n == 0 else f"{{n+{n}}}", str(n_ratings + n))
    found = run_on(spoil(tables))
    assert found.startswith(message)
    assert found.endswith("pass --on-bad-rows quarantine.\n")


@pytest.mark.parametrize("on_bad_rows", ["stop", "quarantine"])
@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_bad_table_stops_the_job_in_either_mode(
    tables: Tables, run_on: Callable[..., str], kind: str, on_bad_rows: str
) -> None:
    spoil, message = BAD_TABLES[kind]
    assert run_on(spoil(tables), "--on-bad-rows", on_bad_rows).startswith(message)


@pytest.mark.parametrize("kind", BAD_MAPPINGS)
def test_a_bad_features_yaml_stops_the_job(
    tables: Tables, run_on: Callable[..., str], tmp_path: Path, kind: str
) -> None:
    text, message = BAD_MAPPINGS[kind]
    shop = write_shop(tmp_path / "shop", tables)
    (tmp_path / "shop" / "features.yaml").write_text(text)
    assert run_on(shop).startswith(message)


@pytest.mark.parametrize("kind", BAD_SETTINGS)
def test_a_bad_setting_stops_the_job(tables: Tables, run_on: Callable[..., str], kind: str) -> None:
    options, message = BAD_SETTINGS[kind]
    assert run_on(tables, *options).startswith(message)


@pytest.mark.parametrize("groups", ["nothing", "nothing:2"])
def test_a_group_column_without_a_value_stops_the_job(tables: Tables, run_on: Callable[..., str], groups: str) -> None:
    users = tables["users"].append_column("nothing", pa.nulls(20, pa.float64()))
    assert run_on(tables | {"users": users}, "--groups", groups).startswith(
        f"--groups {groups}: no user has a value in column 'nothing'. Name another one (found group, age, n_ratings)."
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none_stops_the_job(tables: Tables, run_on: Callable[..., str]) -> None:
    message = run_on(tables, "--device", "cuda")
    assert message.startswith("--device cuda: this machine has no such torch device (")
    assert message.endswith("). Use --device cpu, or run where there is one.\n")


def test_a_device_that_the_workers_of_a_cluster_lack_stops_the_job(
    tables: Tables, tmp_path: Path, ray_session: None
) -> None:
    shop = write_shop(tmp_path / "shop", tables)
    config = RecourseConfig(data=shop, out=str(tmp_path / "out"), device="meta", address="10.0.0.5:6379")
    with pytest.raises(ConfigError, match=r"--device meta: a worker of the cluster has no such torch device \(Cannot"):
        runtime.run_job(config, recourse.JOB)
    assert not list((tmp_path / "out").rglob("*"))


def test_a_missing_file_is_named_with_those_found(tables: Tables, run_on: Callable[..., str], tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", tables, without="items")
    assert "no table items.* (found features.yaml, interactions.parquet, users.parquet)" in run_on(shop)
    (tmp_path / "shop" / "features.yaml").unlink()
    assert "features.yaml is missing (found interactions.parquet, users.parquet)" in run_on(shop)
    assert "there is no such folder" in run_on(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("synthetic:items=3", "--data synthetic: items is 3. Use 24 to 10000000."),
        ("synthetic:colours=3", "--data synthetic: no parameter 'colours'"),
        ("movielens-100k:", "--data movielens-100k:: no folder."),
    ],
)
def test_a_bad_name_of_data_stops_the_job(run_on: Callable[..., str], data: str, message: str) -> None:
    assert run_on(data).startswith(message)


@pytest.mark.usefixtures("ray_session")
def test_quarantine_sets_bad_rows_of_every_kind_aside_and_goes_on(
    command_line: CommandLine, tables: Tables, tmp_path: Path
) -> None:
    spoiled = tables
    ratings, items = tables["interactions"], tables["items"]
    n = ratings.num_rows
    (first,) = ratings.slice(0, 1).to_pylist()
    bad_ratings = [
        (first, "item_id", f"{first['user_id']}, {first['item_id']}", "rated before by the same user"),
        ({"user_id": 1, "item_id": "i0002", "rating": NAN}, "rating", "nan", "of NaN or infinity"),
        ({"user_id": 1, "item_id": "i0002", "rating": INFINITE}, "rating", "inf", "of NaN or infinity"),
        ({"user_id": 1, "item_id": "i0002", "rating": 9.0}, "rating", "9", "outside [1, 5]"),
        ({"user_id": 1, "item_id": "i0002", "rating": None}, "rating", "null", "missing"),
        ({"user_id": 1, "item_id": None, "rating": 2.0}, "item_id", "null", "missing"),
        ({"user_id": 1, "item_id": "i9999", "rating": 2.0}, "item_id", "i9999", "that items.parquet does not have"),
        ({"user_id": 999, "item_id": "i0002", "rating": 2.0}, "user_id", "999", "that users.parquet does not have"),
    ]
    (item,) = items.slice(0, 1).to_pylist()
    bad_items = [
        (item, "item_id", "i0000", "that an earlier row has"),
        (item | {"item_id": "new", "seller_id": None}, "seller_id", "null", "missing"),
        (item | {"item_id": "newer", "title": None}, "title", "null", "missing"),
    ]
    bad_users = [(tables["users"].slice(0, 1).to_pylist()[0], "user_id", "1", "that an earlier row has")]
    expected = set()
    for name, bad in {"interactions": bad_ratings, "items": bad_items, "users": bad_users}.items():
        spoiled = spoiled | {name: with_rows(tables[name], [row for row, *_ in bad])}
        first_row = {"interactions": n, "items": 24, "users": 20}[name]
        expected |= {(name, first_row + position, *reason) for position, (_, *reason) in enumerate(bad)}
    shop = write_shop(tmp_path / "shop", spoiled)
    options = ("--data", shop, "--groups", "n_ratings:1", "--max-changes", "1", "--sellers", "s00,s01",
               "--run-id", "r")  # fmt: skip
    done = command_line("recourse", *options, "--out", str(tmp_path / "out"), "--on-bad-rows", "quarantine")
    assert done.code == 0, done.stderr
    assert "12 bad input rows were set aside: table 'rejected'." in done.stdout
    run = open_run(str(tmp_path / "out/runs/r"), verify=True)
    rejected = run.table("rejected").to_table().to_pylist()
    assert {tuple(row.values()) for row in rejected} == expected
    assert len(rejected) == len(expected) == 12

    sound = write_shop(tmp_path / "sound", tables)
    clean = command_line("recourse", *options, "--data", sound, "--out", str(tmp_path / "clean"))
    assert clean.code == 0, clean.stderr
    expected_rows = open_run(str(tmp_path / "clean/runs/r")).table("recourse").to_table()
    assert run.table("recourse").to_table().equals(expected_rows)
