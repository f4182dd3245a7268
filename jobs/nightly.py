"""The nightly run: recourse for the items of all sellers, under the date's name; repeated, it completes itself."""

from datetime import UTC, datetime

from jobs import recourse
from jobs.recourse import RecourseConfig


def run(config: RecourseConfig) -> int:
    """Run tonight's job; running it again the same night completes it, or shows that it is complete.

    Raises
    ------
    As ``jobs.recourse.run``.
    """
    run_id = config.run_id or f"nightly-{datetime.now(UTC):%Y-%m-%d}"
    return recourse.run(config.model_copy(update={"run_id": run_id, "resume": True}))
