"""One case on demand, from the models of a run: what a provider can do now, or why a user is shown something.

Nothing is fitted and no Ray is started. The data are read as the run read them, and must be those it was made of.
"""

import importlib
import time
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, PositiveInt, model_validator

from jobs import STARTED
from jobs.config import MODEL_CONFIG, make_config
from jobs.console import make_console
from jobs.written_rows import write_rows
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.runs import Run, open_run

Settings = TypeVar("Settings", bound=BaseModel)


class AskConfig(BaseModel):
    """Which case, of which run."""

    model_config = MODEL_CONFIG

    out: str = "out"
    """As in the jobs: the folder or object-store URL with the results."""
    run_id: str | None = None
    """Run whose models and settings to use; by default the last whole one of its job."""
    item: str | None = None
    """Recourse for this item, in every group of the run."""
    seller: str | None = None
    """Recourse for all items of this seller."""
    user: str | None = None
    """Why this user is recommended what is shown first; with --item, why that item, or why not."""
    max_added: PositiveInt = 10
    """Most further interactions in an answer to why not; where more would be needed, that is said."""
    format: Literal["text", "json", "csv", "md"] = "text"
    """Sentences, or the rows of the result table as JSON, CSV or a table in Markdown, and nothing else on stdout."""

    @model_validator(mode="after")
    def _one_case(self) -> "AskConfig":
        named = {name for name in ("item", "seller", "user") if getattr(self, name) is not None}
        if len(named) != 1 and named != {"user", "item"}:
            raise ValueError("name one --item, one --seller or one --user, or a --user and an --item")
        if "max_added" in self.model_fields_set and named != {"user", "item"}:
            raise ValueError("--max-added is for a --user and an --item")
        return self


def run(config: AskConfig) -> int:
    """Answer, and say what took how long; the exit code is 0.

    Raises
    ------
    InputError
        There is no such run, it has no models, its settings are not those of this version, or the data are not those
        it was made of.
    ConfigError
        The data have no such item, seller or user.
    StorageError
        The store refused.
    """
    job = "counterfactuals" if config.user is not None else "recourse"
    answers = importlib.import_module(f"jobs.{job}.ask")  # only now: half of the libraries are not needed
    begun = time.perf_counter()
    out = config.out.rstrip("/")
    found = open_run(out if config.run_id is None else f"{out}/runs/{config.run_id}", job=job)
    settings = answers.settings_of(found)
    dataset = _same_data(found, settings)
    read = time.perf_counter()
    if config.format != "text":
        write_rows(answers.rows_for(found, settings, dataset, config), config.format)
        return 0
    console = make_console(is_wide=True)
    for line in answers.answer(found, settings, dataset, config):
        console.print(line, soft_wrap=True)
    now = time.perf_counter()
    console.print(
        f"\nFrom the models of run {found.run_id}: start-up {begun - STARTED:.2f} s, reading the data "
        f"{read - begun:.2f} s, work {now - read:.2f} s.",
        soft_wrap=True,
        markup=False,
    )
    return 0


def settings_from(run: Run, model: type[Settings]) -> Settings:
    """The settings that a run was made with, as those of the present version; its data may have grown old since.

    Parameters
    ----------
    run : Run
    model : type
        Settings of the run's job.

    Raises
    ------
    InputError
        The run was made with settings that this version does not have, or with values that it refuses.
    """
    settings = {name: value for name, value in run.manifest["configuration"].items() if name != "fresh_within"}
    try:
        return make_config(model, settings, None)
    except ConfigError as error:
        raise InputError(
            f"run {run.run_id}: its settings are not those of this recsys-ops. {' '.join(str(error).splitlines())} "
            "Run the job again, or use the version that made the run."
        ) from error


def _same_data(run: Run, settings: Any) -> Any:
    from recsys_ops.datasets import load_dataset

    dataset = load_dataset(settings.data, seed=settings.seed, on_bad_rows=settings.on_bad_rows, period=settings.period)
    if dataset.fingerprint != run.manifest["inputs"].get("data"):
        raise InputError(
            f"--data {settings.data}: has changed since run {run.run_id}, whose models do not fit it any more. Run the "
            "job again, or restore the data."
        )
    return dataset
