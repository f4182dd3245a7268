"""What all jobs share; each job's own settings extend it. One model serves command line, YAML and validation."""

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from jobs.hooks import check_hook
from jobs.runtime.logs import LogFormat
from recsys_ops.errors import ConfigError, is_scalar
from recsys_ops.storage import Encryption, is_missing_file, open_file, refuse_credentials_within, storage_errors

if TYPE_CHECKING:
    from recsys_ops.datasets.times import Period

MODEL_CONFIG = ConfigDict(
    frozen=True, extra="forbid", coerce_numbers_to_str=True, use_attribute_docstrings=True, allow_inf_nan=False
)
"""How the settings of every command are read: docstrings are the help, and nothing unknown or infinite passes."""


class RunConfig(BaseModel):
    """Settings of whatever writes a run."""

    model_config = MODEL_CONFIG

    out: str = "out"
    """Folder or object-store URL for the results."""
    run_id: str | None = None
    """Name of the run; by default the date and a digest of the settings."""
    resume: bool = False
    """Continue the run of that name: compute only what is missing or damaged."""
    workers: int | None = Field(default=None, ge=1)
    """Processes of a local Ray; by default one per CPU."""
    shards: int | None = Field(default=None, ge=1)
    """Shards to cut the cases into; by default as many as take about 20 seconds each."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Seed of every random draw."""
    address: str | None = None
    """Ray cluster, host:port; by default RAY_ADDRESS, else a local one."""
    on_bad_rows: Literal["stop", "quarantine"] = "stop"
    """Rows that break the contract stop the job, or go to the table 'rejected'."""
    format: Literal["parquet", "arrow"] = "parquet"
    """Files of the result tables."""
    delta: bool = False
    """Every result table is a Delta table as well, for readers of Delta (needs the extra 'delta')."""
    sse: Literal["AES256", "aws:kms"] | None = None
    """Encryption to request from S3 for every file written; by default that of the bucket."""
    sse_kms_key: str | None = None
    """With aws:kms: id or ARN of the key; by default the store's own."""
    allowed_errors: float = Field(default=0.0, ge=0, le=1)
    """Share of the cases that may end as 'error' before the exit code says so."""
    report: bool = False
    """After the commit also write the run's pages, as recsys-ops report does; of recourse every seller's card as well."""  # noqa: E501
    plan: bool = False
    """Only say what would be done: cases, shards, bytes to read, memory, seconds, what would be reused; nothing is written."""  # noqa: E501
    result: Literal["text", "json"] = "text"
    """json: the last line on stdout is an object with run, exit, url, counts and tables, also when the run fails."""
    on_success: str | None = None
    """When the run ended with exit code 0: a URL that gets the object of --result json by POST, or a command that gets it on stdin."""  # noqa: E501
    on_failure: str | None = None
    """The same, when it ended with any other exit code."""
    lineage: bool = False
    """Send OpenLineage events when the run starts and ends, where OPENLINEAGE_URL or openlineage.yml says (needs the extra 'lineage')."""  # noqa: E501
    log_format: LogFormat = "text"
    """Lines of the log on stderr: text, or json with run id, job and shard."""

    @field_validator("delta")
    @classmethod
    def _delta_is_possible(cls, delta: bool, others: ValidationInfo) -> bool:
        if delta and others.data.get("format") != "parquet":
            raise ValueError("Delta tables are of Parquet files; leave --format arrow out")
        if delta and find_spec("deltalake") is None:
            raise ValueError("the package deltalake is missing; install it with: pip install 'recsys-ops[delta]'")
        return delta

    @field_validator("lineage")
    @classmethod
    def _lineage_is_possible(cls, lineage: bool) -> bool:
        if lineage and find_spec("openlineage") is None:
            raise ValueError("the package openlineage-python is missing; install it: pip install 'recsys-ops[lineage]'")
        return lineage

    @field_validator("on_success", "on_failure")
    @classmethod
    def _can_be_called(cls, hook: str | None) -> str | None:
        if hook is not None:
            check_hook(hook)
        return hook

    @field_validator("sse_kms_key")
    @classmethod
    def _key_of_kms(cls, key: str | None, others: ValidationInfo) -> str | None:
        if key is not None and others.data.get("sse") != "aws:kms":
            raise ValueError("a key needs --sse aws:kms")
        return key

    @property
    def is_partial(self) -> bool:
        """Whether only cases that the settings name are done, so that the run is never the latest of its job."""
        return False

    @property
    def recorded(self) -> dict[str, Any]:
        """Settings as a run records them: without what its end is reported to, as such an address may be a secret."""
        return self.model_dump(mode="json", exclude={"on_success", "on_failure"})

    @property
    def encryption(self) -> Encryption:
        """What every file is written with."""
        return Encryption(self.sse, self.sse_kms_key)


class DataConfig(BaseModel):
    """Which data are read."""

    model_config = MODEL_CONFIG

    data: str = "synthetic"
    """The URL of a folder (or of a YAML file) with the contract's tables; WORD:DIR for a public data set (movielens-100k, -1m, -20m, -25m, -32m or -latest, amazon-2023, book-crossing); or made by seed: synthetic, ads or bank, of other sizes with :items=..,users=..."""  # noqa: E501
    since: str | None = None
    """Only interactions from this date or time on (ISO 8601, UTC unless a zone is given)."""
    until: str | None = None
    """Only interactions before this date or time."""

    fresh_within: str | None = None
    """Refuse data whose newest interaction is older than this, such as 36h or 2d, before --until (nightly: the end of --date) or now."""  # noqa: E501

    @field_validator("fresh_within")
    @classmethod
    def _is_a_duration(cls, text: str | None) -> str | None:
        from recsys_ops.datasets.times import parse_duration

        if text is not None:
            parse_duration(text)
        return text

    @model_validator(mode="after")
    def _some_time_is_left(self) -> Self:
        period = self.period
        if period.since is not None and period.until is not None and not period.since < period.until:
            raise ValueError(f"--since {self.since} is not before --until {self.until}")
        return self

    @property
    def period(self) -> "Period":
        """What ``since``, ``until`` and ``fresh_within`` mean."""
        from recsys_ops.datasets.times import Period, parse_duration, parse_time

        since, until = (
            None if text is None else parse_time(text, option)
            for text, option in ((self.since, "--since"), (self.until, "--until"))
        )
        if self.fresh_within is None:
            return Period(since, until)
        return Period(since, until, (until or datetime.now(UTC)) - parse_duration(self.fresh_within))


class JobConfig(RunConfig, DataConfig):
    """Settings of every job on a data set."""

    quality: bool = Field(default=True, json_schema_extra={"flags": "--quality/--no-quality"})
    """Measure the recommender on held-out users, for which it is fitted once more, and store the figures with the run."""  # noqa: E501


Config = TypeVar("Config", bound=BaseModel)


def make_config(model: type[Config], given: dict[str, Any], file: str | None) -> Config:
    """Settings from a YAML file, overridden by what was given on the command line.

    Parameters
    ----------
    model : type of a pydantic model
    given : dict
        Settings by field name, those not given left out.
    file : str, optional
        URL of a YAML file with the same names ('-' and '_' mean the same).

    Returns
    -------
    model

    Raises
    ------
    ConfigError
        The file cannot be read, or a setting is unknown or out of range (names all of them) or holds credentials.
    """
    settings = {**(_read_yaml(file) if file else {}), **given}
    refuse_credentials_within(settings)  # before any message can repeat one
    try:
        return model(**settings)
    except ValidationError as error:
        raise ConfigError("\n".join(_message(problem, model) for problem in error.errors())) from None


def _message(problem: Any, model: type[BaseModel]) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    name = ".".join(str(part) for part in problem["loc"])
    if not name:  # about several settings together, which the message names
        return f"{message}."
    option = "--" + name.replace("_", "-")
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted("--" + field.replace("_", "-") for field in model.model_fields))
        return f"{option}: no such setting (available: {known})."
    if problem["type"] == "missing":
        return f"{option} is missing: {model.model_fields[str(problem['loc'][0])].description}"
    given = problem["input"]
    if not is_scalar(given):
        return f"{option}: {message} (found a {type(given).__name__})."
    return f"{option} {given}: {message}."


def _read_yaml(file: str) -> dict[str, Any]:
    with storage_errors(file, "reading"):
        try:
            with open_file(file, "rt", encoding="utf-8") as stream:
                content = yaml.safe_load(stream) or {}
        except yaml.YAMLError as error:
            raise ConfigError(f"--config {Path(file).name}: not YAML ({str(error).splitlines()[0]}).") from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"--config {Path(file).name}: not UTF-8 ({error.reason}). Save it as UTF-8.") from None
        except OSError as error:
            if not is_missing_file(error):
                raise
            raise ConfigError(f"--config {file}: cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise ConfigError(f"--config {file}: expected settings by name, found a {type(content).__name__}.")
    return {str(key).replace("-", "_"): value for key, value in content.items()}
