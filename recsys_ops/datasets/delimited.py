"""CSV and TSV files as text: every field as written, before anything says what it means."""

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.storage import open_file

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ENDING = 16
_QUOTED = r'^"(?:[^"]|"")*"$'
_NOT_UTF8 = re.compile(r"invalid UTF-?8", re.IGNORECASE)


def read_delimited(url: str, file: str) -> pa.Table:
    """Read a CSV or TSV file, gzipped or not, without interpreting it.

    Parameters
    ----------
    url : str
        Any fsspec URL; by its suffix fields are separated by commas or tabs.
    file : str
        Its name for messages.

    Returns
    -------
    pyarrow.Table
        Strings; an empty field is null, a quoted empty one an empty string.

    Raises
    ------
    InputError
        The file is not UTF-8. What pyarrow, gzip and the store raise is passed on.

    Notes
    -----
    Quotes in a TSV file enclose fields only if they do so wherever a field begins with one: many TSV files know no
    quoting, and there a title may begin with a quote.
    """
    is_tsv = url.endswith((".tsv", ".tsv.gz"))
    with open_file(url, compression="infer") as stream:
        if stream.read(2) in _UTF_16:
            raise InputError(f"{file}: is UTF-16, not UTF-8. Save it as UTF-8.")
    try:
        if is_tsv:
            unquoted = _without_quoting(url)
            if unquoted is not None:
                return unquoted
        return _parsed(url, "\t" if is_tsv else ",")
    except UnicodeDecodeError as error:
        shown = error.object[:60]
        raise InputError(_encoding_message(file, "the header", shown)) from None
    except pa.ArrowInvalid as error:
        if _NOT_UTF8.search(str(error)) is None:
            raise
        raise InputError(_first_not_utf8(url, file, "\t" if is_tsv else ",")) from error


def _without_quoting(url: str) -> pa.Table | None:
    """The file with quotes as they stand, None where they enclose fields."""
    try:
        table = _parsed(url, "\t", quote=False)
    except pa.ArrowInvalid:  # a quoted field may hold tabs and line breaks
        return None
    begins = [name.startswith('"') for name in table.column_names]
    is_enclosed = [re.match(_QUOTED, name) is not None for name in table.column_names]
    for column in table.columns:
        quoted = column.filter(pc.fill_null(pc.starts_with(column, '"'), False))
        begins.append(len(quoted) > 0)
        is_enclosed.append(bool(pc.all(pc.match_substring_regex(quoted, _QUOTED)).as_py()))
    if not any(begins):
        return table
    return None if all(enclosed for begin, enclosed in zip(begins, is_enclosed, strict=True) if begin) else table


def _parsed(url: str, delimiter: str, *, quote: bool = True, kind: Any = None) -> pa.Table:
    parsing = pa_csv.ParseOptions(
        delimiter=delimiter, quote_char='"' if quote else False, newlines_in_values=quote, double_quote=quote
    )
    names, _ = _open(url, lambda stream: pa_csv.open_csv(stream, parse_options=parsing).schema.names)
    options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string() if kind is None else kind),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    found, ending = _open(url, lambda stream: pa_csv.read_csv(stream, None, parsing, options))
    table: pa.Table = found
    if quote and kind is None and table.num_rows and not ending.rstrip(b"\r\n").endswith(b'"'):
        last = table.columns[-1][-1].as_py() or ""
        if "\n" in last:  # only a quoted field can hold a line break, and this one ends with the file
            start = last.partition("\n")[0][:60]
            raise pa.ArrowInvalid(f"row {table.num_rows - 1}: a quote before {start!r} is never closed")
    return table


def _open(url: str, reader: Callable[[Any], Any]) -> tuple[Any, bytes]:
    """What ``reader`` makes of the file, and the last bytes that it read."""
    with open_file(url, compression="infer") as stream:
        blocks: Any = _Blocks(stream)
        return reader(pa.PythonFile(blocks, mode="r")), blocks.ending


class _Blocks:
    """A stream none of whose blocks ends between CR and LF: pyarrow loses a byte there (apache/arrow#51368)."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = b""
        self.ending = b""
        self.closed = False

    def readable(self) -> bool:
        """Whether it can be read; it cannot be written or searched."""
        return True

    def read(self, n: int = -1) -> bytes:
        """At most n bytes."""
        block: bytes = self._left + self._stream.read(n if n < 0 else max(n - len(self._left), 1))
        self._left = b""
        if len(block) > 1 and block.endswith(b"\r"):
            self._left = b"\r" + self._stream.read(1)
            block = block[:-1]
        self.ending = (self.ending + block)[-_ENDING:] if len(block) < _ENDING else block[-_ENDING:]
        return block

    def close(self) -> None:
        """Leave the stream to who opened it."""
        self.closed = True


def _first_not_utf8(url: str, file: str, delimiter: str) -> str:
    """Say where the first field is that is not UTF-8, and what it would be in the encoding of Windows."""
    table = _parsed(url, delimiter, kind=pa.binary())
    first = min(
        ((row, name, cell) for name in table.column_names for row, cell in _not_utf8(table.column(name).to_pylist())),
        default=None,
    )
    if first is None:
        return f"{file}: not UTF-8. Save it as UTF-8."
    row, name, cell = first
    return _encoding_message(file, f"column '{name}', row {row}", cell)


def _not_utf8(cells: list[bytes | None]) -> list[tuple[int, bytes]]:
    """The first cell that is not UTF-8 with its row."""
    for row, cell in enumerate(cells):
        try:
            (cell or b"").decode()
        except UnicodeDecodeError:
            return [(row, cell or b"")]
    return []


def _encoding_message(file: str, where: str, cell: bytes) -> str:
    return (
        f"{file}: not UTF-8 ({where}: {cell[:60]!r}). If that is {cell[:60].decode('cp1252', 'replace')!r}, the "
        "encoding is cp1252 or latin-1, as on Windows. Save the file as UTF-8."
    )
