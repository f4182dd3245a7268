"""Look after runs: list, show, verify, compare, and remove what is not needed any more."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationInfo, field_validator
from rich.console import Console
from rich.table import Table

from jobs.config import MODEL_CONFIG
from jobs.console import make_console
from jobs.errors import ExitCode
from jobs.overnight import print_overnight
from jobs.recourse.advice_changes import print_advice
from jobs.run_details import print_comparison, print_run
from jobs.store.files import remove_files
from jobs.store.housekeeping import find_orphans, remove_runs, superseded_runs
from jobs.store.refused import accept_run
from recsys_ops.drift.bands import LEAST_NIGHTS, NIGHTS
from recsys_ops.errors import InputError
from recsys_ops.runs import COMMITTED, list_runs, open_run
from recsys_ops.storage import open_store, shown_url


class RunsConfig(BaseModel):
    """What to do with the runs of a results folder; without further options they are listed."""

    model_config = MODEL_CONFIG

    out: str = "out"
    """As in the jobs: the folder or object-store URL with the results."""
    show: str | None = None
    """Id of a run to show in full; --verify and --prune then mean this run alone."""
    verify: bool = False
    """Read every part and model of the complete runs and compare it with its checksum; exit code 3 if one does not hold."""  # noqa: E501
    diff: str | None = None
    """Two ids, BEFORE,AFTER: what became of the advice of recourse, or which rows were added, removed or changed."""
    rows: bool = False
    """With --diff: row by row, for recourse too. With --drift: every figure."""
    drift: str | None = None
    """Id of a night: its data, recommender and advice beside the comparable nights before it."""
    nights: int = Field(default=NIGHTS, ge=LEAST_NIGHTS)
    """With --drift: how many nights before it."""
    accept: str | None = None
    """Id of a run that --fail-on drift refused: you looked at it, and readers may have it."""
    prune: bool = False
    """Remove files that no run needs: what killed drivers and rivals left behind."""
    keep: int | None = Field(default=None, ge=1)
    """Remove runs, but of each job the last so many complete ones, and the last so many made for some --items, --sellers or --users only; never one that is not complete and has written something in the last 24 hours."""  # noqa: E501
    yes: bool = False
    """With --prune and --keep: remove indeed; without, only say what would be removed."""

    @field_validator("diff")
    @classmethod
    def _two_ids(cls, diff: str | None, _: ValidationInfo) -> str | None:
        if diff is not None and len([run_id for run_id in diff.split(",") if run_id]) != 2:
            raise ValueError("expected two ids, BEFORE,AFTER")
        return diff


def run(config: RunsConfig) -> int:
    """Do what the settings say; return the exit code: 0, or 3 if ``--verify`` found files that do not hold.

    Raises
    ------
    InputError, StorageError
        Each with a message for the user.
    """
    console = make_console()
    out = config.out.rstrip("/")
    if config.diff is not None:
        before, after = (open_run(f"{out}/runs/{run_id.strip()}") for run_id in config.diff.split(","))
        if config.rows or not print_advice(console, before, after):
            print_comparison(console, before, after)
        return 0
    if config.drift is not None:
        run = open_run(f"{out}/runs/{config.drift}")
        print_overnight(console, run, nights=config.nights, every_figure=config.rows)
        return ExitCode.COMPLETE
    if config.accept is not None:
        latest = accept_run(out, config.accept)
        later = "" if latest == config.accept else ", which knows later data"
        console.print(f"Run {config.accept} is accepted. Readers get {latest}{later}.", markup=False)
        return ExitCode.COMPLETE
    runs = list_runs(out)
    if config.show is not None:
        runs = [run for run in runs if run["run_id"] == config.show] or _no_such_run(out, config.show, runs)
    code = ExitCode.COMPLETE
    if config.verify:
        code = _verify(console, out, runs)
    if config.keep is not None:
        _keep(console, out, runs, config.keep, is_meant=config.yes)
    if config.prune:
        _prune(console, out, runs, is_meant=config.yes)
    if config.show is not None and not config.verify and not config.prune:
        print_run(console, out, runs[0])
    elif not (config.verify or config.prune or config.keep is not None):
        _list(console, out, runs)
    return code


def _no_such_run(out: str, run_id: str, runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    known = ", ".join(run["run_id"] for run in runs[-5:]) or "none"
    raise InputError(f"--show {run_id}: no such run in {shown_url(out)} (last ones: {known}).")


def _list(console: Console, out: str, runs: Sequence[dict[str, Any]]) -> None:
    if not runs:
        console.print(f"No runs in {shown_url(out)}.", markup=False)
        return
    table = Table("run", "job", "started (UTC)", "state", "shards", "cases")
    for run in runs:
        job = f"{run['job']} (partial)" if run["partial"] else run["job"]
        shards, cases = f"{run['shards_done']}/{run['n_shards']}", run["n_cases"]
        table.add_row(
            run["run_id"], job, run["started"][:16].replace("T", " "), run["state"], shards,
            "" if cases is None else str(cases),
        )  # fmt: skip
    console.print(table)


def _verify(console: Console, out: str, runs: Sequence[dict[str, Any]]) -> ExitCode:
    code = ExitCode.COMPLETE
    for summary in runs:
        if summary["state"] not in COMMITTED:
            console.print(f"{summary['run_id']}: {summary['state']}, nothing to verify", markup=False)
            continue
        run = open_run(f"{out}/runs/{summary['run_id']}")
        wrong = run.wrong_files()
        if wrong:
            code = ExitCode.STORAGE
            console.print(f"{run.run_id}: {len(wrong)} of {run.verified} do not hold", markup=False)
            for line in wrong:
                console.print(f"  {line}", markup=False, soft_wrap=True)
        else:
            console.print(f"{run.run_id}: all {run.verified} hold", markup=False)
    return code


def _keep(console: Console, out: str, runs: Sequence[dict[str, Any]], keep: int, *, is_meant: bool) -> None:
    gone = superseded_runs(out, runs, keep)
    if is_meant:
        remove_runs(out, gone)
    for run_id in gone:
        console.print(f"{'removed' if is_meant else 'would remove'} run {run_id}", markup=False)
    _say_how_many(console, len(gone), "runs", is_meant=is_meant)


def _prune(console: Console, out: str, runs: Sequence[dict[str, Any]], *, is_meant: bool) -> None:
    orphans = find_orphans(out, [run["run_id"] for run in runs if run["state"] in COMMITTED])
    if is_meant:
        remove_files(open_store(out)[0], list(orphans))
    for path, size in orphans.items():
        verb = "removed" if is_meant else "would remove"
        console.print(f"{verb} {path} ({size} bytes)", markup=False, soft_wrap=True)
    _say_how_many(console, len(orphans), "files that no run needs", is_meant=is_meant)


def _say_how_many(console: Console, number: int, what: str, *, is_meant: bool) -> None:
    end = "" if is_meant or not number else " Nothing was removed: repeat with --yes."
    console.print(f"{number} {what}.{end}", markup=False)
