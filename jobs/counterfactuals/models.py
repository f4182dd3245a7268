"""The recommender and the likelihood of a counterfactuals run, as arrays to store with it."""

import hashlib
from dataclasses import fields
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from jobs.store.models import Models, matrix_models, matrix_of
from recsys_ops.datasets.fingerprint import fingerprint_of_matrix
from recsys_ops.errors import InputError
from recsys_ops.models.aggregate import Aggregation, AggregationKind
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.folded_likelihood import FoldedLikelihood
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.network import Network
from recsys_ops.models.onnx_model import OnnxRecommender
from recsys_ops.models.recommender import Recommender


def counterfactuals_models(recommender: Recommender, folded: FoldedLikelihood | None) -> Models:
    """Arrays of the recommender, and of the networks with what they are over."""
    models = recommender_models(recommender)
    if folded is None:
        return models
    aggregation = folded.likelihoods[0].aggregation
    models |= matrix_models("membership", aggregation.membership)
    models |= {"sizes": aggregation.sizes, "scale": np.array(aggregation.scale)}
    if len(folded.fold):
        models["fold"] = folded.fold
    for position, likelihood in enumerate(folded.likelihoods):
        of_fold = _of_fold(position)
        for field in fields(Network):
            models[f"{of_fold}network.{field.name}"] = getattr(likelihood.network, field.name)
        models[f"{of_fold}median"] = np.array(likelihood.median)
        models[f"{of_fold}references"] = likelihood.references
    return models


def _of_fold(position: int) -> str:
    """What names of arrays begin with; nothing for the first network, which mostly is the only one."""
    return f"fold-{position}." if position else ""


def restored_counterfactuals(models: Models, kind: AggregationKind) -> tuple[Recommender, FoldedLikelihood | None]:
    """Inverse of ``counterfactuals_models``; ``kind`` of the aggregation is a setting of the run.

    Raises
    ------
    InputError
        Another version has stored the network under other names.
    """
    recommender = _restored(models)
    if "median" not in models:
        return recommender, None
    names = [f"network.{field.name}" for field in fields(Network)]
    missing = [name for name in (*names, "references") if name not in models]
    if missing:
        raise InputError(
            f"models: an earlier version stored them, without the array '{missing[0]}' (found "
            f"{', '.join(sorted(models))}). Run the job again."
        )
    membership = matrix_of(models, "membership")
    aggregation = Aggregation(kind, sp.csr_array(membership), models["sizes"], float(models["scale"]))
    fold: NDArray[np.int64] = models.get("fold", np.empty(0, dtype=np.int64))
    likelihoods = []
    for position in range(int(fold.max(initial=0)) + 1):
        of_fold = _of_fold(position)
        network = Network(*(models[f"{of_fold}{name}"] for name in names))
        median, references = float(models[f"{of_fold}median"]), models[f"{of_fold}references"]
        likelihoods.append(Likelihood(network, aggregation, median, references))
    return recommender, FoldedLikelihood(tuple(likelihoods), fold)


def recommender_models(recommender: Recommender) -> dict[str, NDArray[Any]]:
    """Weights, or factors with what belongs to them, or an ONNX file byte by byte."""
    if isinstance(recommender, OnnxRecommender):
        return {"onnx": recommender.content, "n_items": np.array(recommender.n_items)}
    if isinstance(recommender, LinearRecommender):
        return matrix_models("weights", recommender.weights)
    models = matrix_models("item_factors", recommender.item_factors)
    if recommender.offsets is not None:
        models["offsets"] = recommender.offsets
    if isinstance(recommender, FoldInRecommender):
        grows = [1.0] if recommender.grows else []
        return models | {"fold_in": np.array([recommender.regularization, recommender.alpha, *grows])}
    if recommender.history_factors is not recommender.item_factors:  # one and the same array is stored once
        models |= matrix_models("history_factors", recommender.history_factors)
    return models


def _restored(models: Models) -> Recommender:
    names = {name.partition(".")[0] for name in models}
    if "onnx" in names:
        return OnnxRecommender(models["onnx"], int(models["n_items"]))
    if "item_factors" not in names:
        return LinearRecommender(matrix_of(models, "weights"))
    if "fold_in" in names:
        regularization, alpha, *grows = models["fold_in"].tolist()
        return FoldInRecommender(
            models["item_factors"], regularization, alpha, offsets=models.get("offsets"), grows=grows == [1.0]
        )
    items = matrix_of(models, "item_factors")
    history = matrix_of(models, "history_factors") if "history_factors" in names else items
    return FactoredRecommender(history, items, models.get("offsets"))


def fingerprint_of_recommender(recommender: Recommender) -> str:
    """SHA-256 of a recommender that was read from a file."""
    if isinstance(recommender, OnnxRecommender):
        return recommender.fingerprint
    if isinstance(recommender, LinearRecommender):
        return fingerprint_of_matrix(recommender.weights)
    digest = hashlib.sha256()
    for name, array in sorted(recommender_models(recommender).items()):
        digest.update(f"{name} {fingerprint_of_matrix(array.reshape(len(array), -1))} ".encode())
    return digest.hexdigest()
