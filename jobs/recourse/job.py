"""Recourse for providers: for every item and target group, what to change so that the group gets to see it.

Load, summarise every user block by block, list the cases, cut them into shards, search each shard, commit.
"""

import logging
import os
import time

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from jobs.recourse.config import RecourseConfig
from jobs.recourse.device import check_device, trouble_with
from jobs.recourse.models import recourse_models
from jobs.recourse.summary import print_summary
from jobs.recourse.work import (
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
from jobs.selection import select
from jobs.store.conditional_writes import check_writable
from jobs.store.start import check_run_id, default_run_id, start_run
from recsys_ops.acceptance.learned import Learned, read_learned
from recsys_ops.datasets import Dataset, load_dataset, user_groups
from recsys_ops.datasets.groups import default_groups
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.models.content import ContentModel, GroupCounts, UserSummary, user_block_size
from recsys_ops.runs import open_run
from recsys_ops.tables import frontier_schema, recourse_schema

JOB = "recourse"
_log = logging.getLogger("recsys_ops.jobs")


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
