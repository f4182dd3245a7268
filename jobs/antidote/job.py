"""Antidote data for the platform: a few artificial users that make recommendations less polarised or fairer."""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace

import ray

from jobs.antidote.case import Case, Names
from jobs.antidote.common import compute_common
from jobs.antidote.config import AntidoteConfig
from jobs.antidote.inputs import AntidoteData, AntidoteInputs, hold_out_of, is_on_unseen, runs_of, settings_of
from jobs.antidote.objective import find_groups, make_objective, parse_objective
from jobs.antidote.summary import print_summary
from jobs.antidote.tables import result_tables
from jobs.antidote.work import case_seconds, run_shard
from jobs.quality import measured
from jobs.runtime.job import Job, Plan
from jobs.runtime.shards import plan_shards
from recsys_ops.antidote.algorithms import ALGORITHMS
from recsys_ops.antidote.ids import artificial_ids
from recsys_ops.antidote.problem import budget_users, whole_range
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.datasets.most_active import most_active, with_ratings
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_quality import measure_ratings
from recsys_ops.models.mf_validation import n_held_out

MANY_RATINGS = 5_000_000
"""Ratings from which on cases are done one after the other, each spread over all workers: several at once would not fit
into memory. With fewer, a block takes less than its scheduling."""
BLOCKS_PER_CPU = 4
MOST_IN_BLOCK = 1_000_000
MOST_SHARDS_OF_A_CASE = 200
"""Cases up to which each is a shard of its own, so that few cases share the workers, too."""
LEAST_LIMIT = 600.0
MEASURED_SHARE = 0.2
"""Of each user's ratings, held out to measure the recommender, whatever the cases hold out."""
_log = logging.getLogger("recsys_ops.jobs")


def check(config: AntidoteConfig) -> AntidoteConfig:
    """Refuse an unknown algorithm, and a budget or an objective that cannot be read.

    Raises
    ------
    ConfigError
    """
    parse_objective(config.objective)
    unknown = [name for name in config.algorithms if name not in ALGORITHMS]
    if unknown or not config.algorithms:
        raise ConfigError(f"--algorithm {config.algorithm}: expected some of {', '.join(ALGORITHMS)}.")
    if not config.budgets:
        raise ConfigError("--budget: names nothing. Use 20 or 2%, for example.")
    for budget in config.budgets:
        budget_users(budget, 1)
    return config


def load(config: AntidoteConfig) -> AntidoteData:
    """Read the data, form the groups and list the cases.

    Raises
    ------
    InputError, ConfigError
        Bad data, groups that cannot be formed, or a budget that buys too many users.
    """
    whole = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows, period=config.period)
    if whole.values != "ratings":
        raise InputError(
            f"{whole.name}: the interactions have no ratings, and {JOB.name} changes what a recommender of ratings "
            "learns. Give a column of ratings and its rating_range in features.yaml."
        )
    active = most_active(whole, users=config.top_users, items=config.top_items)
    dataset = with_ratings(active)  # a user without ratings would count as predicted 0 stars, and polarised
    if dataset is not active:
        _log.info("%s: %d users without ratings are left out", JOB.name, active.n_users - dataset.n_users)
    check_ratings_differ(dataset, config.data)
    groups = find_groups(dataset, config.groups)
    objective = make_objective(parse_objective(config.objective), groups, dataset.ratings)
    cases = tuple(list_cases(config, dataset.n_users))
    ids = artificial_ids(whole.user_ids)
    ids.check_room(sum(case.n_artificial for case in cases))
    if config.whole_ratings:
        whole_range(dataset.rating_range)
    names = Names(
        config.objective, config.direction, config.rank, config.regularisation,
        config.max_rmse_loss, config.min_overlap,
        splits_of(dataset, hold_out_of(config)), dataset.user_ids, dataset.item_ids, ids,
    )  # fmt: skip
    _log.info(
        "%s: %d cases on %d users, %d items, %d ratings", JOB.name, len(cases), *dataset.ratings.shape,
        dataset.ratings.nnz,
    )  # fmt: skip
    return AntidoteData(dataset, objective, groups, cases, names, hold_out_of(config), is_on_unseen(config))


def plan(config: AntidoteConfig, data: AntidoteData) -> Plan:
    """Cut the cases into shards; where one case is too large for a worker, spread each over all workers."""
    dataset, n_ratings = data.dataset, int(data.dataset.ratings.nnz)
    seconds = [case_seconds(case, n_ratings, config.rank) for case in data.cases]
    block_ratings = spread_blocks(n_ratings)
    settings = settings_of(config, dataset.rating_range, n_ratings=n_ratings, warm=n_ratings >= MANY_RATINGS)
    als = AlsSettings(config.rank, config.regularisation, seed=config.seed)
    quality, quality_seconds = measured(
        JOB.name, lambda: measure_ratings(dataset.ratings, als, share=MEASURED_SHARE, seed=config.seed),
        is_wanted=config.quality,
    )  # fmt: skip
    inputs = AntidoteInputs(
        dataset.ratings, data.objective, data.groups, data.names, data.cases, settings, block_ratings
    )
    started = time.perf_counter()
    inputs = replace(inputs, common=compute_common(inputs))
    common_seconds = time.perf_counter() - started
    return Plan(
        shards=plan_shards(seconds, n_shards=config.shards or min(len(seconds), MOST_SHARDS_OF_A_CASE)),
        inputs=inputs,
        fingerprints={"data": dataset.fingerprint},
        deadline_seconds=lambda shard: config.time_limit or default_limit(seconds[unit] for unit in shard.units),
        rejected=dataset.rejected,
        empty_tables=result_tables(data.names, data.groups, []),
        quality=quality,
        timings={"common_seconds": common_seconds, "quality_seconds": quality_seconds},
        max_in_flight=None if block_ratings is None else 1,
    )


JOB = Job("antidote", load=load, plan=plan, run_shard=run_shard, summarise=print_summary, check=check)


def default_limit(seconds: Iterable[float]) -> float:
    """Seconds that a case may take in a worker, by what some are estimated to take."""
    return max(LEAST_LIMIT, 20 * max(seconds))


def list_cases(config: AntidoteConfig, n_users: int) -> list[Case]:
    """Every algorithm with every budget, run by run; the artificial users of all cases are numbered through.

    Raises
    ------
    ConfigError
        A budget buys more artificial users than there are real ones.
    """
    cases: list[Case] = []
    first = 0
    for algorithm in config.algorithms:
        for budget in config.budgets:
            n_artificial = budget_users(budget, n_users)
            if n_artificial > n_users:
                raise ConfigError(
                    f"--budget {budget}: {n_artificial} artificial users are more than the {n_users} real ones. "
                    "Antidote data are a few per cent: use 2%, for example."
                )
            for number in range(runs_of(config)):
                cases.append(Case(algorithm, budget, number, config.seed + number, n_artificial, first))
                first += n_artificial
    return cases


def check_ratings_differ(dataset: Dataset, data: str) -> None:
    """Refuse ratings that are all the same: they say nothing of anybody's taste.

    Raises
    ------
    InputError
    """
    stars = dataset.ratings.data
    if len(stars) and stars.min() == stars.max():
        raise InputError(
            f"{data}: all {len(stars)} ratings are {stars[0]:g}. Antidote data need ratings that differ: a "
            "recommender of explicit ratings learns nothing from these. Use data with stars, not clicks."
        )


def splits_of(dataset: Dataset, hold_out: float) -> tuple[str, ...]:
    """The splits that there are ratings for."""
    if n_held_out(dataset.ratings, hold_out).any():
        return ("train", "test")
    if hold_out:
        _log.warning(
            "%s: no user has enough ratings for --hold-out %g to keep one aside: there is no split 'test'",
            JOB.name, hold_out,
        )  # fmt: skip
    return ("train",)


def spread_blocks(n_ratings: int) -> int | None:
    """Ratings of a block where each case is spread over all workers, None where each worker does cases of its own.

    The results are the same, so this may depend on the cluster.
    """
    if n_ratings < MANY_RATINGS:
        return None
    n_cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
    return min(MOST_IN_BLOCK, n_ratings // (BLOCKS_PER_CPU * n_cpus))
