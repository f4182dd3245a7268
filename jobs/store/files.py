"""Writing whole files at any fsspec URL: a reader sees the old file or the new one, never a half."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from recsys_ops.storage import STORE_EXCEPTIONS, open_store, storage_errors

MOST_KEYS = 1000
"""That S3 removes by one request."""
REMOVERS = 4
"""Such requests at once; each takes the store some tenths of a second."""


def is_local(filesystem: Any) -> bool:
    """Whether files of ``filesystem`` are files of this machine, so that rename and link are atomic."""
    return _speaks(filesystem, "file")


def absolute(out: str) -> str:
    """A results folder by a name that means the same in every process: each has a working folder of its own."""
    filesystem, root = open_store(out)
    return root if is_local(filesystem) else out


def write_bytes(filesystem: Any, path: str, data: bytes) -> None:
    """Write or replace ``path`` in one step."""
    with storage_errors(path, "writing"):
        if not is_local(filesystem):
            filesystem.pipe_file(path, data)
            return
        with written_aside(Path(path), [data]) as temporary:
            os.replace(temporary, path)


def write_chunks(filesystem: Any, path: str, chunks: Iterable[bytes]) -> None:
    """Write or replace ``path`` in one step, with what need not fit into memory at once."""
    with storage_errors(path, "writing"):
        if is_local(filesystem):
            with written_aside(Path(path), chunks) as temporary:
                os.replace(temporary, path)
            return
        file = filesystem.open(path, "wb", autocommit=False)  # else closing it stores what there is after an error, too
        try:
            with file:
                for chunk in chunks:
                    file.write(chunk)
            file.commit()
        except BaseException:
            with suppress(*STORE_EXCEPTIONS):
                file.discard()
            raise


@contextmanager
def written_aside(path: Path, chunks: Iterable[bytes]) -> Iterator[Path]:
    """``chunks`` in a temporary file beside ``path`` and safely on disk; it is gone after the ``with`` block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Readable JSON with a final newline, keys in the order given."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def remove_file(filesystem: Any, path: str) -> None:
    """Remove ``path``; nothing there is no error."""
    with storage_errors(path, "removing"), suppress(FileNotFoundError):
        filesystem.rm_file(path)


def remove_folder(filesystem: Any, path: str) -> None:
    """Remove ``path`` and all below it, in as few requests as the store allows; nothing there is no error."""
    with storage_errors(path, "removing"):
        if is_local(filesystem):
            # Not fsspec's: it asks for the working folder, and fails like a missing file where that one is gone.
            shutil.rmtree(path, onerror=_raise_unless_gone)
            return
        inside = filesystem.find(path)
    remove_files(filesystem, inside)


def remove_files(filesystem: Any, paths: Sequence[str]) -> None:
    """Remove these files and no others, in as few requests as the store allows; one that is gone is no error.

    Not by ``filesystem.rm``: it takes ``*``, ``?`` and ``[`` in a name for a pattern and removes whatever fits, and on
    S3 it passes over files that the store refused to remove.
    """
    if not _speaks(filesystem, "s3"):
        for path in paths:
            remove_file(filesystem, path)
        return
    groups = [paths[first : first + MOST_KEYS] for first in range(0, len(paths), MOST_KEYS)]
    with ThreadPoolExecutor(REMOVERS) as removers:
        list(removers.map(lambda group: _remove_objects(filesystem, group), groups))


def _remove_objects(filesystem: Any, paths: Sequence[str]) -> None:
    """Remove at most ``MOST_KEYS`` objects of one bucket."""
    bucket = filesystem.split_path(paths[0])[0]
    keys = [{"Key": filesystem.split_path(path)[1]} for path in paths]
    with storage_errors(paths[0], "removing"):
        answer = filesystem.call_s3("delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    for refused in answer.get("Errors", []):
        remove_file(filesystem, f"{bucket}/{refused['Key']}")  # removed alone, it is tried again, or raises why


def _speaks(filesystem: Any, protocol: str) -> bool:
    return protocol in ([filesystem.protocol] if isinstance(filesystem.protocol, str) else filesystem.protocol)


def _raise_unless_gone(function: Any, path: str, error: Any) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
