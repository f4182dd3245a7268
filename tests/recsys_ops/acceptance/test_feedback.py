"""Feedback meets the recourses that it is about, or is refused with the rows named."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from recsys_ops.acceptance.feedback import RatedCases, case_ids, read_cases, read_feedback
from recsys_ops.errors import InputError
from tests.reactions import recourse_rows, recourse_run

GOOD = {"case_id": ["r/0/all/0", "r/1/all/0"], "person_id": ["p", "p"], "accept": [1, 7], "act": [7, 1]}
NOTHING = pa.array([[], []], pa.list_(pa.string()))


@pytest.fixture
def cases() -> RatedCases:
    """Two recourses, the second of two changes."""
    return read_cases([recourse_run(("price",), ("price", "tag: new"))])


def write(folder: Path, **columns: Any) -> str:
    path = folder / "feedback.parquet"
    pq.write_table(pa.table(GOOD | {"impossible_features": NOTHING} | columns), path)
    return str(path)


def test_a_case_is_named_after_run_item_group_and_option() -> None:
    rows = recourse_rows(("price",), ("price",), group=["all", "18-24"], option=[0, 3])
    assert case_ids("night", rows).to_pylist() == ["night/0/all/0", "night/1/18-24/3"]


def test_no_two_cases_have_one_name() -> None:
    parts = ["a", "a/b", "a%2Fb", "b/0", "/", "%", "", "%25"]
    rows = [{"item_id": item, "group": group, "option": 0} for item in parts for group in parts]
    names = case_ids("r", pa.Table.from_pylist(rows)).to_pylist()
    assert len(set(names)) == len(rows)


def test_ratings_get_seller_and_distances_of_their_case(tmp_path: Path, cases: RatedCases) -> None:
    feedback = read_feedback(write(tmp_path), cases)
    assert feedback.table.select(["case_id", "seller_id", "sparsity", "proximity", "act"]).to_pylist() == [
        {"case_id": "r/0/all/0", "seller_id": "ann", "sparsity": 1.0, "proximity": 0.5, "act": 7.0},
        {"case_id": "r/1/all/0", "seller_id": "ann", "sparsity": 2.0, "proximity": 1.0, "act": 1.0},
    ]
    assert feedback.measured_by == {"sparsity": "sparsity", "proximity": "proximity"}


def test_ratings_of_several_runs_are_read_together(tmp_path: Path) -> None:
    cases = read_cases([recourse_run(("price",)), recourse_run(("price",), ("tag: new",), run_id="s")])
    feedback = read_feedback(write(tmp_path, case_id=["r/0/all/0", "s/1/all/0"]), cases)
    assert feedback.table.num_rows == 2


def test_a_run_of_an_earlier_version_is_measured_by_what_it_has_and_says_so() -> None:
    old = recourse_run(("price",), ("price", "tag: new"))
    old.tables["recourse"] = old.tables["recourse"].drop_columns(["sparsity", "proximity"])
    cases = read_cases([old])
    assert cases.measured_by == {"sparsity": "n_changes", "proximity": "l1"}
    assert cases.table["proximity"].to_pylist() == [0.25, 0.5]


def test_runs_that_measure_differently_are_not_mixed() -> None:
    new, old = recourse_run(("price",)), recourse_run(("price",), run_id="old")
    old.tables["recourse"] = old.tables["recourse"].drop_columns(["proximity"])
    with pytest.raises(
        InputError, match="run old: measures distance by sparsity and l1, but run r by sparsity and prox"
    ):
        read_cases([new, old])


def test_runs_whose_sellers_are_of_two_types_are_not_mixed() -> None:
    one, other = recourse_run(("price",)), recourse_run(("price",), run_id="s")
    table = other.tables["recourse"]
    other.tables["recourse"] = table.set_column(1, "seller_id", pa.array([7]))
    with pytest.raises(InputError, match="seller_id is int64 and string"):
        read_cases([one, other])


def test_impossible_features_come_as_lists_or_as_one_string(tmp_path: Path, cases: RatedCases) -> None:
    lists = pa.array([None, ["price", "tag: new"]], pa.list_(pa.string()))
    as_lists = read_feedback(write(tmp_path, impossible_features=lists), cases).table
    as_text = read_feedback(write(tmp_path, impossible_features=[None, "price| tag: new "]), cases).table
    assert as_lists["impossible_features"].to_pylist() == [[], ["price", "tag: new"]]
    assert as_text["impossible_features"].to_pylist() == as_lists["impossible_features"].to_pylist()


def test_a_feature_named_twice_in_a_row_counts_once(tmp_path: Path, cases: RatedCases) -> None:
    lists = pa.array([["price", "price"], ["tag: new", "price", "tag: new"]], pa.list_(pa.string()))
    for twice in (lists, ["price|price", "tag: new|price| tag: new"]):
        feedback = read_feedback(write(tmp_path, impossible_features=twice), cases)
        assert feedback.table["impossible_features"].to_pylist() == [["price"], ["tag: new", "price"]]


def test_a_csv_file_is_read_like_a_parquet_file(tmp_path: Path, cases: RatedCases) -> None:
    path = str(tmp_path / "feedback.csv")
    pa_csv.write_csv(pa.table(GOOD | {"impossible_features": ["", "price"]}), path)
    lists = pa.array([[], ["price"]], pa.list_(pa.string()))
    expected = read_feedback(write(tmp_path, impossible_features=lists), cases).table
    assert read_feedback(path, cases).table.equals(expected)


def test_a_recourse_with_something_impossible_is_not_among_the_possible(tmp_path: Path, cases: RatedCases) -> None:
    feedback = read_feedback(write(tmp_path, impossible_features=["", "price"]), cases)
    assert feedback.possible["case_id"].to_pylist() == ["r/0/all/0"]


def test_what_is_done_or_dismissed_or_impossible_needs_no_ratings(tmp_path: Path, cases: RatedCases) -> None:
    feedback = read_feedback(
        write(
            tmp_path, accept=[None, None], act=pa.array([None, None], pa.int64()), decision=["dismissed", ""],
            comment=["too dear, \"really\"\n", " "], impossible_features=["", "price"],
        ),
        cases,
    )  # fmt: skip
    columns = ["item_id", "decision", "comment", "features", "impossible_features"]
    assert feedback.table.select(columns).to_pylist() == [
        {
            "item_id": 0, "decision": "dismissed", "comment": "too dear, \"really\"\n", "features": ["price"],
            "impossible_features": [],
        },
        {
            "item_id": 1, "decision": None, "comment": None, "features": ["price", "tag: new"],
            "impossible_features": ["price"],
        },
    ]  # fmt: skip
    assert feedback.possible.num_rows == 0


BAD_ROWS = {
    "an unknown decision": (
        {"decision": ["done", "perhaps"]},
        "column 'decision' has 1 value that is not done or dismissed (first: row 1 = perhaps)",
    ),
    "one rating without the other, though done": (
        {"act": [7, None], "decision": ["done", "done"]},
        "column 'act' has 1 value missing (first: row 1 = null)",
    ),
    "an unknown case": (
        {"case_id": ["r/0/all/0", "r/9/all/0"]},
        "feedback.parquet: column 'case_id' has 1 value that is no recourse of the runs (first: row 1 = r/9/all/0). "
        "Name the runs that were rated with --run, remove these rows, or pass --on-bad-rows quarantine.",
    ),
    "a rating of 9": (
        {"accept": [1, 9]},
        "feedback.parquet: column 'accept' has 1 value that is no whole number 1 to 7 (first: row 1 = 9). "
        "Correct them, or pass --on-bad-rows quarantine.",
    ),
    "half a rating": (
        {"act": [7, 1.5]},
        "column 'act' has 1 value that is no whole number 1 to 7 (first: row 1 = 1.5)",
    ),
    "NaN": ({"act": [7, float("nan")]}, "column 'act' has 1 value that is no whole number 1 to 7 (first: row 1 = nan)"),
    "a missing rating": ({"act": [7, None]}, "column 'act' has 1 value missing (first: row 1 = null)"),
    "a missing person": ({"person_id": ["p", None]}, "column 'person_id' has 1 value missing (first: row 1 = null)"),
    "a missing case": ({"case_id": ["r/0/all/0", None]}, "column 'case_id' has 1 value missing (first: row 1 = null)"),
    "a person twice for a case": (
        {"case_id": ["r/0/all/0", "r/0/all/0"]},
        "feedback.parquet: column 'case_id' has 1 value rated before by the same person (first: row 1 = p, r/0/all/0). "
        "Keep one row per person and case, or pass --on-bad-rows quarantine.",
    ),
    "a feature that the case does not change": (
        {"impossible_features": ["", "tag: new|colour"]},
        "column 'impossible_features' has 1 value that the case does not change "
        "(first: row 1 = r/1/all/0, tag: new|colour)",
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_refused_and_named(tmp_path: Path, cases: RatedCases, name: str) -> None:
    columns, message = BAD_ROWS[name]
    with pytest.raises(InputError) as refused:
        read_feedback(write(tmp_path, **columns), cases)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", BAD_ROWS)
def test_quarantine_sets_bad_rows_aside_and_keeps_the_others(tmp_path: Path, cases: RatedCases, name: str) -> None:
    feedback = read_feedback(write(tmp_path, **BAD_ROWS[name][0]), cases, on_bad_rows="quarantine")
    assert feedback.table["case_id"].to_pylist() == ["r/0/all/0"]
    (row,) = feedback.rejected.to_pylist()
    assert (row["table"], row["row"]) == ("feedback", 1)


def test_a_recourse_that_changes_nothing_cannot_be_rated(tmp_path: Path) -> None:
    cases = read_cases([recourse_run(("price",), ())])
    with pytest.raises(InputError, match=r"no recourse of the runs \(first: row 1 = r/1/all/0\)"):
        read_feedback(write(tmp_path), cases)


def test_a_missing_column_is_named_with_what_the_table_needs(tmp_path: Path, cases: RatedCases) -> None:
    path = str(tmp_path / "f.parquet")
    pq.write_table(pa.table(GOOD), path)
    with pytest.raises(
        InputError, match=r"f.parquet: column 'impossible_features' is missing .* needs case_id, person_id"
    ):
        read_feedback(path, cases)


def test_words_in_place_of_ratings_are_named(tmp_path: Path, cases: RatedCases) -> None:
    with pytest.raises(
        InputError, match=r"'act' is string, expected a number .*row 0 = 'yes'; .*\)\. Correct the column\.$"
    ):
        read_feedback(write(tmp_path, act=["yes", "2"]), cases)
