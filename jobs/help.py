"""How the help of commands is laid out: options in sections, a job's own first, and examples at the end.

Sections are plain text: in the boxes that typer draws, 80 columns leave 29 characters for what an option does.
"""

import typing
from typing import Any

from pydantic import BaseModel
from typer.core import TyperCommand

from jobs.config import DataConfig, JobConfig, RunConfig

_DATA, _RUN, _STORAGE = "Data", "Run", "Storage and cluster"
_LAST = (_DATA, _RUN, _STORAGE, "Help")
_SECTION_OF: dict[type[BaseModel], str] = {DataConfig: _DATA, JobConfig: _DATA, RunConfig: _STORAGE}
_OF_RUN = (
    "config", "run_id", "resume", "plan", "seed", "allowed_errors", "result", "on_success", "on_failure", "lineage",
    "deadline", "fail_on", "report", "feedback_url",
)  # fmt: skip
_SECTION_BY_NAME = {"on_bad_rows": _DATA, "installed": _STORAGE} | dict.fromkeys(_OF_RUN, _RUN)

EXAMPLES = {
    "recourse": (
        "recsys-ops recourse --data shop --groups n_ratings:3",
        "recsys-ops recourse --data shop --sellers anna,ben --max-changes 3 --language de",
        "recsys-ops recourse --data movielens-1m:ml-1m --plan",
    ),
    "nightly": (
        "recsys-ops nightly --data shop --out s3://bucket/results",
        "recsys-ops nightly --data shop --date 2026-11-18",
        "recsys-ops nightly --data shop --fresh-within 36h --fail-on drift",
    ),
    "counterfactuals": (
        "recsys-ops counterfactuals --data shop --users 7,8 --k 10 --top 3",
        "recsys-ops counterfactuals --data shop --model weights.csv --options 3",
    ),
    "antidote": (
        "recsys-ops antidote --data movielens-100k:ml-100k --objective polarisation --budget 1%",
        "recsys-ops antidote --data shop --export advised --to with.parquet",
    ),
    "acceptance": (
        "recsys-ops acceptance --run out/runs/nightly-2026-11-18 --feedback answers.csv",
        "recsys-ops acceptance --people people.csv",
    ),
    "methods": ("recsys-ops methods --ratings points.csv",),
    "power": (
        "recsys-ops power --question distance --effect 0.05",
        "recsys-ops power --question intercept --effect 0.3 --tests 4",
    ),
    "reproduce": (
        "recsys-ops reproduce human-centred --quick",
        "recsys-ops reproduce recrec --data movielens-100k:ml-100k --quick",
    ),
    "ask": (
        "recsys-ops ask --item 3",
        "recsys-ops ask --user 7 --item 3 --format json",
    ),
    "report": (
        "recsys-ops report",
        "recsys-ops report --seller anna --language de",
        "recsys-ops report --parameters",
    ),
    "study": (
        "recsys-ops study --persons 40 --seed 7",
        "recsys-ops study --run-id nightly-2026-11-18 --consent consent.txt --language de",
    ),
    "validate": (
        "recsys-ops validate --data shop",
        "recsys-ops validate --data shop --model hybrid",
    ),
    "runs": (
        "recsys-ops runs",
        "recsys-ops runs --diff nightly-2026-11-17,nightly-2026-11-18",
        "recsys-ops runs --drift nightly-2026-11-18",
        "recsys-ops runs --keep 30 --yes",
    ),
    "init": (
        "recsys-ops init shop",
        "recsys-ops init s3://bucket/export --to shop.yaml",
    ),
    "attach": ("recsys-ops attach nightly-2026-11-18",),
}  # fmt: skip
"""Of each command, as somebody types them."""


class SectionedCommand(TyperCommand):
    """A command whose help has a section for each ``rich_help_panel`` and one for the examples in its epilog."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, each in a line of its own."""
        if self.epilog:
            formatter.write("\nExamples:\n" + "".join(f"  {line}\n" for line in self.epilog.splitlines()))


def section_of(model: type[BaseModel], name: str) -> str:
    """The section of an option: that of the settings which first have it."""
    if not issubclass(model, RunConfig | DataConfig):
        return "Options"
    if name in _SECTION_BY_NAME:
        return _SECTION_BY_NAME[name]
    classes = [each for each in reversed(model.__mro__) if issubclass(each, BaseModel)]
    first = next((each for each in classes if name in each.model_fields), model)
    return _SECTION_OF.get(first, first.__name__.removesuffix("Config"))


def in_order(model: type[BaseModel], names: list[str]) -> list[str]:
    """Options as the help shows them: a job's own first, those of the most special settings before others."""
    sections = [section_of(model, name) for name in names]
    own = [each for each in dict.fromkeys(reversed(sections)) if each not in _LAST]
    places = {section: place for place, section in enumerate((*own, "Options", *_LAST))}
    return [name for _, name in sorted(zip(sections, names, strict=True), key=lambda pair: places[pair[0]])]


def choices_of(annotation: Any) -> str | None:
    """Words between which a setting chooses, with | between them; None for other settings."""
    if typing.get_origin(annotation) is typing.Literal:
        return "|".join(map(str, typing.get_args(annotation)))
    found = [choices_of(each) for each in typing.get_args(annotation)]
    return next((choices for choices in found if choices is not None), None)
