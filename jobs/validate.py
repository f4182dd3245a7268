"""Say what is in a data set, what is wrong with it, and how good a recommender is on it."""

from typing import Literal

from pydantic import Field

from jobs.config import DataConfig
from jobs.console import make_console
from recsys_ops.datasets import describe, load_dataset
from recsys_ops.datasets.doubts import doubts
from recsys_ops.measurement import check_measured, describe_recommender
from recsys_ops.models.readers.catalogue import read_ids


class ValidateConfig(DataConfig):
    """Settings of the check; it writes nothing, so it has no run."""

    seed: int = Field(default=0, ge=0)
    """Seed of the synthetic data and of the held-out users."""
    on_bad_rows: Literal["stop", "quarantine"] = "stop"
    """Rows that break the contract stop the check, or are left out."""
    model: str | None = Field(default=None, json_schema_extra={"flags": "--model --recommender"})
    """Measure it on held-out users: any model that recourse or counterfactuals take, such as hybrid, ease or a file."""
    model_ids: str | None = None
    """URL of a table with the item ids of the rows of a model's file, where it names none."""
    ridge: float | None = None
    """Penalty of ease and hybrid; by default the best one on held-out users."""
    ratings: bool = Field(default=False, json_schema_extra={"flags": "--ratings/--binary"})
    """Histories of ratings, or of ones."""


def run(config: ValidateConfig) -> int:
    """Print what the data set holds; return exit code 0.

    Raises
    ------
    InputError, ConfigError
        Each with a message for the user.
    """
    if config.model is not None:
        check_measured(config.model)
    dataset = load_dataset(config.data, seed=config.seed, on_bad_rows=config.on_bad_rows, period=config.period)
    lines = describe(dataset)
    if config.model is not None:
        lines += describe_recommender(
            dataset, config.model, ridge=config.ridge, binary=not config.ratings, seed=config.seed,
            model_ids=None if config.model_ids is None else read_ids(config.model_ids),
        )  # fmt: skip
    console = make_console(is_wide=True)
    for name, value in lines:
        console.print(f"{name:<24} {value}", markup=False, soft_wrap=True)
    found = doubts(dataset)
    if found:
        console.print("\nAllowed, but look at this:", markup=False)
    for doubt in found:
        console.print(f"  * {doubt}", markup=False, soft_wrap=True)
    if config.model is None:  # else the verdict stands last, and it may be that nothing should follow
        console.print(f"Then: recsys-ops nightly --data {config.data}", markup=False, soft_wrap=True)
    return 0
