"""Files of text as shops export them: other separators, decimal commas, encodings, packings, and JSON lines."""

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.folder import read_folder
from recsys_ops.datasets.table_file import read_as_written
from recsys_ops.errors import InputError

ITEMS = """\
Artikelnr;Händler;Titel;Preis;Schlagworte
00034;Müller;"Bauklötze; groß";1.299,50;["vegan", "geschenk"]
00035;Müller;Tee;3,9;["bio"]
00036;Öz;Öl;12;[]
"""
ORDERS = "Kunde;Artikelnr;Menge\n7;00034;2\n7;00034;1\n8;00036;1,5\n"
MAPPING = """\
tables:
  items: {file: artikel.csv, delimiter: ";", decimal: ",", encoding: ENCODING,
    columns: {item_id: Artikelnr, seller_id: Händler, title: Titel, price: Preis, tags: Schlagworte}}
  interactions: {file: bestellungen.csv, delimiter: ";", decimal: ",", encoding: ENCODING,
    columns: {user_id: Kunde, item_id: Artikelnr, weight: Menge}}
features:
  - {column: price, kind: number}
  - {column: tags, kind: tags}
"""


def german_shop(folder: Path, encoding: str = "utf-8", mapping: str = MAPPING) -> str:
    (folder / "artikel.csv").write_bytes(ITEMS.replace("\n", "\r\n").encode(encoding))
    (folder / "bestellungen.csv").write_bytes(ORDERS.encode(encoding))
    (folder / "features.yaml").write_text(mapping.replace("ENCODING", encoding), encoding="utf-8")
    return str(folder)


def check_german_shop(dataset: Dataset) -> None:
    items = dataset.items.to_pylist()
    assert [item["item_id"] for item in items] == ["00034", "00035", "00036"]
    assert [item["title"] for item in items] == ["Bauklötze; groß", "Tee", "Öl"]
    assert [item["price"] for item in items] == [1299.5, 3.9, 12]
    assert [item["tags"] for item in items] == [["vegan", "geschenk"], ["bio"], []]
    assert dataset.ratings.toarray().tolist() == [[3, 0, 0], [0, 0, 1.5]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1"])
def test_a_shop_export_is_read_right(tmp_path: Path, encoding: str) -> None:
    check_german_shop(read_folder(german_shop(tmp_path, encoding)))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (MAPPING.replace('delimiter: ";", ', ""), r"separated by ';', not by ','.*Give the table delimiter: ';'"),
        (MAPPING.replace("ENCODING", "klingon"), "there is no encoding 'klingon'"),
        (MAPPING.replace("ENCODING", "utf-16"), "a file of encoding utf-16 is not read; save it as UTF-8"),
        (
            MAPPING.replace('decimal: ",", ', ""),
            "column 'Preis' is string, expected a number .*first: row 0 = '1.299,50'",
        ),
        (MAPPING.replace('delimiter: ";"', 'delimiter: ";;"'), "tables.items.delimiter: .*at most 1 character"),
    ],
)
def test_what_is_written_otherwise_than_said_is_named(tmp_path: Path, mapping: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_folder(german_shop(tmp_path, mapping=mapping))


def test_of_a_column_with_a_decimal_comma_only_what_is_no_number_is_named(tmp_path: Path) -> None:
    folder = german_shop(tmp_path, mapping=MAPPING.replace("ENCODING", "utf-8"))
    file = tmp_path / "artikel.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("3,9", "drei"), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"'Preis' is string, expected a number \(1 of 3 values .*first: row 1 = 'drei';"
    ):
        read_folder(folder)


def test_a_file_in_the_encoding_of_windows_says_which_setting_helps(tmp_path: Path) -> None:
    german_shop(tmp_path, "cp1252", MAPPING.replace("ENCODING", "utf-8"))
    with pytest.raises(InputError, match=r"not UTF-8 .*Give the table encoding: cp1252 in features.yaml"):
        read_folder(str(tmp_path))


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("table.csv", content)
    return packed.getvalue()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".zip", zipped)])
@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl"])
def test_packed_files_are_as_unpacked_ones(
    tmp_path: Path, kind: str, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    content = {".csv": b"a,b\n1,x\n", ".tsv": b"a\tb\n1\tx\n", ".jsonl": b'{"a": "1", "b": "x"}\n'}[kind]
    path = tmp_path / f"t{kind}{suffix}"
    path.write_bytes(pack(content))
    assert read_as_written(str(path), path.name).to_pylist() == [{"a": "1", "b": "x"}]
    path.write_bytes(pack(content)[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        read_as_written(str(path), path.name)


def test_text_in_json_lines_stays_text_though_it_looks_like_a_time(tmp_path: Path) -> None:
    rows = [{"item_id": "2020-01-01", "tags": ["2021-01-01"], "n": 3}, {"item_id": "2020-01-02", "tags": [], "n": 4.5}]
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_as_written(str(path), path.name).to_pylist() == rows


@pytest.mark.parametrize("content", [b'{"a": 1}\n{"a": "x"}\n', b"a,b\n1,2\n", b'{"a": \xff}\n', b""])
def test_what_is_no_json_line_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"items.jsonl: cannot be read"):
        read_as_written(str(path), path.name)


def test_a_table_that_is_not_text_has_no_delimiter(tmp_path: Path) -> None:
    mapping = MAPPING.replace("artikel.csv", "artikel.jsonl")
    (tmp_path / "artikel.jsonl").write_text("{}")
    with pytest.raises(InputError, match=r"artikel.jsonl: only files of text have a delimiter and an encoding"):
        read_folder(german_shop(tmp_path, mapping=mapping))
