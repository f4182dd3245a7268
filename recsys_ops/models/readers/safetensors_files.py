"""Tensors of a ``.safetensors`` file."""

from typing import Any

from recsys_ops.errors import ConfigError
from recsys_ops.models.readers.numpy_files import Arrays
from recsys_ops.models.readers.opened import read_file


def read_safetensors(url: str) -> Arrays:
    """All tensors by name.

    Raises
    ------
    InputError
        As ``read_file``.
    ConfigError
        The package is not installed.
    """
    try:
        from safetensors import SafetensorError  # late: an optional extra
        from safetensors.numpy import load
    except ImportError as error:
        raise ConfigError(
            f"--model {url}: reading it needs the package safetensors. Install recsys-ops[safetensors]."
        ) from error

    def read(stream: Any) -> Arrays:
        try:
            return dict(load(stream.read()))
        except SafetensorError as error:
            raise ValueError from error

    return read_file(url, read, "tensors of float32 or float64 written with safetensors")
