"""Named arrays of a model that was fitted elsewhere: ``.npz``, ``.safetensors``, or a folder of ``.npy`` files.

Nothing is unpickled.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError, InputError
from recsys_ops.storage import is_bad_content, is_missing_file, open_file, storage_errors

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}
"""Types of numbers of safetensors that NumPy has."""

_BROKEN = (ValueError, TypeError, KeyError, AttributeError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
"""What reading a broken file raises."""

Arrays = Mapping[str, NDArray[Any]]


def read_arrays(url: str, names: Sequence[str]) -> Arrays:
    """Those of some named arrays that there are.

    Parameters
    ----------
    url : str
        File that ends in ``.npz`` or ``.safetensors``, else a folder with a file ``NAME.npy`` for each; any fsspec URL.
    names : sequence of str
        Further arrays are left alone.

    Returns
    -------
    mapping of str to ndarray

    Raises
    ------
    InputError
        The file cannot be read, or has none of the arrays.
    """
    if url.endswith(".npz"):
        found = _read_npz(url, names)
    elif url.endswith(".safetensors"):
        found = _read_safetensors(url, names)
    else:
        found = {name: array for name in names if (array := _read_npy(f"{url.rstrip('/')}/{name}.npy")) is not None}
    if not found:
        raise InputError(f"{url}: there is none of the arrays {', '.join(names)}. Name a file or folder with them.")
    return found


def _read_npz(url: str, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream, np.load(stream, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in names if name in arrays}
        except _BROKEN as error:
            raise _unreadable(url, error, "Write it with numpy.savez, strings as arrays of str.") from error


def _read_npy(url: str) -> NDArray[Any] | None:
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream:
                array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
                return array
        except _BROKEN as error:
            if is_missing_file(error):
                return None
            raise _unreadable(url, error, "Write it with numpy.save.") from error


def _read_safetensors(url: str, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream:
                content = stream.read()
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + size])
            return {name: _tensor(header[name], content[8 + size :]) for name in names if name in header}
        except _BROKEN as error:
            raise _unreadable(url, error, "Write it with safetensors, as float32 or float64.") from error


def _tensor(entry: Mapping[str, Any], content: bytes) -> NDArray[Any]:
    if entry["dtype"] not in _KINDS:
        raise ValueError(f"type {entry['dtype']}")
    first, last = entry["data_offsets"]
    array: NDArray[Any] = np.frombuffer(content[first:last], dtype=_KINDS[entry["dtype"]]).reshape(entry["shape"])
    return array


def _unreadable(url: str, error: Exception, remedy: str) -> Exception:
    """What to raise for what reading raised: a refusal of the store as it is."""
    if is_missing_file(error):
        return InputError(f"{url}: there is no such file.")
    if isinstance(error, ConfigError) or (isinstance(error, OSError) and not is_bad_content(error)):
        return error
    return InputError(f"{url}: cannot be read ({' '.join(str(error).split())}). {remedy}")
