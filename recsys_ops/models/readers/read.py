"""``--model`` of a file: which reader it takes, and which recommender comes of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.readers import factors as forms
from recsys_ops.models.readers.catalogue import Catalogue
from recsys_ops.models.readers.implicit_files import implicit_factors, is_implicit
from recsys_ops.models.readers.item_factors import ItemFactors
from recsys_ops.models.readers.numpy_files import Arrays, is_sparse, read_npy, read_npz, read_sparse
from recsys_ops.models.readers.opened import name_of
from recsys_ops.models.readers.placed import placed, placed_offsets
from recsys_ops.models.readers.safetensors_files import read_safetensors
from recsys_ops.models.readers.spec import ModelSpec
from recsys_ops.models.readers.tables import has_vectors, read_vectors
from recsys_ops.models.readers.torch_files import read_state_dict
from recsys_ops.models.weights import read_pairs, read_sparse_weights, weights_of_items

Model = LinearRecommender | FactoredRecommender | ItemFactors

_READERS = {".npz": read_npz, ".safetensors": read_safetensors, ".pt": read_state_dict, ".pth": read_state_dict}


def read_model(spec: ModelSpec, catalogue: Catalogue) -> Model:
    """Read a model that was fitted elsewhere.

    Parameters
    ----------
    spec : ModelSpec
    catalogue : Catalogue

    Returns
    -------
    LinearRecommender, FactoredRecommender or ItemFactors

    Raises
    ------
    InputError
        The file is missing, broken, of another form, or of another catalogue.
    ConfigError
        The kind does not go with such files.
    """
    url, source = spec.files[0], name_of(spec.files[0])
    if spec.kind == "sansa":
        return forms.sansa([read_sparse(file) for file in spec.files], catalogue, [*map(name_of, spec.files)])
    if len(spec.files) > 1:
        arrays = dict(zip(("history", "items", "bias"), map(read_npy, spec.files), strict=False))
        return forms.factors(arrays, {}, catalogue, source)
    if url.endswith(".npy"):
        return _of_matrix(spec.kind, read_npy(url), catalogue, source)
    reader = next((reader for suffix, reader in _READERS.items() if url.endswith(suffix)), None)
    if reader is not None:
        return _of_arrays(spec, reader(url), catalogue, source)
    return _of_table(spec.kind, url, catalogue, source)


def _of_matrix(kind: str | None, matrix: NDArray[Any], catalogue: Catalogue, source: str) -> Model:
    if kind == "weights" or (kind is None and matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]):
        return LinearRecommender(weights_of_items(matrix, source, catalogue.item_ids, catalogue.model_ids))
    if kind is None:
        raise InputError(
            f"{source}: expected item-to-item weights ({catalogue.n_items}, {catalogue.n_items}) (found shape "
            f"{matrix.shape}). If these are vectors of items, say how they make scores: elsa:, embeddings: or als: "
            "before the file."
        )
    return _of_vectors(kind, matrix, None, catalogue, source)


def _of_arrays(spec: ModelSpec, arrays: Arrays, catalogue: Catalogue, source: str) -> Model:
    if is_sparse(arrays):
        if spec.kind not in (None, "weights"):
            raise InputError(f"{source}: expected vectors of items for {spec.kind}: (found a sparse matrix).")
        return LinearRecommender(read_sparse_weights(arrays, source, catalogue.item_ids, catalogue.model_ids))
    if is_implicit(arrays) and spec.kind in (None, "als", "embeddings"):
        found = implicit_factors(arrays, source)
        kind = spec.kind or ("als" if found.folds_in else "embeddings")
        model = _of_vectors(kind, found.factors, found.bias, catalogue, source)
        if isinstance(model, ItemFactors):
            return ItemFactors(model.factors, model.bias, found.regularization, found.alpha)
        return model
    if spec.kind in (None, "factors"):
        return forms.factors(arrays, spec.tensors, catalogue, source)
    if len(arrays) != 1:
        raise InputError(
            f"{source}: expected one matrix for {spec.kind} (found {', '.join(arrays) or 'nothing'}). Use factors: "
            "and name the arrays."
        )
    return _of_matrix(spec.kind, next(iter(arrays.values())), catalogue, source)


def _of_table(kind: str | None, url: str, catalogue: Catalogue, source: str) -> Model:
    if kind == "weights" or (kind is None and not has_vectors(url)):
        return LinearRecommender(read_pairs(url, source, catalogue.item_ids))
    table = read_vectors(url)
    ours = Catalogue(catalogue.item_ids, catalogue.n_users, table.ids)
    return _of_vectors(kind or ("als" if table.is_spark else "embeddings"), table.vectors, table.bias, ours, source)


def _of_vectors(
    kind: str, vectors: NDArray[Any], bias: NDArray[Any] | None, catalogue: Catalogue, source: str
) -> FactoredRecommender | ItemFactors:
    if kind == "als":
        rows, is_known = placed(vectors, catalogue, source, "the vector of each item")
        return ItemFactors(np.asarray(rows), placed_offsets(bias, is_known, catalogue, source))
    if kind == "elsa" and bias is None:
        return forms.elsa(vectors, catalogue, source)
    if kind == "embeddings":
        return forms.embeddings(vectors, bias, catalogue, source)
    raise ConfigError(f"--model {kind}:{source}: {kind} is not made of such a file. Use embeddings: or als:.")
