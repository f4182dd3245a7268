"""One table from a Parquet, Arrow, CSV or JSON lines file, a folder of part files, or Delta, at any fsspec URL."""

import zipfile
import zlib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet

from recsys_ops.datasets.delimited import AS_SUFFIX_SAYS, RECBOLE, Dialect, read_delimited
from recsys_ops.datasets.delta import read_delta
from recsys_ops.datasets.interpret import interpreted
from recsys_ops.datasets.json_lines import read_json_lines
from recsys_ops.datasets.part_files import is_delta, is_folder, part_names, read_parts
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.storage import (
    is_bad_content,
    is_missing_file,
    open_file,
    refuse_credentials,
    storage_errors,
)

_PACKED = ("", ".gz", ".bz2", ".zip")
_DELIMITED = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv", *RECBOLE) for packed in _PACKED)
_JSON_LINES = tuple(f"{kind}{packed}" for kind in (".jsonl", ".ndjson") for packed in _PACKED)
SUFFIXES = (".parquet", ".arrow", ".feather", ".ipc", *_DELIMITED, *_JSON_LINES)
"""What table files may end in."""
SUFFIXES_IN_WORDS = (
    ".parquet, .arrow, .feather, .ipc, .csv, .tsv, .jsonl, .ndjson, .inter, .item or .user (text also with .gz, .bz2 "
    "or .zip)"
)
WRITABLE = (".parquet", ".arrow", ".feather", ".ipc", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Kinds of files in which rows can be added."""

UNREADABLE = (pa.ArrowException, EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error)
"""What pyarrow, gzip and the stores raise for files that they cannot read."""


def read_table(url: str, file: str, *, kinds: Mapping[str, str] | None = None) -> pa.Table:
    """Read a whole table.

    Parameters
    ----------
    url : str
        Any fsspec URL: a file that ends in one of ``SUFFIXES``, a folder of part files, or a Delta table.
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
    return interpreted(table, kinds or {}) if is_text(url, file) else table


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
    url = url.rstrip("/")
    if is_folder(url):
        table = _read_folder(url, file, dialect)
    elif not url.endswith(SUFFIXES):
        raise InputError(f"{file}: unknown kind of file. Use {SUFFIXES_IN_WORDS}.")
    else:
        table = _read_file(url, file, dialect)
    _refuse_repeated_names(table, file)
    return table


def is_table(url: str) -> bool:
    """Whether a file's name, or what is in a folder, is that of a table."""
    if url.endswith(SUFFIXES) or not is_folder(url):
        return url.endswith(SUFFIXES)
    try:
        return is_delta(url) or all(name.endswith(SUFFIXES) for name in part_names(url, url))
    except InputError:
        return False


def is_text(url: str, file: str) -> bool:
    """Whether a table is of files of text, to be interpreted; raises as ``read_table``."""
    return is_delimited(url) or (is_folder(url) and not is_delta(url) and is_delimited(first_file(url, file)))


def first_file(url: str, file: str) -> str:
    """URL of the table, or of its first part file where it is a folder; raises as ``read_table``."""
    return f"{url.rstrip('/')}/{part_names(url.rstrip('/'), file)[0]}" if is_folder(url) else url


def _read_file(url: str, file: str, dialect: Dialect) -> pa.Table:
    if dialect != AS_SUFFIX_SAYS and not is_delimited(url):
        raise InputError(f"{file}: only files of text have a delimiter and an encoding. Leave them out.")
    with storage_errors(url, "reading"):
        try:
            if url.endswith(".zip"):
                _refuse_other_members(url, file)
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
        except UNREADABLE as error:
            if is_missing_file(error):
                raise InputError(f"{file}: there is no such file ({url}).") from error
            if not is_bad_content(error):
                raise
            reason = " ".join(str(error).split())
            raise InputError(f"{file}: cannot be read ({reason}). Write the file again.") from error


def _refuse_other_members(url: str, file: str) -> None:
    """A zip file is read where it holds one file, besides what macOS adds."""
    with open_file(url) as stream:
        names = [name for name in zipfile.ZipFile(stream).namelist() if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise InputError(f"{file}: holds {len(names)} files ({', '.join(names[:3])}), expected one. Unpack it.")


def _read_folder(folder: str, file: str, dialect: Dialect) -> pa.Table:
    """The table of a folder: Delta, or part files of one kind."""
    if is_delta(folder):
        return read_delta(folder, file)
    names = part_names(folder, file)
    kinds = {name: next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None) for name in names}
    odd = [name for name, kind in kinds.items() if kind is None or kind != kinds[names[0]]]
    if odd:
        raise InputError(
            f"{file}: is a folder with {odd[0]} in it, expected part files of one kind. Name the file that holds the "
            "table under tables in features.yaml, or remove what is no part of it."
        )

    def read(url: str, part: str) -> pa.Table:
        table = _read_file(url, part, dialect)
        _refuse_repeated_names(table, part)
        return table

    return read_parts(folder, file, read)


def _refuse_repeated_names(table: pa.Table, file: str) -> None:
    names = table.column_names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{file}: column '{repeated[0]}' is there {names.count(repeated[0])} times (found {', '.join(names)}). "
            "Give each column a name of its own."
        )
