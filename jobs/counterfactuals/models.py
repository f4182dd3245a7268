"""The recommender and the likelihood of a counterfactuals run, as arrays to store with it."""

from dataclasses import fields

import numpy as np
import scipy.sparse as sp

from jobs.store.models import Models, matrix_models, matrix_of
from recsys_ops.errors import InputError
from recsys_ops.models.aggregate import Aggregation, AggregationKind
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.network import Network


def counterfactuals_models(recommender: LinearRecommender, likelihood: Likelihood | None) -> Models:
    """Arrays of the weights, and of the network with what it is over."""
    models = matrix_models("weights", recommender.weights)
    if likelihood is None:
        return models
    aggregation = likelihood.aggregation
    return {
        **models,
        **{f"network.{field.name}": getattr(likelihood.network, field.name) for field in fields(Network)},
        **matrix_models("membership", aggregation.membership),
        "sizes": aggregation.sizes,
        "scale": np.array(aggregation.scale),
        "median": np.array(likelihood.median),
    }


def restored_counterfactuals(models: Models, kind: AggregationKind) -> tuple[LinearRecommender, Likelihood | None]:
    """Inverse of ``counterfactuals_models``; ``kind`` of the aggregation is a setting of the run.

    Raises
    ------
    InputError
        Another version has stored the network under other names.
    """
    recommender = LinearRecommender(matrix_of(models, "weights"))
    if "median" not in models:
        return recommender, None
    names = [f"network.{field.name}" for field in fields(Network)]
    missing = [name for name in names if name not in models]
    if missing:
        raise InputError(
            f"models: an earlier version stored them, without the array '{missing[0]}' (found "
            f"{', '.join(sorted(models))}). Run the job again."
        )
    network = Network(*(models[name] for name in names))
    membership = matrix_of(models, "membership")
    aggregation = Aggregation(kind, sp.csr_array(membership), models["sizes"], float(models["scale"]))
    return recommender, Likelihood(network, aggregation, float(models["median"]))
