"""Why a user is not shown an item: one row, from the models of a counterfactuals run."""

from typing import Any

import pyarrow as pa

from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.counterfactuals.inputs import CounterfactualData
from recsys_ops.counterfactuals.sentences import why_not_sentences
from recsys_ops.counterfactuals.why_not import MAX_ADDED, find_why_not
from recsys_ops.errors import ConfigError
from recsys_ops.status import Status


def why_not_row(
    settings: CounterfactualsConfig, data: CounterfactualData, user: int, item: int, *, max_added: int = MAX_ADDED
) -> dict[str, Any]:
    """The fewest further interactions that would bring an item into a user's list, in ids, titles and words.

    Parameters
    ----------
    settings : CounterfactualsConfig
    data : CounterfactualData
    user, item : int
        Positions.
    max_added : int
        Most interactions that an answer adds.

    Raises
    ------
    ConfigError
        The item is in the user's history, the model does not know it, or the recommender is not linear.
    """
    user_id, item_id = data.dataset.user_ids[user].as_py(), data.dataset.item_ids[item].as_py()
    items, amounts, _, _ = data.histories.of_user(user)
    offsets = getattr(data.recommender, "offsets", None)
    if settings.candidates == "unseen" and item in items:
        raise ConfigError(
            f"--item {item_id}: it is in the history of user {user_id}, so it is not recommended. Name another."
        )
    if offsets is not None and offsets[item] == -float("inf"):
        raise ConfigError(f"--item {item_id}: the model does not know it, so it never recommends it. Name another.")
    found, n_given = find_why_not(
        data.recommender, items, amounts, item, k=settings.k, scale=data.histories.scale,
        candidates=settings.candidates, time_limit=settings.time_limit, max_added=max_added,
    )  # fmt: skip
    is_proven_impossible = found.status is Status.INFEASIBLE
    titles = data.dataset.items.column("title")
    added = None if found.added is None else pa.array(found.added, pa.int64())
    names: Any = None if added is None else titles.take(added).to_pylist()
    text = why_not_sentences(
        titles[item].as_py(), names,
        (found.rank_before, found.rank_after), settings.k, n_given=n_given if is_proven_impossible else None,
        most=max_added if found.bound is not None else None,
        verb=data.dataset.verb, language=settings.language,
    )  # fmt: skip
    return {
        "user_id": user_id, "item_id": item_id, "title": titles[item].as_py(), "k": settings.k,
        "status": str(found.status), "reason": found.reason, "rank_before": found.rank_before,
        "rank_after": found.rank_after,
        "added": None if added is None else data.dataset.item_ids.take(added).to_pylist(),
        "n_added": None if added is None else len(added), "n_given": n_given, "bound": found.bound,
        "method": found.method, "text": text,
    }  # fmt: skip
