"""Acceptance: what people's ratings of recourses say about how far a recourse may go, and for whom."""

import logging

import pyarrow as pa

from jobs.acceptance.config import AcceptanceConfig
from jobs.acceptance.inputs import AcceptanceData, make_inputs, people_of
from jobs.acceptance.summary import print_summary
from jobs.acceptance.work import FITS, run_shard
from jobs.runtime.job import Job, Plan
from jobs.runtime.shards import plan_shards
from recsys_ops.acceptance.covariates import Covariates, read_covariates
from recsys_ops.acceptance.feedback import read_cases, read_feedback
from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import table_of
from recsys_ops.datasets.fingerprint import fingerprint_of_table
from recsys_ops.runs import open_run

_SECONDS_PER_RATING = 1e-4
"""Of one fit; measured on 1,810 ratings."""
_log = logging.getLogger("recsys_ops.jobs")


def load(config: AcceptanceConfig) -> AcceptanceData:
    """Read the rated runs and their ratings.

    Raises
    ------
    InputError
        There is no such run, or the ratings break the contract.
    """
    rated = [open_run(url, job="recourse") for url in config.run_urls]
    cases = read_cases(rated)
    feedback = read_feedback(config.feedback_url, cases, on_bad_rows=config.on_bad_rows)
    fingerprints = {f"run {run.run_id}": run.fingerprint for run in rated}
    fingerprints["feedback"] = fingerprint_of_table(feedback.table)
    failed = feedback.table.filter(feedback.is_inattentive)
    if len(failed):
        _log.warning(
            "%s: %d ratings by %d people who failed the attention question are not in the fits",
            JOB.name, len(failed), pc.count_distinct(failed["person_id"]).as_py(),
        )  # fmt: skip
    n_people = pc.count_distinct(feedback.table["person_id"]).as_py()
    _log.info("%s: %d ratings by %d people", JOB.name, feedback.table.num_rows, n_people)
    covariates = None
    if config.people is not None:
        covariates = read_covariates(config.people, people_of(feedback), on_bad_rows=config.on_bad_rows)
        fingerprints["people"] = _fingerprint(covariates)
    return AcceptanceData(cases, feedback, covariates, fingerprints)


def _fingerprint(known: Covariates) -> str:
    columns = {f"{one.name} {n}": column for one in known.covariates for n, column in enumerate(one.columns.T)}
    return fingerprint_of_table(table_of(columns))


def plan(config: AcceptanceConfig, data: AcceptanceData) -> Plan:
    """One case per fit: each response against each distance."""
    inputs = make_inputs(data.cases, data.feedback, data.covariates, seed=config.seed)
    rejected = [data.feedback.rejected, *([] if data.covariates is None else [data.covariates.rejected])]
    return Plan(
        shards=plan_shards([_SECONDS_PER_RATING * len(inputs.person)] * len(FITS), n_shards=config.shards),
        inputs=inputs,
        fingerprints=data.fingerprints,
        deadline_seconds=lambda shard: 60.0 + 10 * shard.seconds,
        rejected=pa.concat_tables(rejected),
    )


JOB = Job("acceptance", load=load, plan=plan, run_shard=run_shard, summarise=print_summary)
