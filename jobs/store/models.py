"""The fitted models of a run, stored with it: arrays as ``.npy`` files, listed with their checksums in the manifest."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from jobs.store.files import write_chunks
from jobs.store.records import RunFolder
from recsys_ops.errors import InputError
from recsys_ops.parts import wrong_file
from recsys_ops.runs import Run
from recsys_ops.storage import is_missing_file, open_store, storage_errors

Models = Mapping[str, NDArray[Any]]
CHUNK_BYTES = 2**24
_SPARSE = ("data", "indices", "indptr", "shape")


def write_models(folder: RunFolder, models: Models) -> dict[str, dict[str, Any]]:
    """Write each array as ``models/<name>-<digest>.npy``; return what the manifest lists of it.

    Named after their bytes as well, so that two drivers at the same run never write over each other's; what is there
    already, perhaps of a run that a rival has committed meanwhile, is left as it is.

    Raises
    ------
    StorageError
    """
    filesystem, root = folder.open()
    listed = {}
    for name, array in sorted(models.items()):
        digest, n_bytes = hashlib.sha256(), 0
        for chunk in _chunks(array):
            digest.update(chunk)
            n_bytes += len(chunk)
        path = f"models/{name}-{digest.hexdigest()[:16]}.npy"
        listed[name] = {"path": path, "bytes": n_bytes, "sha256": digest.hexdigest()}
        if wrong_file(filesystem, f"{root}/{path}", listed[name]):
            write_chunks(filesystem, f"{root}/{path}", _chunks(array))
    return listed


def _chunks(array: NDArray[Any]) -> Iterator[bytes]:
    """The array's ``.npy`` file bit by bit: a copy of the weights of a large catalogue might not fit into memory."""
    header = io.BytesIO()
    array = np.asarray(array, order="C")
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    yield header.getvalue()
    flat = array.reshape(-1).view(np.uint8)
    for first in range(0, len(flat), CHUNK_BYTES):
        yield flat[first : first + CHUNK_BYTES].tobytes()


def read_models(run: Run) -> dict[str, NDArray[Any]]:
    """The models of a run, each compared with its checksum.

    Raises
    ------
    InputError
        The run has none, or one is missing or not as written.
    StorageError
        The store refused.
    """
    listed = run.manifest.get("models")
    if not listed:
        raise InputError(f"run {run.run_id}: no models are stored with it. Run the job again.")
    filesystem, root = open_store(run.url)
    found = {name: _read(filesystem, f"{root}/{entry['path']}", entry) for name, entry in listed.items()}
    return _StoredModels(run.run_id, found)


class _StoredModels(dict[str, NDArray[Any]]):
    """Models of a run; one that is not there was not stored by the version that made the run."""

    def __init__(self, run_id: str, models: Models) -> None:
        super().__init__(models)
        self.run_id = run_id

    def __missing__(self, name: str) -> NDArray[Any]:
        raise InputError(
            f"run {self.run_id}: was made by another version, which stored no model {name}. Run the job again."
        )


def _read(filesystem: Any, path: str, entry: Mapping[str, Any]) -> NDArray[Any]:
    with storage_errors(path, "reading"):
        try:
            data: bytes = filesystem.cat_file(path)
        except OSError as error:
            if not is_missing_file(error):
                raise
            data = b""
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise InputError(f"{path}: this model is missing or not as it was written. Run the job again.")
    array: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def matrix_models(name: str, matrix: NDArray[Any] | sp.csr_array) -> dict[str, NDArray[Any]]:
    """A dense or sparse matrix as arrays."""
    if not isinstance(matrix, sp.csr_array):
        return {name: matrix}
    return {f"{name}.{part}": np.asarray(getattr(matrix, part)) for part in _SPARSE}


def matrix_of(models: Models, name: str) -> NDArray[Any] | sp.csr_array:
    """Inverse of ``matrix_models``."""
    if name in models:
        return models[name]
    data, indices, indptr, shape = (models[f"{name}.{part}"] for part in _SPARSE)
    return sp.csr_array((data, indices, indptr), shape=(int(shape[0]), int(shape[1])))
