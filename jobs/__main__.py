"""The command line: ``recsys-ops JOB --option value``, the same names as in YAML."""

import functools
import importlib
import importlib.metadata
import inspect
import logging
import signal
import sys
import types
import typing
from collections.abc import Callable, Collection
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import BaseModel

from jobs.config import RunConfig, make_config
from jobs.errors import ExitCode, IncompleteRunError, Interrupted, StorageError, exit_code_of
from jobs.help import EXAMPLES, SectionedCommand, choices_of, in_order, section_of
from jobs.runtime.logs import log_format, set_up_logs
from recsys_ops.errors import ConfigError, InputError


class Command(NamedTuple):
    """Where a command's settings and what runs it are, as ``module:name``; imported late, because it takes seconds."""

    settings: str
    run: str
    help: str

    def settings_model(self) -> type[BaseModel]:
        """The model of its settings."""
        model: type[BaseModel] = _imported(self.settings)
        return model

    def execute(self, settings: Any) -> int:
        """Run it: a function of its settings, or a ``Job``."""
        run = _imported(self.run)
        if callable(run):
            return int(run(settings))
        return int(importlib.import_module("jobs.runtime.job").run_job(settings, run))


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


COMMANDS = {
    "recourse": Command(
        "jobs.recourse.config:RecourseConfig", "jobs.recourse.job:JOB",
        "What each item's provider should change so that a group of users gets to see it.",
    ),
    "nightly": Command(
        "jobs.nightly:NightlyConfig", "jobs.nightly:run",
        "Recourse for the items of all sellers, under the date's name; repeat it to complete it.",
    ),
    "counterfactuals": Command(
        "jobs.counterfactuals.config:CounterfactualsConfig", "jobs.counterfactuals.job:JOB",
        "Why each user is recommended an item: the part of the history it hangs on.",
    ),
    "antidote": Command(
        "jobs.antidote.config:AntidoteConfig", "jobs.antidote.export:run",
        "A few artificial users whose ratings make recommendations less polarised, or fairer.",
    ),
    "acceptance": Command(
        "jobs.acceptance.config:AcceptanceConfig", "jobs.acceptance.job:JOB",
        "What people's ratings of recourses say about how far a recourse may go, and for whom.",
    ),
    "methods": Command(
        "jobs.methods:MethodsConfig", "jobs.methods:run",
        "Which method's explanations people rate higher: Friedman, Wilcoxon, and what size and plausibility do.",
    ),
    "power": Command(
        "jobs.power:PowerConfig", "jobs.power:run", "How many people a study needs, so that it finds what is there."
    ),
    "reproduce": Command(
        "jobs.reproduce:ReproduceConfig", "jobs.reproduce:run",
        "A paper's experiment once more, every number that it states beside ours.",
    ),
    "ask": Command(
        "jobs.ask:AskConfig", "jobs.ask:run", "One item, seller or user at once, from the models of the last run."
    ),
    "report": Command(
        "jobs.report:ReportConfig", "jobs.report:run",
        "Write pages that people read: the report of a run, sellers' cards, why a user was recommended something.",
    ),
    "study": Command(
        "jobs.study:StudyConfig", "jobs.study:run",
        "Write the questionnaires of a study: people rate the plans of a run of recourse.",
    ),
    "validate": Command(
        "jobs.validate:ValidateConfig", "jobs.validate:run",
        "Say what is in a data set, what is wrong with it, and how good a recommender is on it.",
    ),
    "runs": Command(
        "jobs.runs:RunsConfig", "jobs.runs:run",
        "List runs; show, verify or compare them; remove what is not needed any more.",
    ),
}  # fmt: skip

SUBMITTED = ("recourse", "nightly", "counterfactuals", "antidote", "acceptance")
"""What can run on a cluster: every job that writes a run."""


def make_app(names: Collection[str] = (*COMMANDS, "init", "submit", "attach"), job: str | None = None) -> typer.Typer:
    """The command line with the commands of these names; of what can be submitted only ``job``, if that is given."""
    app = typer.Typer(
        name="recsys-ops",
        help="Batch jobs that give everyone touched by a recommender a way to act on it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_version_option)  # also: without a callback, typer takes the name of a single command away
    for name in COMMANDS:
        if name in names:
            command = COMMANDS[name]
            job_command = _job_command(command.settings_model(), command.execute)
            app.command(name, cls=SectionedCommand, help=command.help, epilog=_examples(name))(job_command)
    if "submit" in names:
        app.add_typer(_submit_app([job] if job else SUBMITTED), name="submit")
    if "attach" in names:
        app.command("attach", cls=SectionedCommand, epilog=_examples("attach"))(
            importlib.import_module("jobs.submit").attach
        )
    if "init" in names:
        app.command("init", cls=SectionedCommand, epilog=_examples("init"))(importlib.import_module("jobs.init").init)
    return app


def _examples(name: str) -> str:
    return "\n".join(EXAMPLES.get(name, ()))


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"recsys-ops {importlib.metadata.version('recsys-ops')}")
        raise typer.Exit


def _version_option(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """What can stand before the command."""


def _submit_app(names: Collection[str]) -> typer.Typer:
    cluster = importlib.import_module("jobs.submit")
    app = typer.Typer(
        help="Run a job on a cluster: submit it to Ray's job server, follow its log, end with its exit code.",
        no_args_is_help=True,
    )
    for name in names:
        model = cluster.submit_model(COMMANDS[name].settings_model())
        job = functools.partial(cluster.submit, name)
        examples = _examples(name).replace("recsys-ops ", "recsys-ops submit ").partition("\n")[0]
        app.command(name, cls=SectionedCommand, help=f"Run {name} on the cluster.", epilog=examples)(
            _job_command(model, job)
        )
    return app


def _job_command(model: type[BaseModel], job: Callable[[Any], int]) -> Callable[..., None]:
    """A command whose options are the fields of ``model``; those not given are left to YAML and defaults."""

    def command(config: str | None, **options: Any) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        settings = make_config(model, given, config)
        if isinstance(settings, RunConfig):
            set_up_logs(settings.log_format)
        raise typer.Exit(job(settings))

    help_text = "YAML file with the same names; options given here win."
    annotations: dict[str, Any] = {
        "config": Annotated[str | None, typer.Option(help=help_text, rich_help_panel=section_of(model, "config"))]
    }
    for name, field in model.model_fields.items():
        is_said = field.default is not None and field.default is not False and not field.is_required()
        shown = f" [default: {field.default}]" if is_said else ""
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        names = str(extra.get("flags", "")).split()
        option = typer.Option(
            *names, help=f"{field.description}{shown}", show_default=False, metavar=choices_of(field.annotation),
            rich_help_panel=section_of(model, name),
        )  # fmt: skip
        if extra.get("is_positional"):
            option = typer.Argument(help=field.description, show_default=False)
        annotations[name] = Annotated[_plain(field.annotation), option]
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotations[name])
        for name in in_order(model, list(annotations))
    ]
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


def main() -> None:
    """Parse, run, and turn every foreseen failure into one message and its exit code."""
    set_up_logs("text")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops us, we end as by Ctrl-C
    for library in ("aiobotocore", "botocore"):  # where they found credentials and endpoint is no news
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        _app_for(sys.argv[1:])()
    except (InputError, ConfigError, StorageError, IncompleteRunError, Interrupted) as error:
        _fail(str(error), exit_code_of(error))
    except KeyboardInterrupt:
        _fail(
            "interrupted; complete shards are kept. Repeat the command, with --resume for a named run.",
            ExitCode.INCOMPLETE,
        )


def _app_for(arguments: list[str]) -> typer.Typer:
    """The command that the arguments name, and no other, as each imports its job; all where they name none."""
    named = [name for name in arguments[:1] if name in (*COMMANDS, "init", "submit", "attach")]
    job = [name for name in arguments[1:2] if named == ["submit"] and name in SUBMITTED]
    return make_app(named, *job) if named else make_app()


def _fail(message: str, exit_code: int) -> None:
    if log_format() == "json":
        logging.getLogger("recsys_ops").error("%s", message)
    else:
        from jobs.console import plain  # only now: it takes a while

        sys.stderr.write(f"recsys-ops: {plain(message)}\n")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
