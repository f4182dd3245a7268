"""Recourse for providers: for every item and target group, what to change so that the group gets to see it.

Load, summarise every user block by block, list the cases, cut them into shards, search each shard, commit.
"""

import logging
import os
import time
from typing import Literal

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray
from pydantic import Field, field_validator

from jobs.config import JobConfig
from jobs.recourse_device import check_device, trouble_with
from jobs.recourse_models import recourse_models
from jobs.recourse_summary import print_summary
from jobs.recourse_work import (
    Cases,
    Shared,
    case_seconds,
    make_cases,
    make_examples,
    make_groups,
    make_model,
    run_shard,
    summarise_blocks,
)
from jobs.runtime.blocks import map_blocks
from jobs.runtime.cluster import connect
from jobs.runtime.complete import complete_run
from jobs.runtime.logs import log_about
from jobs.runtime.shards import Shard, plan_shards
from jobs.runtime.start import check_run_id, default_run_id, start_run
from jobs.runtime.storage import check_writable
from jobs.selection import select
from recsys_ops.acceptance.caps import Caps
from recsys_ops.acceptance.learned import Learned, read_learned
from recsys_ops.datasets import Dataset, load_dataset, user_groups
from recsys_ops.datasets.groups import default_groups
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.models.content import ContentModel, GroupCounts, UserSummary, user_block_size
from recsys_ops.recourse.options import Offer
from recsys_ops.recourse.proposal import Limits
from recsys_ops.runs import open_run
from recsys_ops.tables import frontier_schema, recourse_schema

JOB = "recourse"
MOST_CHANGES = 10
"""Of one recourse where nobody says otherwise."""
_log = logging.getLogger("recsys_ops.jobs")


class RecourseConfig(JobConfig):
    """Settings of the recourse job."""

    k: int = Field(default=10, ge=1)
    """Length of the list that users see: an item is seen if its rank is at most k."""
    groups: str | None = None
    """Target groups: COLUMN of the users (a group per value) or COLUMN:N (N equal parts of a numeric column, n_ratings among them); by default the first column that gives at most 10 groups."""  # noqa: E501
    items: str | None = None
    """Items to do, ids separated by commas; by default those that are in the top k of few users of a group."""
    sellers: str | None = None
    """Sellers whose items to do, ids separated by commas."""
    seen_by: float = Field(default=0.01, gt=0, le=1)
    """Without --items and --sellers: do items that less than this share of the group has in its top k."""
    sample: float = Field(default=1.0, gt=0, le=1)
    """Share of each group that the search looks at (2,000 users at most); success is always that of the whole group."""
    tolerance: float = Field(default=0.2, ge=0, lt=1)
    """Share of the users gained that may be lost again for fewer changes."""
    method: Literal["recrec", "examples"] = "recrec"
    """recrec: the fewest changes that reach the most users. examples: become like the nearest real item that the group sees already."""  # noqa: E501
    max_changes: int | None = Field(default=None, ge=1, le=1000)
    """Most changes of one recourse (its sparsity); by default 10, and without a limit with --method examples."""
    max_proximity: float | None = Field(default=None, gt=0)
    """Most proximity of one recourse: the sum of its changes, each by the range of its feature."""
    max_cost: float | None = Field(default=None, gt=0)
    """Most cost of one recourse, by the costs of the features' rules."""
    min_success: float | None = Field(default=None, ge=0, le=1)
    """Least share of the group that a recourse must reach, else its row has a reason (and is infeasible where the bound is short of it too); by default (and with 0) any gain, with --method examples what --seen-by says."""  # noqa: E501
    options: int = Field(default=1, ge=1, le=5)
    """Different recourses to choose from per item and group."""
    select: Literal["study", "diverse"] = "study"
    """With --options: one of the sparsest, one of the most proximate, others at random; or those of which any two differ most."""  # noqa: E501
    nearest: Literal["sparsity", "proximity"] = "sparsity"
    """With --method examples: the distance that decides."""
    learned: str | None = None
    """An acceptance run (its URL, or a results folder for the latest one): its caps hold where none is given here, what a provider cannot change stays, and of several options the likeliest to be acted upon comes first; nightly takes the latest of --out, if there is one."""  # noqa: E501
    overlap: float = Field(default=0.995, ge=0, le=1)
    """Only where features have no upper bound: least mean overlap (RBO) of the group's lists before and after."""
    prove: float = Field(default=0.0, ge=0)
    """Seconds per case to prove the fewest changes by a mixed-integer program; 0 keeps the quick bounds."""
    time_limit: float = Field(default=60.0, gt=0)
    """Seconds allowed per case on average over a shard; beyond that its cases end as 'timeout'."""
    device: str = "cpu"
    """Torch device of the descent, for example cuda; results of different devices differ in their last digits."""

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if device == "cpu":
            return device
        import torch  # late: it takes seconds, and only the workers compute with it

        try:
            torch.device(device)
        except RuntimeError:
            raise ValueError("no such torch device. Use cpu or cuda") from None
        return device

    def limits(self, caps: Caps) -> Limits:
        """The part of the settings that the search sees; learned caps hold where the settings name none."""
        by_default = min(caps.sparsity, np.inf if self.method == "examples" else MOST_CHANGES)
        return Limits(
            self.tolerance, self.max_changes or by_default, self.overlap, self.prove, self.device,
            max_proximity=self.max_proximity or caps.proximity, max_cost=self.max_cost or np.inf,
            min_success=self.wanted,
        )  # fmt: skip

    @property
    def wanted(self) -> float:
        """Least share of the group that a recourse must reach."""
        by_default = self.seen_by if self.method == "examples" else 0.0
        return by_default if self.min_success is None else self.min_success

    @property
    def is_partial(self) -> bool:
        """Whether only items that are named are done."""
        return self.items is not None or self.sellers is not None

    @property
    def offer(self) -> Offer:
        """How many options, and which."""
        return Offer(self.options, self.select, self.seed)


def run(config: RecourseConfig) -> int:
    """Run the job and return its exit code: 0, or 1 if more cases failed than allowed.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    check_writable(config.out, encryption=config.encryption)
    reactions = open_run(config.learned, job="acceptance") if config.learned else None
    if reactions is not None:
        config = config.model_copy(update={"learned": reactions.url})
    run_id = config.run_id or default_run_id(JOB, config.model_dump(mode="json"))
    log_about(run_id=run_id, job=JOB)
    on_cluster = (config.address or os.environ.get("RAY_ADDRESS") or "local") != "local"
    if not on_cluster:
        check_device(config.device, trouble_with(config.device), where="this machine")
    check_run_id(config.out, run_id, resume=config.resume)
    started = time.perf_counter()
    learned = read_learned(config.learned) if config.learned else Learned()
    limits = config.limits(learned.caps)
    dataset = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows)
    inputs = {"data": dataset.fingerprint} | ({} if reactions is None else {"learned": reactions.fingerprint})
    asked = asked_items(config, dataset)
    encoded = encode_items(dataset.items, dataset.rules)
    labels, group_of_user = user_groups(dataset, config.groups or default_groups(dataset))
    loaded = time.perf_counter()
    with connect(config.address, config.workers, out=config.out):
        if on_cluster and config.device != "cpu":
            trouble = ray.get(ray.remote(num_cpus=1)(trouble_with).remote(config.device))
            check_device(config.device, trouble, where="a worker of the cluster")
        model = make_model(encoded, dataset)
        summary, counts = _summarise(config, model, encoded, group_of_user, len(labels), asked)
        cases = make_cases(dataset, asked, counts, seen_by=None if config.is_partial else config.seen_by)
        groups = make_groups(model, encoded, labels, group_of_user, summary, sample=config.sample, seed=config.seed)
        ranked = time.perf_counter()
        _log.info("%s: %d cases (%d items asked, %d groups)", JOB, len(cases.item), len(asked), len(groups))
        item_table = dataset.items.select(["item_id", "seller_id", "title"])
        examples = make_examples(encoded, counts, config.wanted, config.nearest) if config.method == "examples" else ()
        shared = Shared(model, encoded, groups, cases, item_table, limits, config.offer, examples, learned)
        shards = _plan(config, cases, case_seconds(groups, config.options))
        started_run = start_run(
            config.out, run_id, job=JOB, configuration=config.model_dump(mode="json"),
            inputs=inputs, shards=shards, format=config.format, resume=config.resume, is_partial=config.is_partial,
        )  # fmt: skip
        complete_run(
            started_run, shards, run_shard, shared,
            deadline_seconds=lambda shard: 30.0 + config.time_limit * shard.n_cases,
            rejected=dataset.rejected, empty_tables=_empty_tables(dataset),
            timings={"load_seconds": loaded - started, "rank_seconds": ranked - loaded},
            models=recourse_models(summary, counts, asked),
        )  # fmt: skip
    return print_summary(config.out, run_id, allowed_errors=config.allowed_errors)


def asked_items(config: RecourseConfig, dataset: Dataset) -> NDArray[np.int64]:
    """Positions of the items to do, sorted; all of them by default.

    Raises
    ------
    ConfigError
        An id that the catalogue does not have, or items none of which is of the sellers named beside them.
    """
    if not config.is_partial:
        return np.arange(dataset.n_items)
    chosen = np.ones(dataset.n_items, dtype=bool)
    if config.items is not None:
        chosen &= select("items", config.items, dataset.items.column("item_id"))
    if config.sellers is not None:
        chosen &= select("sellers", config.sellers, dataset.items.column("seller_id"))
    if not chosen.any():
        raise ConfigError(
            f"--items {config.items} --sellers {config.sellers}: none of these items is of one of these sellers. "
            "Leave one of the two out, or name items of the sellers."
        )
    return np.flatnonzero(chosen)


def _summarise(
    config: RecourseConfig,
    model: ContentModel,
    encoded: EncodedItems,
    group_of_user: NDArray[np.int64],
    n_groups: int,
    asked: NDArray[np.int64],
) -> tuple[UserSummary, GroupCounts]:
    """One pass over all users, in blocks spread over the workers."""
    n_users = model.ratings.shape[0]
    size = user_block_size(*encoded.matrix.shape)
    blocks = [(first, min(first + size, n_users)) for first in range(0, n_users, size)]
    arguments = {
        "k": config.k, "groups": group_of_user, "n_groups": n_groups, "asked": asked, "columns": encoded.columns,
    }  # fmt: skip
    summaries: list[UserSummary] = []
    total: GroupCounts | None = None
    for summary, counts in map_blocks(summarise_blocks, (ray.put(model), ray.put(arguments)), blocks, "ranking users"):
        summaries.append(summary)
        total = counts if total is None else total + counts
    if total is None:
        raise ConfigError(f"--data {config.data}: there are no users.")
    return UserSummary(
        np.concatenate([summary.top_scores for summary in summaries]),
        np.concatenate([summary.gains for summary in summaries]),
    ), total


def _plan(config: RecourseConfig, cases: Cases, seconds: float) -> list[Shard]:
    """Shards of whole batches; the estimate of their cost is the same on every machine, so that runs can resume."""
    sizes = np.diff(cases.batch_starts)
    return plan_shards(
        [seconds * int(size) for size in sizes], unit_cases=[int(size) for size in sizes], n_shards=config.shards
    )


def _empty_tables(dataset: Dataset) -> dict[str, pa.Table]:
    """The tables of a run without cases."""
    types = (dataset.items.schema.field("item_id").type, dataset.items.schema.field("seller_id").type)
    return {"recourse": recourse_schema(*types).empty_table(), "frontier": frontier_schema(*types).empty_table()}
