"""MovieLens folders: tiny ones written here, the real ones where they are."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.movielens import read_movielens_1m, read_movielens_100k
from recsys_ops.errors import InputError

FILES_100K = {
    "u.data": "2\t1\t5\t88\n1\t2\t3\t99\n1\t1\t4\t97\n",
    "u.item": "1|Café (1995)|01-Jan-1995||http://x|0|1\n2|Nikita|||http://y|1|0\n",
    "u.user": "1|24|M|writer|02139\n2|53|F|other|T8H1N\n",
    "u.genre": "unknown|0\nAction|1\n\n",
    "plots.tsv": "1\tWaiters über all.\n",
}
FILES_1M = {
    "ratings.dat": "2::1::5::88\n1::2::3::99\n1::1::4::97\n",
    "movies.dat": "1::Café (1995)::Action|Drama\n2::Nikita::Drama\n",
    "users.dat": "1::M::25::20::02139\n2::F::56::1::T8H1N\n",
    "plots.tsv": "1\tWaiters über all.\n",
}


def write(folder: Path, files: dict[str, str], *, gz: bool = False) -> Path:
    for name, text in files.items():
        content = text.encode("utf-8" if name == "plots.tsv" else "latin-1")
        folder.joinpath(f"{name}.gz" if gz else name).write_bytes(gzip.compress(content) if gz else content)
    return folder


@pytest.mark.parametrize("gz", [False, True])
def test_100k_has_its_films_users_and_ratings(tmp_path: Path, gz: bool) -> None:
    dataset = load_dataset(f"movielens-100k:{write(tmp_path, FILES_100K, gz=gz)}", seed=0)
    assert dataset.ratings.toarray().tolist() == [[4, 3], [5, 0]]
    assert dataset.items.to_pylist() == [
        {
            "item_id": 1,
            "seller_id": 1,
            "title": "Café (1995)",
            "genres": ["Action"],
            "year": 1995,
            "plot": "Waiters über all.",
        },
        {"item_id": 2, "seller_id": 2, "title": "Nikita", "genres": ["unknown"], "year": None, "plot": None},
    ]
    assert dataset.users.to_pylist()[0] == {
        "user_id": 1,
        "age": 24,
        "gender": "M",
        "occupation": "writer",
        "zip_code": "02139",
    }


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("has_timestamps", [False, True])
def test_1m_is_read_with_and_without_gzip_and_timestamps(tmp_path: Path, gz: bool, has_timestamps: bool) -> None:
    lines = FILES_1M["ratings.dat"].splitlines()
    ratings = "\n".join(line if has_timestamps else line.rpartition("::")[0] for line in lines)
    dataset = load_dataset(f"movielens-1m:{write(tmp_path, FILES_1M | {'ratings.dat': ratings}, gz=gz)}", seed=0)
    assert dataset.ratings.toarray().tolist() == [[4, 3], [5, 0]]
    assert dataset.items.column("genres").to_pylist() == [["Action", "Drama"], ["Drama"]]
    assert dataset.items.column("year").to_pylist() == [1995, None]
    assert dataset.users.column("occupation").to_pylist() == ["writer", "academic/educator"]
    assert [(rule.column, rule.mutable) for rule in dataset.rules] == [("plot", True), ("genres", False)]


def test_without_plots_there_is_no_plot_to_change(tmp_path: Path) -> None:
    dataset = read_movielens_1m(write(tmp_path, {k: v for k, v in FILES_1M.items() if k != "plots.tsv"}))
    assert [rule.column for rule in dataset.rules] == ["genres"]
    assert "plot" not in dataset.items.column_names


def test_a_missing_file_is_named_with_those_found(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES_100K.items() if name != "u.data"}
    with pytest.raises(InputError, match=r"u.data is missing \(found plots.tsv, u.genre, u.item, u.user\)"):
        read_movielens_100k(write(tmp_path, files))
    with pytest.raises(InputError, match=r"u.data is missing \(found nothing\)"):
        read_movielens_100k(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("u.data", "1\t1\t9\t3\n", r"u.data: column 'rating' has 1 value outside \[1, 5\] \(first: row 0 = 9\)"),
        ("u.data", "1\t7\t4\t3\n", r"u.data: column 'item_id' has 1 value that u.item does not have"),
        ("u.data", "1::1::4\n", r"u.data: 1 of 1 rows have fewer than 3 fields"),
        ("u.data", "1\tone\t4\n", r"u.data: field 2 is not a number everywhere"),
    ],
)
def test_bad_rows_name_the_file_of_movielens(tmp_path: Path, file: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_movielens_100k(write(tmp_path, FILES_100K | {file: text}))


def test_the_real_100k_has_the_counts_of_its_readme(real_data: Path) -> None:
    dataset = read_movielens_100k(real_data / "ml-100k")
    assert dataset.ratings.shape == (943, 1_682)
    assert np.bincount(dataset.ratings.data.astype(int))[1:].tolist() == [6_110, 11_370, 27_145, 34_174, 21_201]
    assert dataset.items.num_rows - dataset.items.column("plot").null_count == 1_665
    ages = dataset.users.column("age").to_numpy()
    assert (ages.min(), ages.max()) == (7, 73)
    assert len(set(dataset.users.column("occupation").to_pylist())) == 21


def test_the_real_1m_has_the_counts_of_its_readme(real_data: Path) -> None:
    dataset = read_movielens_1m(real_data / "ml-1m")
    assert dataset.ratings.shape == (6_040, 3_883)
    counts = np.bincount(dataset.ratings.data.astype(int))[1:].tolist()
    assert counts == [56_174, 107_557, 261_197, 348_971, 226_310]
    assert dataset.items.num_rows - dataset.items.column("plot").null_count == 3_856
    assert len({genre for genres in dataset.items.column("genres").to_pylist() for genre in genres}) == 18
    assert (
        sum(not (zip_code.isdecimal() and len(zip_code) == 5) for zip_code in dataset.users["zip_code"].to_pylist())
        == 81
    )


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES_1M, gz=True)
    content = bytearray((folder / "movies.dat.gz").read_bytes())
    content[-6] ^= 0xFF
    (folder / "movies.dat.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"^movies.dat.gz: cannot be read \(CRC check .*\). Get the file"):
        read_movielens_1m(folder)


def test_a_plot_without_the_id_of_a_film_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES_1M | {"plots.tsv": "1\tA plot\nand more\n"})
    with pytest.raises(InputError, match=r"^plots.tsv: 1 of 2 rows do not begin .* \(first: row 1 = 'and more'\)"):
        read_movielens_1m(folder)
