"""MovieLens folders as GroupLens distributes them: 100K and 1M, with or without gzip, with or without timestamps.

MovieLens names no sellers, so each film is its own provider. A ``plots.tsv`` next to the files (film id, plot) adds
plot summaries, the part of a film that RecRec lets its provider change.
"""

import gzip
import re
import zlib
from pathlib import Path

import pyarrow as pa

from recsys_ops.arrow import Array
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.times import TIMESTAMP, Period
from recsys_ops.datasets.validate import ALL_TIME, OnBadRows, validate
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.storage import storage_errors

RATING_RANGE = (1.0, 5.0)

_PLOT = FeatureRule(column="plot", kind="text", label="plot summary")
_GENRES = FeatureRule(column="genres", kind="tags", mutable=False, label="genre")

_OCCUPATIONS_1M = [
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
]
_YEAR_IN_TITLE = re.compile(r"\((\d{4})\)\s*$")
_YEAR_IN_DATE = re.compile(r"(\d{4})$")


def read_movielens_100k(folder: str | Path, *, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME) -> Dataset:
    """Read MovieLens-100K.

    Parameters
    ----------
    folder : str or Path
        With ``u.data``, ``u.item``, ``u.user`` and ``u.genre``, each possibly gzipped, and perhaps ``plots.tsv``.
    on_bad_rows : "stop" or "quarantine"
        What happens to rows that break the contract.
    period : Period
        Of the ratings that are read; files without timestamps know none.

    Returns
    -------
    Dataset
        Items with title, plot (null where unknown), genres, year; users with age, gender, occupation, zip_code.

    Raises
    ------
    InputError
        A file is missing or its rows break the contract.
    """
    ratings = _read_rows(folder, "u.data", "\t", least=3)
    names = [name for name, _ in sorted(_read_rows(folder, "u.genre", "|", least=2), key=lambda row: int(row[1]))]
    films = _read_rows(folder, "u.item", "|", least=5 + len(names))
    users = _read_rows(folder, "u.user", "|", least=5)
    items = pa.table(
        {
            "item_id": _numbers(films, 0, "u.item"),
            "title": pa.array([film[1] for film in films], pa.string()),
            "genres": pa.array([_flagged(names, film[5:]) for film in films], pa.list_(pa.string())),
            "year": pa.array([_year(_YEAR_IN_DATE, film[2]) for film in films], pa.int64()),
        }
    )
    people = pa.table(
        {
            "user_id": _numbers(users, 0, "u.user"),
            "age": _numbers(users, 1, "u.user"),
            "gender": pa.array([user[2] for user in users], pa.string()),
            "occupation": pa.array([user[3] for user in users], pa.string()),
            "zip_code": pa.array([user[4] for user in users], pa.string()),
        }
    )
    sources = {"interactions": "u.data", "items": "u.item", "users": "u.user"}
    return _assemble("movielens-100k", folder, ratings, items, people, sources, on_bad_rows, period)


def read_movielens_1m(folder: str | Path, *, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME) -> Dataset:
    """Read MovieLens-1M.

    Parameters
    ----------
    folder : str or Path
        With ``ratings.dat``, ``movies.dat`` and ``users.dat``, each possibly gzipped, and perhaps ``plots.tsv``.
    on_bad_rows : "stop" or "quarantine"
        What happens to rows that break the contract.
    period : Period
        Of the ratings that are read; files without timestamps know none.

    Returns
    -------
    Dataset
        As ``read_movielens_100k``; age is the least of the user's band, occupation in words.

    Raises
    ------
    InputError
        A file is missing or its rows break the contract.
    """
    ratings = _read_rows(folder, "ratings.dat", "::", least=3)
    films = _read_rows(folder, "movies.dat", "::", least=3)
    users = _read_rows(folder, "users.dat", "::", least=5)
    items = pa.table(
        {
            "item_id": _numbers(films, 0, "movies.dat"),
            "title": pa.array([film[1] for film in films], pa.string()),
            "genres": pa.array([film[2].split("|") for film in films], pa.list_(pa.string())),
            "year": pa.array([_year(_YEAR_IN_TITLE, film[1]) for film in films], pa.int64()),
        }
    )
    people = pa.table(
        {
            "user_id": _numbers(users, 0, "users.dat"),
            "age": _numbers(users, 2, "users.dat"),
            "gender": pa.array([user[1] for user in users], pa.string()),
            "occupation": pa.array([_occupation(user[3]) for user in users], pa.string()),
            "zip_code": pa.array([user[4] for user in users], pa.string()),
        }
    )
    sources = {"interactions": "ratings.dat", "items": "movies.dat", "users": "users.dat"}
    return _assemble("movielens-1m", folder, ratings, items, people, sources, on_bad_rows, period)


def _assemble(
    name: str,
    folder: str | Path,
    ratings: list[list[str]],
    items: pa.Table,
    users: pa.Table,
    sources: dict[str, str],
    on_bad_rows: OnBadRows,
    period: Period,
) -> Dataset:
    file = sources["interactions"]
    has_times = period.needs_times and all(len(row) > 3 for row in ratings)
    columns = ("user_id", "item_id", "rating", *([TIMESTAMP] if has_times else []))
    interactions = pa.table({column: _numbers(ratings, i, file) for i, column in enumerate(columns)})
    items = items.append_column("seller_id", items.column("item_id"))
    plots = _plots(folder)
    if plots is not None:
        texts = [plots.get(item_id) for item_id in items.column("item_id").to_numpy().tolist()]
        items = items.append_column("plot", pa.array(texts, pa.string()))
    rules = (_GENRES,) if plots is None else (_PLOT, _GENRES)
    clean = validate(
        interactions,
        items,
        users,
        sources=sources,
        rating_range=RATING_RANGE,
        rules=rules,
        on_bad_rows=on_bad_rows,
        period=period,
    )
    return build_dataset(
        name,
        clean.interactions,
        clean.items,
        clean.users,
        rules=rules,
        rating_range=RATING_RANGE,
        rejected=clean.rejected,
    )


def _read_rows(
    folder: str | Path, file: str, separator: str, *, least: int, encoding: str = "latin-1"
) -> list[list[str]]:
    """Fields of each line; ``least`` is how many the format has at least."""
    path = _find(folder, file)
    if path is None:
        found = sorted(entry.name for entry in Path(folder).iterdir()) if Path(folder).is_dir() else []
        raise InputError(
            f"{folder}: {file} is missing (found {', '.join(found) or 'nothing'}). "
            "Give the folder that holds the MovieLens files."
        )
    rows = [line.split(separator) for line in _lines(path, encoding)]
    short = [number for number, row in enumerate(rows) if len(row) < least]
    if short:
        raise InputError(
            f"{path.name}: {len(short)} of {len(rows)} rows have fewer than {least} fields separated by {separator!r} "
            f"(first: row {short[0]} = {separator.join(rows[short[0]])!r}). Get the file again from GroupLens."
        )
    return rows


def interaction_lines(folder: str, file: str, separator: str) -> list[list[str]]:
    """The four fields of each line of the ratings, as written.

    Raises
    ------
    InputError
        The file is missing or cannot be read.
    """
    return [row[:4] for row in _read_rows(folder, file, separator, least=4)]


def _find(folder: str | Path, file: str) -> Path | None:
    return next((path for path in (Path(folder, file), Path(folder, f"{file}.gz")) if path.is_file()), None)


def _lines(path: Path, encoding: str) -> list[str]:
    with storage_errors(str(path), "reading"):
        content = path.read_bytes()
    try:
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode(encoding)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: cannot be read ({error}). Get the file again.") from error
    return [line for line in text.replace("\r\n", "\n").split("\n") if line]


def _plots(folder: str | Path) -> dict[int, str] | None:
    path = _find(folder, "plots.tsv")
    if path is None:
        return None
    parted = [line.partition("\t") for line in _lines(path, "utf-8")]
    odd = [row for row, (film, _, _) in enumerate(parted) if not film.isdecimal()]
    if odd:
        raise InputError(
            f"{path.name}: {len(odd)} of {len(parted)} rows do not begin with the id of a film and a tab "
            f"(first: row {odd[0]} = {''.join(parted[odd[0]])[:60]!r}). Correct them."
        )
    return {int(film): plot for film, _, plot in parted}


def _numbers(rows: list[list[str]], position: int, file: str) -> Array:
    texts = pa.array([row[position] for row in rows], pa.string())
    try:
        numbers: Array = pc.cast(texts, pa.int64())
    except pa.ArrowInvalid as error:
        raise InputError(f"{file}: field {position + 1} is not a number everywhere ({error}).") from error
    return numbers


def _flagged(names: list[str], flags: list[str]) -> list[str]:
    return [name for name, flag in zip(names, flags, strict=False) if flag.strip() == "1"]


def _year(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    return int(match.group(1)) if match else None


def _occupation(code: str) -> str:
    return _OCCUPATIONS_1M[int(code)] if code.isdecimal() and int(code) < len(_OCCUPATIONS_1M) else code
