"""Recourse for one item or seller, from the models of a recourse run."""

from typing import Any

import numpy as np

from jobs.ask import AskConfig, settings_from
from jobs.console import escape
from jobs.recourse.config import RecourseConfig
from jobs.recourse.device import problem_with
from jobs.recourse.inputs import make_catalogue, make_inputs, on_device
from jobs.recourse.keep import standing_advice
from jobs.recourse.models import restored_model, restored_recourse
from jobs.recourse.summary import sentence
from jobs.recourse.together import FROM_THE_RUN
from jobs.recourse.work import run_shard
from jobs.runtime.shards import Shard
from jobs.runtime.worker import one_thread
from jobs.selection import select
from jobs.store.models import read_models
from recsys_ops.acceptance.learned import Learned, read_learned
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets import Dataset
from recsys_ops.runs import Run


def settings_of(run: Run) -> RecourseConfig:
    """The settings that the run was made with."""
    return settings_from(run, RecourseConfig)


def answer(run: Run, settings: RecourseConfig, dataset: Dataset, question: AskConfig) -> list[str]:
    """One sentence per item and group.

    Raises
    ------
    ConfigError, InputError
        As ``jobs.ask.run``.
    """
    return [_in_words(row, settings.language) for row in rows_for(run, settings, dataset, question)]


def rows_for(run: Run, settings: RecourseConfig, dataset: Dataset, question: AskConfig) -> list[dict[str, Any]]:
    """The rows that answer the question; raises as ``answer``."""
    return rows(run, settings, dataset, item=question.item, seller=question.seller)


def rows(
    run: Run, settings: RecourseConfig, dataset: Dataset, *, item: str | None, seller: str | None
) -> list[dict[str, Any]]:
    """Rows of the ``recourse`` table for an item or a seller, as the run itself would give them."""
    option, value, column = ("item", item, "item_id") if item is not None else ("seller", seller, "seller_id")
    selected = np.flatnonzero(select(option, str(value), dataset.items.column(column)))
    models = read_models(run)
    catalogue = make_catalogue(settings, dataset, lambda items: restored_model(models, dataset, items))
    summary, counts = restored_recourse(models, selected)
    learned = read_learned(settings.learned) if settings.learned else Learned()
    standing = standing_advice(catalogue, run) if settings.keep else {}  # what the run kept is in its rows
    inputs = make_inputs(
        settings, catalogue, selected, summary, counts, learned=learned, seen_by=None,
        standing={case: advice for case, advice in standing.items() if advice.since != run.run_id},
    )  # fmt: skip
    if problem_with(settings.device) is not None:  # the run's workers had what this machine has not
        inputs = on_device(inputs, "cpu")
    shard = Shard(0, 0, len(inputs.cases.batch_starts) - 2, len(inputs.cases.item))
    with one_thread():
        found: list[dict[str, Any]] = run_shard(inputs, shard, {}).tables["recourse"].to_pylist()
    weighed = _weighed(run, [row["item_id"] for row in found])
    return [row | weighed.get((row["item_id"], row["group"], row["option"]), {}) for row in found]


def _weighed(run: Run, item_ids: list[Any]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What the run measured beyond its cases, by item, group and option; of what it did not do, nothing."""
    table = run.table("recourse")
    there = [name for name in FROM_THE_RUN if name in table.schema.names]
    keys = ["item_id", "group", "option"]
    rows = table.to_table(columns=[*keys, *there], filter=pc.field("item_id").isin(item_ids)).to_pylist()
    return {tuple(row[key] for key in keys): {name: row[name] for name in there} for row in rows}


def _in_words(row: dict[str, Any], language: str) -> str:
    if row["changes"] and row["reason"] is None:  # what reaches less than wanted is no advice
        return sentence(row, language)
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"\n[bold]{escape(row['title'])}[/bold] for {escape(row['group'])}: {row['status']}{escape(reason)}"
