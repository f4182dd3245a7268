"""Settings of the acceptance job."""

from jobs.config import RunConfig


class AcceptanceConfig(RunConfig):
    """Settings of the acceptance job."""

    run: str | None = None
    """Recourse runs that were rated: their URLs, separated by commas; by default the latest whole one of --out."""
    feedback: str | None = None
    """URL of the ratings, a table of case_id, person_id, accept, act (1..7) and impossible_features; by default feedback.parquet in --out."""  # noqa: E501
    people: str | None = None
    """URL of what is known of the people who rated, a table of person_id and a column per property: tests which of them drive the differences between people."""  # noqa: E501

    @property
    def run_urls(self) -> list[str]:
        """Where the rated runs are."""
        return [url.strip() for url in (self.run or self.out).split(",")]

    @property
    def feedback_url(self) -> str:
        """Where the ratings are."""
        return self.feedback or f"{self.out.rstrip('/')}/feedback.parquet"
