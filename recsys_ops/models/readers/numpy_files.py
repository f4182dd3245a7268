"""Arrays of ``.npy`` and ``.npz`` files, and the sparse matrices of SciPy and implicit."""

from collections.abc import Collection
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.readers.opened import read_file

Arrays = dict[str, NDArray[Any]]

_COMPRESSED = {"data", "indices", "indptr", "shape"}
"""Of scipy.sparse.save_npz and of implicit's item-item models, which write the same arrays."""


def read_npy(url: str) -> NDArray[Any]:
    """The array of a ``.npy`` file; raises InputError as ``read_file``."""
    expected = "a matrix written with numpy.save"

    def read(stream: Any) -> NDArray[Any]:
        array = np.load(stream, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError
        return array

    return read_file(url, read, expected)


def read_npz(url: str, names: Collection[str] | None = None) -> Arrays:
    """The arrays of a ``.npz`` file by name, all or only those ``names``; raises InputError as ``read_file``."""

    def read(stream: Any) -> Arrays:
        loaded = np.load(stream, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError
        with loaded as content:
            return {name: content[name] for name in content.files if names is None or name in names}

    return read_file(url, read, "arrays written with numpy.savez, scipy.sparse.save_npz or the save of implicit")


def is_sparse(arrays: Arrays) -> bool:
    """Whether the arrays of a ``.npz`` file are those of a sparse matrix."""
    return arrays.keys() >= _COMPRESSED or arrays.keys() >= {"format", "data", "shape"}


def sparse_matrix(arrays: Arrays) -> sp.csr_array:
    """The sparse matrix that some arrays are, every index checked, in float64 with sorted indices.

    Raises
    ------
    ValueError, TypeError, IndexError, KeyError
        They contradict each other, or the matrix is of a format other than CSR, CSC and COO.
    """
    kind = arrays["format"].item() if "format" in arrays else "csr"
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if kind not in ("csr", "csc", "coo"):
        raise ValueError(kind)
    shape = tuple(int(size) for size in arrays["shape"])
    if len(shape) != 2 or arrays["data"].dtype.kind not in "fiub":
        raise ValueError(shape)
    values = arrays["data"].astype(np.float64)
    if kind == "coo":
        places = arrays["coords"] if "coords" in arrays else (arrays["row"], arrays["col"])
        matrix: Any = sp.coo_array((values, tuple(places)), shape=shape)
    else:
        make: Any = sp.csr_array if kind == "csr" else sp.csc_array
        matrix = make((values, arrays["indices"], arrays["indptr"]), shape=shape)
        matrix.check_format(full_check=True)  # an index outside the matrix would be read from foreign memory
    ordered = sp.csr_array(matrix)
    ordered.sum_duplicates()
    return ordered


def read_sparse(url: str) -> sp.csr_array:
    """The sparse matrix of a ``.npz`` file, in float64 with sorted indices; raises InputError as ``read_file``."""

    def read(stream: Any) -> sp.csr_array:
        with np.load(stream, allow_pickle=False) as content:
            return sparse_matrix({name: content[name] for name in content.files})

    return read_file(url, read, "a sparse matrix written with scipy.sparse.save_npz")
