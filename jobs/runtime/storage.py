"""Reading and writing whole files at any fsspec URL: atomic where the store is local, create-only where it must be."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import fsspec
from botocore.exceptions import BotoCoreError, ClientError

from jobs.runtime.errors import StorageError

STORE_EXCEPTIONS: tuple[type[Exception], ...] = (OSError, ImportError, BotoCoreError, ClientError)
_OPEN_EXCEPTIONS: tuple[type[Exception], ...] = (ValueError, *STORE_EXCEPTIONS)


def shown_url(url: str) -> str:
    """``url`` without user, password and query, to stand in messages and manifests."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@contextmanager
def storage_errors(url: str, doing: str) -> Iterator[None]:
    """Turn what a store raises into a ``StorageError`` that names ``url`` and what was being done."""
    try:
        yield
    except STORE_EXCEPTIONS as error:
        raise StorageError(
            f"{shown_url(url)}: {doing} failed ({type(error).__name__}: {error}). "
            "Check the URL, its permissions and the free space, then repeat with --resume."
        ) from error


def open_store(url: str) -> tuple[Any, str]:
    """File system and path of ``url``, the path without a trailing slash.

    Raises
    ------
    StorageError
        The protocol is unknown or its driver is not installed.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except _OPEN_EXCEPTIONS as error:
        raise StorageError(
            f"{shown_url(url)}: no such store ({error}). Use a local folder or a URL such as s3://bucket/folder."
        ) from error
    return filesystem, str(path).rstrip("/")


def is_local(filesystem: Any) -> bool:
    """Whether files of ``filesystem`` are files of this machine, so that rename and link are atomic."""
    return "file" in ([filesystem.protocol] if isinstance(filesystem.protocol, str) else filesystem.protocol)


def write_bytes(filesystem: Any, path: str, data: bytes) -> None:
    """Write or replace ``path`` in one step: a reader sees the old file or the new one, never a half."""
    with storage_errors(path, "writing"):
        if not is_local(filesystem):
            filesystem.pipe_file(path, data)
            return
        temporary = _write_temporary(Path(path), data)
        try:
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def create_bytes(filesystem: Any, path: str, data: bytes) -> None:
    """Write ``path`` only if nothing is there, decided by the store in one step.

    Raises
    ------
    FileExistsError
        ``path`` exists with other content. The same content is a repeat of our own request, and success.
    StorageError
        Anything else.
    """
    with storage_errors(path, "creating"):
        try:
            if is_local(filesystem):
                _link_new(Path(path), data)
            else:
                filesystem.pipe_file(path, data, mode="create")
        except FileExistsError:
            # A store client that lost the answer to a successful request repeats it and meets its own file.
            is_ours = filesystem.cat_file(path) == data
        else:
            is_ours = True
    if not is_ours:
        raise FileExistsError(path)


def read_json(filesystem: Any, path: str) -> Any:
    """Content of a JSON file, or None when it does not exist."""
    with storage_errors(path, "reading"):
        try:
            data = filesystem.cat_file(path)
        except FileNotFoundError:
            return None
    try:
        return json.loads(data)
    except ValueError as error:
        raise StorageError(
            f"{shown_url(path)}: not JSON ({error}). Remove the file, or use another --run-id."
        ) from error


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Readable JSON with a final newline, keys in the order given."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def check_writable(out: str) -> None:
    """Create and remove a probe file under ``out``, to fail before the work and not after it.

    Parameters
    ----------
    out : str
        Folder or URL of the results.

    Raises
    ------
    StorageError
        ``out`` cannot be written; the message names it without credentials.
    """
    filesystem, root = open_store(out)
    probe = f"{root}/.probe-{uuid.uuid4().hex}"
    with storage_errors(out, "writing a probe file"):
        if is_local(filesystem):
            filesystem.makedirs(root, exist_ok=True)
        filesystem.pipe_file(probe, b"probe")
        filesystem.rm_file(probe)


def _write_temporary(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _link_new(path: Path, data: bytes) -> None:
    temporary = _write_temporary(path, data)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
