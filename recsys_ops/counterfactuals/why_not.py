"""Why an item is not in one user's list, from the data structures of a Python session: no job, no Ray."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys_ops.arrow import Array
from recsys_ops.counterfactuals.additions import linked_items, make_addition_question
from recsys_ops.counterfactuals.explanation import Model, recommender_of
from recsys_ops.counterfactuals.histories import count_units
from recsys_ops.counterfactuals.push_in import Additions, find_additions
from recsys_ops.counterfactuals.question import Candidates
from recsys_ops.datasets.interactions import position_of, read_interactions
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.recommender import LINEAR, Recommender
from recsys_ops.status import Status

_SHOWN = 5

MAX_ADDED = 10
"""Additions up to which an answer is of use to a person."""


@dataclass(frozen=True)
class UserAdditions:
    """What would bring an item into a user's list; ``print`` shows it in three lines.

    ``added`` holds the ids of the fewest further interactions, out of ``n_given`` that may be added; ``bound`` a number
    that is proven to be needed. Ranks count what is tied with the item as above it.
    """

    user: int | str
    item: int | str
    k: int
    status: Status
    reason: str | None
    rank_before: int
    rank_after: int | None
    added: tuple[int | str, ...]
    n_given: int
    bound: int | None
    method: str | None
    seconds: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        if self.status is Status.ALREADY_SATISFIED:
            return (
                f"User {self.user!r} is recommended item {self.item!r} at rank {self.rank_before}.\n"
                f"Nothing has to be added: it is among the first {self.k}.\n"
                f"Status {self.status}: {self.status.remedy}"
            )
        return (
            f"User {self.user!r} is not recommended item {self.item!r}: it is at rank {self.rank_before}, and the list "
            f"has {self.k}.\n{self._what()}\n{self._proof()}"
        )

    def _what(self) -> str:
        if not self.added:
            if self.status is Status.INFEASIBLE and self.bound is None:
                return f"Nothing out of {self.n_given} further interactions brings it in: {self.reason}."
            if self.status is Status.INFEASIBLE and self.bound is not None:
                at_least = f"At least {self.bound} out of {self.n_given} further interactions"
                return f"{at_least} would be needed: more than may be added."
            return f"What would bring it in is not known: {self.reason}."
        names = [repr(item) for item in self.added[:_SHOWN]]
        hidden = [f"{len(self.added) - _SHOWN} more"] if len(self.added) > _SHOWN else []
        each = "1 interaction" if len(self.added) == 1 else f"{len(self.added)} interactions"
        return f"With {each} more, it would be at rank {self.rank_after}: {', '.join(names + hidden)}."

    def _proof(self) -> str:
        if not self.added:
            return f"Status {self.status}: {self.status.remedy}"
        reason = f" ({self.reason})" if self.reason else ""
        return f"Status {self.status}{reason}: at least {self.bound} of {self.n_given} that may be added are needed."


def why_not(
    model: Model,
    histories: Any,
    user: int | str,
    item: int | str,
    *,
    k: int = 10,
    additions: Sequence[int | str] | None = None,
    ratings: bool = False,
    greatest_rating: float | None = None,
    candidates: Candidates = "unseen",
    max_added: int | None = MAX_ADDED,
    time_limit: float = 10.0,
) -> UserAdditions:
    """The fewest further interactions that would bring an item into a user's top k.

    Parameters
    ----------
    model : Recommender, or weights, ndarray or sparse, shape (n_items, n_items)
        Linear in the history, as ``recsys_ops.fit_ease`` gives it; row j of weights is what interaction j adds to
        every item.
    histories : DataFrame or pyarrow.Table, sparse matrix, or array
        Interactions: a table of user_id, item_id and, if there are ratings, rating; or of shape (n_users, n_items),
        where positions are ids. Of all users or of this one only. Never modified.
    user, item : int or str
        Ids, or positions in a matrix.
    k : int, >= 1
        Length of the list that the user sees.
    additions : sequence of int or str, optional
        Items that may be added; by default the 100 that add most to the item. Never the item itself.
    ratings : bool
        Histories are ratings, and what is added has the greatest one.
    greatest_rating : float, optional
        With ``ratings``: the greatest rating possible; by default the greatest one given.
    candidates : "unseen" or "all"
        Whether items of the history may be recommended. With "unseen", an added item leaves the list.
    max_added : int, >= 1, or None
        Most interactions that an answer adds; None for as many as may be added. Where more would be needed, that is
        proven, and which ones is not looked for.
    time_limit : float, > 0
        Seconds.

    Returns
    -------
    UserAdditions
        Of status optimal, feasible (not proven fewest), infeasible (proven, within ``max_added``), timeout, or
        already_satisfied.

    Raises
    ------
    InputError
        The user or an item is unknown, the item or an addition is in the history, or the data are not as they should
        be.
    ConfigError
        A setting is out of its range, or the recommender is not linear in the history.
    """
    if k < 1 or not time_limit > 0:
        raise ConfigError(f"k={k}, time_limit={time_limit:g}: k must be at least 1, and the time limit positive.")
    if max_added is not None and max_added < 1:
        raise ConfigError(f"max_added={max_added}: expected at least 1, or None for any number.")
    recommender = recommender_of(model)
    given = read_interactions(histories, item_ids=recommender.item_ids)
    scale = given.rating_scale(ratings=ratings, greatest_rating=greatest_rating)
    units = count_units(given.ratings, scale, ratings=ratings)
    items, amounts, _, _ = units.of_user(position_of(user, given.user_ids, "user"))
    target = position_of(item, given.item_ids, "item")
    may_be_added = None if additions is None else _positions(additions, given.item_ids, items, target)
    began = perf_counter()
    with threadpool_limits(limits=1):
        found, n_given = find_why_not(
            recommender, items, amounts, target, additions=may_be_added, k=k, scale=units.scale,
            candidates=candidates, time_limit=time_limit, max_added=max_added,
        )  # fmt: skip
    added: list[Any] = []
    if found.added is not None:
        added = given.item_ids.take(pa.array(found.added, pa.int64())).to_pylist()
    return UserAdditions(
        user, item, k, found.status, found.reason, found.rank_before, found.rank_after, tuple(added), n_given,
        found.bound, found.method, perf_counter() - began,
    )  # fmt: skip


def find_why_not(
    recommender: Recommender,
    history: NDArray[np.int64],
    amounts: NDArray[np.int64],
    item: int,
    *,
    k: int,
    scale: float,
    candidates: Candidates,
    time_limit: float,
    max_added: int | None = MAX_ADDED,
    additions: NDArray[np.int64] | None = None,
) -> tuple[Additions, int]:
    """The same by positions, and how many items may be added; raises as ``why_not``."""
    if not isinstance(recommender, LINEAR):
        raise ConfigError(
            "why an item is not in a list is answered for recommenders that are linear in the history, and this one is "
            "not. Use one such as ease."
        )
    if candidates == "unseen" and item in history:
        raise InputError("the item is in the user's history, so it is not recommended. Name another.")
    if additions is None:
        additions = linked_items(recommender, item, history)
    question = make_addition_question(
        recommender, history, amounts, item, additions, k=k, scale=scale, candidates=candidates
    )
    return find_additions(question, time_limit=time_limit, max_added=max_added), len(additions)


def _positions(
    additions: Sequence[int | str], ids: Array, history: NDArray[np.int64], target: int
) -> NDArray[np.int64]:
    """Positions of what may be added, each once, without the item itself."""
    positions = np.unique(np.array([position_of(one, ids, "item") for one in additions], dtype=np.int64))
    known = np.intersect1d(positions, history)
    if len(known):
        raise InputError(
            f"additions: {len(known)} items are in the history (first: {ids[int(known[0])].as_py()!r}), so that they "
            "cannot be added. Leave them out."
        )
    others: NDArray[np.int64] = positions[positions != target]
    return others
