"""The command line: its options are the fields of the settings, its exit codes tell how a run ended."""

import os
import shlex
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

import jobs.__main__
import jobs.recourse.job
from jobs.__main__ import SUBMITTED, make_app
from jobs.acceptance.config import AcceptanceConfig
from jobs.antidote.config import AntidoteConfig
from jobs.ask import AskConfig
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.errors import IncompleteRunError, Interrupted, StorageError
from jobs.help import EXAMPLES
from jobs.nightly import NightlyConfig
from jobs.recourse.config import RecourseConfig
from jobs.recourse.work import run_shard
from jobs.report import ReportConfig
from jobs.runs import RunsConfig
from jobs.runtime.shards import Shard
from jobs.study import StudyConfig
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.runs import open_run
from recsys_ops.status import Status
from tests.suites.cli import CommandLine, run_command
from tests.suites.shops import shop_tables, with_value, write_shop

CONFIGS: dict[str, type[BaseModel]] = {
    "recourse": RecourseConfig,
    "nightly": NightlyConfig,
    "counterfactuals": CounterfactualsConfig,
    "antidote": AntidoteConfig,
    "acceptance": AcceptanceConfig,
    "ask": AskConfig,
    "runs": RunsConfig,
    "report": ReportConfig,
    "study": StudyConfig,
}
SMALL = ("--data", "synthetic:items=24,users=10,ratings_per_user=4", "--groups", "n_ratings:1", "--max-changes", "1")


def without_spaces(text: str) -> str:
    return "".join(text.split())


def test_every_job_with_settings_is_checked_here() -> None:
    names = {command.name for command in jobs.__main__.make_app().registered_commands}
    assert names - {"init", "validate", "attach", "methods", "power", "reproduce"} == CONFIGS.keys()


@pytest.mark.parametrize("job", CONFIGS)
def test_the_options_of_a_job_are_the_fields_of_its_settings(command_line: CommandLine, job: str) -> None:
    done = command_line(job, "--help")
    assert done.code == 0
    shown = without_spaces(done.stdout)
    fields = CONFIGS[job].model_fields
    for name, field in fields.items():
        assert field.description
        assert f"--{name.replace('_', '-')}" in shown
        default = "" if field.default is None or field.default is False else f"[default: {field.default}]"
        assert without_spaces(field.description + default) in shown
    command: Any = typer.main.get_command(jobs.__main__.make_app())
    options = {option for parameter in command.commands[job].params for option in parameter.opts}
    assert options == {"--config"} | {f"--{name.replace('_', '-')}" for name in fields}


def test_help_without_a_job_lists_the_jobs(command_line: CommandLine) -> None:
    done = command_line("--help")
    assert done.code == 0
    for name in (*CONFIGS, "validate"):
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("job", [*EXAMPLES, "submit nightly"])
def test_help_has_sections_with_storage_last_choices_and_examples_that_can_be_typed(
    command_line: CommandLine, job: str
) -> None:
    done = command_line(*job.split(), "--help")
    assert done.code == 0
    sections = [line[:-1] for line in done.stdout.splitlines() if line.endswith(":") and line[0] != " "]
    own = ["Nightly", "Recourse"] if "nightly" in job else [job.capitalize()]
    if job in SUBMITTED or job == "submit nightly":
        assert sections == [*own, "Data", "Run", "Storage and cluster", "Options", "Examples"]
        assert "--result text|json" in done.stdout
    assert max(map(len, done.stdout.partition("Examples:")[0].splitlines())) <= 80
    commands: Any = typer.main.get_command(make_app())
    for line in done.stdout.partition("Examples:\n")[2].splitlines():
        program, *arguments = shlex.split(line)
        command = commands
        while arguments and arguments[0] in getattr(command, "commands", {}):
            command = command.commands[arguments.pop(0)]
        assert program == "recsys-ops"
        command.make_context(program, list(arguments), resilient_parsing=False)


def test_validate_says_what_is_in_the_data(command_line: CommandLine, tmp_path: Path) -> None:
    tables = shop_tables(sellers=2, items_per_seller=12, users=20, ratings_per_user=6)
    done = command_line("validate", "--data", write_shop(tmp_path / "shop", tables))
    assert (done.code, done.stderr) == (0, "")
    said = dict(
        line.split(maxsplit=1) for line in done.stdout.splitlines() if not line.startswith(("feature", "group"))
    )
    assert (said["data"], said["users"], said["items"], said["sellers"]) == ("shop", "20", "24", "2")
    assert said["ratings"] == f"{tables['interactions'].num_rows} in [1, 5]"
    assert said["rejected"] == "rows            none"
    assert "feature price            number, mutable, may only decrease, " in done.stdout
    assert "group group              5 values, 0.0% missing" in done.stdout


def test_validate_names_bad_rows_or_counts_those_set_aside(command_line: CommandLine, tmp_path: Path) -> None:
    tables = shop_tables(sellers=2, items_per_seller=12, users=20, ratings_per_user=6)
    spoiled = tables | {"interactions": with_value(tables["interactions"], "rating", 3, 9.0)}
    shop = write_shop(tmp_path / "shop", spoiled)
    stopped = command_line("validate", "--data", shop)
    assert (stopped.code, stopped.stdout) == (2, "")
    assert "column 'rating' has 1 value outside [1, 5] (first: row 3 = 9)" in stopped.stderr
    done = command_line("validate", "--data", shop, "--on-bad-rows", "quarantine")
    assert done.code == 0
    assert "rejected rows            1 of interactions\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recourse", "--colour", "red"), "No such option: --colour"),
        (("recourse", "--k", "ten"), "Invalid value for '--k'"),
        (("recurse",), "No such command 'recurse'"),
        (("recourse", "--k", "0"), "recsys-ops: --k 0: Input should be greater than or equal to 1.\n"),
        (
            ("validate", "--on-bad-rows", "skip"),
            "recsys-ops: --on-bad-rows skip: Input should be 'stop' or 'quarantine'.\n",
        ),
    ],
)
def test_a_command_that_makes_no_sense_ends_with_2(
    command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    done = command_line(*arguments)
    assert done.code == 2
    assert message in " ".join(done.stderr.replace("│", "").split()) + "\n"


@pytest.mark.parametrize(
    ("yaml", "messages"),
    [
        ("k: 0\ncolour: red\n", ("--k 0: Input should be greater than or equal to 1.", "--colour: no such setting")),
        ("k: [", ("--config bad.yaml: not YAML (",)),
        ("- k\n", ("expected settings by name, found a list.",)),
        ("k: [1]\n", ("--k: Input should be a valid integer (found a list).",)),
        ("learned: [s3://KEY:hush@bucket/x]\n", ("s3://...: the URL holds credentials",)),
        ("s3://KEY:hush@bucket/x: 3\n", ("s3://...: the URL holds credentials",)),
        ("k: &all [s3://KEY:hush@bucket/x, *all]\n", ("s3://...: the URL holds credentials",)),
    ],
)
def test_a_bad_yaml_file_ends_with_2_and_every_setting_that_is_wrong(
    command_line: CommandLine, tmp_path: Path, yaml: str, messages: tuple[str, ...]
) -> None:
    (tmp_path / "bad.yaml").write_text(yaml)
    done = command_line("recourse", "--config", str(tmp_path / "bad.yaml"))
    assert done.code == 2
    assert len(done.stderr.splitlines()) == len(messages)
    assert all(message in done.stderr for message in messages)
    assert "hush" not in done.stderr


def test_a_yaml_file_that_is_not_utf8_ends_with_2_and_its_name(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes("# dédié\nk: 3\n".encode("latin-1"))
    done = command_line("recourse", "--config", str(tmp_path / "bad.yaml"))
    message = "--config bad.yaml: not UTF-8 (invalid continuation byte). Save it as UTF-8."
    assert (done.code, done.stderr) == (2, f"recsys-ops: {message}\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("a message"), 2),
        (ConfigError("a message"), 2),
        (StorageError("a message"), 3),
        (IncompleteRunError("a message"), 4),
        (Interrupted("a message"), 4),
    ],
)
def test_a_foreseen_failure_is_its_message_and_its_exit_code(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr(jobs.__main__, "make_app", lambda names: _raising(error))
    done = command_line("recourse")
    assert (done.code, done.stderr) == (code, "recsys-ops: a message\n")


def test_ctrl_c_before_the_work_ends_with_4(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.__main__, "make_app", lambda names: _raising(KeyboardInterrupt()))
    done = command_line("recourse")
    assert done.code == 4
    assert done.stderr.startswith("recsys-ops: interrupted")


def test_sigterm_ends_with_4_at_any_time(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(jobs.__main__, "make_app", lambda names: lambda: os.kill(os.getpid(), signal.SIGTERM))
    done = command_line("recourse")
    signal.signal(signal.SIGTERM, before)
    assert (done.code, done.stderr.startswith("recsys-ops: interrupted")) == (4, True)


def test_a_defect_is_not_hidden(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.__main__, "make_app", lambda names: _raising(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        command_line("recourse")


def test_results_that_cannot_be_written_end_with_3_before_any_work(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = command_line("recourse", "--data", "nowhere", "--out", str(tmp_path / "file"))
    assert done.code == 3
    assert done.stderr.startswith(f"recsys-ops: {tmp_path}/file: writing a probe file failed (FileExistsError")


@pytest.mark.usefixtures("machine")
def test_a_process_of_its_own_ends_with_the_same_code_and_message(tmp_path: Path) -> None:
    done = run_command("recourse", "--data", "nowhere", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("recsys-ops: nowhere: there is no such folder.")


@pytest.mark.usefixtures("ray_session")
def test_a_case_that_failed_keeps_its_row_and_decides_the_exit_code(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jobs.recourse.job, "JOB", replace(jobs.recourse.job.JOB, run_shard=_first_case_killed))
    options = ("recourse", *SMALL, "--items", "1,2,3,4", "--out", str(tmp_path))
    done = command_line(*options, "--run-id", "strict")
    assert done.code == 1
    assert "1 of 4 cases failed, more than --allowed-errors 0; see column 'reason'." in done.stdout
    run = open_run(str(tmp_path / "runs/strict"))
    rows = run.table("recourse").to_table().to_pylist()
    assert [row["status"] == Status.ERROR for row in rows] == [True, False, False, False]
    assert rows[0]["reason"] == "killed its worker twice: signal 9"
    assert rows[0]["success_after"] is rows[0]["n_targets"] is rows[0]["changes"] is None
    assert run.manifest["counts"][Status.ERROR] == 1
    assert command_line(*options, "--run-id", "lenient", "--allowed-errors", "0.25").code == 0


def _first_case_killed(shared: Any, shard: Shard, isolated: Any) -> Any:
    return run_shard(shared, shard, {0: (Status.ERROR, "killed its worker twice: signal 9")})


def _raising(error: BaseException) -> Callable[[], None]:
    def app() -> None:
        raise error

    return app
