"""What a recourse run learnt of all users, as arrays to store with it; enough to ask for further items without them."""

import numpy as np
from numpy.typing import NDArray

from jobs.store.models import Models
from recsys_ops.models.content import GroupCounts, UserSummary


def recourse_models(summary: UserSummary, counts: GroupCounts, asked: NDArray[np.int64]) -> Models:
    """Arrays of the thresholds of every user and the counts of every group; ``asked`` items have their ranks."""
    return {
        "top_scores": summary.top_scores,
        "gains": summary.gains,
        "n_candidates": counts.n_candidates,
        "n_in_top": counts.n_in_top,
        "rank_sums": counts.rank_sums,
        "asked": asked,
    }


def restored_recourse(models: Models, asked: NDArray[np.int64]) -> tuple[UserSummary, GroupCounts]:
    """Summary of the users and counts for the items ``asked`` now; ranks that the run did not ask for are nan."""
    place = {int(item): column for column, item in enumerate(models["asked"])}
    rank_sums = np.full((len(models["rank_sums"]), len(asked)), np.nan)
    for column, item in enumerate(asked):
        if int(item) in place:
            rank_sums[:, column] = models["rank_sums"][:, place[int(item)]]
    summary = UserSummary(models["top_scores"], models["gains"])
    return summary, GroupCounts(models["n_candidates"], models["n_in_top"], rank_sums)
