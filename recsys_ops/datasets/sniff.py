"""What a file of a table is like, from its beginning: encoding, separator, decimals, and some rows."""

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as pa_feather
import pyarrow.json as pa_json
import pyarrow.parquet as pa_parquet

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.delimited import Dialect, typed_names
from recsys_ops.datasets.delta import read_delta
from recsys_ops.datasets.interpret import Decimal, interpreted
from recsys_ops.datasets.part_files import is_delta
from recsys_ops.datasets.table_file import first_file, is_delimited
from recsys_ops.errors import InputError
from recsys_ops.storage import open_file, storage_errors

BYTES = 4 * 2**20
"""Of a file of text that are looked at."""

ROWS = 50_000
"""Of another file."""

_SEPARATORS = (",", ";", "\t", "|")
_COMMA_DECIMALS = r"^[-+]?(\d{1,3}(\.\d{3})+|\d+),\d{1,6}$"
_POINT_DECIMALS = r"^[-+]?\d+\.\d+$"


@dataclass(frozen=True)
class Sniffed:
    """The first rows of a file with their types, and how it is written; ``kinds`` are those of RecBole's header."""

    file: str
    table: pa.Table
    dialect: Dialect
    decimal: Decimal
    kinds: Mapping[str, str | None] = field(default_factory=dict)


def sniff(url: str, file: str) -> Sniffed:
    """Read the beginning of a file.

    Parameters
    ----------
    url : str
        Any fsspec URL of a file, or of a folder of part files.
    file : str
        Its name for messages.

    Returns
    -------
    Sniffed

    Raises
    ------
    InputError
        It is not what its suffix says.
    """
    if is_delta(url):
        return Sniffed(file, read_delta(url, file, rows=ROWS), Dialect(), ".")
    url = first_file(url, file)
    with storage_errors(url, "reading"):
        try:
            if is_delimited(url):
                return _sniff_text(url, file)
            return Sniffed(file, _head(url), Dialect(), ".")
        except (pa.ArrowException, EOFError, UnicodeError, ValueError, zlib.error) as error:
            raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())}).") from error


def _head(url: str) -> pa.Table:
    if ".jsonl" in url or ".ndjson" in url:
        return pa_json.read_json(io.BytesIO(_beginning(url)))
    with open_file(url) as stream:
        if url.endswith(".parquet"):
            batches = pa_parquet.ParquetFile(stream).iter_batches(batch_size=ROWS)
            return pa.Table.from_batches([next(batches)])
        return pa_feather.read_table(stream).slice(0, ROWS)


def _beginning(url: str) -> bytes:
    """Whole lines from the beginning of the file."""
    with open_file(url, compression="infer") as stream:
        content: bytes = stream.read(BYTES)
        if not stream.read(1):
            return content
    return content[: content.rfind(b"\n") + 1]


def _sniff_text(url: str, file: str) -> Sniffed:
    content = _beginning(url)
    encoding = _encoding_of(content)
    header = content.split(b"\n", 1)[0].decode(encoding)
    expected = Dialect().delimiter_of(url)
    delimiter = max(_SEPARATORS, key=lambda mark: (header.count(mark), mark == expected))
    names = _read(content, encoding, delimiter, None).column_names
    text = _read(content, encoding, delimiter, dict.fromkeys(names, pa.string()))
    decimal: Decimal = "," if any(map(_has_decimal_commas, text.columns)) else "."
    kinds = typed_names(url, names)
    table = interpreted(text.rename_columns(list(kinds)), {}, decimal=decimal)
    return Sniffed(file, table, Dialect(None if delimiter == expected else delimiter, encoding), decimal, kinds)


def _encoding_of(content: bytes) -> str:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        if error.start < len(content) - 4:  # else only the last character is cut
            return "cp1252"
    return "utf-8"


def _read(content: bytes, encoding: str, delimiter: str, types: Any) -> pa.Table:
    return pa_csv.read_csv(
        io.BytesIO(content),
        pa_csv.ReadOptions(encoding=encoding),
        pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        pa_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def _has_decimal_commas(text: ChunkedArray) -> bool:
    """Whether numbers of a column are written with commas, and none with a point."""
    filled = text.drop_null()
    if not len(filled) or pc.any(pc.match_substring_regex(filled, _POINT_DECIMALS)).as_py():
        return False
    is_number = pc.match_substring_regex(filled, _COMMA_DECIMALS)
    return bool(pc.any(is_number).as_py()) and bool(
        pc.all(pc.or_(is_number, pc.match_substring_regex(filled, r"^[-+]?[\d.]+$"))).as_py()
    )
