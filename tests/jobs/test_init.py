"""A folder that nobody has described: ``init`` writes a description that ``validate`` accepts."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.mapping import parse_mapping
from recsys_ops.datasets.times import Period, parse_time
from tests.suites.cli import CommandLine
from tests.suites.exports import BOOKS, FILMS, MOVIES, PRODUCTS, RATED_BOOKS, READERS, REVIEWS

WORDS = ("Schere", "Topf", "Bauklötze", "Papier", "grün", "groß", "und", "mit", "für", "die")


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def german_shop(folder: Path) -> Path:
    """Semicolons, decimal commas, a BOM, HTML, JSON tags, repeats, no ratings, times, and one file of Windows."""
    rng = np.random.default_rng(0)
    items = ["Artikelnr;Händler;Titel;Beschreibung;Preis;Kategorie;Schlagworte;ean"]
    for n in range(60):
        tags = json.dumps([str(tag) for tag in rng.choice(["vegan", "geschenk", "bio", "neu"], 2, replace=False)])
        text = " ".join(str(word) for word in rng.choice(WORDS, 12))
        quoted = tags.replace('"', '""')
        items.append(
            f'{n:05d};Händler {n % 5};"{WORDS[n % 5]} {n}";"<p>{text}</p>&uuml;";{n + 900}.{n:03d},{n % 90 + 10};'
            f'{["Garten > Beete", "Küche > Töpfe"][n % 2]};"{quoted}";{4000000000000 + 7 * n}'
        )
    items[1:] = [line.replace(f"{n + 900}.", "1.", 1) for n, line in enumerate(items[1:])]
    orders = ["Kunde;Artikelnr;Menge;Bestelldatum"]
    orders += [
        f"K{rng.integers(40)};{rng.integers(60):05d};{rng.integers(1, 4)};{rng.integers(1, 28):02d}.11.2026 10:00"
        for _ in range(800)
    ]
    users = ["Kunde;Ort", *(f"K{n};{['München', 'Köln'][n % 2]}" for n in range(40))]
    (folder / "artikel.csv").write_text("\r\n".join(items) + "\r\n", encoding="utf-8-sig")
    (folder / "bestellungen.csv.gz").write_bytes(gzip.compress("\n".join(orders).encode("utf-8-sig")))
    (folder / "kunden.csv").write_text("\n".join(users), encoding="cp1252")
    return folder


def test_an_export_of_a_shop_is_described_at_once_and_every_doubt_is_said(
    tmp_path: Path, command_line: CommandLine
) -> None:
    folder = german_shop(tmp_path)
    done = command_line("init", str(folder))
    assert done.code == 0, done.stderr
    assert done.stdout.endswith(f"Then: recsys-ops validate --data {folder}\n")
    assert "  * kunden.csv is not UTF-8; cp1252 is what Windows writes.\n" in done.stdout
    assert "  * 'Beschreibung' holds HTML; only what a reader sees is read.\n" in done.stdout
    assert "'ean' has another whole number in every row" in done.stdout
    mapping = parse_mapping((folder / "features.yaml").read_text(encoding="utf-8"), "features.yaml")
    assert {rule.column: rule.kind for rule in mapping.features} == {
        "Händler": "category", "Kategorie": "category", "Beschreibung": "text", "Preis": "number",
        "Schlagworte": "tags",
    }  # fmt: skip
    assert next(rule for rule in mapping.features if rule.column == "Kategorie").path_separator == " > "
    assert mapping.source("interactions").columns["timestamp"] == "Bestelldatum"
    checked = command_line("validate", "--data", str(folder))
    assert (checked.code, checked.stderr) == (0, "")
    assert checked.stdout.endswith(f"\nThen: recsys-ops nightly --data {folder}\n")
    assert load_dataset(str(folder), seed=0, period=Period(parse_time("2026-11-20", "--since"))).ratings.sum() < 800
    dataset = load_dataset(str(folder), seed=0)
    assert (dataset.n_users, dataset.n_items, dataset.values) == (40, 60, "weights")
    assert dataset.items.column("Preis")[3].as_py() == pytest.approx(1003.13)
    assert dataset.items.column("item_id")[3].as_py() == "00003"
    assert set(dataset.users.column("Ort").to_pylist()) == {"München", "Köln"}


def test_columns_without_usual_names_are_found_by_their_values(tmp_path: Path, command_line: CommandLine) -> None:
    rng = np.random.default_rng(1)
    books = pa.table(
        {"code": [f"b{n}" for n in range(30)], "title": [f"Book {n}" for n in range(30)], "pages": range(100, 130),
         "shelves": [["a", "b"] for _ in range(30)]}
    )  # fmt: skip
    ratings = pa.table(
        {"who": rng.integers(0, 9, 90), "what": [f"b{n}" for n in rng.integers(0, 30, 90)],
         "stars": rng.integers(1, 6, 90)}
    )  # fmt: skip
    pq.write_table(books, tmp_path / "books.parquet")
    pq.write_table(ratings, tmp_path / "ratings.parquet")
    done = command_line("init", str(tmp_path), "--to", str(tmp_path / "mine.yaml"))
    assert done.code == 0, done.stderr
    assert "ratings from 1 to 5 were seen; is that the scale?" in done.stdout
    assert "which column is the user_id? Name it under columns (found who, what, stars)" in done.stdout
    assert "no column names the seller; each item is its own" in done.stdout
    mapping = parse_mapping((tmp_path / "mine.yaml").read_text(), "mine.yaml")
    assert mapping.source("interactions").columns == {"item_id": "what", "rating": "stars"}
    assert mapping.source("items").columns == {"item_id": "code", "seller_id": "code"}
    assert mapping.source("items").file == f"{tmp_path}/books.parquet"


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"ratings.csv": FILMS, "movies.csv": MOVIES, "tags.csv": "x\n"}, "movielens-latest"),
        (dict.fromkeys(("ratings.dat", "movies.dat", "users.dat"), ""), "movielens-1m"),
        (dict.fromkeys(("u.data", "u.item", "u.user", "u.genre"), ""), "movielens-100k"),
        ({"Tea.jsonl": REVIEWS, "meta_Tea.jsonl": PRODUCTS}, "amazon-2023"),
        ({"BX-Book-Ratings.csv": RATED_BOOKS, "BX-Books.csv": BOOKS, "BX-Users.csv": READERS}, "book-crossing"),
    ],
)
def test_a_public_data_set_is_recognised_and_needs_no_description(
    tmp_path: Path, command_line: CommandLine, files: dict[str, str], word: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    done = command_line("init", str(tmp_path))
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.endswith(f"Then: recsys-ops validate --data {word}:{tmp_path}\n")
    assert not (tmp_path / "features.yaml").exists()
    if word in ("movielens-latest", "amazon-2023", "book-crossing"):
        assert command_line("validate", "--data", f"{word}:{tmp_path}").code == 0


def test_the_types_of_recbole_and_folders_of_part_files_are_described(
    tmp_path: Path, command_line: CommandLine
) -> None:
    items = ["item_id:token\tname:token_seq\tclass:token_seq\tyear:token\tprice:float"]
    items += [f"{n:03d}\tThing {n}\t{'red blue' if n % 2 else 'red'}\t{1990 + n % 3}\t{n}.5" for n in range(30)]
    (tmp_path / "shop.item").write_text("\n".join(items) + "\n")
    for part in range(2):
        rated = [f"u{n % 7},{n:03d},{n % 5 + 1}\n" for n in range(part * 15, part * 15 + 15)]
        (tmp_path / "ratings" / f"month={part}").mkdir(parents=True)
        (tmp_path / "ratings" / f"month={part}" / "part.csv").write_text("user_id,item_id,rating\n" + "".join(rated))
    done = command_line("init", str(tmp_path))
    assert done.code == 0, done.stderr
    mapping = parse_mapping((tmp_path / "features.yaml").read_text(), "features.yaml")
    assert (mapping.source("interactions").file, mapping.source("items").file) == ("ratings", "shop.item")
    assert {rule.column: rule.kind for rule in mapping.features} == {
        "class": "tags", "year": "category", "price": "number"
    }  # fmt: skip
    dataset = load_dataset(str(tmp_path), seed=0)
    assert (dataset.n_items, dataset.item_ids[3].as_py(), dataset.ratings.nnz) == (30, "003", 30)


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({}, (), "no table is there (found nothing)"),
        ({"notes.txt": "x"}, (), "no table is there (found notes.txt)"),
        ({"a.csv": "x\n1\n", "b.csv": "y\n1\n"}, (), "no file looks like interactions and items (found a.csv, b.csv)"),
        ({"items.csv": "a,b\n1\n"}, (), "items.csv: cannot be read"),
        ({"items.parquet": "no"}, (), "items.parquet: cannot be read"),
        ({"features.yaml": "", "items.csv": "a\n1\n"}, (), "features.yaml is there already"),
        ({"items.csv": "a\n1\n"}, ("--to", "s3://b/f.yaml"), "give a file of this machine"),
    ],
)
def test_what_cannot_be_described_is_said(
    tmp_path: Path, command_line: CommandLine, files: dict[str, str], arguments: tuple[str, ...], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = command_line("init", str(tmp_path), *arguments)
    assert done.code == 2
    assert message in done.stderr
