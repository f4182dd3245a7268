"""Counterfactual explanations for users: for each recommended item, the smallest part of the history it hangs on.

Load, fit the recommender, list each user's best items block by block, cut users into shards, explain, commit.
"""

import logging
import time

import numpy as np
import ray
import scipy.sparse as sp
from numpy.typing import NDArray

from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.counterfactuals.models import counterfactuals_models
from jobs.counterfactuals.summary import print_summary
from jobs.counterfactuals.tables import result_tables
from jobs.counterfactuals.work import Cases, Shared, case_seconds, list_blocks, make_cases, run_shard
from jobs.runtime.blocks import map_blocks
from jobs.runtime.cluster import connect
from jobs.runtime.complete import complete_run
from jobs.runtime.logs import log_about
from jobs.runtime.shards import Shard, plan_shards
from jobs.selection import select
from jobs.store.conditional_writes import check_writable
from jobs.store.start import check_run_id, default_run_id, start_run
from recsys_ops.counterfactuals.histories import Histories, make_histories, read_removal_costs
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.datasets.fingerprint import fingerprint_of_matrix
from recsys_ops.errors import ConfigError
from recsys_ops.models.aggregate import aggregate_categories, categories_of, keep_items
from recsys_ops.models.ease import check_memory, ease_bytes
from recsys_ops.models.likelihood import Likelihood, learn_likelihood
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.memory import available_bytes
from recsys_ops.models.recommender import FITTED, check_recommender, make_recommender

JOB = "counterfactuals"
COSTS = "removal costs"
"""Name of that input in the manifest."""
_log = logging.getLogger("recsys_ops.jobs")

USERS_PER_BLOCK = 256


def run(config: CounterfactualsConfig) -> int:
    """Run the job and return its exit code: 0, or 1 if more cases failed than allowed.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    check_recommender(config.model)
    run_id = config.run_id or default_run_id(JOB, config.model_dump(mode="json"))
    log_about(run_id=run_id, job=JOB)
    check_writable(config.out, encryption=config.encryption)
    check_run_id(config.out, run_id, resume=config.resume)
    started = time.perf_counter()
    dataset = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows)
    costs = read_removal_costs(config.removal_costs, dataset) if config.removal_costs else None
    histories = make_histories(dataset, ratings=config.ratings, costs=costs)
    users = asked_users(config, dataset)
    loaded = time.perf_counter()
    if config.model == "ease":
        n = dataset.n_items
        check_memory(ease_bytes(n, np.float32) + 4 * n * n, available_bytes())  # and once more in the object store
    recommender = make_recommender(config.model, histories.inputs, ridge=config.ridge, item_ids=dataset.item_ids)
    likelihood = make_likelihood(config, dataset, histories)
    fitted = time.perf_counter()
    with connect(config.address, config.workers, out=config.out):
        cases = _list_cases(config, recommender, histories.inputs, users)
        ranked = time.perf_counter()
        _log.info("%s: %d cases (%d users asked)", JOB, len(cases.item), len(users))
        users_table, items_table = dataset.users.select(["user_id"]), dataset.items.select(["item_id", "title"])
        shared = Shared(recommender, histories, likelihood, cases, users_table, items_table, config.settings)
        shards = _plan(config, cases, histories)
        started_run = start_run(
            config.out, run_id, job=JOB, configuration=config.model_dump(mode="json"),
            inputs=_inputs(config, dataset, recommender, costs), shards=shards, format=config.format,
            resume=config.resume, is_partial=config.is_partial,
        )  # fmt: skip
        complete_run(
            started_run, shards, run_shard, shared,
            deadline_seconds=lambda shard: 60.0 + 1.2 * config.time_limit * shard.n_cases,
            rejected=dataset.rejected, empty_tables=result_tables(users_table, items_table, histories, config.k, []),
            timings={"load_seconds": loaded - started, "fit_seconds": fitted - loaded, "rank_seconds": ranked - fitted},
            models=counterfactuals_models(recommender, likelihood),
        )  # fmt: skip
    return print_summary(config.out, run_id, dataset, allowed_errors=config.allowed_errors)


def _inputs(
    config: CounterfactualsConfig, dataset: Dataset, recommender: LinearRecommender, costs: sp.csr_array | None
) -> dict[str, str]:
    """Fingerprints of what was read; weights that are fitted here follow from the data and the settings."""
    inputs = {"data": dataset.fingerprint}
    if config.model not in FITTED:
        inputs["model"] = fingerprint_of_matrix(recommender.weights)
    if costs is not None:
        inputs[COSTS] = fingerprint_of_matrix(costs)
    return inputs


def asked_users(config: CounterfactualsConfig, dataset: Dataset) -> NDArray[np.int64]:
    """Positions of the users to do, sorted; all of them by default.

    Raises
    ------
    ConfigError
        An id that the data do not have.
    """
    if config.users is None:
        return np.arange(dataset.n_users)
    return np.flatnonzero(select("users", config.users, dataset.user_ids))


def make_likelihood(config: CounterfactualsConfig, dataset: Dataset, histories: Histories) -> Likelihood | None:
    """Learn the likelihood of histories from all users, if plausibility is asked for.

    Raises
    ------
    ConfigError
        No column of the items can serve as categories.
    """
    if config.plausibility == "none":
        return None
    if config.aggregator == "none":
        aggregation = keep_items(histories.amounts, scale=histories.scale)
    else:
        column = config.categories or _default_categories(dataset)
        separators = {rule.column: rule.separator for rule in dataset.rules if rule.kind == "tags"}
        if column not in dataset.items.column_names:
            known = ", ".join(dataset.items.column_names)
            raise ConfigError(f"--categories {column}: the items have no such column (found {known}).")
        membership, _ = categories_of(dataset.items, column, separator=separators.get(column))
        aggregation = aggregate_categories(config.aggregator, membership, scale=histories.scale)
    return learn_likelihood(histories.amounts, aggregation, seed=config.seed)


def _default_categories(dataset: Dataset) -> str:
    for rule in dataset.rules:
        if rule.kind in ("tags", "category"):
            return rule.column
    raise ConfigError("--categories: no feature of the items is of kind tags or category. Name a column of the items.")


def _list_cases(
    config: CounterfactualsConfig, recommender: LinearRecommender, inputs: sp.csr_array, users: NDArray[np.int64]
) -> Cases:
    """The best items of each user, in blocks of users spread over the workers."""
    blocks = [(first, min(first + USERS_PER_BLOCK, len(users))) for first in range(0, len(users), USERS_PER_BLOCK)]
    arguments = {"histories": inputs[users], "n": config.top}
    lists = list(map_blocks(list_blocks, (ray.put(recommender), ray.put(arguments)), blocks, "ranking items"))
    return make_cases(users, np.concatenate(lists))


def _plan(config: CounterfactualsConfig, cases: Cases, histories: Histories) -> list[Shard]:
    """Shards of whole users; the estimate of their cost is the same on every machine, so that runs can resume."""
    sizes = np.diff(cases.user_starts)
    lengths = np.diff(histories.amounts.indptr)[cases.user[cases.user_starts[:-1]]]
    seconds = case_seconds(lengths, config.settings)
    return plan_shards(
        [float(size * cost) for size, cost in zip(sizes, seconds, strict=True)],
        unit_cases=[int(size) for size in sizes], n_shards=config.shards,
    )  # fmt: skip
