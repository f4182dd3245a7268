"""What a recourse run computed over all users, stored as arrays: enough to do further items without a new pass."""

import numpy as np
from numpy.typing import NDArray

from jobs.store.models import Models
from recsys_ops.datasets import Dataset
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.models.user_summary import GroupCounts, UserSummary

_FACTORS = ("vectors", "feature_map", "own")
"""Fields of a learned recommender, and the names of their arrays."""


def recourse_models(
    summary: UserSummary, counts: GroupCounts, selected: NDArray[np.int64], model: FeatureLinearModel
) -> Models:
    """Arrays of the thresholds of every user and the counts of every group; ``selected`` items have their ranks.

    With the factors of a learned recommender; the content recommender is that of the data.
    """
    factors = {} if model.own is None else {name: getattr(model, name) for name in _FACTORS}
    return {
        **factors,
        "top_scores": summary.top_scores,
        "gains": summary.gains,
        "n_candidates": counts.n_candidates,
        "n_in_top": counts.n_in_top,
        "rank_sums": counts.rank_sums,
        "selected": selected,
    }


def restored_model(models: Models, dataset: Dataset, items: EncodedItems) -> FeatureLinearModel:
    """The recommender that the run was about."""
    if _FACTORS[0] not in models:
        return make_feature_model("content", dataset, items)
    return FeatureLinearModel(items.matrix, dataset.ratings, **{name: models[name] for name in _FACTORS})


def restored_recourse(models: Models, selected: NDArray[np.int64]) -> tuple[UserSummary, GroupCounts]:
    """Summary of the users and counts for the items ``selected`` now; ranks that the run did not compute are nan."""
    place = {int(item): column for column, item in enumerate(models["selected"])}
    rank_sums = np.full((len(models["rank_sums"]), len(selected)), np.nan)
    for column, item in enumerate(selected):
        if int(item) in place:
            rank_sums[:, column] = models["rank_sums"][:, place[int(item)]]
    summary = UserSummary(models["top_scores"], models["gains"])
    return summary, GroupCounts(models["n_candidates"], models["n_in_top"], rank_sums)
