"""One explanation for one user, from the data structures of a Python session: no job, no Ray.

The question, the search and its verification are those of the counterfactuals job; here ids become positions on the way
in, positions become ids on the way out, and settings that would be ignored are refused.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys_ops.counterfactuals.any_question import make_any_question
from recsys_ops.counterfactuals.histories import Histories, count_units
from recsys_ops.counterfactuals.question import Candidates, RemovedItems, Validity
from recsys_ops.counterfactuals.selected import target_of
from recsys_ops.counterfactuals.settings import Engine, Mixture, Plausibility, Settings, check_settings
from recsys_ops.counterfactuals.solve import Explanation
from recsys_ops.counterfactuals.solve import explain as explain_question
from recsys_ops.datasets.interactions import Interactions, position_of, read_interactions
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.recommender import Recommender
from recsys_ops.models.weights import check_weights
from recsys_ops.status import Status

_SHOWN = 5

Model = Recommender | NDArray[Any] | sp.csr_array
"""A fitted recommender, or item-to-item weights ``(n_items, n_items)`` whose items are known by position."""


@dataclass(frozen=True)
class UserExplanation:
    """What a recommended item hangs on; ``print`` shows it in three lines.

    ``removed`` holds the ids of the interactions that are taken away and ``stars`` how much of each, None where whole
    interactions are taken. Distances, ``bound`` and ``gap`` as in the table ``counterfactuals``; None where there is
    nothing to measure. ``n_history`` interactions in all.
    """

    user: int | str
    item: int | str
    k: int
    status: Status
    reason: str | None
    rank_before: int | None
    rank_after: int | None
    removed: tuple[int | str, ...]
    stars: tuple[float, ...] | None
    n_history: int
    distance: float | None
    objective: float | None
    bound: float | None
    gap: float | None
    log_likelihood_before: float | None
    log_likelihood_after: float | None
    percentile_before: float | None
    percentile_after: float | None
    method: str | None
    seconds: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        rank = "" if self.rank_before is None else f" at rank {self.rank_before}"
        return f"User {self.user!r} is recommended item {self.item!r}{rank}.\n{self._what()}\n{self._proof()}"

    def _what(self) -> str:
        if self.status is Status.ALREADY_SATISFIED:
            return f"Nothing has to be removed: it is not among the first {self.k}."
        if not self.removed:
            return f"No part of the {self.n_history} interactions explains it: {self.reason}."
        names = [repr(item) for item in self.removed]
        if self.stars is not None:
            names = [f"{name} (-{stars:g})" for name, stars in zip(names, self.stars, strict=True)]
        hidden = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        verb = "removing" if self.stars is None else "lowering the ratings of"
        left = self.rank_after is not None and self.rank_after > self.k
        outcome = f"takes it out of the top {self.k}" if left else f"lowers its score below that of number {self.k}"
        return (
            f"It hangs on {len(names)} of {self.n_history} interactions: {verb} {', '.join(names[:_SHOWN] + hidden)} "
            f"{outcome}."
        )

    def _proof(self) -> str:
        if not self.removed:
            return f"Status {self.status}: {self.status.remedy}"
        reason = f" ({self.reason})" if self.reason else ""
        proof = "no bound" if self.gap is None else f"bound {self.bound:g}, gap {self.gap:.1%}"
        return f"Status {self.status}{reason}: rank {self.rank_after} afterwards, distance {self.distance:g}, {proof}."


def explain(
    model: Model,
    histories: Any,
    user: int | str,
    item: int | str | None = None,
    *,
    k: int = 10,
    ratings: bool = False,
    greatest_rating: float | None = None,
    validity: Validity = "kth",
    removed_items: RemovedItems = "excluded",
    candidates: Candidates = "unseen",
    drop: int | None = None,
    max_removed: int | None = None,
    max_distance: float | None = None,
    plausibility: Plausibility = "none",
    likelihood: Likelihood | None = None,
    alpha: float | None = None,
    threshold: float | None = None,
    mixture: Mixture | None = None,
    time_limit: float = 10.0,
    engine: Engine = "direct",
) -> UserExplanation:
    """The smallest part of a user's history that keeps an item in their top k.

    Parameters
    ----------
    model : Recommender, or weights, ndarray or sparse, shape (n_items, n_items)
        As ``recsys_ops.fit_ease`` or ``recsys_ops.fit_als`` gives it; row j of weights is what interaction j adds to
        every item.
    histories : DataFrame or pyarrow.Table, sparse matrix, or array
        Interactions: a table of user_id, item_id and, if there are ratings, rating; or of shape (n_users, n_items),
        where positions are ids. Of all users or of this one only. Never modified.
    user, item : int or str
        Ids, or positions in a matrix; without an item it is the first of the user's list.
    k : int, >= 1
        Length of the list that the user sees.
    ratings : bool
        Take stars from ratings, instead of whole interactions.
    greatest_rating : float, optional
        With ``ratings``: the greatest rating possible; by default the greatest one given.
    validity : "kth" or "score"
        k other items stand above the item afterwards; or its score falls below that of the k-th best other item.
    removed_items : "excluded" or "eligible"
        Whether an item that is removed may be recommended again.
    candidates : "unseen" or "all"
        Whether items of the history may be recommended, and selected.
    drop : int, >= 1, optional
        Positions that the item falls below its rank, in place of k.
    max_removed, max_distance : optional
        Most interactions that are touched, and the greatest distance.
    plausibility : "none", "optimise" or "threshold"
        What the likelihood of what is left counts for.
    likelihood : Likelihood, optional
        As ``learn_likelihood`` gives it; without plausibility it is only reported.
    alpha : float, optional
        With "optimise": distance that one nat is worth; 0.1 by default.
    threshold : float, optional
        With "threshold": least log-likelihood; by default the median of the histories it was learned from.
    mixture : "exact" or "best", optional
        With plausibility: which log-likelihood counts; "exact" by default.
    time_limit : float, > 0
        Seconds.
    engine : "direct" or "pyomo"
        The fast search, or the textbook program, always with mixture "best".

    Returns
    -------
    UserExplanation

    Raises
    ------
    InputError
        The user or the item is unknown or cannot be recommended, the history is empty, or the data are not as they
        should be.
    ConfigError
        A setting is out of its range, or would be ignored.

    Notes
    -----
    Time O(interactions given) before the search: give only the user's own where there are tens of millions.
    """
    options = _options(
        plausibility=plausibility, likelihood=likelihood, alpha=alpha, threshold=threshold, mixture=mixture,
        engine=engine,
    )  # fmt: skip
    settings = Settings(
        k=k, validity=validity, removed_items=removed_items, candidates=candidates, drop=drop,
        max_removed=max_removed, max_distance=max_distance, plausibility=plausibility, time_limit=time_limit,
        engine=engine, **options,
    )  # fmt: skip
    check_settings(settings)
    recommender = recommender_of(model)
    given = read_interactions(histories, item_ids=recommender.item_ids)
    scale = given.rating_scale(ratings=ratings, greatest_rating=greatest_rating)
    units = count_units(given.ratings, scale, ratings=ratings)
    if likelihood is not None:
        _check_likelihood(likelihood, recommender, units)
    with threadpool_limits(limits=1):
        position = position_of(user, given.user_ids, "user")
        target = target_of(recommender, given, units, position, item, is_unseen=candidates == "unseen")
        items, amounts, _, _ = units.of_user(position)
        question = make_any_question(
            recommender, items, amounts, target, k=k, scale=units.scale, validity=validity,
            removed_items=removed_items, candidates=candidates, drop=drop,
            max_removed=max_removed, max_distance=max_distance, only_shortest=plausibility == "none",
        )  # fmt: skip
        (found,) = explain_question(question, likelihood, settings)
    return _with_ids(found, given, units, position, question.k)


def _options(
    *,
    plausibility: Plausibility,
    likelihood: Likelihood | None,
    alpha: float | None,
    threshold: float | None,
    mixture: Mixture | None,
    engine: Engine,
) -> dict[str, Any]:
    """What was set of the settings that depend on others; refused where it would be ignored."""
    if alpha is not None and plausibility != "optimise":
        raise _ignored(f"alpha={alpha:g}", "plausibility", plausibility, "optimise")
    if threshold is not None and plausibility != "threshold":
        raise _ignored(f"threshold={threshold:g}", "plausibility", plausibility, "threshold")
    if mixture is not None and plausibility == "none":
        raise _ignored(f"mixture={mixture!r}", "plausibility", plausibility, "optimise")
    if mixture == "exact" and engine == "pyomo":
        raise _ignored("mixture='exact'", "engine", engine, "direct")
    if plausibility != "none" and likelihood is None:
        raise ConfigError(
            f"plausibility={plausibility!r} needs a likelihood. Give likelihood=learn_likelihood(...), or leave "
            "plausibility out."
        )
    given = {"alpha": alpha, "threshold": threshold, "mixture": mixture}
    return {name: value for name, value in given.items() if value is not None}


def _ignored(setting: str, other: str, found: str, wanted: str) -> ConfigError:
    return ConfigError(f"{setting} is ignored with {other}={found!r}. Leave it out, or set {other}={wanted!r}.")


def recommender_of(model: Model) -> Recommender:
    """The model with ids of its items; weights are checked and know them by position."""
    if not isinstance(model, Recommender):
        weights = sp.csr_array(model) if sp.issparse(model) else np.asarray(model)
        if weights.ndim != 2 or not np.issubdtype(weights.dtype, np.number):
            raise InputError(
                f"model: expected a fitted recommender, or weights of shape (n_items, n_items) (found {weights.dtype} "
                f"of shape {weights.shape})."
            )
        check_weights(weights, "model", pa.array(np.arange(weights.shape[1])))
        model = LinearRecommender(weights)
    return model if model.item_ids is not None else replace(model, item_ids=pa.array(np.arange(model.n_items)))


def _check_likelihood(likelihood: Likelihood, recommender: Recommender, units: Histories) -> None:
    """Learned for the same items, and from histories in the same units."""
    aggregation = likelihood.aggregation
    n_items = aggregation.membership.shape[0]
    if n_items != recommender.n_items:
        raise InputError(
            f"likelihood: it was learned for {n_items} items, but the model knows {recommender.n_items}. Learn it from "
            "the histories that the model was fitted on."
        )
    if aggregation.scale != units.scale:
        raise InputError(
            f"likelihood: it was learned from amounts up to {aggregation.scale:g}, but here an interaction counts up "
            f"to {units.scale:g}. Learn it from the same units, or change ratings."
        )


def _with_ids(found: Explanation, given: Interactions, units: Histories, user: int, k: int) -> UserExplanation:
    removed: list[Any] = given.item_ids.take(pa.array(found.removed, pa.int64())).to_pylist()
    return UserExplanation(
        user=given.user_ids[user].as_py(), item=given.item_ids[found.item].as_py(), k=k,
        status=found.status, reason=found.reason, rank_before=found.rank_before, rank_after=found.rank_after,
        removed=tuple(removed), stars=tuple((found.taken * units.step).tolist()) if units.is_rated else None,
        n_history=len(units.of_user(user)[0]), distance=found.distance, objective=found.objective, bound=found.bound,
        gap=found.gap, log_likelihood_before=found.log_likelihood_before,
        log_likelihood_after=found.log_likelihood_after, percentile_before=found.percentile_before,
        percentile_after=found.percentile_after, method=found.method, seconds=found.effort.seconds,
    )  # fmt: skip
