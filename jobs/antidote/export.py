"""``antidote`` itself, or with ``--export`` and ``--take-out`` the interactions with a case of a run, or without it."""

import hashlib
import json
from typing import Any

from jobs.antidote.config import AntidoteConfig
from jobs.antidote.inputs import hold_out_of, is_on_unseen
from jobs.antidote.job import JOB
from jobs.console import make_console
from jobs.runtime.job import run_job
from jobs.store.files import write_bytes
from recsys_ops.antidote.advice import advised, group_cases
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.interactions_file import GivenInteractions, given_interactions
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.runs import Run, open_run
from recsys_ops.storage import is_missing_file, open_file, open_store, storage_errors

ADDED = ".antidote.json"
"""Ending of the list of what was added, next to the interactions."""


def run(config: AntidoteConfig) -> int:
    """Run the job, or export a case of an earlier run, or take one out again; return the exit code.

    Raises
    ------
    InputError, ConfigError, StorageError, IncompleteRunError, Interrupted
        Each with a message for the user.
    """
    if config.export is None and config.take_out is None:
        return int(run_job(config, JOB))
    if config.to is None or (config.export is not None and config.take_out is not None):
        raise ConfigError("--export CASE or --take-out LIST, one of them, needs --to FILE.")
    given = given_interactions(config.data, seed=config.seed)
    if not config.to.endswith(given.file[given.file.index(".") :]):
        raise ConfigError(f"--to {config.to}: expected a file of the same kind as {given.file}.")
    if _is_there(config.to):
        raise ConfigError(f"--to {config.to}: exists already, and nothing is overwritten. Name a new file.")
    if config.take_out is not None:
        return _take_out(config.take_out, config.to, given)
    return _export(config, config.to, given)


def _export(config: AntidoteConfig, to: str, given: GivenInteractions) -> int:
    run_url = config.out if config.run_id is None else f"{config.out.rstrip('/')}/runs/{config.run_id}"
    done = open_run(run_url, job="antidote")
    used = _case_row(done, str(config.export))
    algorithm, budget, number = used["algorithm"], used["budget"], used["run"]
    case = (pc.field("algorithm") == algorithm) & (pc.field("budget") == budget) & (pc.field("run") == number)
    rows = done.table("antidote_ratings").to_table(filter=case, columns=["antidote_user", "item_id", "rating"])
    cells: list[list[Any]] = [column.to_pylist() for column in rows.columns]
    users, items, ratings = cells
    if not users:
        raise InputError(f"--export {config.export}: this case has no artificial users (verdict {used['verdict']}).")
    there = set(given.without_users(list(dict.fromkeys(users))).table[given.user].to_pylist())
    if len(there) < len(set(given.table[given.user].to_pylist())):
        raise InputError(f"{given.file}: has users with these ids already. Take the earlier antidote out first.")
    content = given.with_rows(users, items, ratings).encoded()
    added = {
        "run_id": done.run_id, "case": {"algorithm": algorithm, "budget": budget, "run": number},
        "verdict": used["verdict"], "change": used["change"],
        "change_low": used["change_low"], "change_high": used["change_high"],
        "users": list(dict.fromkeys(users)), "n_ratings": len(users), "data": done.manifest["inputs"],
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    _write(to, content)
    _write(f"{to}{ADDED}", (json.dumps(added, indent=1) + "\n").encode())
    caution = "" if used["verdict"] == "helps" else f" Its verdict on all ratings is '{used['verdict']}'."
    make_console().print(
        f"{to}: {given.table.num_rows} rows as given, and {len(users)} of {len(added['users'])} artificial users. "
        f"{to}{ADDED} lists them.{caution}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return 0


def _take_out(listed: str, to: str, given: GivenInteractions) -> int:
    with storage_errors(listed, "reading"):
        try:
            with open_file(listed, "rt", encoding="utf-8") as stream:
                users = json.load(stream)["users"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"--take-out {listed}: is no list that --export wrote.") from None
        except OSError as error:
            if not is_missing_file(error):
                raise
            raise InputError(f"--take-out {listed}: there is no such file.") from None
    left = given.without_users(users)
    _write(to, left.encoded())
    gone = given.table.num_rows - left.table.num_rows
    make_console().print(f"{to}: {left.table.num_rows} rows; {gone} of artificial users were taken out.", markup=False)
    return 0


def _case_row(done: Run, case: str) -> dict[str, Any]:
    """The row of ``antidote_as_used`` of a case."""
    used = done.table("antidote_as_used").to_table().to_pylist()
    if case == "advised":
        config = AntidoteConfig(**done.manifest["configuration"])
        effects = done.table("antidote_effect").to_table().to_pylist()
        best = advised(group_cases(used, effects, hold_out_of(config), on_unseen=is_on_unseen(config)))
        if best is None or best.typical is None:
            raise InputError(f"--export advised: run {done.run_id} advises nothing.")
        return best.typical
    cases = {f"{row['algorithm']}:{row['budget']}:{row['run']}": row for row in used}
    if case not in cases:
        raise ConfigError(f"--export {case}: run {done.run_id} has no such case (found {', '.join(cases)}).")
    return cases[case]


def _is_there(url: str) -> bool:
    filesystem, path = open_store(url)
    with storage_errors(url, "reading"):
        return bool(filesystem.exists(path))


def _write(url: str, content: bytes) -> None:
    filesystem, path = open_store(url)
    write_bytes(filesystem, path, content)
