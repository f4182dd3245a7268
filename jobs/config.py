"""What all jobs share; each job's own settings extend it. One model serves command line, YAML and validation."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import fsspec
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys_ops.errors import ConfigError


class JobConfig(BaseModel):
    """Settings of every job."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, use_attribute_docstrings=True)

    data: str = "synthetic"
    """movielens-100k:DIR, movielens-1m:DIR, synthetic[:items=..,users=..], or the URL of a folder (or of a YAML file) with the contract's tables."""  # noqa: E501
    out: str = "out"
    """Folder or object-store URL for the results."""
    run_id: str | None = None
    """Name of the run; by default the date and a digest of the settings."""
    resume: bool = False
    """Take up the run of that name: compute only what is missing or damaged."""
    workers: int | None = Field(default=None, ge=1)
    """Processes of a local Ray; by default one per CPU."""
    shards: int | None = Field(default=None, ge=1)
    """Pieces of work; by default as many as take about 20 seconds each."""
    seed: int = Field(default=0, ge=0)
    """Seed of every random draw."""
    address: str | None = None
    """Ray cluster, host:port; by default RAY_ADDRESS, else a local one."""
    on_bad_rows: Literal["stop", "quarantine"] = "stop"
    """Rows that break the contract stop the job, or go to the table 'rejected'."""
    format: Literal["parquet", "arrow"] = "parquet"
    """Files of the result tables."""
    allowed_errors: float = Field(default=0.0, ge=0, le=1)
    """Share of the cases that may end as 'error' before the exit code says so."""


Config = TypeVar("Config", bound=BaseModel)


def make_config(model: type[Config], given: dict[str, Any], file: str | None) -> Config:
    """Settings from a YAML file, overridden by what was given on the command line.

    Parameters
    ----------
    model : type of a pydantic model
    given : dict
        Settings by field name, those not given left out.
    file : str, optional
        URL of a YAML file with the same names ('-' and '_' are alike).

    Returns
    -------
    model

    Raises
    ------
    ConfigError
        The file cannot be read, or a setting is unknown or out of range; names all of them.
    """
    settings = {**(_read_yaml(file) if file else {}), **given}
    try:
        return model(**settings)
    except ValidationError as error:
        raise ConfigError("\n".join(_told(problem, model) for problem in error.errors())) from None


def _told(problem: Any, model: type[BaseModel]) -> str:
    name = ".".join(str(part) for part in problem["loc"]) or model.__name__
    option = "--" + name.replace("_", "-")
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted("--" + field.replace("_", "-") for field in model.model_fields))
        return f"{option}: no such setting (available: {known})."
    message = problem["msg"].removeprefix("Value error, ")
    return f"{option} {problem['input']}: {message}."


def _read_yaml(file: str) -> dict[str, Any]:
    try:
        with fsspec.open(file, "rt", encoding="utf-8") as stream:
            content = yaml.safe_load(stream) or {}
    except OSError as error:
        raise ConfigError(f"--config {file}: cannot be read ({error}).") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"--config {Path(file).name}: not YAML ({str(error).splitlines()[0]}).") from None
    if not isinstance(content, dict):
        raise ConfigError(f"--config {file}: expected settings by name, found a {type(content).__name__}.")
    return {str(key).replace("-", "_"): value for key, value in content.items()}
