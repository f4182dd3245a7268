"""Recourse for one item or seller, from the models of a recourse run."""

from dataclasses import replace
from typing import Any

import numpy as np
from rich.markup import escape

from jobs.ask import AskConfig
from jobs.recourse.config import RecourseConfig
from jobs.recourse.device import trouble_with
from jobs.recourse.models import restored_recourse
from jobs.recourse.summary import sentence
from jobs.recourse.work import Shared, make_cases, make_examples, make_groups, make_model, run_shard
from jobs.runtime.shards import Shard
from jobs.runtime.worker import one_thread
from jobs.selection import select
from jobs.store.models import read_models
from recsys_ops.acceptance.learned import Learned, read_learned
from recsys_ops.datasets import Dataset, user_groups
from recsys_ops.datasets.groups import default_groups
from recsys_ops.features.encode import encode_items
from recsys_ops.runs import Run


def settings_of(run: Run) -> RecourseConfig:
    """The settings that the run was made with."""
    return RecourseConfig(**run.manifest["configuration"])


def answer(run: Run, settings: RecourseConfig, dataset: Dataset, asked: AskConfig) -> list[str]:
    """One sentence per item and group.

    Raises
    ------
    ConfigError, InputError
        As ``jobs.ask.run``.
    """
    return [_told(row) for row in rows(run, settings, dataset, item=asked.item, seller=asked.seller)]


def rows(
    run: Run, settings: RecourseConfig, dataset: Dataset, *, item: str | None, seller: str | None
) -> list[dict[str, Any]]:
    """Rows of the ``recourse`` table for an item or a seller, as the run itself would give them."""
    option, asked, column = ("item", item, "item_id") if item is not None else ("seller", seller, "seller_id")
    wanted = np.flatnonzero(select(option, str(asked), dataset.items.column(column)))
    encoded = encode_items(dataset.items, dataset.rules)
    labels, group_of_user = user_groups(dataset, settings.groups or default_groups(dataset))
    model = make_model(encoded, dataset)
    summary, counts = restored_recourse(read_models(run), wanted)
    groups = make_groups(model, encoded, labels, group_of_user, summary, sample=settings.sample, seed=settings.seed)
    cases = make_cases(dataset, wanted, counts, seen_by=None)
    by_examples = settings.method == "examples"
    examples = make_examples(encoded, counts, settings.wanted, settings.nearest) if by_examples else ()
    item_table = dataset.items.select(["item_id", "seller_id", "title"])
    learned = read_learned(settings.learned) if settings.learned else Learned()
    limits = settings.limits(learned.caps)
    if trouble_with(limits.device) is not None:  # the run's workers had what this machine has not
        limits = replace(limits, device="cpu")
    shared = Shared(model, encoded, groups, cases, item_table, limits, settings.offer, examples, learned)
    with one_thread():
        shard = Shard(0, 0, len(cases.batch_starts) - 2, len(cases.item))
        found: list[dict[str, Any]] = run_shard(shared, shard, {}).tables["recourse"].to_pylist()
    return found


def _told(row: dict[str, Any]) -> str:
    if row["changes"] and row["reason"] is None:  # what reaches less than wanted is no advice
        return sentence(row)
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"\n[bold]{escape(row['title'])}[/bold] for {escape(row['group'])}: {row['status']}{escape(reason)}"
