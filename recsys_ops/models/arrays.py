"""Named arrays of a model that was fitted elsewhere: ``.npz``, ``.safetensors``, or a folder of ``.npy`` files.

Nothing is unpickled.
"""

from collections.abc import Sequence

from recsys_ops.errors import InputError
from recsys_ops.models.readers.numpy_files import Arrays as Arrays
from recsys_ops.models.readers.numpy_files import read_npy, read_npz
from recsys_ops.models.readers.safetensors_files import read_safetensors
from recsys_ops.storage import open_store, storage_errors


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
    dict of str to ndarray

    Raises
    ------
    InputError
        The file cannot be read, or has none of the arrays.
    ConfigError
        The package safetensors, which reads such files, is not installed.
    """
    if url.endswith(".npz"):
        found = read_npz(url, names)
    elif url.endswith(".safetensors"):
        found = {name: array for name, array in read_safetensors(url).items() if name in names}
    else:
        files = {name: f"{url.rstrip('/')}/{name}.npy" for name in names}
        found = {name: read_npy(file) for name, file in files.items() if _is_there(file)}
    if not found:
        raise InputError(f"{url}: there is none of the arrays {', '.join(names)}. Name a file or folder with them.")
    return found


def _is_there(url: str) -> bool:
    filesystem, path = open_store(url)
    with storage_errors(url, "reading"):
        return bool(filesystem.exists(path))
