"""The item that an explanation of a Python session is about: named, or the first of the user's list."""

from recsys_ops.counterfactuals.histories import Histories
from recsys_ops.datasets.interactions import Interactions, position_of
from recsys_ops.errors import InputError
from recsys_ops.models.linear import top_lists
from recsys_ops.models.recommender import Recommender


def target_of(
    recommender: Recommender,
    given: Interactions,
    units: Histories,
    user: int,
    item: int | str | None,
    *,
    is_unseen: bool,
) -> int:
    """Position of the item that is explained: the one named, else the first of the user's list.

    Raises
    ------
    InputError
        The history is empty, or the item is unknown or cannot be recommended.
    """
    name = given.user_ids[user].as_py()
    history = units.of_user(user)[0]
    if not len(history):
        raise InputError(f"user {name!r}: the history is empty, so that nothing can be explained by it.")
    if item is None:
        (best,) = top_lists(recommender, units.inputs[[user]], 1, is_unseen=is_unseen)[0]
        if best < 0:
            raise InputError(f"user {name!r}: every item is in the history, so that none is recommended.")
        return int(best)
    target = position_of(item, given.item_ids, "item")
    if is_unseen and target in history:
        raise InputError(
            f"item {item!r} is in the history of user {name!r}, so it is not recommended. Name another, or "
            "use candidates='all'."
        )
    return target
