"""How a run ended, for what started it: ``--result json``, ``--on-success``, ``--on-failure``, ``--lineage``."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.config import RunConfig
from jobs.errors import ExitCode, Interrupted, exit_code_of
from jobs.hooks import call_hook
from recsys_ops.runs import Run, open_run

if TYPE_CHECKING:
    from jobs.lineage import Lineage


@dataclass
class Ending:
    """What is known of a run so far, for the report of its end."""

    job: str
    run_id: str | None
    exit_code: ExitCode = ExitCode.COMPLETE
    lineage: "Lineage | None" = None

    def began(self, config: RunConfig) -> None:
        """Work begins now: with ``--lineage``, say so."""
        if config.lineage and not config.plan:
            from jobs.lineage import started  # only now: the client takes a while, and is an extra

            self.lineage = started(config, self.job, str(self.run_id))


@contextmanager
def reported(config: RunConfig, job: str) -> Iterator[Ending]:
    """Report how a run ends: the body sets what it knows of it, and its errors pass.

    What failed unforeseen, or was interrupted, is reported as well.
    """
    ending = Ending(job, config.run_id)
    try:
        yield ending
    except (Exception, KeyboardInterrupt) as error:
        is_stopped = isinstance(error, KeyboardInterrupt | Interrupted)
        ending.exit_code = ExitCode.INCOMPLETE if is_stopped else exit_code_of(error)
        message = str(error) if ending.exit_code != ExitCode.DEFECT else f"{type(error).__name__}: {error}"
        url = None if ending.run_id is None else _url_of(config, ending.run_id)
        _report(config, ending, {"url": url, "message": message or "interrupted"})
        if ending.lineage is not None:
            ending.lineage.failed(message or "interrupted", is_stopped=is_stopped)
        raise
    if not config.plan:
        run = open_run(_url_of(config, str(ending.run_id)))
        if ending.lineage is not None:
            ending.lineage.committed(run, is_good=ending.exit_code == ExitCode.COMPLETE)
        _report(config, ending, _of_committed(run))


def report_plan(config: RunConfig, job: str, run_id: str, planned: dict[str, Any]) -> None:
    """One line about a run that was only planned."""
    _print(_content(Ending(job, run_id), {"url": _url_of(config, run_id), "plan": planned}))


def _of_committed(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    tables = {name: {"url": f"{run.url}/{name}", "rows": table["rows"]} for name, table in manifest["tables"].items()}
    return {
        "url": run.url, "n_cases": manifest["n_cases"], "counts": manifest["counts"], "tables": tables,
        "seconds": manifest["timings"]["wall_seconds"],
    }  # fmt: skip


def _report(config: RunConfig, ending: Ending, more: dict[str, Any]) -> None:
    """Call the hook, then print: a line on stdout is the last one only if nothing comes after it."""
    content = _content(ending, more)
    is_good = ending.exit_code == ExitCode.COMPLETE
    hook = config.on_success if is_good else config.on_failure
    if hook is not None and not config.plan:
        call_hook("--on-success" if is_good else "--on-failure", hook, content)
    if config.result == "json":
        _print(content)


def _content(ending: Ending, more: dict[str, Any]) -> str:
    content = {"job": ending.job, "run": ending.run_id, "exit": int(ending.exit_code), **more}
    return json.dumps(content, ensure_ascii=True)


def _print(content: str) -> None:
    """The last line on stdout."""
    sys.stdout.write(content + "\n")
    sys.stdout.flush()


def _url_of(config: RunConfig, run_id: str) -> str:
    return f"{config.out.rstrip('/')}/runs/{run_id}"
