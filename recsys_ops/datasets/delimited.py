"""CSV and TSV files as text: every field as written, before anything says what it means."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv as pa_csv

from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.storage import open_file

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MARKS = {
    b"\x1f\x8b": "packed by gzip (.gz)",
    b"PK\x03\x04": "packed by zip (.zip), or of Excel",
    b"BZh": "packed by bzip2 (.bz2)",
    b"PAR1": "a Parquet file (.parquet)",
}
_SEP = re.compile(rb"^(?:\xef\xbb\xbf)?\"?sep=(.)\"?\r?\n?$", re.IGNORECASE)
_ENDING = 16
_QUOTED = r'^"(?:[^"]|"")*"$'
RECBOLE = (".inter", ".item", ".user")
"""Suffixes of RecBole's atomic files: fields between tabs, and a header such as ``user_id:token``."""
_TSV = re.compile(r"\.(tsv|inter|item|user)(\.\w+)?/?$")
_OF_RECBOLE = re.compile(r"\.(inter|item|user)(\.\w+)?/?$")
_TYPED = re.compile(r"^(.+):(token|token_seq|float|float_seq)$")
_NOT_UTF8 = re.compile(r"invalid UTF-?8", re.IGNORECASE)
_OTHER_LENGTH = re.compile(r"Expected (\d+) columns, got \d+")
_LONGEST_HEADER = 2**16
_SEPARATORS = (";", "\t", "|", ",")


@dataclass(frozen=True)
class Dialect:
    """How a file of text is written; without a ``delimiter``, as its suffix says.

    After ``escape`` a character stands for itself, and the texts ``missing`` are no value, as an empty field;
    so many lines before the header are ``skipped``.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    escape: str | None = None
    missing: tuple[str, ...] = ()
    skipped: int = 0

    def delimiter_of(self, url: str) -> str:
        """What separates the fields of the file at ``url``."""
        return self.delimiter or ("\t" if _TSV.search(url) else ",")


AS_SUFFIX_SAYS = Dialect()


def known_encoding(name: str) -> str:
    """The name of an encoding whose line breaks are single bytes; raises ValueError for another."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"there is no encoding '{name}'; use utf-8, cp1252 or latin-1, for example") from None
    if b"a\n".decode(found, "replace") != "a\n":
        raise ValueError(f"a file of encoding {name} is not read; save it as UTF-8")
    return found


def read_delimited(url: str, file: str, dialect: Dialect = AS_SUFFIX_SAYS) -> pa.Table:
    """Read a CSV or TSV file, compressed or not, without interpreting it.

    Parameters
    ----------
    url : str
        Any fsspec URL; by its suffix fields are separated by commas or tabs, unless ``dialect`` says otherwise.
    file : str
        Its name for messages.
    dialect : Dialect

    Returns
    -------
    pyarrow.Table
        Strings; an empty field is null, a quoted empty one an empty string.

    Raises
    ------
    InputError
        The file is not of its encoding, or its fields are separated otherwise. What pyarrow, gzip and the store raise
        is passed on.

    Notes
    -----
    Quotes in a TSV file enclose fields only if they do so wherever a field begins with one: many TSV files know no
    quoting, and there a title may begin with a quote.
    """
    with open_file(url, compression="infer") as stream:
        header = stream.readline(_LONGEST_HEADER)
        of_excel = _SEP.match(header)
        if of_excel:  # a first line of Excel, which says what separates the fields
            dialect = replace(dialect, delimiter=of_excel[1].decode(), skipped=1)
            header = stream.readline(_LONGEST_HEADER)
    delimiter = dialect.delimiter_of(url)
    _refuse_other_kinds(header, file)
    _refuse_other_delimiter(header.decode(dialect.encoding, "replace"), file, delimiter)
    try:
        unquoted = _without_quoting(url, dialect) if delimiter == "\t" else None
        table = _parsed(url, dialect) if unquoted is None else unquoted
    except UnicodeDecodeError as error:
        shown = error.object[:60]
        raise InputError(_encoding_message(file, "the header", shown)) from None
    except pa.ArrowInvalid as error:
        if _OTHER_LENGTH.search(str(error)) is not None:
            raise InputError(_other_lengths(url, file, dialect)) from error
        if _NOT_UTF8.search(str(error)) is None:
            raise
        raise InputError(_first_not_utf8(url, file, dialect)) from error
    named = [name for name in table.column_names if name]  # columns without a name nobody can mean
    return _named_without_types(url, file, table if len(named) == table.num_columns else table.select(named))


def _refuse_other_kinds(header: bytes, file: str) -> None:
    if header[:2] in _UTF_16:
        raise InputError(f"{file}: is UTF-16, not UTF-8. Save it as UTF-8.")
    kind = next((kind for mark, kind in _MARKS.items() if header.startswith(mark)), None)
    if kind is not None:
        raise InputError(f"{file}: is {kind}, not text. Give the file its suffix.")


def typed_names(url: str, names: list[str]) -> dict[str, str | None]:
    """Names of columns with the type that RecBole's header gives them; None in other files."""
    found = {name: _TYPED.match(name) if _OF_RECBOLE.search(url) else None for name in names}
    return {name if typed is None else typed[1]: None if typed is None else typed[2] for name, typed in found.items()}


def _named_without_types(url: str, file: str, table: pa.Table) -> pa.Table:
    if not _OF_RECBOLE.search(url):
        return table
    untyped = [name for name in table.column_names if not _TYPED.match(name)]
    if untyped:
        raise InputError(
            f"{file}: column '{untyped[0]}' has no type in the header, as RecBole's files have (found "
            f"{', '.join(table.column_names)}). Write it as {untyped[0]}:token, or call the file .tsv."
        )
    return table.rename_columns([name.rpartition(":")[0] for name in table.column_names])


def _refuse_other_delimiter(header: str, file: str, delimiter: str) -> None:
    """A header without a separator that holds others is that of a table written otherwise."""
    other = next((mark for mark in _SEPARATORS if mark in header), None)
    if delimiter not in header and other is not None:
        raise InputError(
            f"{file}: its fields seem to be separated by {other!r}, not by {delimiter!r} (the header is "
            f"{header.rstrip()[:80]!r}). Give the table delimiter: {other!r} in features.yaml."
        )


def _without_quoting(url: str, dialect: Dialect) -> pa.Table | None:
    """The file with quotes as they stand, None where they enclose fields."""
    try:
        table = _parsed(url, dialect, quote=False)
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


def _parsing(url: str, dialect: Dialect, *, quote: bool = True) -> pa_csv.ParseOptions:
    return pa_csv.ParseOptions(
        delimiter=dialect.delimiter_of(url), quote_char='"' if quote else False, newlines_in_values=quote,
        double_quote=quote, escape_char=dialect.escape or False,
    )  # fmt: skip


def _parsed(url: str, dialect: Dialect, *, quote: bool = True, kind: Any = None) -> pa.Table:
    reading = pa_csv.ReadOptions(encoding=dialect.encoding, skip_rows=dialect.skipped)
    parsing = _parsing(url, dialect, quote=quote)
    names, _ = _open(url, lambda stream: pa_csv.open_csv(stream, reading, parsing).schema.names)
    options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string() if kind is None else kind),
        null_values=["", *dialect.missing],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    found, ending = _open(url, lambda stream: pa_csv.read_csv(stream, reading, parsing, options))
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


def _first_not_utf8(url: str, file: str, dialect: Dialect) -> str:
    """Say where the first field is that is not UTF-8, and what it would be in the encoding of Windows."""
    table = _parsed(url, dialect, kind=pa.binary())
    first = min(
        ((row, name, cell) for name in table.column_names for row, cell in _not_utf8(table.column(name).to_pylist())),
        default=None,
    )
    if first is None:
        return f"{file}: not UTF-8. Save it as UTF-8."
    row, name, cell = first
    return _encoding_message(file, f"column '{name}', row {row}", cell)


def _other_lengths(url: str, file: str, dialect: Dialect) -> str:
    """Say which rows have more or fewer fields than the header, and how many there are."""
    odd: list[Any] = []

    def note(row: Any) -> Literal["skip"]:
        odd.append(row)
        return "skip"

    # Threads know no numbers of rows, and the bytes may be of any encoding.
    reading = pa_csv.ReadOptions(encoding="latin-1", use_threads=False, skip_rows=dialect.skipped)
    parsing = _parsing(url, dialect)
    parsing.invalid_row_handler = note
    _open(url, lambda stream: pa_csv.read_csv(stream, reading, parsing))
    texts = [row.text.encode("latin-1").decode(dialect.encoding, "replace")[:60] for row in odd[:3]]
    first = ", ".join(
        f"row {row.number - 2 - dialect.skipped} = {text!r}" for row, text in zip(odd, texts, strict=False)
    )
    rows = "1 row has" if len(odd) == 1 else f"{len(odd)} rows have"
    is_open = " A quote seems never to be closed." if any("\n" in row.text.strip() for row in odd) else ""
    return (
        f"{file}: {rows} another number of fields than the header's {odd[0].expected_columns} (first: {first})."
        f"{is_open} Put fields that hold {dialect.delimiter_of(url)!r} or a line break into quotes, or correct them."
    )


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
        "encoding is cp1252 or latin-1, as on Windows. Give the table encoding: cp1252 in features.yaml, or save the "
        "file as UTF-8."
    )
