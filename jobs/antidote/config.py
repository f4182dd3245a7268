"""Settings of the antidote job."""

from typing import Literal

from pydantic import Field

from jobs.config import JobConfig


class AntidoteConfig(JobConfig):
    """Settings of the antidote job."""

    objective: str = "individual"
    """What to change: polarisation, individual (unfairness), group (unfairness); of the users' top 10: exposure (of groups of items), popularity, gini (concentration); or a weighted sum such as individual:1,polarisation:0.5."""  # noqa: E501
    direction: Literal["min", "max"] = "min"
    """Lower the objective, or raise it."""
    groups: str | None = None
    """Groups to be fair to, or to tell the losses of: a COLUMN of the items such as genres, or users:COLUMN, or users:COLUMN:N for N equal parts of a number; by default the first tags or category of the items."""  # noqa: E501
    budget: str = "1%"
    """Artificial users, as a number or in per cent of the real ones; several separated by commas."""
    algorithm: str = "search"
    """search (the best), gd_random, gd_fixed, heuristic1, heuristic2 (the quickest), baseline_min, baseline_max, random; several separated by commas."""  # noqa: E501
    runs: int | None = Field(default=None, ge=1)
    """Repetitions, each with a hold-out and starts of its own; by default 3 where ratings are held out, so that effects on these have an interval, else 1."""  # noqa: E501
    starts: int | None = Field(default=None, ge=3)
    """Starts from which the recommender of all ratings is fitted without and with the artificial users, to measure what these do where they are used; drawn in three ways in turn; by default 5, and 12 below 20,000 ratings."""  # noqa: E501
    rank: int = Field(default=8, ge=1)
    """Factors of the recommender that is to be changed."""
    regularisation: float = Field(default=1.0, gt=0)
    """Penalty of its factors."""
    hold_out: float | None = Field(default=None, ge=0, lt=1)
    """Share of each user's ratings that is kept aside as the split 'test'; by default 0.2, and 0 for polarisation, which is about predictions only."""  # noqa: E501
    judged_on: Literal["unseen", "given"] = "unseen"
    """Ratings that unfairness is evaluated on while searching: what ratings not given yet are expected to be, so that it holds for them, too; or those given, as in the paper, which is quicker."""  # noqa: E501
    max_ratings: int | None = Field(default=None, ge=1)
    """Most ratings of one artificial user; by default it rates every item."""
    whole_ratings: bool = False
    """Artificial users give whole stars only."""
    max_rmse_loss: float | None = Field(default=None, gt=0)
    """Most stars by which the RMSE of the fit may grow."""
    min_overlap: float | None = Field(default=None, gt=0, le=1)
    """Least share of each user's top 10 that stays, relative to what another start alone leaves: 0.9 gives up a tenth of that."""  # noqa: E501
    time_limit: float | None = Field(default=None, gt=0)
    """Seconds per case; one that takes longer twice ends as 'timeout', and the others go on. By default 20 times what a case is estimated to take, at least 600."""  # noqa: E501
    top_users: int | None = Field(default=None, ge=2)
    """Only the users with most ratings."""
    top_items: int | None = Field(default=None, ge=2)
    """Only the items with most ratings."""

    export: str | None = None
    """Compute nothing: write the interactions with the artificial users of a case of a run (ALGORITHM:BUDGET:RUN, or advised) to --to, with a list of what was added."""  # noqa: E501
    take_out: str | None = None
    """Compute nothing: write the interactions without what this list (that --export wrote) says was added to --to."""
    to: str | None = None
    """File or URL that --export and --take-out write; never that of the interactions themselves."""

    @property
    def budgets(self) -> list[str]:
        """Each budget once."""
        return _listed(self.budget)

    @property
    def algorithms(self) -> list[str]:
        """Each algorithm once."""
        return _listed(self.algorithm)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
