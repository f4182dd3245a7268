"""Counterfactual explanations for users: for each recommended item, the smallest part of the history it hangs on."""

import logging
import time

import numpy as np
import ray
from numpy.typing import NDArray

from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.counterfactuals.inputs import CounterfactualCases, CounterfactualData, make_cases, make_inputs
from jobs.counterfactuals.models import counterfactuals_models, fingerprint_of_recommender
from jobs.counterfactuals.summary import print_summary
from jobs.counterfactuals.tables import result_tables
from jobs.counterfactuals.work import case_seconds, list_blocks, run_shard, seconds_before_search
from jobs.quality import measured
from jobs.runtime.blocks import map_blocks
from jobs.runtime.job import Job, Plan
from jobs.runtime.shards import Shard, plan_shards
from jobs.selection import select
from recsys_ops.counterfactuals.histories import Histories, make_histories, read_removal_costs
from recsys_ops.counterfactuals.settings import check_search_settings
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.datasets.fingerprint import fingerprint_of_matrix
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import encode_items
from recsys_ops.measurement import measure_lists
from recsys_ops.models.aggregate import aggregate_categories, categories_of, keep_items
from recsys_ops.models.ease import check_memory, ease_bytes
from recsys_ops.models.folded_likelihood import FoldedLikelihood, learn_folds
from recsys_ops.models.held_out_likelihood import held_out_likelihood
from recsys_ops.models.memory import available_bytes
from recsys_ops.models.readers.catalogue import read_ids
from recsys_ops.models.recommender import FITTED, FROM_FEATURES, LINEAR, check_recommender, is_linear, make_recommender
from recsys_ops.ridge import PENALISED, ridge_of

COSTS = "removal costs"
"""Name of that input in the manifest."""
USERS_PER_BLOCK = 256
SECONDS_BESIDES = {"direct": 5.0, "pyomo": 60.0}
"""What a case may take in a worker besides the limit of its search, by engine."""
_log = logging.getLogger("recsys_ops.jobs")


def check(config: CounterfactualsConfig) -> CounterfactualsConfig:
    """Refuse a recommender of an unknown name, and what only linear recommenders have for one that is not."""
    check_recommender(config.model)
    if config.drop is not None and "k" in config.model_fields_set:
        raise ConfigError(
            f"--drop {config.drop} --k {config.k}: an item falls by --drop or leaves the first --k. Use one."
        )
    if config.keep_selected and config.candidates == "unseen":
        raise ConfigError(
            "--keep-selected: no item of the history is explained. Add --candidates all, or leave it out."
        )
    if config.folds > 1 and config.plausibility == "none":
        raise ConfigError(
            f"--folds {config.folds}: no network is learned with --plausibility none. Leave it out, or ask for "
            "plausibility."
        )
    if not is_linear(config.model):
        check_search_settings(config.settings)
    return config


def load(config: CounterfactualsConfig) -> CounterfactualData:
    """Read the data, fit or read the recommender, learn the likelihood.

    Raises
    ------
    InputError, ConfigError
        Bad data, an unknown user, or weights that do not fit the items or the memory.
    """
    dataset = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows, period=config.period)
    costs = read_removal_costs(config.removal_costs, dataset) if config.removal_costs else None
    histories = make_histories(dataset, ratings=config.ratings, costs=costs)
    selected = select_users(config, dataset)
    model_ids = None if config.model_ids is None else read_ids(config.model_ids)
    started = time.perf_counter()
    ridge = ridge_of(config.model, config.ridge, histories.inputs, seed=config.seed)
    ridge_seconds = time.perf_counter() - started
    # Before the recommender is there: the weights of two might not fit into memory.
    quality, quality_seconds = measured(
        JOB.name,
        lambda: measure_lists(
            config.model, dataset, ridge=ridge, binary=not config.ratings, seed=config.seed, model_ids=model_ids
        ),
        is_wanted=config.quality,
    )
    started = time.perf_counter()
    if config.model in ("ease", "hybrid"):
        n = dataset.n_items
        check_memory(ease_bytes(n, np.float32) + 4 * n * n, available_bytes())  # and once more in the object store
    recommender = make_recommender(
        config.model, histories.inputs, ridge=ridge, item_ids=dataset.item_ids,
        model_ids=model_ids,
        features=encode_items(dataset.items, dataset.rules).matrix if config.model in FROM_FEATURES else None,
    )  # fmt: skip
    if not isinstance(recommender, LINEAR):
        check_search_settings(config.settings)
    likelihood = make_likelihood(config, dataset, histories)
    fit_seconds = ridge_seconds + time.perf_counter() - started
    started = time.perf_counter()
    held_out = None
    if likelihood is not None and config.quality:
        held_out = held_out_likelihood(
            histories.amounts,
            likelihood.likelihoods[0].aggregation,
            seed=config.seed,
            min_instances=config.min_instances,
        )
    quality_seconds += time.perf_counter() - started
    fingerprints = {"data": dataset.fingerprint}
    if config.model not in (*FITTED, *FROM_FEATURES):  # what is fitted here follows from the rest
        fingerprints["model"] = fingerprint_of_recommender(recommender)
    is_penalised = config.model in PENALISED
    if is_penalised and config.ridge is None:  # what is chosen by figures that another machine may round otherwise
        fingerprints["ridge"] = f"{ridge:g}"
    if costs is not None:
        fingerprints[COSTS] = fingerprint_of_matrix(costs)
    timings = {"fit_seconds": fit_seconds, "quality_seconds": quality_seconds}
    return CounterfactualData(
        dataset, histories, recommender, likelihood, selected, fingerprints, timings, quality,
        ridge=ridge if is_penalised else None, held_out=held_out,
    )  # fmt: skip


def plan(config: CounterfactualsConfig, data: CounterfactualData) -> Plan:
    """List the best items of each user block by block, and cut the users into shards."""
    cases = _list_cases(config, data)
    _log.info("%s: %d cases (%d users selected)", JOB.name, len(cases.item), len(data.selected))
    inputs = make_inputs(config, data, cases)
    return Plan(
        shards=_cut(config, data, cases),
        inputs=inputs,
        fingerprints=data.fingerprints,
        deadline_seconds=lambda shard: (
            config.time_limit + SECONDS_BESIDES[config.engine] + seconds_before_search(data.recommender)
        ),
        rejected=data.dataset.rejected,
        empty_tables=result_tables(inputs.users, inputs.items, data.histories, config.settings, []),
        models=counterfactuals_models(data.recommender, data.likelihood),
        quality=data.quality,
        timings=data.timings,
    )


JOB = Job("counterfactuals", load=load, plan=plan, run_shard=run_shard, summarise=print_summary, check=check)


def select_users(config: CounterfactualsConfig, dataset: Dataset) -> NDArray[np.int64]:
    """Positions of the users to do, sorted; all of them by default.

    Raises
    ------
    ConfigError
        An id that the data do not have.
    """
    if config.users is None:
        return np.arange(dataset.n_users)
    return np.flatnonzero(select("users", config.users, dataset.user_ids))


def make_likelihood(config: CounterfactualsConfig, dataset: Dataset, histories: Histories) -> FoldedLikelihood | None:
    """Learn the likelihood of histories, from all users or by folds, where the settings want plausible explanations.

    Raises
    ------
    ConfigError
        No column of the items can serve as categories.
    """
    if config.plausibility == "none":
        return None
    if config.aggregator == "none":
        aggregation = keep_items(histories.amounts, scale=histories.scale)
        _log.info(
            "%s: the likelihood is that of the %d items of most users; the others do not count",
            JOB.name, aggregation.n_variables,
        )  # fmt: skip
    else:
        column = config.categories or _default_categories(dataset)
        separators = {rule.column: rule.separator for rule in dataset.rules if rule.kind == "tags"}
        if column not in dataset.items.column_names:
            known = ", ".join(dataset.items.column_names)
            raise ConfigError(f"--categories {column}: the items have no such column (found {known}).")
        membership, _ = categories_of(dataset.items, column, separator=separators.get(column))
        aggregation = aggregate_categories(config.aggregator, membership, scale=histories.scale)
    return learn_folds(
        histories.amounts, aggregation, n_folds=config.folds, seed=config.seed, min_instances=config.min_instances
    )


def _default_categories(dataset: Dataset) -> str:
    for rule in dataset.rules:
        if rule.kind in ("tags", "category"):
            return rule.column
    raise ConfigError("--categories: no feature of the items is of kind tags or category. Name a column of the items.")


def _list_cases(config: CounterfactualsConfig, data: CounterfactualData) -> CounterfactualCases:
    """The best items of each user, in blocks of users spread over the workers."""
    users = data.selected
    blocks = [(first, min(first + USERS_PER_BLOCK, len(users))) for first in range(0, len(users), USERS_PER_BLOCK)]
    arguments = {"histories": data.histories.inputs[users], "n": config.top, "is_unseen": config.candidates == "unseen"}
    shared = (ray.put(data.recommender), ray.put(arguments))
    return make_cases(users, np.concatenate(list(map_blocks(list_blocks, shared, blocks, "ranking items"))))


def _cut(config: CounterfactualsConfig, data: CounterfactualData, cases: CounterfactualCases) -> list[Shard]:
    """Shards of whole users; the estimate of their cost is the same on every machine, so that runs can resume."""
    sizes = np.diff(cases.user_starts)
    lengths = np.diff(data.histories.amounts.indptr)[cases.user[cases.user_starts[:-1]]]
    seconds = case_seconds(lengths, config.settings, data.recommender)
    return plan_shards(
        [float(size * cost) for size, cost in zip(sizes, seconds, strict=True)],
        unit_cases=[int(size) for size in sizes], n_shards=config.shards,
    )  # fmt: skip
