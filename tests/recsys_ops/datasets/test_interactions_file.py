"""Rows are added to the interactions and taken out again in the owner's format; everything else stays."""

from pathlib import Path

import pyarrow as pa
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet
import pytest

from recsys_ops.datasets.interactions_file import GivenInteractions, given_interactions
from recsys_ops.errors import InputError

FEATURES = """\
rating_range: [1, 5]
tables:
  interactions: {file: FILE, columns: {user_id: who}}
features:
  - {column: tags, kind: tags}
"""
CSV = "who,item_id,rating,when\n007,i1,4.0,2026-01-01\nu2,i2,3,\n"


def folder(tmp_path: Path, file: str, content: bytes) -> str:
    (tmp_path / file).write_bytes(content)
    (tmp_path / "features.yaml").write_text(FEATURES.replace("FILE", file))
    return str(tmp_path)


def test_text_keeps_what_its_owner_wrote_and_gets_rows_below(tmp_path: Path) -> None:
    given = given_interactions(folder(tmp_path, "stars.csv", CSV.encode()), seed=0)
    both = given.with_rows(["antidote-1", "antidote-1"], ["i1", "i2"], [5.0, 2.25])
    assert both.encoded().decode().replace('"', "") == CSV + "antidote-1,i1,5,\nantidote-1,i2,2.25,\n"
    assert both.without_users(["antidote-1"]).encoded() == given.encoded()


@pytest.mark.parametrize("file", ["a.parquet", "a.arrow", "a.csv.gz", "a.tsv"])
def test_what_was_added_can_be_read_and_taken_out_in_every_format(tmp_path: Path, file: str) -> None:
    table = pa.table({"who": pa.array([1, 2], pa.int32()), "item_id": ["a", "b"], "rating": [4.0, 1.5], "n": [7, 8]})
    if file.endswith("parquet"):
        pa_parquet.write_table(table, tmp_path / file)
    elif file.endswith("arrow"):
        pa_feather.write_feather(table, str(tmp_path / file))
    else:
        text = table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))
        (tmp_path / file).write_bytes(GivenInteractions(file, text, user="who").encoded())
    given = given_interactions(folder(tmp_path, file, (tmp_path / file).read_bytes()), seed=0)
    both = given.with_rows([3, 3], ["a", "b"], [5.0, 2.5])
    again = given_interactions(folder(tmp_path, file, both.encoded()), seed=0)
    assert again.table.equals(both.table)
    assert again.table.num_rows == 4
    assert again.without_users([3]).table.equals(given.table)


def test_lines_of_movielens_stay_lines_of_movielens(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t2\t5\t88\n2\t2\t4\t89\n")
    given = given_interactions(f"movielens-100k:{tmp_path}", seed=0)
    both = given.with_rows([3], [2], [4.0])
    assert both.encoded() == b"1\t2\t5\t88\n2\t2\t4\t89\n3\t2\t4\t0\n"
    assert both.without_users([3]).encoded() == (tmp_path / "u.data").read_bytes()
    with pytest.raises(InputError, match=r"u\.data: MovieLens knows whole stars only"):
        given.with_rows([3], [2], [3.5])


def test_ratings_that_do_not_fit_the_column_are_refused() -> None:
    table = pa.table({"user_id": [1], "item_id": [1], "rating": pa.array([4], pa.int8())})
    given = GivenInteractions("a.parquet", table)
    assert given.with_rows([2], [1], [5.0]).table["rating"].to_pylist() == [4, 5]
    with pytest.raises(InputError, match=r"a\.parquet: column 'rating' is int8, and 3\.5 and others do not fit"):
        given.with_rows([2], [1], [3.5])
