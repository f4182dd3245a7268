"""``--result json``: how a run ended, as the last line on stdout, for what started it."""

import json
import sys
from typing import Any

from jobs.config import RunConfig
from jobs.errors import ExitCode, exit_code_of
from recsys_ops.runs import open_run


def url_of(config: RunConfig, run_id: str) -> str:
    """Where a run is."""
    return f"{config.out.rstrip('/')}/runs/{run_id}"


def report_end(config: RunConfig, job: str, run_id: str, exit_code: ExitCode) -> None:
    """One line about a committed run."""
    run = open_run(url_of(config, run_id))
    manifest = run.manifest
    tables = {name: {"url": f"{run.url}/{name}", "rows": table["rows"]} for name, table in manifest["tables"].items()}
    _write(
        job, run_id, exit_code, url=run.url, n_cases=manifest["n_cases"], counts=manifest["counts"], tables=tables,
        seconds=manifest["timings"]["wall_seconds"],
    )  # fmt: skip


def report_plan(config: RunConfig, job: str, run_id: str, planned: dict[str, Any]) -> None:
    """One line about a run that was only planned."""
    _write(job, run_id, ExitCode.COMPLETE, url=url_of(config, run_id), plan=planned)


def report_failure(config: RunConfig, job: str, run_id: str | None, error: Exception) -> None:
    """One line about a run that did not come to its end."""
    url = None if run_id is None else url_of(config, run_id)
    _write(job, run_id, exit_code_of(error), url=url, message=str(error))


def _write(job: str, run_id: str | None, exit_code: ExitCode, **more: Any) -> None:
    content = {"job": job, "run": run_id, "exit": int(exit_code), **more}
    sys.stdout.write(json.dumps(content, ensure_ascii=True) + "\n")
    sys.stdout.flush()
