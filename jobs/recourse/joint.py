"""Which plan each item follows so that the promises of a night hold together: passes over the users on Ray."""

import logging
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import Catalogue
from jobs.runtime.blocks import map_blocks
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.user_summary import user_block_size
from recsys_ops.recourse.joint import JointPlan, choose_jointly, make_night
from recsys_ops.recourse.switches import NOBODY, Switches, count_switches, followed
from recsys_ops.recourse.together import Plans, with_plans

_log = logging.getLogger("recsys_ops.jobs")


def switch_blocks(model: FeatureLinearModel, blocks: Sequence[tuple[int, int]], arguments: dict[str, Any]) -> Switches:
    """Counts over consecutive blocks of users."""
    return reduce(add, (count_switches(model, first, last, **arguments) for first, last in blocks))


def joint_plan(
    catalogue: Catalogue,
    config: RecourseConfig,
    plans: Plans,
    before: NDArray[np.int64],
    n_targets: NDArray[np.int64],
) -> JointPlan:
    """Choose a plan for each item, or none.

    Parameters
    ----------
    catalogue : Catalogue
    config : RecourseConfig
        ``joint`` says what counts.
    plans : Plans
        All that were found, also further options.
    before, n_targets : ndarray, shape (n_plans,)
        Users of each plan's group who see the item today, and who may be shown it.

    Returns
    -------
    JointPlan
    """
    model, n_users = catalogue.model, catalogue.dataset.n_users
    least = np.maximum(np.ceil(config.gain * n_targets - 1e-9), 1).astype(np.int64)
    night = make_night(plans, model.features, before=before, least=least, sellers=catalogue.dataset.sellers)
    size = user_block_size(*catalogue.encoded.matrix.shape)
    blocks = [(first, min(first + size, n_users)) for first in range(0, n_users, size)]

    def look(chosen: NDArray[np.intp], weights: NDArray[np.int64]) -> Switches:
        doing = followed(
            night.plans, chosen, np.where(night.plans.group[chosen] == NOBODY, 0, weights), model.features.shape[0]
        )
        arguments = {
            "k": config.k, "groups": catalogue.group_of_user, "plans": night.plans, "followed": doing,
            "times": catalogue.times,
        }  # fmt: skip
        shared = (ray.put(with_plans(model, night.plans, chosen)), ray.put(arguments))
        return reduce(add, map_blocks(switch_blocks, shared, blocks, "choosing jointly"))

    found = choose_jointly(night, look, aim="fair" if config.joint == "fair" else "total")
    _log.info(
        "recourse: joint plan of %d of %d items gains %d users (each item's own best: %d), %d passes%s",
        len(found.chosen), len(night.stay), found.total, found.uncoordinated, found.n_passes,
        "" if found.is_settled else "; more passes might improve it",
    )  # fmt: skip
    return found
