"""Acceptance: what people's ratings of recourses say about how far a recourse may go, and for whom.

Read the rated runs and the ratings, fit each response against each distance, commit curves, thresholds and people.
"""

import logging
import time

from jobs.acceptance.config import AcceptanceConfig
from jobs.acceptance.summary import print_summary
from jobs.acceptance.work import FITS, make_shared, run_shard
from jobs.runtime.cluster import connect
from jobs.runtime.complete import complete_run
from jobs.runtime.logs import log_about
from jobs.runtime.shards import plan_shards
from jobs.store.conditional_writes import check_writable
from jobs.store.start import check_run_id, default_run_id, start_run
from recsys_ops.acceptance.feedback import read_cases, read_feedback
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.fingerprint import fingerprint_of_table
from recsys_ops.runs import open_run

JOB = "acceptance"
_SECONDS_PER_RATING = 1e-4
"""Of one fit; measured on 1,810 ratings."""
_log = logging.getLogger("recsys_ops.jobs")


def run(config: AcceptanceConfig) -> int:
    """Run the job and return its exit code: 0, or 1 if more fits failed than allowed.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    run_id = config.run_id or default_run_id(JOB, config.model_dump(mode="json"))
    log_about(run_id=run_id, job=JOB)
    check_writable(config.out, encryption=config.encryption)
    check_run_id(config.out, run_id, resume=config.resume)
    started = time.perf_counter()
    rated = [open_run(url, job="recourse") for url in config.run_urls]
    feedback = read_feedback(config.feedback_url, read_cases(rated), on_bad_rows=config.on_bad_rows)
    inputs = {f"run {run.run_id}": run.fingerprint for run in rated}
    inputs["feedback"] = fingerprint_of_table(feedback.table)
    shared = make_shared(feedback, seed=config.seed)
    loaded = time.perf_counter()
    n_people = pc.count_distinct(feedback.table["person_id"]).as_py()
    _log.info("%s: %d ratings by %d people", JOB, feedback.table.num_rows, n_people)
    shards = plan_shards([_SECONDS_PER_RATING * len(shared.person)] * len(FITS), n_shards=config.shards)
    with connect(config.address, config.workers, out=config.out):
        started_run = start_run(
            config.out, run_id, job=JOB, configuration=config.model_dump(mode="json"),
            inputs=inputs, shards=shards, format=config.format, resume=config.resume,
        )  # fmt: skip
        complete_run(
            started_run, shards, run_shard, shared,
            deadline_seconds=lambda shard: 60.0 + 10 * shard.seconds,
            rejected=feedback.rejected, empty_tables={}, timings={"load_seconds": loaded - started},
        )  # fmt: skip
    return print_summary(config.out, run_id, allowed_errors=config.allowed_errors)
