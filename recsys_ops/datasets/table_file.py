"""One table from a Parquet, Arrow, CSV or JSON lines file, or a folder of part files, at any fsspec URL."""

import zipfile
import zlib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet

from recsys_ops.datasets.delimited import AS_SUFFIX_SAYS, Dialect, read_delimited
from recsys_ops.datasets.interpret import interpreted
from recsys_ops.datasets.json_lines import read_json_lines
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.storage import (
    is_bad_content,
    is_missing_file,
    open_file,
    open_store,
    refuse_credentials,
    storage_errors,
)

_PACKED = ("", ".gz", ".bz2", ".zip")
_DELIMITED = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv") for packed in _PACKED)
_JSON_LINES = tuple(f"{kind}{packed}" for kind in (".jsonl", ".ndjson") for packed in _PACKED)
SUFFIXES = (".parquet", ".arrow", ".feather", ".ipc", *_DELIMITED, *_JSON_LINES)
"""What table files may end in."""
SUFFIXES_IN_WORDS = ".parquet, .arrow, .feather, .ipc, .csv, .tsv, .jsonl or .ndjson (text also with .gz, .bz2 or .zip)"

_UNREADABLE = (pa.ArrowException, EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error)
"""What pyarrow, gzip and the stores raise for files that they cannot read."""


def read_table(url: str, file: str, *, kinds: Mapping[str, str] | None = None) -> pa.Table:
    """Read a whole table.

    Parameters
    ----------
    url : str
        Any fsspec URL, ending in one of ``SUFFIXES``: a file, or a folder of part files as Spark writes it.
    file : str
        Its name for messages.
    kinds : mapping of str to str, optional
        What columns hold, as ``interpreted`` reads it; only files of text need it.

    Returns
    -------
    pyarrow.Table
        In CSV files an empty field is null, a quoted empty one an empty string.

    Raises
    ------
    InputError
        The file is missing, cannot be parsed, has an unknown suffix or a column name twice.
    StorageError
        The store refused; ConfigError if the URL holds credentials.
    """
    table = read_as_written(url, file)
    return interpreted(table, kinds or {}) if is_delimited(url) else table


def is_delimited(url: str) -> bool:
    """Whether a URL is that of a table as text, to be interpreted."""
    return url.rstrip("/").endswith(_DELIMITED)


def read_as_written(url: str, file: str, dialect: Dialect = AS_SUFFIX_SAYS) -> pa.Table:
    """Read a whole table; files of text in their ``dialect`` as strings, otherwise as ``read_table``.

    Raises
    ------
    InputError, StorageError, ConfigError
        As ``read_table``.
    """
    refuse_credentials(url)
    if not url.rstrip("/").endswith(SUFFIXES):
        raise InputError(f"{file}: unknown kind of file. Use {SUFFIXES_IN_WORDS}.")
    if dialect != AS_SUFFIX_SAYS and not is_delimited(url):
        raise InputError(f"{file}: only files of text have a delimiter and an encoding. Leave them out.")
    table = _read_file(url, file, dialect)
    if table is None:
        table = _read_parts(url.rstrip("/"), file, dialect)
    _refuse_repeated_names(table, file)
    return table


def first_file(url: str, file: str) -> str:
    """URL of the table, or of its first part file where it is a folder; raises as ``read_table``."""
    filesystem, path = open_store(url)
    with storage_errors(url, "listing"):
        is_folder = filesystem.isdir(path)
    return f"{url.rstrip('/')}/{_parts(url.rstrip('/'), file)[0]}" if is_folder else url


def _read_file(url: str, file: str, dialect: Dialect) -> pa.Table | None:
    """The table in a file, None where there is no file of that name."""
    with storage_errors(url, "reading"):
        try:
            if is_delimited(url):
                return read_delimited(url, file, dialect)
            if url.endswith(_JSON_LINES):
                return read_json_lines(url)
            with open_file(url) as stream:
                if url.endswith(".parquet"):  # read_table refuses repeated names in words of its own
                    table: pa.Table = pa_parquet.ParquetFile(stream).read()
                    return table
                return pa_feather.read_table(stream)
        except (InputError, ConfigError):
            raise
        except _UNREADABLE as error:
            if is_missing_file(error):
                return None
            if not is_bad_content(error):
                raise
            reason = " ".join(str(error).split())
            raise InputError(f"{file}: cannot be read ({reason}). Write the file again.") from error


def _read_parts(folder: str, file: str, dialect: Dialect) -> pa.Table:
    """The tables in the files of a folder below each other; names that begin with . or _ are not of the table."""
    parts = _parts(folder, file)
    odd = [part for part in parts if not part.endswith(SUFFIXES) or is_delimited(part) != is_delimited(folder)]
    if odd:
        raise InputError(
            f"{file}: is a folder with {odd[0]} in it, expected part files of one kind. Name the file that holds the "
            "table under tables in features.yaml, or remove what is no part of it."
        )
    tables = []
    for part in parts:
        table = _read_file(f"{folder}/{part}", f"{file}/{part}", dialect)
        if table is None:
            raise InputError(f"{file}/{part}: is a folder. Put the part files of a table into one folder.")
        _refuse_repeated_names(table, f"{file}/{part}")
        tables.append(table)
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: its part files differ in their columns ({reason}). Write them again.") from error


def _parts(folder: str, file: str) -> list[str]:
    filesystem, path = open_store(folder)
    with storage_errors(folder, "listing"):
        try:
            names = sorted(entry.rstrip("/").rpartition("/")[2] for entry in filesystem.ls(path, detail=False))
        except OSError as error:
            if not is_missing_file(error):
                raise
            raise InputError(f"{file}: there is no such file ({folder}).") from error
    if "_delta_log" in names:
        raise InputError(f"{file}: is a Delta table, some of whose files may be deleted. Export it as Parquet files.")
    parts = [name for name in names if name and not name.startswith((".", "_"))]
    if not parts:
        if not names:
            raise InputError(f"{file}: there is no such file ({folder}).")
        raise InputError(f"{file}: is a folder without part files (found {', '.join(names)}). Write it again.")
    return parts


def _refuse_repeated_names(table: pa.Table, file: str) -> None:
    names = table.column_names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{file}: column '{repeated[0]}' is there {names.count(repeated[0])} times (found {', '.join(names)}). "
            "Give each column a name of its own."
        )
