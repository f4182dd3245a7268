"""The parts of a table as a dataset that checks what it reads against the manifest.

A part that was cut, swapped with another or edited is found before any of its rows are seen. For that a part is read
as a whole, in one request, and hashed; parts are 16 to 128 MB at most.
"""

import atexit
import hashlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import pyarrow as pa
from pyarrow import fs as arrow_fs

from recsys_ops.errors import InputError
from recsys_ops.storage import is_missing_file, storage_errors

if TYPE_CHECKING:
    import pyarrow.dataset as ds

READERS = 8
LET_GO_SECONDS = 0.5
"""Longest wait at the end of a process; it takes as long where a dataset is still referred to."""

_handlers: WeakValueDictionary[int, Any] = WeakValueDictionary()

_MISSING, _OTHER_CONTENT = "is missing", "has other content than was written"


def parts_dataset(
    filesystem: Any,
    root: str,
    listed: Sequence[dict[str, Any]],
    format: str,
    schema: pa.Schema | None,
    *,
    checked: bool,
) -> "ds.Dataset":
    """A dataset of the listed parts, in their order; asks the store nothing if ``schema`` is given.

    Parameters
    ----------
    filesystem : fsspec file system
    root : str
        Folder of the run.
    listed : sequence of dict
        Parts as the manifest has them: path, bytes, sha256.
    format : {"parquet", "arrow"}
    schema : pyarrow.Schema, optional
        Of the table; by default that of the first part.
    checked : bool
        Compare what is read with size and checksum.

    Returns
    -------
    pyarrow.dataset.Dataset
        Reading it raises InputError, naming the part, where one is missing or not as it was written.
    """
    import pyarrow.dataset as ds  # only now: it imports pandas, which workers need not wait for

    paths = [f"{root}/{part['path']}" for part in listed]
    handler: Any = _Checked if checked else arrow_fs.FSSpecHandler  # abstract in pyarrow's stubs only
    arguments = (filesystem, dict(zip(paths, listed, strict=True))) if checked else (filesystem,)
    store = arrow_fs.PyFileSystem(_held(handler(*arguments)))
    reader: Any = ds.ParquetFileFormat() if format == "parquet" else ds.IpcFileFormat()
    fragments = [reader.make_fragment(path, filesystem=store) for path in paths]
    if schema is None:
        schema = fragments[0].physical_schema
    return ds.FileSystemDataset(fragments, schema, reader, store)


def wrong_parts(filesystem: Any, root: str, listed: Sequence[dict[str, Any]]) -> list[str]:
    """Path of every listed part that does not hold, with what is wrong with it; reads all of them."""
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda part: _wrong(filesystem, f"{root}/{part['path']}", part)[1], listed)
        return [f"{part['path']} {wrong}" for part, wrong in zip(listed, found, strict=True) if wrong]


def wrong_file(filesystem: Any, path: str, listed: Mapping[str, Any]) -> str:
    """What is wrong with a file of any size, which is read in chunks; the empty text if nothing is."""
    with storage_errors(path, "reading"):
        try:
            size = filesystem.size(path)
            if size != listed["bytes"]:
                return _other_size(size, listed)
            with filesystem.open(path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            if not is_missing_file(error):
                raise
            return _MISSING
    return "" if digest == listed["sha256"] else _OTHER_CONTENT


def _held(handler: Any) -> Any:
    """The handler, known to ``_let_go`` for as long as anything refers to it."""
    _handlers[id(handler)] = handler
    return handler


@atexit.register
def _let_go() -> None:
    """Wait until Arrow's threads have let go of our handlers: a thread that does so later aborts the process."""
    deadline = time.monotonic() + LET_GO_SECONDS
    while _handlers and time.monotonic() < deadline:
        time.sleep(0.001)


class _Checked(arrow_fs.FSSpecHandler):
    """Opens a part by reading and checking all of it."""

    def __init__(self, filesystem: Any, parts: dict[str, dict[str, Any]]) -> None:
        super().__init__(filesystem)
        self.parts = parts

    def open_input_file(self, path: str) -> Any:
        """Content of a part, in memory."""
        data, wrong = _wrong(self.fs, path, self.parts[path])
        if wrong:
            raise InputError(
                f"{path}: this part {wrong}. Restore it from a backup, or run the job again with another --run-id."
            )
        # Memory of Arrow's own: its threads let go of it when they please, and Python's they could not at an exit.
        sink = pa.BufferOutputStream()
        sink.write(data)
        return pa.BufferReader(sink.getvalue())

    open_input_stream = open_input_file


def _wrong(filesystem: Any, path: str, part: dict[str, Any]) -> tuple[bytes, str]:
    """Content of a part, and what is wrong with it; the empty text if nothing is."""
    with storage_errors(path, "reading"):
        try:
            data: bytes = filesystem.cat_file(path)
        except OSError as error:
            if not is_missing_file(error):
                raise
            return b"", _MISSING
    if len(data) != part.get("bytes", len(data)):
        return data, _other_size(len(data), part)
    is_same = hashlib.sha256(data).hexdigest() == part["sha256"]
    return data, "" if is_same else _OTHER_CONTENT


def _other_size(size: int, listed: Mapping[str, Any]) -> str:
    return f"has {size} bytes, not {listed['bytes']}"
