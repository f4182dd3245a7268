"""The nightly run: recourse for the items of all sellers, under the date's name; repeated, it completes itself."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from pydantic import field_validator

from jobs.recourse.config import RecourseConfig
from jobs.recourse.job import JOB
from jobs.recourse.keep import latest_before
from jobs.runtime.job import run_job
from jobs.store.conditional_writes import check_writable
from jobs.store.start import begun_settings
from recsys_ops.errors import InputError
from recsys_ops.runs import open_run


class NightlyConfig(RecourseConfig):
    """Settings of a night: those of recourse, and which night it is."""

    date: str | None = None
    """The night that it is, such as 2026-11-18: it names the run, and later interactions are not read; by default it is tonight (UTC)."""  # noqa: E501

    @field_validator("date")
    @classmethod
    def _is_a_date(cls, text: str | None) -> str | None:
        try:
            return None if text is None else date.fromisoformat(text).isoformat()
        except ValueError:
            raise ValueError("expected a date such as 2026-11-18") from None


def run(config: NightlyConfig) -> int:
    """Run tonight's job, or that of ``--date``; repeating it completes the night, or shows that it is complete.

    Raises
    ------
    As ``jobs.runtime.job.run_job``.
    """
    settings = RecourseConfig(**named(config).model_dump(exclude={"date"}))
    return run_job(settings, replace(JOB, check=lambda given: JOB.check(_as_begun(given))))


def _as_begun(config: RecourseConfig) -> RecourseConfig:
    """``config`` with the runs that the night reads: those it began with, or the latest."""
    runs = {"learned": config.learned or _learned(config), "keep": _keep(config)}
    return RecourseConfig(**{**config.model_dump(), **runs})


def named(config: NightlyConfig) -> NightlyConfig:
    """``config`` with the night's run id and end, unless it has them, and to be completed if it is there."""
    run_id = config.run_id or f"nightly-{config.date or f'{datetime.now(UTC):%Y-%m-%d}'}"
    until = config.until
    if until is None and config.date is not None:
        until = (date.fromisoformat(config.date) + timedelta(days=1)).isoformat()
    return config.model_copy(update={"run_id": run_id, "resume": True, "until": until})


def _keep(config: RecourseConfig) -> str | None:
    """Unless said otherwise the latest run, if there is one, or what the run of tonight's name began with."""
    if config.keep is not None or config.method == "examples" or config.aim == "rank":
        return config.keep
    begun = begun_settings(config.out, str(config.run_id))
    if begun is not None:
        return begun.get("keep")
    return latest_before(config)


def _learned(config: RecourseConfig) -> str | None:
    """What the run of tonight's name began with; for a new one the latest acceptance run beside it, if there is one."""
    if not config.plan:
        check_writable(config.out, encryption=config.encryption)  # asks a store that is away less often than the others
    begun = begun_settings(config.out, str(config.run_id))
    if begun is not None:
        return begun.get("learned")
    try:
        return open_run(config.out, job="acceptance").url
    except InputError:
        return None
