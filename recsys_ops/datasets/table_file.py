"""One table from a Parquet, Arrow or CSV file at any fsspec URL."""

import re
from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet

from recsys_ops.errors import InputError
from recsys_ops.storage import is_bad_content, is_missing_file, open_file, refuse_credentials, storage_errors

SUFFIXES = (".parquet", ".arrow", ".feather", ".ipc", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""What table files may end in."""

_WIDER = {"null": pa.int64(), "int64": pa.float64()}
"""Type to try after the one that a later part of a CSV file did not fit; a string after all others."""
_CONVERSION = re.compile(r"In CSV column #(\d+): CSV conversion error to (\w+)")


def read_table(url: str, file: str, *, ids: Collection[str] = ()) -> pa.Table:
    """Read a whole table.

    Parameters
    ----------
    url : str
        Any fsspec URL, ending in one of ``SUFFIXES``.
    file : str
        Its name for messages.
    ids : collection of str
        Columns that hold ids: in CSV files integers or else strings, never floating-point numbers.

    Returns
    -------
    pyarrow.Table
        In CSV files an empty field is null, a quoted empty one an empty string.

    Raises
    ------
    InputError
        The file is missing, cannot be parsed, or has an unknown suffix.
    StorageError
        The store refused; ConfigError if the URL holds credentials.
    """
    refuse_credentials(url)
    if not url.endswith(SUFFIXES):
        raise InputError(f"{file}: unknown kind of file. Use one of {', '.join(SUFFIXES)}.")
    with storage_errors(url, "reading"):
        try:
            if url.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
                return _read_csv(url, ids)
            with open_file(url) as stream:
                return pa_parquet.read_table(stream) if url.endswith(".parquet") else pa_feather.read_table(stream)
        except (pa.ArrowInvalid, EOFError, OSError) as error:
            if is_missing_file(error):
                raise InputError(f"{file}: there is no such file ({url}).") from error
            if not is_bad_content(error):
                raise
            reason = " ".join(str(error).split())
            raise InputError(f"{file}: cannot be read ({reason}). Write the file again.") from error


def _read_csv(url: str, ids: Collection[str]) -> pa.Table:
    """Types follow the first block of the file; where a later one does not fit, read again with a wider type."""
    types: dict[str, Any] = {}
    while True:
        try:
            table: pa.Table = _open_csv(url, pa_csv.read_csv, types)
        except pa.ArrowInvalid as error:
            match = _CONVERSION.search(str(error))
            if match is None:
                raise
            column = _open_csv(url, pa_csv.open_csv, {}).schema.names[int(match.group(1))]
            wider = _WIDER.get(match.group(2), pa.string())
            types[column] = pa.string() if column in ids and wider == pa.float64() else wider
            continue
        unfit = [
            name for name in sorted(ids) if name in table.column_names and not _is_id(table.schema.field(name).type)
        ]
        if not unfit:
            return table
        types |= {name: pa.string() for name in unfit}


def _open_csv(url: str, opener: Any, types: dict[str, pa.DataType]) -> Any:
    options = pa_csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    delimiter = "\t" if ".tsv" in url[-7:] else ","
    parsing = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with open_file(url, compression="infer") as stream:
        return opener(stream, parse_options=parsing, convert_options=options)


def _is_id(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_null(kind))
