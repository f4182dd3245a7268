"""The nightly run: recourse for the items of all sellers, under the date's name; repeated, it completes itself."""

from datetime import UTC, datetime
from typing import TypeVar

from jobs.config import RunConfig
from jobs.recourse.config import RecourseConfig
from jobs.recourse.job import JOB
from jobs.runtime.job import run_job
from jobs.store.conditional_writes import check_writable
from jobs.store.start import begun_settings
from recsys_ops.errors import InputError
from recsys_ops.runs import open_run

Config = TypeVar("Config", bound=RunConfig)


def run(config: RecourseConfig) -> int:
    """Run tonight's job; running it again the same night completes it, or shows that it is complete.

    Raises
    ------
    As ``jobs.runtime.job.run_job``.
    """
    config = named(config)
    return run_job(config.model_copy(update={"learned": config.learned or _learned(config)}), JOB)


def named(config: Config) -> Config:
    """``config`` with tonight's run id, unless it has one, and to be completed if it is there."""
    run_id = config.run_id or f"nightly-{datetime.now(UTC):%Y-%m-%d}"
    return config.model_copy(update={"run_id": run_id, "resume": True})


def _learned(config: RecourseConfig) -> str | None:
    """What the run of tonight's name began with; for a new one the latest acceptance run beside it, if there is one."""
    check_writable(config.out, encryption=config.encryption)  # asks a store that is away less often than the others
    begun = begun_settings(config.out, str(config.run_id))
    if begun is not None:
        return begun.get("learned")
    try:
        return open_run(config.out, job="acceptance").url
    except InputError:
        return None
