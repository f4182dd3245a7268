"""What every worker of the antidote job reads, and how it follows from data and settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import scipy.sparse as sp

from jobs.antidote.case import Case, Names
from jobs.antidote.config import AntidoteConfig
from jobs.antidote.objective import Groups
from jobs.runtime.ray_rows import RayRows
from recsys_ops.antidote.advice import held_out_share, is_about_ratings
from recsys_ops.antidote.evaluation_starts import n_starts_for
from recsys_ops.antidote.objectives import Objective
from recsys_ops.antidote.problem import Direction, EvaluationRatings
from recsys_ops.antidote.standing import Standing
from recsys_ops.datasets import Dataset
from recsys_ops.models.mf import Fit
from recsys_ops.models.mf_rows import LocalRows, RowMap


@dataclass(frozen=True)
class AntidoteData:
    """What is read before any work: users with ratings, the objective, its groups, and the cases."""

    dataset: Dataset
    objective: Objective
    groups: Groups | None
    cases: tuple[Case, ...]
    names: Names
    hold_out: float
    on_unseen: bool


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
    min_overlap: float | None
    hold_out: float
    on_unseen: bool
    warm: bool
    evaluation_starts: tuple[int, ...]

    @property
    def n_starts(self) -> int:
        """Starts of the evaluation."""
        return len(self.evaluation_starts)


@dataclass(frozen=True)
class Split:
    """Ratings of one repetition: ``train`` with the fit ``before`` any antidote data, ``test`` held out.

    ``unseen`` is what ratings not given yet are expected to be, None where no case needs it; ``random`` the fits with
    random rows, by their number.
    """

    train: sp.csr_array
    test: sp.csr_array
    before: Fit
    unseen: EvaluationRatings | None
    random: Mapping[int, Fit]


@dataclass(frozen=True)
class Common:
    """What several cases read: ``splits`` by run; how the recommender of all ratings stands from each start.

    ``before`` without artificial users, ``random`` with random rows, by their number. ``failure`` says why there is
    nothing of this; then every case fails for the same reason.
    """

    splits: Mapping[int, Split] = field(default_factory=dict)
    before: tuple[Standing, ...] = ()
    random: Mapping[int, tuple[Standing, ...]] = field(default_factory=dict)
    failure: str | None = None


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
    common: Common = field(default_factory=Common)

    def rows_of(self, ratings: sp.csr_array) -> RowMap:
        """Ratings to be mapped here, or spread."""
        return LocalRows(ratings) if self.block_ratings is None else RayRows(ratings, block_ratings=self.block_ratings)


FIRST_EVALUATION_START = 1_000_000
"""Added to the seed: the starts of the evaluation, on which no algorithm chooses."""


def settings_of(
    config: AntidoteConfig, rating_range: tuple[float, float], *, n_ratings: int, warm: bool
) -> CaseSettings:
    """The part of the settings that a case sees."""
    n_starts = n_starts_for(n_ratings) if config.starts is None else config.starts
    first = config.seed + FIRST_EVALUATION_START
    return CaseSettings(
        config.direction, config.rank, config.regularisation, rating_range, config.whole_ratings, config.max_ratings,
        config.max_rmse_loss, config.min_overlap, hold_out_of(config), on_unseen=is_on_unseen(config), warm=warm,
        evaluation_starts=tuple(range(first, first + n_starts)),
    )  # fmt: skip


def is_on_unseen(config: AntidoteConfig) -> bool:
    """Whether the objective is to hold for unseen ratings."""
    return config.judged_on == "unseen" and is_about_ratings(config.objective)


def hold_out_of(config: AntidoteConfig) -> float:
    """Share of each user's ratings that is held out."""
    return held_out_share(config.objective, config.hold_out)


def runs_of(config: AntidoteConfig) -> int:
    """Repetitions: without any given, enough for an interval over the splits where there are splits."""
    if config.runs is not None:
        return config.runs
    return 3 if hold_out_of(config) else 1
