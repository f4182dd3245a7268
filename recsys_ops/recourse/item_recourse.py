"""Recourse for one item and one group, from a Python session: no job, no Ray.

The search and its verification are those of the recourse job; here ids become positions on the way in, positions
become ids on the way out, and settings that would be ignored are refused.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys_ops.features.changes import Change
from recsys_ops.features.sentences import plan_in_words
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.user_summary import GroupCounts, join_summaries, summarise_users, user_block_size
from recsys_ops.recourse.examples import Examples, Nearest, find_examples, fixed_kinds, seen_shares
from recsys_ops.recourse.given_ids import item_position, members_of
from recsys_ops.recourse.group import MOST_SAMPLED, TargetGroup, draw_sample, make_group
from recsys_ops.recourse.options import find_options
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.rank_aim import find_rank_recourses
from recsys_ops.recourse.recommender import ItemRecommender
from recsys_ops.recourse.requested import Requested
from recsys_ops.recourse.selection import Selection
from recsys_ops.recourse.settings import Aim
from recsys_ops.recourse.solve import Recourse
from recsys_ops.status import Status

_SHOWN_CHANGES = 10


@dataclass(frozen=True)
class ItemRecourse:
    """What to change about an item so that a group gets to see it; ``print`` shows it in three lines.

    ``success_before`` and ``success_after`` are shares of the ``n_targets`` users of the group who may be shown the
    item, ``success_bound`` the most that any recourse can reach, ``lower_bound`` the fewest changes that can reach
    ``success_after``. With ``aim`` "rank", ``rank_after`` is the mean rank after the changes, ``rank_bound`` the best
    that any can reach, and ``success_bound`` is None. Further fields as in the table ``recourse``, None where there is
    nothing to measure. ``other_options`` are further recourses to choose from.
    """

    item: int | str
    title: str
    group: str
    model: str
    k: int
    method: str
    status: Status
    reason: str | None
    n_targets: int
    rank_before: float | None
    changes: tuple[Change, ...]
    success_before: float | None
    success_after: float | None
    success_bound: float | None
    lower_bound: int | None
    gap: float | None
    cost: float | None
    proximity: float | None
    rbo: float | None
    aim: Aim = "top-k"
    rank_after: float | None = None
    rank_bound: float | None = None
    other_options: tuple["ItemRecourse", ...] = ()

    @property
    def serves(self) -> bool:
        """Whether its changes do what was wanted: reach so many users, or another one; or halve the mean rank."""
        return bool(self.changes) and self.reason is None

    def __str__(self) -> str:
        what = f"Item {self.item!r} ({' '.join(self.title.split())}) for {self.group}, lists of {self.k}."
        hidden = len(self.changes) - _SHOWN_CHANGES
        said = plan_in_words([asdict(change) for change in self.changes[:_SHOWN_CHANGES]])
        todo = (f"{said}; {hidden} more" if hidden > 0 else said) or "nothing is changed"
        return f"{what}\n{todo[0].upper()}{todo[1:]}.\n{self._measures()}"

    def _measures(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        status = f"Status {self.status}{reason}"
        n_changes = f"{len(self.changes)} change{'s' if len(self.changes) != 1 else ''}"
        if self.rank_bound is not None:
            return (
                f"Mean rank {self.rank_before:.1f} for {self.n_targets} users, then {self.rank_after:.1f} "
                f"(at best {self.rank_bound:.1f}), with {n_changes} (at least {self.lower_bound}). {status}."
            )
        if self.success_before is None or self.success_after is None or self.success_bound is None:
            return f"{status}."
        return (
            f"Seen by {self.success_before:.1%} of {self.n_targets} users, then by {self.success_after:.1%} "
            f"(at most {self.success_bound:.1%}), with {n_changes} (at least {self.lower_bound}). "
            f"{status}."
        )


def find_recourse(
    model: ItemRecommender,
    item: int | str,
    group: Any,
    *,
    k: int = 10,
    method: Literal["recrec", "examples"] = "recrec",
    aim: Aim = "top-k",
    max_changes: int | None = None,
    max_proximity: float | None = None,
    max_cost: float | None = None,
    min_success: float | None = None,
    tolerance: float | None = None,
    overlap: float | None = None,
    prove_seconds: float | None = None,
    plausibility: Literal["support", "none"] | None = None,
    least_support: float | None = None,
    device: str | None = None,
    nearest: Nearest | None = None,
    options: int = 1,
    select: Selection | None = None,
    seed: int | None = None,
) -> ItemRecourse:
    """What to change about an item so that a group of users gets it in their top k.

    Parameters
    ----------
    model : ItemRecommender
        As ``fit_recommender`` gives it.
    item : int or str
        Its id.
    group : str, sequence of ids, or array of bool
        A label such as ``"gender F"`` (a column of the users and a value), ids of users, or a mask in the order of
        ``model.user_ids``.
    k : int, >= 1
        Length of the lists that users see.
    method : "recrec" or "examples"
        The fewest changes that reach the most users; or become like the nearest real item that the group sees.
    aim : "top-k" or "rank"
        Lists of k; or the fewest changes that halve the item's mean rank in the group, where those are out of reach.
    max_changes, max_proximity, max_cost : optional
        Caps; by default 10 changes, none with method "examples".
    min_success : float, 0 to 1, optional
        Least share of the group to reach; by default a gain of 0.002 (any with plausibility "none"), 0.01 with method
        "examples".
    tolerance : float, 0 to 1, optional
        Share of the users gained that may be lost again for fewer changes; by default the knee of the frontier, and 0.2
        with plausibility "none".
    overlap : float, 0 to 1, optional
        Where features have no upper limit: least mean overlap (RBO) of the lists; 0.995 by default.
    prove_seconds : float, optional
        Time to prove the fewest changes; by default there is no proof.
    plausibility : "support" or "none", optional
        Allow only changes that real items like it support, the default; or any that the rules allow.
    least_support : float, 0 to 1, optional
        Least share of real items like it that have what is added; 0.25 by default.
    device : str, optional
        Torch device of the descent; "cpu" by default.
    nearest : "sparsity" or "proximity", optional
        With method "examples": the distance that decides; "sparsity" by default.
    options : int, 1 to 5
        Different recourses to choose from.
    select : "study" or "diverse", optional
        With several options: how they are selected; "study" by default.
    seed : int, optional
        Of the options and, for more than 2,000 users, of the sample; 0 by default.

    Returns
    -------
    ItemRecourse
        Verified by the recommender; what cannot be done has a status and a reason, and never raises.

    Raises
    ------
    InputError
        An unknown item, user or label, a mask of another length, or a group without users.
    ConfigError
        A setting is out of its range, or would be ignored.

    Notes
    -----
    Scores every item once for every user of the group. Source: Verma et al., CIKM 2023; Tominaga et al. 2024.
    """
    requested = Requested(
        k=k, method=method, aim=aim, options=options, max_changes=max_changes,
        max_proximity=max_proximity, max_cost=max_cost, min_success=min_success,
        tolerance=tolerance, overlap=overlap, prove_seconds=prove_seconds,
        plausibility=plausibility, least_support=least_support, device=device,
        nearest=nearest, select=select, seed=seed,
    )  # fmt: skip
    position = item_position(model, item)
    label, users = members_of(model, group)
    requested.check(model.items.columns, n_users=len(users))
    with threadpool_limits(limits=1):  # as in the job: tiny products gain nothing from more
        found, counts = _search(model, position, (label, users), requested)
    return _in_ids(model, found, counts, group=label, requested=requested)


def _search(
    model: ItemRecommender, item: int, group: tuple[str, NDArray[np.int64]], requested: Requested
) -> tuple[list[Recourse], GroupCounts]:
    label, users = group
    of_group = model.model.of_users(users)
    target, counts = _target_group(of_group, model, item, label, requested)
    plausibility = None if requested.level is None else replace(model.plausibility, level=requested.level)
    search = Search(of_group, model.items, target, requested.settings, plausibility)
    offer, selected = requested.offer, np.array([item])
    if requested.aim == "rank":
        return find_rank_recourses(search, selected), counts
    if requested.method == "recrec":
        return find_options(search, selected, offer)[0], counts
    kinds, seen = fixed_kinds(model.items), seen_shares(counts)[0]
    examples = Examples(seen, kinds, requested.settings.min_success, requested.nearest or "sparsity")
    return find_examples(search, selected, offer, examples)[0], counts


def _target_group(
    of_group: FeatureLinearModel, model: ItemRecommender, item: int, label: str, requested: Requested
) -> tuple[TargetGroup, GroupCounts]:
    """The group of all users of a model, and how they see every item."""
    n_users, columns = of_group.histories.shape[0], model.items.columns
    size = user_block_size(*model.items.matrix.shape)
    summary, counts = join_summaries(
        summarise_users(
            of_group, first, min(first + size, n_users), k=requested.k, groups=np.zeros(n_users, dtype=np.int64),
            n_groups=1, selected=np.array([item]), columns=columns,
        )
        for first in range(0, n_users, size)
    )  # fmt: skip
    sample = draw_sample(n_users, MOST_SAMPLED, np.random.default_rng([requested.seed or 0, 0]))
    users = np.arange(n_users)
    return make_group(of_group, columns, summary, label=label, users=users, sample=sample), counts


def _in_ids(
    model: ItemRecommender, found: list[Recourse], counts: GroupCounts, *, group: str, requested: Requested
) -> ItemRecourse:
    row = model.dataset.items.select(["item_id", "title"]).slice(found[0].item, 1).to_pylist()[0]
    n_targets = int(counts.n_candidates[0, found[0].item])
    recourses = [
        ItemRecourse(
            item=row["item_id"], title=row["title"], group=group, model=model.name, k=requested.k,
            method=requested.method,
            status=one.status, reason=one.reason, n_targets=n_targets,
            rank_before=float(counts.rank_sums[0, 0] / n_targets) if n_targets else None, changes=tuple(one.changes),
            success_before=one.success_before, success_after=one.success_after, success_bound=one.success_bound,
            lower_bound=one.lower_bound, gap=one.gap, cost=one.cost, proximity=one.proximity, rbo=one.rbo,
            aim=requested.aim, rank_after=one.rank_after, rank_bound=one.rank_bound,
        )
        for one in found
    ]  # fmt: skip
    return replace(recourses[0], other_options=tuple(recourses[1:]))
