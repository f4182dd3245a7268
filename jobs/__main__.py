"""The command line: ``recsys-ops JOB --option value``, the same names as in YAML."""

import inspect
import logging
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from jobs import counterfactuals, nightly, recourse, validate
from jobs.config import make_config
from jobs.counterfactuals import CounterfactualsConfig
from jobs.recourse import RecourseConfig
from jobs.runtime.errors import IncompleteRunError, Interrupted, StorageError
from jobs.validate import ValidateConfig
from recsys_ops.errors import ConfigError, InputError

app = typer.Typer(
    name="recsys-ops",
    help="Batch jobs that give everyone touched by a recommender a way to act on it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

BAD_INPUT, INTERRUPTED = 2, 4


def _job_command(model: type[BaseModel], job: Callable[[Any], int]) -> Callable[..., None]:
    """A command whose options are the fields of ``model``; those not given are left to YAML and defaults."""

    def command(config: str | None, **options: Any) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        raise typer.Exit(job(make_config(model, given, config)))

    help_text = "YAML file with the same names; options given here win."
    annotation = Annotated[str | None, typer.Option(help=help_text)]
    parameters = [inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)]
    for name, field in model.model_fields.items():
        shown = "" if field.default is None or field.default is False else f" [default: {field.default}]"
        flags = (field.json_schema_extra or {}).get("flags") if isinstance(field.json_schema_extra, dict) else None
        names = [str(flags)] if flags else []
        option = typer.Option(*names, help=f"{field.description}{shown}", show_default=False)
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[_plain(field.annotation), option],
            )
        )
    # typer reads the options from here; mypy knows no such attribute of functions.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _plain(annotation: Any) -> Any:
    """The type that the command line parses; the model checks the rest."""
    if typing.get_origin(annotation) is typing.Literal:
        return str | None
    if isinstance(annotation, types.UnionType):
        return annotation
    return annotation | None


app.command("recourse", help="What each item's provider should change so that a group of users gets to see it.")(
    _job_command(RecourseConfig, recourse.run)
)
app.command("nightly", help="Recourse for the items of all sellers, under the date's name; repeat it to complete it.")(
    _job_command(RecourseConfig, nightly.run)
)


app.command("counterfactuals", help="Why each user is recommended an item: the part of the history it hangs on.")(
    _job_command(CounterfactualsConfig, counterfactuals.run)
)


app.command("validate", help="Say what is in a data set, what is wrong with it, and how good a recommender is on it.")(
    _job_command(ValidateConfig, validate.run)
)


def main() -> None:
    """Parse, run, and turn every foreseen failure into one message and its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        app()
    except (InputError, ConfigError) as error:
        _fail(str(error), BAD_INPUT)
    except (StorageError, IncompleteRunError, Interrupted) as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail(
            "interrupted; finished shards are kept. Repeat the command, with --resume for a named run.",
            INTERRUPTED,
        )


def _fail(message: str, exit_code: int) -> None:
    sys.stderr.write(f"recsys-ops: {message}\n")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
