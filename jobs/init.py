"""Describe a folder of tables that nobody has described: write a ``features.yaml`` to correct."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.console import make_console
from jobs.errors import ExitCode
from recsys_ops.datasets.folder import MAPPING_FILE, table_files
from recsys_ops.datasets.known import recognise
from recsys_ops.datasets.propose import propose
from recsys_ops.datasets.roles import find_roles
from recsys_ops.datasets.sniff import sniff
from recsys_ops.errors import ConfigError, InputError


def init(
    folder: Annotated[str, typer.Argument(help="Folder of the tables, or its URL.")],
    to: Annotated[
        str | None, typer.Option(help="Where to write the description; by default features.yaml in the folder.")
    ] = None,
) -> None:
    """Look at the tables of a folder and write a features.yaml for them, with every doubt said."""
    place = f"{folder.rstrip('/')}/{MAPPING_FILE}" if to is None else to
    if "://" in place:
        raise ConfigError(f"--to {place}: give a file of this machine, such as --to {MAPPING_FILE}.")
    if Path(place).exists():
        raise ConfigError(f"{place} is there already. Remove it, or write to another file with --to.")
    word = recognise(folder)
    if word is not None:
        make_console(is_wide=True).print(
            f"{folder} holds the data set {word}, which needs no {MAPPING_FILE}.\n"
            f"Then: recsys-ops validate --data {word}:{folder}", markup=False, soft_wrap=True, highlight=False,
        )  # fmt: skip
        raise typer.Exit(ExitCode.COMPLETE)
    files = [sniff(f"{folder.rstrip('/')}/{file}", file) for file in table_files(folder)]
    roles = find_roles(files)
    missing = [table for table in ("interactions", "items") if table not in roles.files]
    if missing:
        raise InputError(
            f"{folder}: no file looks like {' and '.join(missing)} (found {', '.join(each.file for each in files)}). "
            f"Name the files such as {missing[0]}.csv."
        )
    proposal = propose(roles, folder="" if to is None else f"{folder.rstrip('/')}/")
    try:
        Path(place).write_text(proposal.text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{place}: cannot be written ({error.strerror}). Write elsewhere with --to.") from None
    console = make_console(is_wide=True)
    console.print(proposal.text, markup=False, soft_wrap=True, highlight=False)
    console.print(f"Written to {place}." + (" Look at this:" if proposal.doubts else ""), markup=False)
    for doubt in proposal.doubts:
        console.print(f"  * {doubt}{'' if doubt.endswith('?') else '.'}", markup=False, soft_wrap=True)
    data = folder if to is None else place
    console.print(f"Then: recsys-ops validate --data {data}", markup=False, soft_wrap=True)
    raise typer.Exit(ExitCode.COMPLETE)
