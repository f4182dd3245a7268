"""Antidote data for the platform: a few artificial users whose ratings make recommendations less polarised or fairer.

Load, list the cases (algorithm, budget, run), cut them into shards, propose and evaluate, commit.
"""

import logging
import time

import ray

from jobs.antidote.config import AntidoteConfig
from jobs.antidote.objective import find_groups, make_objective, parse_objective
from jobs.antidote.summary import print_summary
from jobs.antidote.tables import Case, Names, result_tables
from jobs.antidote.work import Settings, Shared, case_seconds, run_shard
from jobs.runtime.cluster import connect
from jobs.runtime.complete import complete_run
from jobs.runtime.logs import log_about
from jobs.runtime.shards import plan_shards
from jobs.store.conditional_writes import check_writable
from jobs.store.start import check_run_id, default_run_id, start_run
from recsys_ops.antidote.algorithms import ALGORITHMS
from recsys_ops.antidote.ids import artificial_ids
from recsys_ops.antidote.problem import budget_users, whole_range
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.datasets.most_active import most_active, with_ratings
from recsys_ops.errors import ConfigError
from recsys_ops.models.mf_validation import n_held_out

JOB = "antidote"
_log = logging.getLogger("recsys_ops.jobs")

MANY_RATINGS = 5_000_000
"""Ratings from which on cases are done one after the other, each spread over all workers: several at once would not fit
into memory. With fewer, a block takes less than its scheduling."""

BLOCKS_PER_CPU = 4
MOST_IN_BLOCK = 1_000_000


def run(config: AntidoteConfig) -> int:
    """Run the job and return its exit code: 0, or 1 if more cases failed than allowed.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    check_settings(config)
    run_id = config.run_id or default_run_id(JOB, config.model_dump(mode="json"))
    log_about(run_id=run_id, job=JOB)
    check_writable(config.out, encryption=config.encryption)
    check_run_id(config.out, run_id, resume=config.resume)
    started = time.perf_counter()
    whole = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows)
    asked = most_active(whole, users=config.top_users, items=config.top_items)
    dataset = with_ratings(asked)  # as they would count as predicted 0 stars, and polarised
    if dataset is not asked:
        _log.info("%s: %d users without ratings are left out", JOB, asked.n_users - dataset.n_users)
    groups = find_groups(dataset, config.groups)
    objective = make_objective(parse_objective(config.objective), groups)
    cases = list_cases(config, dataset.n_users)
    ids = artificial_ids(whole.user_ids)
    ids.check_room(sum(case.n_artificial for case in cases))
    if config.whole_ratings:
        whole_range(dataset.rating_range)
    names = Names(
        config.objective, config.direction, config.rank, config.regularisation,
        splits_of(dataset, config.hold_out), dataset.user_ids, dataset.item_ids, ids,
    )  # fmt: skip
    n_ratings = int(dataset.ratings.nnz)
    seconds = [case_seconds(case, n_ratings, config.rank) for case in cases]
    shards = plan_shards(seconds, n_shards=config.shards)
    loaded = time.perf_counter()
    _log.info("%s: %d cases on %d users, %d items, %d ratings", JOB, len(cases), *dataset.ratings.shape, n_ratings)
    with connect(config.address, config.workers, out=config.out):
        block_ratings = spread_blocks(n_ratings)
        settings = settings_of(config, dataset.rating_range, warm=n_ratings >= MANY_RATINGS)
        shared = Shared(dataset.ratings, objective, groups, names, tuple(cases), settings, block_ratings)
        started_run = start_run(
            config.out, run_id, job=JOB, configuration=config.model_dump(mode="json"),
            inputs={"data": dataset.fingerprint}, shards=shards, format=config.format, resume=config.resume,
        )  # fmt: skip
        complete_run(
            started_run, shards, run_shard, shared,
            deadline_seconds=lambda shard: 600.0 + 20 * shard.seconds,
            rejected=dataset.rejected, empty_tables=result_tables(names, groups, []),
            timings={"load_seconds": loaded - started},
            max_in_flight=None if block_ratings is None else 1,
        )  # fmt: skip
    return print_summary(config.out, run_id, ids.rule, allowed_errors=config.allowed_errors)


def check_settings(config: AntidoteConfig) -> None:
    """Fail before anything is read.

    Raises
    ------
    ConfigError
        An algorithm is unknown, or a budget or the objective cannot be read.
    """
    parse_objective(config.objective)
    unknown = [name for name in config.algorithms if name not in ALGORITHMS]
    if unknown or not config.algorithms:
        raise ConfigError(f"--algorithm {config.algorithm}: expected some of {', '.join(ALGORITHMS)}.")
    if not config.budgets:
        raise ConfigError("--budget: names nothing. Use 20 or 2%, for example.")
    for budget in config.budgets:
        budget_users(budget, 1)


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
            for number in range(config.runs):
                cases.append(Case(algorithm, budget, number, config.seed + number, n_artificial, first))
                first += n_artificial
    return cases


def splits_of(dataset: Dataset, hold_out: float) -> tuple[str, ...]:
    """The splits that there are ratings for."""
    if n_held_out(dataset.ratings, hold_out).any():
        return ("train", "test")
    if hold_out:
        _log.warning(
            "%s: no user has enough ratings for --hold-out %g to keep one aside: there is no split 'test'",
            JOB, hold_out,
        )  # fmt: skip
    return ("train",)


def settings_of(config: AntidoteConfig, rating_range: tuple[float, float], *, warm: bool) -> Settings:
    """The part of the settings that a case sees."""
    about_ratings = {name for name, _ in parse_objective(config.objective)} - {"polarisation"}
    judges_unseen = config.judged_on == "unseen" and bool(about_ratings)
    return Settings(
        config.direction, config.rank, config.regularisation, rating_range, config.whole_ratings, config.max_ratings,
        config.max_rmse_loss, config.hold_out, judges_unseen=judges_unseen, warm=warm,
    )  # fmt: skip


def spread_blocks(n_ratings: int) -> int | None:
    """Ratings of a block where each case is spread over all workers, None where each worker does cases of its own.

    The results are the same, so this may depend on the cluster.
    """
    if n_ratings < MANY_RATINGS:
        return None
    n_cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
    return min(MOST_IN_BLOCK, n_ratings // (BLOCKS_PER_CPU * n_cpus))
