"""What stands in CSV and TSV files is what is read: ids, quotes, line breaks, encodings, headers."""

import gzip
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from recsys_ops.datasets.delimited import read_delimited
from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import InputError


def written(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_every_field_is_read_as_written(tmp_path: Path) -> None:
    table = read_delimited(written(tmp_path, "a.csv", 'id,x\n007, 1.50\n1e3,""\nnan,\n'), "a.csv")
    assert table.to_pydict() == {"id": ["007", "1e3", "nan"], "x": [" 1.50", "", None]}


def test_a_line_break_of_windows_within_a_field_loses_no_byte_wherever_blocks_end(tmp_path: Path) -> None:
    for shift in range(3):
        rows = "".join(f'{n},"{"p" * (n % 7)} x\r\ny"\r\n' for n in range(shift, 200_000))
        table = read_delimited(written(tmp_path, "a.csv", "id,x" + " " * shift + "\r\n" + rows), "a.csv")
        texts = table.column(1).to_pylist()
        assert len(texts) == 200_000 - shift
        assert all(text.endswith(" x\r\ny") for text in texts)


def test_a_quote_at_the_beginning_of_a_title_in_a_tsv_is_part_of_it(tmp_path: Path) -> None:
    url = written(tmp_path, "a.tsv", 'id\ttitle\n1\t"Weird Al" Live\n2\t"Unclosed\n3\tplain\n')
    titles = ['"Weird Al" Live', '"Unclosed', "plain"]
    assert read_delimited(url, "a.tsv").to_pydict() == {"id": ["1", "2", "3"], "title": titles}


def test_a_tsv_whose_quotes_enclose_fields_is_read_without_them(tmp_path: Path) -> None:
    url = written(tmp_path, "a.tsv", '"id"\t"title"\n1\t"a ""b"" c"\n2\t"d\te\nf"\n3\t""\n')
    assert read_delimited(url, "a.tsv").to_pydict() == {"id": ["1", "2", "3"], "title": ['a "b" c', "d\te\nf", ""]}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_quote_that_is_never_closed_is_an_error_and_swallows_no_row(tmp_path: Path, newline: str) -> None:
    rows = ["id,title", "1,Tea", '2,"Unclosed', "3,plain", "4,last"]
    with pytest.raises(
        InputError, match=r"^a.csv: cannot be read \(row 1: a quote before 'Unclosed.*' is never closed"
    ):
        read_table(written(tmp_path, "a.csv", newline.join([*rows, ""])), "a.csv")
    closed = newline.join([*rows[:2], '2,"two', 'lines"', "", ""])
    assert read_table(written(tmp_path, "a.csv", closed), "a.csv").column("title")[1].as_py() == f"two{newline}lines"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("id,title\n1,Tea\n2,Café\n".encode("latin-1"), r"column 'title', row 1: b'Caf\xe9'). If that is 'Café'"),
        ("id,título\n1,Tea\n".encode("latin-1"), "the header: "),
        ("id,title\n1,Tea\n".encode("utf-16"), "is UTF-16, not UTF-8. Save it as UTF-8."),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_another_encoding_is_named_with_the_first_place(
    tmp_path: Path, content: bytes, where: str, suffix: str
) -> None:
    url = written(tmp_path, f"a.{suffix}", gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(InputError) as refused:
        read_table(url, "a.csv")
    assert str(refused.value).startswith("a.csv: ")
    assert where in str(refused.value)
    assert str(refused.value).endswith("as UTF-8.")


@pytest.mark.parametrize("place", [5, 200, -6])
def test_a_damaged_gzip_is_one_clear_error(tmp_path: Path, place: int) -> None:
    content = bytearray(gzip.compress("".join(f"{n * n},{n**3}\n" for n in range(500)).encode()))
    content[place] ^= 0xFF
    damaged = [bytes(content[: len(content) // 2]), bytes(content) if place != 5 else b"\x1f\x8b\x08"]
    for content in damaged:
        with pytest.raises(InputError, match=r"^a.csv.gz: cannot be read \(.*\). Write the file again.$"):
            read_table(written(tmp_path, "a.csv.gz", content), "a.csv.gz")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_column_name_that_is_there_twice_is_refused(tmp_path: Path, suffix: str) -> None:
    url = str(tmp_path / f"a.{suffix}")
    if suffix == "parquet":
        pa.parquet.write_table(pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["id", "x", "x"]), url)
    else:
        separator = "," if suffix == "csv" else "\t"
        written(tmp_path, f"a.{suffix}", separator.join(["id", "x", "x"]) + "\n" + separator.join("123") + "\n")
    with pytest.raises(InputError, match=r"^a: column 'x' is there 2 times \(found id, x, x\). Give each column a"):
        read_table(url, "a")


@pytest.mark.parametrize("root", ["", "memory://parts"])
@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz"])
def test_the_part_files_of_a_folder_are_one_table(tmp_path: Path, root: str, suffix: str) -> None:
    folder = f"{root or tmp_path}/a.{suffix}"
    filesystem, path = fsspec.core.url_to_fs(folder)
    filesystem.makedirs(path, exist_ok=True)
    for part, ids in enumerate((["1", "2"], ["x"])):
        table = pa.table({"id": ids, "n": [part] * len(ids)})
        with filesystem.open(f"{path}/part-0000{part}.snappy.{suffix}", "wb") as stream:
            if suffix == "parquet":
                pa.parquet.write_table(table, stream)
            else:
                text = "id,n\n" + "".join(f"{row},{part}\n" for row in ids)
                stream.write(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    for name in ("_SUCCESS", ".part-00000.crc", "_committed_7"):
        filesystem.pipe(f"{path}/{name}", b"crc")
    assert read_table(folder, "a", kinds={"id": "id"}).to_pydict() == {"id": ["1", "2", "x"], "n": [0, 0, 1]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["_SUCCESS"], "is a folder without part files"),
        (["old/part-0.parquet"], "is a folder with the folder old in it"),
        (["notes.txt"], "is a folder with notes.txt in it"),
        (["part-0.csv", "part-0.parquet"], "is a folder with part-0.parquet in it"),
    ],
)
def test_a_folder_that_is_no_table_of_part_files_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    folder = tmp_path / "a.parquet"
    folder.mkdir()
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    with pytest.raises(InputError, match=f"^a.parquet: {message}"):
        read_table(str(folder), "a.parquet")


def test_part_files_of_other_types_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a.parquet"
    folder.mkdir()
    for part, values in enumerate(([1], ["x"])):
        pa.parquet.write_table(pa.table({"n": values}), folder / f"part-{part}.parquet")
    with pytest.raises(InputError, match=r"^a.parquet: its part files differ in their columns \("):
        read_table(str(folder), "a.parquet")
