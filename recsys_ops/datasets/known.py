"""Public data sets whose files need no description: MovieLens latest, Book-Crossing, and how all are recognised."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

import pyarrow as pa

from recsys_ops.datasets.amazon import category_files
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.folder import given_described, read_described
from recsys_ops.datasets.mapping import parse_mapping
from recsys_ops.datasets.times import Period
from recsys_ops.datasets.validate import ALL_TIME, OnBadRows
from recsys_ops.errors import InputError
from recsys_ops.storage import is_missing_file, open_file, open_store, storage_errors


@dataclass(frozen=True)
class Described:
    """A data set in files of text: how each file begins, and the ``features.yaml`` that it would need."""

    headers: MappingOf[str, str]
    mapping: str
    source: str


MOVIELENS_LATEST = Described(
    {"ratings.csv": "userId,movieId,rating,timestamp", "movies.csv": "movieId,title,genres"},
    """\
rating_range: [0.5, 5]
tables:
  interactions: {file: ratings.csv, columns: {user_id: userId, item_id: movieId}}
  items: {file: movies.csv, columns: {item_id: movieId, seller_id: movieId}, missing: ["(no genres listed)"]}
features:
  - {column: genres, kind: tags, mutable: false, label: genre}
""",
    "GroupLens",
)
BOOK_CROSSING = Described(
    {
        "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"',
        "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher"',
        "BX-Users.csv": '"User-ID";"Location";"Age"',
    },
    """\
rating_range: [1, 10]
tables:
  interactions: {file: BX-Book-Ratings.csv, delimiter: ";", encoding: latin-1, escape: "\\\\",
    columns: {user_id: User-ID, item_id: ISBN, rating: Book-Rating}}
  items: {file: BX-Books.csv, delimiter: ";", encoding: latin-1, escape: "\\\\",
    columns: {item_id: ISBN, title: Book-Title, seller_id: Publisher}}
  users: {file: BX-Users.csv, delimiter: ";", encoding: latin-1, escape: "\\\\", missing: ["NULL"],
    columns: {user_id: User-ID}}
features:
  - {column: title, kind: text}
  - {column: Book-Author, kind: category, mutable: false, label: author}
""",
    "the Book-Crossing page",
)
DESCRIBED = dict.fromkeys(("movielens-latest", "movielens-20m", "movielens-25m", "movielens-32m"), MOVIELENS_LATEST) | {
    "book-crossing": BOOK_CROSSING
}
"""Words of ``--data``."""

_FILES = {
    "movielens-100k": {"u.data", "u.item", "u.user", "u.genre"},
    "movielens-1m": {"ratings.dat", "movies.dat", "users.dat"},
}


def read_known(word: str, folder: str, *, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME) -> Dataset:
    """Read a data set of ``DESCRIBED``.

    Parameters
    ----------
    word : str
        Which one.
    folder : str
        URL of the folder as it is distributed.
    on_bad_rows, period
        As for ``read_folder``.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        A file is missing, begins otherwise or cannot be read, or its rows break the contract.
    """
    known = DESCRIBED[word]
    for file, expected in known.headers.items():
        found = _first_line(folder, file)
        if found is None:
            raise InputError(f"{folder}: {file} is missing. Give the folder as {known.source} distributes it.")
        if not _begins(found, expected):
            raise InputError(
                f"{file}: begins with {found[:80]!r}, expected {expected!r}. Get the file again from "
                f"{known.source}, or describe what it is: recsys-ops init {folder}."
            )
    mapping = parse_mapping(known.mapping, word)
    return read_described(folder.rstrip("/"), mapping, word, on_bad_rows=on_bad_rows, period=period)


def given_interactions_of(word: str, folder: str) -> tuple[str, pa.Table, dict[str, str]]:
    """The interactions of a data set of ``DESCRIBED`` as they are written; see ``given_table``."""
    return given_described(folder.rstrip("/"), parse_mapping(DESCRIBED[word].mapping, word), "interactions")


def recognise(folder: str) -> str | None:
    """The word of ``--data`` for a folder of a known data set, None for others.

    Parameters
    ----------
    folder : str
        Its URL.

    Raises
    ------
    StorageError
        The store refused.
    """
    filesystem, path = open_store(folder)
    with storage_errors(folder, "listing"):
        entries = filesystem.ls(path, detail=False) if filesystem.isdir(path) else []
    names = {str(entry).rstrip("/").rpartition("/")[2].removesuffix(".gz") for entry in entries}
    for word, files in _FILES.items():
        if files <= names:
            return word
    for word, known in DESCRIBED.items():
        if all(_begins(_first_line(folder, file) or "", header) for file, header in known.headers.items()):
            return word
    try:
        category_files(folder)
    except InputError:
        return None
    return "amazon-2023"


def _begins(line: str, header: str) -> bool:
    """Whether a line is the header, with or without quotes."""
    return line.replace('"', "").startswith(header.replace('"', ""))


def _first_line(folder: str, file: str) -> str | None:
    """How a file begins, without its byte order mark; None where there is no such file."""
    url = f"{folder.rstrip('/')}/{file}"
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream:
                line: bytes = stream.readline(2**10)
        except OSError as error:
            if not is_missing_file(error):
                raise
            return None
    return line.decode("utf-8-sig", "replace").rstrip("\r\n")
