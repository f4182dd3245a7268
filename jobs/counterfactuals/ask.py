"""Explanations for one user, from the models of a counterfactuals run: why an item is in the list, or why it is not."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from jobs.ask import AskConfig, settings_from
from jobs.console import escape
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.counterfactuals.inputs import CounterfactualData, make_cases, make_inputs
from jobs.counterfactuals.job import COSTS
from jobs.counterfactuals.models import restored_counterfactuals
from jobs.counterfactuals.summary import language_of, sentence
from jobs.counterfactuals.why_not import why_not_row
from jobs.counterfactuals.work import run_shard
from jobs.runtime.shards import Shard
from jobs.runtime.worker import one_thread
from jobs.selection import select
from jobs.store.models import read_models
from recsys_ops.counterfactuals.histories import make_histories, read_removal_costs
from recsys_ops.counterfactuals.why_not import MAX_ADDED
from recsys_ops.datasets import Dataset
from recsys_ops.datasets.fingerprint import fingerprint_of_matrix
from recsys_ops.errors import InputError
from recsys_ops.models.linear import top_lists
from recsys_ops.runs import Run


def settings_of(run: Run) -> CounterfactualsConfig:
    """The settings that the run was made with."""
    return settings_from(run, CounterfactualsConfig)


def answer(run: Run, settings: CounterfactualsConfig, dataset: Dataset, question: AskConfig) -> list[str]:
    """One sentence per recommended item and option.

    Raises
    ------
    ConfigError, InputError
        As ``jobs.ask.run``.
    """
    found = rows_for(run, settings, dataset, question)
    nothing = f"\nUser {escape(str(question.user))}: nothing is left to recommend."
    return [_in_words(row, language_of(run)) for row in found] or [nothing]


def rows_for(run: Run, settings: CounterfactualsConfig, dataset: Dataset, question: AskConfig) -> list[dict[str, Any]]:
    """The rows that answer the question; raises as ``answer``."""
    return rows(run, settings, dataset, user=question.user, item=question.item, max_added=question.max_added)


def rows(
    run: Run,
    settings: CounterfactualsConfig,
    dataset: Dataset,
    *,
    user: str | None,
    item: str | None = None,
    max_added: int = MAX_ADDED,
) -> list[dict[str, Any]]:
    """Rows of the ``counterfactuals`` table for a user, as the run itself would give them; or for an item shown to one.

    For an item that the user is not shown, one row that says what would bring it into the list, with at most
    ``max_added`` interactions.

    Raises
    ------
    ConfigError
        The user or the item is not in the data, or the item is in the user's history.
    """
    users = np.flatnonzero(select("user", str(user), dataset.user_ids))
    costs = _same_costs(run, settings.removal_costs, dataset) if settings.removal_costs else None
    histories = make_histories(dataset, ratings=settings.ratings, costs=costs)
    recommender, likelihood = restored_counterfactuals(read_models(run), settings.aggregator)
    data = CounterfactualData(dataset, histories, recommender, likelihood, users)
    n_shown = settings.top if item is None else max(settings.k, settings.top)
    shown = top_lists(recommender, histories.inputs[users], n_shown, is_unseen=settings.candidates == "unseen")
    if item is not None:
        (position,) = np.flatnonzero(select("item", item, dataset.item_ids))
        if position not in shown:
            with one_thread():
                return [why_not_row(settings, data, int(users[0]), int(position), max_added=max_added)]
        shown = np.array([[position]], dtype=shown.dtype)
    cases = make_cases(users, shown)
    if not len(cases.item):
        return []
    inputs = make_inputs(settings, data, cases)
    shard = Shard(0, 0, len(cases.user_starts) - 2, len(cases.item))
    with one_thread():
        found: list[dict[str, Any]] = run_shard(inputs, shard, {}).tables["counterfactuals"].to_pylist()
    return found


def _same_costs(run: Run, url: str, dataset: Dataset) -> sp.csr_array:
    costs = read_removal_costs(url, dataset)
    if fingerprint_of_matrix(costs) != run.manifest["inputs"].get(COSTS):
        raise InputError(
            f"--removal-costs {url}: has changed since run {run.run_id}, whose explanations it made. Run the job "
            "again, or restore the costs."
        )
    return costs


def _in_words(row: dict[str, Any], language: str) -> str:
    if row["text"]:
        return sentence(row, language)
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"\nUser {escape(str(row['user_id']))}: [bold]{escape(row['title'])}[/bold]: {row['status']}{escape(reason)}"
