"""What every worker of the recourse job reads, made in one place for the job and for ``ask``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from jobs.recourse.config import RecourseConfig
from recsys_ops.acceptance.learned import Learned
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets import Dataset, user_groups
from recsys_ops.datasets.groups import default_groups
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.sentences import DEFAULT
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.user_summary import GroupCounts, UserSummary
from recsys_ops.recourse.all_groups import ALL_GROUPS, Parts, read_weights
from recsys_ops.recourse.examples import Examples, Nearest, fixed_kinds, seen_shares
from recsys_ops.recourse.group import MOST_SAMPLED, TargetGroup, draw_sample, make_group
from recsys_ops.recourse.options import Offer
from recsys_ops.recourse.plausible import Plausibility, fit_plausibility
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.standing import Standing

BATCH_ITEMS = 32
"""Items of one batch of the descent; the same items whatever the shards, so that rows do not depend on them."""


@dataclass(frozen=True)
class Catalogue:
    """A data set as recourse sees it: encoded items, the recommender, and users in target groups.

    ``labels`` of the groups; ``group_of_user (n_users,)`` their positions, -1 for none. Where all groups are one, it is
    made of ``parts``, and each user counts so many ``times (n_users,)``.
    """

    dataset: Dataset
    encoded: EncodedItems
    model: FeatureLinearModel
    labels: Sequence[str]
    group_of_user: NDArray[np.int64]
    parts: Parts | None = None
    times: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class RecourseData:
    """What is read before any work: the catalogue, the items to do, and what people's reactions teach, how to say it.

    ``model_name`` as in ``--model``; ``ridge`` it is fitted with, if it has one.
    """

    catalogue: Catalogue
    model_name: str
    ridge: float | None
    selected: NDArray[np.int64]
    learned: Learned
    fingerprints: dict[str, str]
    language: str = DEFAULT


@dataclass(frozen=True)
class RecourseCases:
    """All cases in the order of the results: by seller, item and group.

    ``item``, ``group``, ``rank_before (n_cases,)``; batch b holds the cases ``batch_starts[b] .. batch_starts[b + 1]``.
    """

    item: NDArray[np.int64]
    group: NDArray[np.int64]
    rank_before: NDArray[np.float64]
    batch_starts: NDArray[np.int64]


@dataclass(frozen=True)
class RecourseInputs:
    """What every worker reads; put into the object store once.

    ``examples`` per group, empty for RecRec; ``explore`` the share of cases in which providers are found out about;
    ``standing`` advice by item and group; ``drawn`` items and groups of which the search is repeated without
    plausibility.
    """

    model: FeatureLinearModel
    encoded: EncodedItems
    groups: tuple[TargetGroup, ...]
    cases: RecourseCases
    item_table: pa.Table
    settings: RecourseSettings
    plausibility: Plausibility | None
    offer: Offer
    examples: tuple[Examples, ...]
    learned: Learned
    explore: float
    standing: Mapping[tuple[int, int], Standing] = field(default_factory=dict)
    drawn: frozenset[tuple[int, int]] = frozenset()


def make_catalogue(
    config: RecourseConfig, dataset: Dataset, make_model: Callable[[EncodedItems], FeatureLinearModel]
) -> Catalogue:
    """Encode the items, form the groups, and set up the recommender that recourse is about.

    Raises
    ------
    ConfigError
        There are no such groups, or weights of others.
    """
    encoded = encode_items(dataset.items, dataset.rules)
    labels, group_of_user = user_groups(dataset, config.groups or default_groups(dataset))
    catalogue = Catalogue(dataset, encoded, make_model(encoded), labels, group_of_user)
    if not config.for_all_groups:
        return catalogue
    weights = read_weights(config.group_weights, labels)
    times = np.where(group_of_user >= 0, weights[group_of_user], 0)
    return replace(
        catalogue, labels=[ALL_GROUPS], group_of_user=np.where(times > 0, 0, -1),
        parts=Parts(tuple(labels), group_of_user), times=times,
    )  # fmt: skip


def make_inputs(
    config: RecourseConfig,
    catalogue: Catalogue,
    selected: NDArray[np.int64],
    summary: UserSummary,
    counts: GroupCounts,
    *,
    learned: Learned,
    seen_by: float | None,
    standing: Mapping[tuple[int, int], Standing] | None = None,
) -> RecourseInputs:
    """Groups, cases, caps and examples for the items selected.

    Parameters
    ----------
    config : RecourseConfig
    catalogue : Catalogue
    selected : ndarray, shape (n_selected,)
        Items, in the order of ``counts.rank_sums``.
    summary : UserSummary
        Of all users.
    counts : GroupCounts
    learned : Learned
        From people's reactions.
    seen_by : float or None
        Leave out items that at least this share of a group has in its top k; None leaves out nothing.
    standing : mapping, optional
        Advice given earlier, by item and group.
    """
    encoded, by_examples = catalogue.encoded, config.method == "examples"
    nobody = np.array([], dtype=np.int64)
    return RecourseInputs(
        model=catalogue.model.of_users(nobody),  # the groups have their users
        encoded=encoded,
        groups=_make_groups(catalogue, summary, sample=config.sample, seed=config.seed),
        cases=make_cases(catalogue.dataset, selected, counts, seen_by=seen_by),
        item_table=catalogue.dataset.items.select(["item_id", "seller_id", "title"]),
        settings=config.settings(learned.caps),
        plausibility=_plausibility(config, catalogue),
        offer=config.offer,
        examples=make_examples(encoded, counts, config.wanted, config.nearest) if by_examples else (),
        learned=learned,
        explore=config.explore,
        standing=standing or {},
    )


def _plausibility(config: RecourseConfig, catalogue: Catalogue) -> Plausibility | None:
    if config.level is None:
        return None
    return fit_plausibility(catalogue.encoded, catalogue.dataset.sellers, config.level)


def with_drawn(inputs: RecourseInputs, n_drawn: int, seed: int) -> RecourseInputs:
    """The same inputs with so many cases to repeat without plausibility, where there is any to leave out."""
    item, group = inputs.cases.item, inputs.cases.group
    if inputs.plausibility is None or inputs.settings.aim == "rank":
        return inputs
    chosen = np.random.default_rng([seed, len(item)]).choice(len(item), size=min(n_drawn, len(item)), replace=False)
    return replace(inputs, drawn=frozenset((int(item[case]), int(group[case])) for case in chosen))


def on_device(inputs: RecourseInputs, device: str) -> RecourseInputs:
    """The same inputs with the descent on another torch device."""
    return replace(inputs, settings=replace(inputs.settings, device=device))


def make_cases(
    dataset: Dataset, selected: NDArray[np.int64], counts: GroupCounts, *, seen_by: float | None
) -> RecourseCases:
    """List the cases in the order of the results and cut them into batches of whole sellers where they fit.

    Parameters as ``make_inputs``.
    """
    n_shown = counts.n_candidates[:, selected]
    seen_share = counts.n_in_top[:, selected] / np.maximum(n_shown, 1)
    wanted = np.full(seen_share.shape, True) if seen_by is None else seen_share < seen_by
    sellers = dataset.sellers
    by_seller = dataset.items.select(["seller_id", "item_id"]).take(selected)
    order = pc.sort_indices(by_seller, sort_keys=[("seller_id", "ascending"), ("item_id", "ascending")]).to_numpy()
    position, group = np.nonzero(wanted[:, order].T)
    column = order[position]
    mean_rank = counts.rank_sums / np.where(n_shown > 0, n_shown, np.nan)
    item = selected[column]
    return RecourseCases(item, group, mean_rank[group, column], _batch_starts(item, sellers[item]))


def _batch_starts(item: NDArray[np.int64], seller: NDArray[np.int64]) -> NDArray[np.int64]:
    """First case of each batch of at most BATCH_ITEMS items; a seller is cut only where larger than a batch."""
    if not len(item):
        return np.array([0])
    first_of_item = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    seller_of_item = seller[first_of_item]
    last_of_seller = np.r_[seller_of_item[1:] != seller_of_item[:-1], True]
    starts, size, pending = [0], 0, 0
    for n in range(len(first_of_item)):
        pending += 1
        if pending == BATCH_ITEMS or last_of_seller[n]:
            if size and size + pending > BATCH_ITEMS:
                starts.append(int(first_of_item[n + 1 - pending]))
                size = 0
            size, pending = size + pending, 0
    return np.array([*starts, len(item)])


def _make_groups(catalogue: Catalogue, summary: UserSummary, *, sample: float, seed: int) -> tuple[TargetGroup, ...]:
    """The target groups with their samples; each draws from a seed of its own."""
    groups = []
    for number, label in enumerate(catalogue.labels):
        users = np.flatnonzero(catalogue.group_of_user == number)
        if catalogue.times is not None:
            users = np.repeat(users, catalogue.times[users])
        n_sampled = min(int(np.ceil(sample * len(users))), MOST_SAMPLED)
        drawn = draw_sample(len(users), n_sampled, np.random.default_rng([seed, number]))
        with threadpool_limits(limits=1):  # the bits of a dense product may depend on the number of threads
            groups.append(
                make_group(catalogue.model, catalogue.encoded.columns, summary, label=label, users=users, sample=drawn)
            )
    parts = catalogue.parts
    return tuple(groups if parts is None else [replace(group, parts=parts.of_users(group.users)) for group in groups])


def make_examples(encoded: EncodedItems, counts: GroupCounts, share: float, nearest: Nearest) -> tuple[Examples, ...]:
    """The real items as examples, for each group."""
    kinds = fixed_kinds(encoded)
    return tuple(Examples(seen, kinds, share, nearest) for seen in seen_shares(counts))
