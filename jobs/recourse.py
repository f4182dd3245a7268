"""Recourse for providers: for every item and target group, what to change so that the group gets to see it.

Load, summarise every user block by block, list the cases, cut them into shards, search each shard, commit.
"""

import logging
import time

import numpy as np
import pyarrow as pa
import ray
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator

from jobs.config import JobConfig
from jobs.recourse_summary import print_summary
from jobs.recourse_work import (
    Cases,
    Shared,
    case_seconds,
    make_cases,
    make_groups,
    make_model,
    run_shard,
    summarise_blocks,
)
from jobs.runtime.blocks import map_blocks
from jobs.runtime.cluster import connect
from jobs.runtime.complete import complete_run
from jobs.runtime.shards import Shard, plan_shards
from jobs.runtime.start import check_run_id, default_run_id, start_run
from jobs.runtime.storage import check_writable
from jobs.selection import select
from recsys_ops.datasets import Dataset, load_dataset, user_groups
from recsys_ops.datasets.groups import default_groups
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.models.content import ContentModel, GroupCounts, UserSummary, user_block_size
from recsys_ops.recourse.proposal import Limits
from recsys_ops.tables import frontier_schema, recourse_schema

JOB = "recourse"
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
    max_changes: int = Field(default=10, ge=1, le=100)
    """Most changes of one recourse."""
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
        try:
            torch.device(device)
        except RuntimeError:
            raise ValueError("no such torch device. Use cpu or cuda") from None
        return device

    @property
    def limits(self) -> Limits:
        """The part of the settings that the search sees."""
        return Limits(self.tolerance, self.max_changes, self.overlap, self.prove, self.device)


def run(config: RecourseConfig) -> int:
    """Run the job and return its exit code: 0, or 1 if more cases failed than allowed.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    run_id = config.run_id or default_run_id(JOB, config.model_dump(mode="json"))
    check_writable(config.out)
    check_run_id(config.out, run_id, resume=config.resume)
    started = time.perf_counter()
    dataset = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows)
    asked = asked_items(config, dataset)
    encoded = encode_items(dataset.items, dataset.rules)
    labels, group_of_user = user_groups(dataset, config.groups or default_groups(dataset))
    loaded = time.perf_counter()
    with connect(config.address, config.workers):
        model = make_model(encoded, dataset)
        summary, counts = _summarise(config, model, encoded, group_of_user, len(labels), asked)
        cases = make_cases(dataset, asked, counts, seen_by=None if _names_items(config) else config.seen_by)
        groups = make_groups(model, encoded, labels, group_of_user, summary, sample=config.sample, seed=config.seed)
        ranked = time.perf_counter()
        _log.info("%s: %d cases (%d items asked, %d groups)", JOB, len(cases.item), len(asked), len(groups))
        item_table = dataset.items.select(["item_id", "seller_id", "title"])
        shared = Shared(model, encoded, groups, cases, item_table, config.limits)
        shards = _plan(config, cases, case_seconds(groups))
        started_run = start_run(
            config.out, run_id, job=JOB, configuration=config.model_dump(mode="json"),
            inputs={"data": dataset.fingerprint}, shards=shards, format=config.format, resume=config.resume,
        )  # fmt: skip
        complete_run(
            started_run, shards, run_shard, shared,
            deadline_seconds=lambda shard: 30.0 + config.time_limit * shard.n_cases,
            rejected=dataset.rejected, empty_tables=_empty_tables(dataset),
            timings={"load_seconds": loaded - started, "rank_seconds": ranked - loaded},
        )  # fmt: skip
    return print_summary(config.out, run_id, allowed_errors=config.allowed_errors)


def asked_items(config: RecourseConfig, dataset: Dataset) -> NDArray[np.int64]:
    """Positions of the items to do, sorted; all of them by default.

    Raises
    ------
    ConfigError
        An id that the catalogue does not have.
    """
    if config.items is None and config.sellers is None:
        return np.arange(dataset.n_items)
    chosen = np.ones(dataset.n_items, dtype=bool)
    if config.items is not None:
        chosen &= select("items", config.items, dataset.items.column("item_id"))
    if config.sellers is not None:
        chosen &= select("sellers", config.sellers, dataset.items.column("seller_id"))
    return np.flatnonzero(chosen)


def _names_items(config: RecourseConfig) -> bool:
    return config.items is not None or config.sellers is not None


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
