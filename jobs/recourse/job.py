"""Recourse for providers: for every item and target group, what to change so that the group gets to see it."""

import logging
import os
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from jobs.deadline import moment, reserve_seconds
from jobs.quality import measured
from jobs.recourse.before_commit import Known
from jobs.recourse.config import RecourseConfig
from jobs.recourse.device import check_device, problem_with
from jobs.recourse.inputs import Catalogue, RecourseCases, RecourseData, make_catalogue, make_inputs, with_drawn
from jobs.recourse.keep import kept_run, open_kept, standing_advice
from jobs.recourse.models import recourse_models
from jobs.recourse.order import nights_waited, seconds_after_cases, shard_order
from jobs.recourse.summary import print_summary
from jobs.recourse.work import case_seconds, run_shard, summarise_blocks
from jobs.runtime.blocks import map_blocks
from jobs.runtime.deadline import Deadline
from jobs.runtime.job import Job, Plan
from jobs.runtime.shards import Shard, plan_shards
from jobs.selection import select
from recsys_ops.acceptance.learned import Learned, read_learned
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.measurement import measure_lists
from recsys_ops.models.feature_recommender import (
    FITTED,
    check_feature_model,
    default_feature_model,
    fingerprint_of_model,
    histories_of,
    make_feature_model,
)
from recsys_ops.models.user_summary import GroupCounts, UserSummary, join_summaries, user_block_size
from recsys_ops.report.page import origin_of
from recsys_ops.ridge import PENALISED, ridge_of
from recsys_ops.runs import open_run
from recsys_ops.tables import frontier_schema, recourse_schema

_log = logging.getLogger("recsys_ops.jobs")


def check(config: RecourseConfig) -> RecourseConfig:
    """Refuse an unknown recommender or a missing torch device; name the runs that ``learned`` and ``keep`` mean."""
    if config.model is not None:
        check_feature_model(config.model)
    if not _is_on_cluster(config):
        check_device(config.device, problem_with(config.device), where="this machine")
    if config.feedback_url is not None:
        origin_of(config.feedback_url)  # refused now, not after the night
    if config.deadline is not None:  # a duration counts from now
        ends = moment(config.deadline, datetime.now(UTC)).isoformat(timespec="seconds")
        config = config.model_copy(update={"deadline": ends})
    learned = None if config.learned is None else open_run(config.learned, job="acceptance").url
    return config.model_copy(update={"learned": learned, "keep": kept_run(config)})


def load(config: RecourseConfig) -> RecourseData:
    """Read the data and what was learned, fit or read the recommender, and select the items.

    Raises
    ------
    InputError, ConfigError
        Bad data, an item, seller or group that they do not have, or factors that do not fit the data.
    """
    learned = read_learned(config.learned) if config.learned else Learned()
    dataset = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows, period=config.period)
    fingerprints = {"data": dataset.fingerprint}
    if config.learned:
        fingerprints["learned"] = open_run(config.learned, job="acceptance").fingerprint
    if config.keep:
        fingerprints["keep"] = open_kept(config.out, config.keep).fingerprint
    selected = select_items(config, dataset)
    name, reason = (config.model, None) if config.model else default_feature_model(dataset.n_items)
    if reason is not None:
        _log.warning("%s: %s", JOB.name, reason)
    ridge = ridge_of(name, config.ridge, histories_of(dataset), seed=config.seed)
    catalogue = make_catalogue(
        config, dataset, lambda items: make_feature_model(name, dataset, items, ridge=ridge, seed=config.seed)
    )
    # What is fitted here follows from the data and the settings, unless it is for the memory to say.
    if config.model is None:
        fingerprints["model"] = name
    elif name not in FITTED:
        fingerprints["model"] = fingerprint_of_model(catalogue.model)
    is_penalised = name in PENALISED
    if is_penalised and config.ridge is None:  # what is chosen by figures that another machine may round otherwise
        fingerprints["ridge"] = f"{ridge:g}"
    return RecourseData(
        catalogue, name, ridge if is_penalised else None, selected, learned, fingerprints, config.language
    )


def plan(config: RecourseConfig, data: RecourseData) -> Plan:
    """Summarise every user block by block, list the cases and cut them into shards."""
    catalogue, selected = data.catalogue, data.selected
    if _is_on_cluster(config) and config.device != "cpu":
        problem = ray.get(ray.remote(num_cpus=1)(problem_with).remote(config.device))
        check_device(config.device, problem, where="a worker of the cluster")
    is_binary = data.model_name != "content"  # which weighs histories by ratings
    quality, seconds = measured(
        JOB.name, lambda: measure_lists(
            data.model_name, catalogue.dataset, ridge=data.ridge, binary=is_binary, seed=config.seed
        ),
        is_wanted=config.quality,
    )  # fmt: skip
    summary, counts = _summarise_users(config, catalogue, selected)
    standing = standing_advice(catalogue, open_kept(config.out, config.keep)) if config.keep else {}
    inputs = make_inputs(
        config, catalogue, selected, summary, counts, learned=data.learned,
        seen_by=None if config.is_partial else config.seen_by,
        standing=standing,
    )  # fmt: skip
    known = Known(catalogue, config, quality, len(standing) if config.keep else None)
    inputs, n_groups = with_drawn(inputs, config.rule_cost_cases, config.seed), len(inputs.groups)
    _log.info("%s: %d cases (%d items selected, %d groups)", JOB.name, len(inputs.cases.item), len(selected), n_groups)
    shards = _cut(config, inputs.cases, case_seconds(inputs.groups, config.options))
    return Plan(
        shards=shards,
        inputs=inputs,
        fingerprints=data.fingerprints,
        deadline_seconds=lambda shard: config.time_limit,
        rejected=catalogue.dataset.rejected,
        empty_tables=_empty_tables(catalogue.dataset),
        models=recourse_models(summary, counts, selected, catalogue.model),
        quality=quality,
        timings={"quality_seconds": seconds},
        before_commit=known.before_commit,
        deadline=_deadline(config, data, shards, inputs.cases, counts),
    )


JOB = Job("recourse", load=load, plan=plan, run_shard=run_shard, summarise=print_summary, check=check)


def _deadline(
    config: RecourseConfig, data: RecourseData, shards: list[Shard], cases: RecourseCases, counts: GroupCounts
) -> Deadline | None:
    """When the cases have to be done, and in which order they are started."""
    if config.deadline is None:
        return None
    now = datetime.now(UTC)
    ends = moment(config.deadline, now)
    left = (ends - now).total_seconds()
    reserve = reserve_seconds(left, seconds_after_cases(config.out) if config.together else 0.0)
    nights = nights_waited(config.out, config.run_id, data.catalogue.dataset)
    return Deadline(
        at=time.monotonic() + left - reserve,
        order=shard_order(shards, cases, counts, nights),
        reason=f"not started: the run had to end by {ends:%Y-%m-%d %H:%M} UTC; first in line in the next run",
    )


def select_items(config: RecourseConfig, dataset: Dataset) -> NDArray[np.int64]:
    """Positions of the items to do, sorted; all of them by default.

    Raises
    ------
    ConfigError
        An id that the catalogue does not have, or items none of which is of the sellers named with them.
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


def _is_on_cluster(config: RecourseConfig) -> bool:
    return (config.address or os.environ.get("RAY_ADDRESS") or "local") != "local"


def _summarise_users(
    config: RecourseConfig, catalogue: Catalogue, selected: NDArray[np.int64]
) -> tuple[UserSummary, GroupCounts]:
    """One pass over all users, in blocks spread over the workers."""
    encoded = catalogue.encoded
    n_users = catalogue.dataset.n_users
    size = user_block_size(*encoded.matrix.shape)
    blocks = [(first, min(first + size, n_users)) for first in range(0, n_users, size)]
    if not blocks:
        raise ConfigError(f"--data {config.data}: there are no users.")
    arguments: dict[str, Any] = {
        "k": config.k, "groups": catalogue.group_of_user, "n_groups": len(catalogue.labels), "selected": selected,
        "columns": encoded.columns, "times": catalogue.times,
    }  # fmt: skip
    shared = (ray.put(catalogue.model), ray.put(arguments))
    return join_summaries(map_blocks(summarise_blocks, shared, blocks, "ranking users"))


def _cut(config: RecourseConfig, cases: RecourseCases, seconds: float) -> list[Shard]:
    """Shards of whole batches; the estimate of their cost is the same on every machine, so that runs can resume."""
    sizes = np.diff(cases.batch_starts)
    return plan_shards(
        [seconds * int(size) for size in sizes], unit_cases=[int(size) for size in sizes], n_shards=config.shards
    )


def _empty_tables(dataset: Dataset) -> dict[str, pa.Table]:
    types = (dataset.items.schema.field("item_id").type, dataset.items.schema.field("seller_id").type)
    return {"recourse": recourse_schema(*types).empty_table(), "frontier": frontier_schema(*types).empty_table()}
