"""Run a job on a cluster from anywhere: submit it under its run id, follow it, and end with its exit code.

The run goes on when this terminal is lost; ``attach`` takes it up again. A run id stands for one job on the cluster:
submitting it twice follows the one that is there, and ``--resume`` starts a run again that ended incomplete.
"""

import logging
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field, create_model

import jobs
from jobs.config import RunConfig
from jobs.errors import ExitCode, Interrupted
from jobs.runtime.job_server import JobServer, Submission, exit_code_of_job
from jobs.store.code_version import PACKAGES
from jobs.store.records import fingerprint_of
from jobs.store.start import FREE_SETTINGS, check_name, default_run_id
from recsys_ops.datasets.load import is_made, is_public
from recsys_ops.errors import ConfigError

RUN_ID, SETTINGS = "recsys_ops_run_id", "recsys_ops_settings"
_NOT_PASSED_ON = ("address", "installed")
_log = logging.getLogger("recsys_ops.jobs")


def submit_model(model: type[RunConfig]) -> type[BaseModel]:
    """The settings of ``submit JOB``: the job's own, where ``address`` is that of the job server."""
    address: Any = (str | None, Field(default=None, description=_ADDRESS_HELP))
    installed: Any = (bool, Field(default=False, description=_INSTALLED_HELP))
    return create_model(f"Submit{model.__name__}", __base__=model, address=address, installed=installed)


_ADDRESS_HELP = "Job server of the cluster; by default RAY_API_SERVER_ADDRESS, else http://127.0.0.1:8265."
_INSTALLED_HELP = "Run the version that is installed on the cluster, instead of sending the code of this working tree."


def submit(job: str, config: Any) -> int:
    """Submit ``job``, or find it on the cluster; follow it to its end and return its exit code.

    Parameters
    ----------
    job : str
        As on the command line.
    config : instance of ``submit_model(model)``

    Raises
    ------
    ConfigError
        No cluster answers, its token is another, a path is one of this machine, or the run id is taken by another job.
    Interrupted
        Following was given up; the run goes on.
    """
    config = _named(job, config)
    check_name(config.run_id)
    _refuse_paths_of_this_machine(config)
    server = JobServer(config.address)
    settings = _fingerprint(job, config)
    attempts = attempts_of(server, config.run_id)
    if attempts and not is_started_again(attempts[-1], resume=config.resume):
        return _follow_present(server, config.run_id, attempts[-1], settings)
    # Ray keeps the id of a job that ended, and does not support deleting and reusing it: a later attempt has a number.
    submission_id = config.run_id if not attempts else f"{config.run_id}--{len(attempts) + 1}"
    metadata = {RUN_ID: config.run_id, SETTINGS: settings}
    with _packed(config.installed) as runtime_env:
        is_new = server.submit(submission_id, command_of(job, config), runtime_env, metadata)
    state = "submitted" if is_new else "was submitted at the same time"
    _log.info("run %s: %s; if this terminal is lost: recsys-ops attach %s", config.run_id, state, config.run_id)
    return _follow(server, config.run_id, submission_id)


def is_started_again(last: Submission, *, resume: bool) -> bool:
    """Whether submitting a run once more starts it: what ended with bad input or a failing store, and what is resumed.

    Whether its results are there already, and of the same settings, is for the job to find out in storage.
    """
    nothing_done = exit_code_of_job(last) in (ExitCode.BAD_INPUT, ExitCode.STORAGE)
    return last.has_ended and (nothing_done or (resume and last.status != "SUCCEEDED"))


def _follow_present(server: JobServer, run_id: str, present: Submission, settings: str) -> int:
    if present.metadata.get(SETTINGS) != settings:
        raise ConfigError(
            f"run {run_id}: the cluster has a job of that name with other settings. Submit with the same, use another "
            f"--run-id, or follow it: recsys-ops attach {run_id}."
        )
    _log.info("run %s: is on the cluster already (%s)", run_id, present.status.lower())
    return _follow(server, run_id, present.submission_id)


def attach(
    run_id: Annotated[str, typer.Argument(help="As submitted.")],
    address: Annotated[str | None, typer.Option(help=_ADDRESS_HELP)] = None,
) -> None:
    """Follow a run that was submitted, from the beginning of its log, and end with its exit code."""
    server = JobServer(address)
    attempts = attempts_of(server, run_id)
    if not attempts:
        known = [job.metadata.get(RUN_ID, job.submission_id) for job in server.jobs()]
        raise ConfigError(
            f"run {run_id}: the cluster at {server.address} knows no such job (it knows: "
            f"{', '.join(dict.fromkeys(known[-5:])) or 'none'}). What a run left is in its --out: recsys-ops runs."
        )
    raise typer.Exit(_follow(server, run_id, attempts[-1].submission_id))


def attempts_of(server: JobServer, run_id: str) -> list[Submission]:
    """The jobs that were submitted for a run, oldest first."""
    return [job for job in server.jobs() if run_id in (job.submission_id, job.metadata.get(RUN_ID))]


def command_of(job: str, config: RunConfig) -> str:
    """The command that the cluster runs: every setting that was given, none that is only for submitting."""
    start = "recsys-ops" if getattr(config, "installed", False) else "python -m jobs"
    arguments = [job]
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name not in config.model_fields_set or name in _NOT_PASSED_ON or value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        arguments.append(option if value is True else f"{option}={value}")
    return f"{start} {shlex.join(arguments)}"


@contextmanager
def _packed(installed: bool) -> Iterator[dict[str, str]]:
    """The runtime environment: a copy of the working tree's code, for as long as it takes to send it.

    No data, no results, nothing that may be secret.
    """
    if installed:
        yield {}
        return
    root = Path(jobs.__file__).parents[1]
    if not (root / "pyproject.toml").is_file():
        raise ConfigError("submit: there is no working tree here. Use --installed, or run it from a checkout.")
    with TemporaryDirectory() as folder:
        for package in PACKAGES:
            shutil.copytree(root / package, Path(folder) / package, ignore=shutil.ignore_patterns("__pycache__"))
        yield {"working_dir": folder}


def _named(job: str, config: Any) -> Any:
    """With the run id that the job would give itself."""
    if job == "nightly":
        from jobs import nightly  # only now: it imports the job, which is not run here

        return nightly.named(config)
    run_id = config.run_id or default_run_id(job, config.model_dump(mode="json", exclude={"installed"}))
    return config.model_copy(update={"run_id": run_id})


def _follow(server: JobServer, run_id: str, submission_id: str) -> int:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        job = server.follow(submission_id, write)
    except KeyboardInterrupt:
        raise Interrupted(
            f"run {run_id}: goes on, only following it ended. Go on with: recsys-ops attach {run_id}."
        ) from None
    except Interrupted as error:
        raise Interrupted(
            f"run {run_id}: {error} Complete shards are kept in storage. If recsys-ops attach {run_id} does not find "
            "the run, submit it again with --resume."
        ) from None
    code = exit_code_of_job(job)
    if code == ExitCode.INCOMPLETE and job.exit_code != ExitCode.INCOMPLETE:
        raise Interrupted(_ending_message(run_id, job))
    if job.exit_code is None:
        sys.stderr.write(f"recsys-ops: run {run_id}: could not be started. {job.message.strip()}\n")
    return code


def _ending_message(run_id: str, job: Submission) -> str:
    if job.status == "STOPPED":
        what = "was stopped from outside"
    elif job.exit_code is None:
        what = f"its driver is gone ({job.error_type or 'no reason given'})"
    else:
        what = f"its driver was killed (exit code {job.exit_code})"
    return (
        f"run {run_id}: {what}. Complete shards are kept in storage, and unless it was at its very end nothing was "
        f"committed. Submit it again with --run-id {run_id} --resume."
    )


def _refuse_paths_of_this_machine(config: Any) -> None:
    kind, _, rest = config.data.partition(":") if hasattr(config, "data") else ("", "", "")
    data = rest if is_public(kind) else "" if is_made(kind) else getattr(config, "data", "")
    for option, place in (("--out", config.out), ("--data", data)):
        if place and "://" not in place and not Path(place).is_absolute():
            raise ConfigError(
                f"{option} {place}: a folder below the one of this terminal, which the cluster does not have. Give a "
                "URL such as s3://bucket/folder, or an absolute path that all nodes share."
            )


def _fingerprint(job: str, config: RunConfig) -> str:
    free = FREE_SETTINGS - {"out"} | set(_NOT_PASSED_ON)
    settings = {name: value for name, value in config.model_dump(mode="json").items() if name not in free}
    return fingerprint_of({"job": job, **settings})
