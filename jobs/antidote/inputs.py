"""What every worker of the antidote job reads, and how it follows from data and settings."""

from dataclasses import dataclass

import scipy.sparse as sp

from jobs.antidote.config import AntidoteConfig
from jobs.antidote.objective import Groups, parse_objective
from jobs.antidote.tables import Case, Names
from jobs.runtime.ray_rows import RayRows
from recsys_ops.antidote.objectives import Objective
from recsys_ops.antidote.problem import Direction
from recsys_ops.datasets import Dataset
from recsys_ops.models.mf_rows import LocalRows, RowMap


@dataclass(frozen=True)
class AntidoteData:
    """What is read before any work: users with ratings, the objective, its groups, and the cases."""

    dataset: Dataset
    objective: Objective
    groups: Groups | None
    cases: tuple[Case, ...]
    names: Names


@dataclass(frozen=True)
class CaseSettings:
    """The part of the settings that a case sees; see ``AntidoteProblem``."""

    direction: Direction
    rank: int
    regularisation: float
    rating_range: tuple[float, float]
    whole_ratings: bool
    max_ratings: int | None
    max_rmse_loss: float | None
    hold_out: float
    on_unseen: bool
    warm: bool


@dataclass(frozen=True)
class AntidoteInputs:
    """What every worker reads; put into the object store once.

    ``block_ratings`` is None where a case runs in its task; else its rows are cut into blocks of so many ratings, and
    these are spread over tasks.
    """

    ratings: sp.csr_array
    objective: Objective
    groups: Groups | None
    names: Names
    cases: tuple[Case, ...]
    settings: CaseSettings
    block_ratings: int | None

    def rows_of(self, ratings: sp.csr_array) -> RowMap:
        """Ratings to be mapped here, or spread."""
        return LocalRows(ratings) if self.block_ratings is None else RayRows(ratings, block_ratings=self.block_ratings)


def settings_of(config: AntidoteConfig, rating_range: tuple[float, float], *, warm: bool) -> CaseSettings:
    """The part of the settings that a case sees."""
    about_ratings = {name for name, _ in parse_objective(config.objective)} - {"polarisation"}
    on_unseen = config.judged_on == "unseen" and bool(about_ratings)
    return CaseSettings(
        config.direction, config.rank, config.regularisation, rating_range, config.whole_ratings, config.max_ratings,
        config.max_rmse_loss, config.hold_out, on_unseen=on_unseen, warm=warm,
    )  # fmt: skip
