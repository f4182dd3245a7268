"""Tensors of a torch state dict, loaded with ``weights_only=True``."""

import warnings
from typing import Any

import numpy as np

from recsys_ops.models.readers.numpy_files import Arrays
from recsys_ops.models.readers.opened import read_file


def read_state_dict(url: str) -> Arrays:
    """All tensors by name, also of a dict in the dict such as ``state_dict``; raises InputError as ``read_file``."""

    def read(stream: Any) -> Arrays:
        import torch  # late: a second of start-up

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are then refused
            content = torch.load(stream, map_location="cpu", weights_only=True)
        nested = [content, *(value for value in content.values() if isinstance(value, dict))]
        for candidate in nested:
            found = {str(name): value for name, value in candidate.items() if isinstance(value, torch.Tensor)}
            if found:
                return {name: _as_array(value) for name, value in found.items()}
        raise ValueError

    return read_file(url, read, "a state dict of tensors written with torch.save(model.state_dict(), file)")


def _as_array(tensor: Any) -> np.ndarray[Any, Any]:
    dense = tensor.detach().to_dense()
    return np.asarray(dense.numpy() if str(dense.dtype) != "torch.bfloat16" else dense.float().numpy())
