"""Interactions as most shops have them: no ratings, things bought twice, counts, and times."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_ops.arrow import table_of
from recsys_ops.counterfactuals.histories import make_histories
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.describe import describe
from recsys_ops.datasets.folder import read_folder
from recsys_ops.datasets.repeats import merge_repeats
from recsys_ops.datasets.times import Period, parse_duration, parse_time
from recsys_ops.errors import ConfigError, InputError

ITEMS = "item_id,seller_id,title,tags\na,s,Axe,x|y\nb,s,Bow,x\nc,t,Cup,y\n"
ORDERS = """\
user_id,item_id,weight,timestamp
1,a,2,2026-11-01
1,a,3,2026-11-03T10:00:00
1,b,1,2026-11-02
2,c,0.5,2026-11-04
2,a,4,2026-11-01
"""


def shop(folder: Path, orders: str, settings: str = "") -> str:
    (folder / "items.csv").write_text(ITEMS)
    (folder / "interactions.csv").write_text(orders)
    (folder / "features.yaml").write_text(f"{settings}\nfeatures:\n  - {{column: tags, kind: tags}}\n")
    return str(folder)


def values(dataset: Dataset) -> dict[tuple[int, str], float]:
    ratings = dataset.ratings.tocoo()
    users, items = dataset.user_ids.to_pylist(), dataset.item_ids.to_pylist()
    return {
        (users[row], items[column]): float(value)
        for row, column, value in zip(ratings.row, ratings.col, ratings.data, strict=True)
    }


def without(column: str) -> str:
    frame = pd.read_csv(pd.io.common.StringIO(ORDERS))
    return str(frame.drop(columns=column).to_csv(index=False))


def test_without_ratings_and_weights_every_pair_counts_once(tmp_path: Path) -> None:
    dataset = read_folder(shop(tmp_path, without("weight")))
    assert dataset.values == "ones"
    assert values(dataset) == {(1, "a"): 1, (1, "b"): 1, (2, "a"): 1, (2, "c"): 1}
    assert ("interactions", "4, without ratings (each counts 1)") in describe(dataset)


@pytest.mark.parametrize(
    ("duplicates", "of_1_a"), [(None, 5), ("sum", 5), ("first", 2), ("last", 3), ("max", 3), ("count", 2)]
)
def test_repeated_weights_are_merged_as_the_settings_say(tmp_path: Path, duplicates: str | None, of_1_a: float) -> None:
    settings = "" if duplicates is None else f"tables: {{interactions: {{duplicates: {duplicates}}}}}"
    dataset = read_folder(shop(tmp_path, ORDERS, settings))
    assert dataset.values == "weights"
    assert values(dataset)[1, "a"] == of_1_a
    assert dataset.rating_range == (0, max(values(dataset).values()))


def test_the_data_say_what_their_users_did(tmp_path: Path) -> None:
    plain = read_folder(shop(tmp_path, ORDERS))
    bought = read_folder(shop(tmp_path, ORDERS, "verb: bought"))
    assert (plain.verb, bought.verb) == ("chose", "bought")
    assert plain.fingerprint != bought.fingerprint
    with pytest.raises(InputError, match=r"verb.*'rated', 'chose', 'bought'"):
        read_folder(shop(tmp_path, ORDERS, "verb: ordered"))


def test_repeats_without_weights_can_be_counted(tmp_path: Path) -> None:
    settings = "tables: {interactions: {duplicates: count}}"
    dataset = read_folder(shop(tmp_path, without("weight"), settings))
    assert (dataset.values, values(dataset)[1, "a"]) == ("weights", 2)


def test_a_later_rating_takes_the_place_of_an_earlier_one_where_the_settings_say_so(tmp_path: Path) -> None:
    orders = ORDERS.replace("weight", "rating")
    settings = "rating_range: [0, 5]\ntables: {interactions: {duplicates: last}}"
    assert values(read_folder(shop(tmp_path, orders, settings)))[1, "a"] == 3
    with pytest.raises(InputError, match="rated before by the same user"):
        read_folder(shop(tmp_path, orders, "rating_range: [0, 5]"))


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 1e9), st.integers(0, 50)), min_size=1, max_size=30
    ),
    how=st.sampled_from(["first", "last", "sum", "max", "count"]),
)
def test_merging_is_that_of_a_loop_and_knows_no_order_of_rows(
    rows: list[tuple[int, int, float, int]], how: str
) -> None:
    expected: dict[tuple[int, int], float] = {}
    by_time = sorted(rows, key=lambda row: (row[3], row[2]))
    for user, item, _, _ in by_time:
        of_pair = [value for u, i, value, _ in by_time if (u, i) == (user, item)]
        expected[user, item] = {
            "first": of_pair[0], "last": of_pair[-1], "sum": sum(of_pair), "max": max(of_pair), "count": len(of_pair),
        }[how]  # fmt: skip

    def merged(rows: list[tuple[int, int, float, int]]) -> dict[tuple[int, int], float]:
        user, item, rating, time = (np.array(column) for column in zip(*rows, strict=True))
        table = table_of({"user_id": user, "item_id": item, "rating": rating})
        found = merge_repeats(table, how, time.astype(np.int64)).to_pydict()  # type: ignore[arg-type]
        return dict(zip(zip(found["user_id"], found["item_id"], strict=True), found["rating"], strict=True))

    assert merged(rows) == pytest.approx(expected)
    assert merged(rows) == merged(rows[::-1])


@pytest.mark.parametrize(
    ("orders", "settings", "message"),
    [
        (ORDERS.replace("weight", "rating"), "", "there are ratings, but features.yaml has no rating_range"),
        (ORDERS, "rating_range: [1, 5]", "column 'rating' is missing .*, and there is a rating_range"),
        (ORDERS.replace(",4,", ",-4,"), "", r"column 'weight' has 1 value below 0 \(first: row 4 = -4\)"),
        (ORDERS.replace(",4,", ",,"), "", r"column 'weight' has 1 value missing \(first: row 4 = null\)"),
        (ORDERS.replace(",4,", ",many,"), "", "column 'weight' is string, expected a number"),
        (ORDERS, "rating_range: [1, 5]\ntables: {interactions: {duplicates: sum}}", "ratings are not summed"),
        (ORDERS, "tables: {items: {duplicates: sum}}", "only interactions can repeat"),
        (ORDERS.replace("2026-11-02", "soon"), "tables: {interactions: {duplicates: last}}", "holds no times"),
    ],
)
def test_what_contradicts_itself_is_named(tmp_path: Path, orders: str, settings: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_folder(shop(tmp_path, orders, settings))


def test_stars_cannot_be_taken_where_there_are_none(tmp_path: Path) -> None:
    dataset = read_folder(shop(tmp_path, ORDERS))
    with pytest.raises(ConfigError, match="interactions without ratings, so that there are no stars to take"):
        make_histories(dataset, ratings=True)
    assert set(make_histories(dataset, ratings=False).inputs.data) == {1.0}


def period(since: str | None, until: str | None) -> Period:
    return Period(since and parse_time(since, "--since"), until and parse_time(until, "--until"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "until", "left"),
    [
        (None, "2026-11-02", {(1, "a"): 2, (2, "a"): 4}),
        ("2026-11-02", None, {(1, "a"): 3, (1, "b"): 1, (2, "c"): 0.5}),
        ("2026-11-03T11:00+01:00", "2026-11-04", {(1, "a"): 3}),
    ],
)
@pytest.mark.parametrize("times", ["iso", "german", "seconds", "milliseconds"])
def test_only_interactions_of_the_period_are_read(
    tmp_path: Path, since: str | None, until: str | None, left: dict[tuple[int, str], float], times: str
) -> None:
    frame = pd.read_csv(pd.io.common.StringIO(ORDERS))
    stamps = pd.to_datetime(frame.timestamp, format="ISO8601")
    if times == "german":
        frame["timestamp"] = stamps.dt.strftime("%d.%m.%Y %H:%M")
    elif times != "iso":
        unit = {"seconds": 10**9, "milliseconds": 10**6}[times]
        frame["timestamp"] = stamps.astype("datetime64[ns]").astype("int64") // unit
    dataset = read_folder(shop(tmp_path, str(frame.to_csv(index=False))), period=period(since, until))
    assert values(dataset) == left


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        (ORDERS, r"no interaction is of the period requested \(found 2026-11-01T00:00:00 to 2026-11-04T00:00:00 UTC\)"),
        (without("timestamp"), "column 'timestamp' is missing"),
        (ORDERS.replace("2026-11-02", ""), r"'timestamp' has 1 values missing \(first: row 2\)"),
        (ORDERS.replace("2026-11-02", "soon"), "column 'timestamp' is string and holds no times"),
    ],
)
def test_a_period_without_interactions_or_times_is_refused(tmp_path: Path, orders: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_folder(shop(tmp_path, orders), period=period("2027-01-01", None))


@pytest.mark.parametrize("until", [None, "2026-11-04"])
def test_data_whose_newest_interaction_is_too_old_are_refused(tmp_path: Path, until: str | None) -> None:
    newest = parse_time("2026-11-03T10:00" if until else "2026-11-04", "--until")
    folder, within = shop(tmp_path, ORDERS), period(None, until)
    assert read_folder(folder, period=replace(within, fresh_since=newest)).n_users
    late = replace(within, fresh_since=newest + timedelta(hours=1.5))
    with pytest.raises(InputError, match=r"csv: the newest interaction is of 2026-11-0\dT\d\d:00 UTC, 1.5 h"):
        read_folder(folder, period=late)
    with pytest.raises(InputError, match="column 'timestamp' is missing"):
        read_folder(shop(tmp_path, without("timestamp")), period=late)


def test_durations_are_read_as_people_write_them() -> None:
    hours = {"36h": 36, "2d": 48, "1d12h": 36, "90m": 1.5, "90min": 1.5, "1h 30m": 1.5, "0.5d": 12, "1800s": 0.5}
    assert {text: parse_duration(text) / timedelta(hours=1) for text in hours} == hours
    for text in ("", "0h", "36", "two days", "-3h"):
        with pytest.raises(ValueError, match="expected a duration such as 36h, 2d or 90m"):
            parse_duration(text)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ConfigError, match="--since yesterday: expected a date or time such as 2026-11-18"):
        parse_time("yesterday", "--since")


def test_merged_interactions_stand_in_the_order_of_their_ids() -> None:
    rng = np.random.default_rng(101)  # Arrow's own grouping leaves a pair of these behind its place
    users, items = rng.integers(0, 6, 60), rng.integers(0, 5, 60)
    table = table_of(
        {"user_id": [f"u{n}" for n in users], "item_id": [f"é{n}" for n in items], "rating": rng.integers(0, 9, 60) / 2}
    )
    merged = merge_repeats(table, "sum", None)
    pairs = list(zip(*(merged.column(name).to_pylist() for name in ("user_id", "item_id")), strict=True))
    assert pairs == sorted({(f"u{user}", f"é{item}") for user, item in zip(users, items, strict=True)})
