"""Open a file of a model, and say in one sentence what is wrong with it."""

import zipfile
import zlib
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any, TypeVar

import pyarrow as pa

from recsys_ops.errors import ConfigError, InputError
from recsys_ops.storage import is_bad_content, is_missing_file, open_file, shown_url, storage_errors

Content = TypeVar("Content")

_UNREADABLE = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError, EOFError, OSError, MemoryError,
    OverflowError, UnicodeError, zipfile.BadZipFile, zlib.error, UnpicklingError, pa.ArrowException,
)  # fmt: skip
"""What the libraries raise for files that are not theirs, are cut off, or hold what they refuse."""


def name_of(url: str) -> str:
    """The file's own name, for messages."""
    return shown_url(url).rstrip("/").rpartition("/")[2]


def read_file(url: str, read: Callable[[Any], Content], expected: str) -> Content:
    """What ``read`` makes of a file.

    Parameters
    ----------
    url : str
        Any fsspec URL.
    read : callable
        Takes the open file; it may raise whatever its library raises.
    expected : str
        What should have been in the file, for the message.

    Returns
    -------
    Content

    Raises
    ------
    InputError
        There is no such file, or it is something else.
    StorageError, ConfigError
        The store refused, or the URL holds credentials.
    """
    file = name_of(url)
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream:
                return read(stream)
        except (InputError, ConfigError):
            raise
        except _UNREADABLE as error:
            if is_missing_file(error):
                raise InputError(f"{file}: there is no such file ({shown_url(url)}).") from error
            if not isinstance(error, MemoryError) and not is_bad_content(error):
                raise
            raise InputError(
                f"{file}: cannot be read, expected {expected}. Nothing that holds Python objects is read: write the "
                "arrays themselves."
            ) from error
