"""How many people a study needs, so that it finds what is there."""

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from jobs.config import MODEL_CONFIG
from jobs.console import make_console
from recsys_ops.acceptance.power import StudyPlan, people_needed, power
from recsys_ops.errors import InputError
from recsys_ops.runs import open_run

_TESTED = {
    "distance": "that ratings change with distance, by {effect:g} points per unit",
    "intercept": "that a property of people moves how willing they are, by {effect:g} points per standard deviation",
    "slope": (
        "that a property of people moves how distance matters to them, by {effect:g} points per standard deviation "
        "and unit of distance"
    ),
    "methods": "that two methods are rated {effect:g} points apart",
}
_SHARES = (0.5, 1.0, 1.5, 2.0)


class PowerConfig(BaseModel):
    """What a study asks, and how people answer; it writes nothing."""

    model_config = MODEL_CONFIG

    question: Literal["distance", "intercept", "slope", "methods"] = "distance"
    """What is to be found: that ratings change with distance; that a property of people moves their level (intercept) or how distance matters to them (slope); that two methods are rated differently."""  # noqa: E501
    effect: float = Field(default=0.1, gt=0)
    """How large, in rating points: per unit of distance, per standard deviation of the property (slope: and unit of distance), or between two methods."""  # noqa: E501
    wanted: float = Field(default=0.8, gt=0, lt=1)
    """Probability with which a study shall find it."""
    distances: str = "1,2,4,7,10"
    """Distances of the recourses that each person rates."""
    run: str | None = None
    """Acceptance run whose standard deviations to plan with (willingness to act by sparsity); those given here win."""
    intercept_sd: float | None = Field(default=None, ge=0)
    """Standard deviation of people's levels; by default 0.9."""
    slope_sd: float | None = Field(default=None, ge=0)
    """Standard deviation of people's slopes; by default 0.05."""
    residual_sd: float | None = Field(default=None, gt=0)
    """Standard deviation of a person's answers about their curve; by default 1.1."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Level of the test."""
    tests: int = Field(default=1, ge=1)
    """Tests that share the level: properties, each on intercepts and slopes, or pairs of methods."""

    @field_validator("distances")
    @classmethod
    def _numbers(cls, value: str) -> str:
        try:
            found = [float(part) for part in value.split(",")]
        except ValueError:
            raise ValueError(f"distances '{value}' are no numbers. Use 1,2,4 for example") from None
        if len(set(found)) < 2 or not all(0 <= one < float("inf") for one in found):
            raise ValueError(f"distances '{value}' are not two different numbers from 0. Use 1,2,4 for example")
        return value

    @property
    def plan(self) -> StudyPlan:
        """The study."""
        given = {name: getattr(self, name) for name in ("intercept_sd", "slope_sd", "residual_sd")}
        known = {} if self.run is None else _measured(self.run)
        sds = known | {name: value for name, value in given.items() if value is not None}
        distances = tuple(float(part) for part in self.distances.split(","))
        return StudyPlan(distances=distances, level=self.level, n_tests=self.tests, **sds)


def _measured(url: str) -> dict[str, float]:
    fits = open_run(url, job="acceptance").table("acceptance_fits").to_table().to_pylist()
    row = next(one for one in fits if (one["response"], one["distance"]) == ("act", "sparsity"))
    if row["residual_sd"] is None:
        raise InputError(f"{url}: willingness to act has no fit ({row['reason']}). Give the standard deviations.")
    return {name: row[name] for name in ("intercept_sd", "slope_sd", "residual_sd")}


def run(config: PowerConfig) -> int:
    """Print how many people are needed, and the power with fewer and with more; return exit code 0.

    Raises
    ------
    InputError, ConfigError
        Each with a message for the user.
    """
    plan = config.plan
    needed = people_needed(config.question, config.effect, config.wanted, plan)
    console = make_console(is_wide=True)
    what = _TESTED[config.question].format(effect=config.effect)
    console.print(f"To find with probability {config.wanted:g} {what}:", markup=False, soft_wrap=True)
    console.print(f"{needed} people, {len(plan.distances)} ratings each.", markup=False)
    for share in _SHARES:
        n = max(2, round(share * needed))
        console.print(f"  {n:>7} people: power {power(config.question, config.effect, n, plan):.2f}", markup=False)
    return 0
