"""Open a run: claim its id, or resume it after checking that it is the same run."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobs.runtime.shards import Shard
from jobs.store.code_version import describe_code, this_code
from jobs.store.conditional_writes import Protocol, create_bytes, find_protocol
from jobs.store.files import absolute, json_bytes, remove_file, write_bytes
from jobs.store.records import RunFolder, TableFormat, fingerprint_of
from recsys_ops.errors import ConfigError
from recsys_ops.storage import Encryption, read_json, storage_errors

FREE_SETTINGS = frozenset(
    {
        "out",
        "run_id",
        "resume",
        "workers",
        "address",
        "allowed_errors",
        "delta",
        "sse",
        "sse_kms_key",
        "log_format",
        "plan",
        "result",
        "on_success",
        "on_failure",
        "lineage",
        "report",
        "feedback_url",
        "deadline",
        "fail_on",
        "fresh_within",
    }
)
"""Settings that change nothing in the results: a resumed run may have others."""


_LONGEST_ID = 200


@dataclass(frozen=True)
class StartedRun:
    """A run that may be worked on, or is complete already."""

    job: str
    folder: RunFolder
    info: dict[str, Any]
    n_shards: int
    protocol: Protocol
    is_complete: bool = False
    is_resumed: bool = False
    with_delta: bool = False
    """Whether its tables are to be Delta tables as well."""
    writer: str = field(default_factory=lambda: uuid.uuid4().hex)


def start_run(
    out: str,
    run_id: str,
    *,
    job: str,
    configuration: Mapping[str, Any],
    inputs: Mapping[str, Any],
    shards: Sequence[Shard],
    format: TableFormat = "parquet",
    resume: bool = False,
    is_partial: bool = False,
) -> StartedRun:
    """Claim ``run_id`` with a create-only ``_run.json``, or with ``resume`` continue the run that has it.

    Parameters
    ----------
    out, run_id : str
        The run's folder is ``<out>/runs/<run_id>``.
    job : str
        Name of the job, as on the command line.
    configuration : mapping, JSON values
        All settings; those in ``FREE_SETTINGS`` are recorded but not compared. ``sse`` and ``sse_kms_key`` are those
        of every file the run writes, ``delta`` makes Delta tables of its tables.
    inputs : mapping, JSON values
        Fingerprint of everything that was read, by name: data, files and runs that settings name.
    shards : sequence of Shard
        The plan; its costs (measured, so they vary) are not compared, its cuts are.
    format : {"parquet", "arrow"}
        Of the parts.
    resume : bool
        Accept an existing run of the same job, configuration, inputs and shards, and of this code.
    is_partial : bool
        Only cases that the settings name are done: readers who ask for the latest run of the job do not mean this one.

    Returns
    -------
    StartedRun
        ``is_complete`` when a resumed run needs nothing any more.

    Raises
    ------
    ConfigError
        ``run_id`` is no folder name; the run exists and ``resume`` is False, or it differs (both values are given).
    StorageError
        The store refused.
    """
    check_name(run_id)
    info = _run_info(job, run_id, configuration, inputs, shards, format) | {"partial": is_partial}
    fingerprint = fingerprint_of(_compared(info))
    encryption = Encryption(configuration.get("sse"), configuration.get("sse_kms_key"))
    folder = RunFolder(absolute(out), run_id, format, fingerprint, encryption, job, is_partial)
    with_delta = bool(configuration.get("delta"))
    filesystem, root = folder.open()
    with storage_errors(f"{out}/{folder.relative}", "writing a probe file"):
        protocol = find_protocol(filesystem, root)
    try:
        create_bytes(filesystem, f"{root}/_run.json", json_bytes(info), protocol)
        return StartedRun(job, folder, info, len(shards), protocol, with_delta=with_delta)
    except FileExistsError:
        found = read_json(filesystem, f"{root}/_run.json")
    is_complete = check_run_id(out, run_id, resume=resume)
    _refuse_differences(run_id, found, info)
    if not is_complete:  # its time says that the run is under way, until the next shard is recorded
        write_bytes(filesystem, f"{root}/_run.json", json_bytes(found))
    return StartedRun(
        job, folder, found, len(shards), protocol, is_complete=is_complete, is_resumed=True, with_delta=with_delta
    )


def intended_run(
    out: str, run_id: str, *, job: str, configuration: Mapping[str, Any], inputs: Mapping[str, Any],
    shards: Sequence[Shard], format: TableFormat,
) -> RunFolder:  # fmt: skip
    """The folder of a run that is not started here, if it can be: what ``start_run`` refuses is refused.

    Raises
    ------
    As ``start_run``.
    """
    info = _run_info(job, run_id, configuration, inputs, shards, format)
    folder = RunFolder(absolute(out), run_id, format, fingerprint_of(_compared(info)), job=job)
    filesystem, root = folder.open()
    found = read_json(filesystem, f"{root}/_run.json")
    if found is not None:
        _refuse_differences(run_id, found, info)
    return folder


def note_failure(run: StartedRun, message: str) -> None:
    """Leave ``_failed.json`` in the run, for ``recsys-ops runs`` to tell a failed run from one under way."""
    filesystem, root = run.folder.open()
    content = {"failed": datetime.now(UTC).isoformat(), "message": message}
    write_bytes(filesystem, f"{root}/_failed.json", json_bytes(content))


def forget_failure(run: StartedRun) -> None:
    """Remove the note, if there is one: the run is taken up again."""
    filesystem, root = run.folder.open()
    note = f"{root}/_failed.json"
    with storage_errors(note, "reading"):
        is_noted = run.is_resumed and filesystem.exists(note)
    if is_noted:
        remove_file(filesystem, note)


def default_run_id(job: str, configuration: Mapping[str, Any]) -> str:
    """Date and a digest of the settings: the same command on the same day is the same run."""
    settings = {key: value for key, value in configuration.items() if key not in FREE_SETTINGS}
    return f"{datetime.now(UTC):%Y-%m-%d}-{job}-{fingerprint_of(settings)[:8]}"


def check_run_id(out: str, run_id: str, *, resume: bool) -> bool:
    """Whether the run is complete; called before any work, so that what is refused is not noticed after it.

    Raises
    ------
    ConfigError
        ``run_id`` is no folder name; the run exists and ``resume`` is False; or it is not complete and was begun by
        other code, whose shards would become one run with ours.
    """
    check_name(run_id)
    filesystem, root = RunFolder(out, run_id).open()
    is_complete = read_json(filesystem, f"{root}/_manifest.json") is not None
    begun = read_json(filesystem, f"{root}/_run.json")
    if begun is None:
        return is_complete
    if not resume:
        state = "complete" if is_complete else "incomplete"
        raise ConfigError(f"run {run_id} exists ({state}). Pass --resume, or another --run-id.")
    if not is_complete and begun.get("code") != this_code():
        raise ConfigError(
            f"run {run_id}: cannot be resumed, it was begun by {describe_code(begun.get('code'))}, and this is "
            f"{describe_code(this_code())}. Complete it with the code that began it, or use another --run-id."
        )
    return is_complete


def begun_settings(out: str, run_id: str) -> dict[str, Any] | None:
    """Settings that a run was begun with; None if there is no such run."""
    filesystem, root = RunFolder(out, run_id).open()
    info = read_json(filesystem, f"{root}/_run.json")
    return None if info is None else dict(info["configuration"])


def check_name(run_id: str) -> None:
    """Refuse a run id that is no folder name, or that a shell, a URL or Ray would read as something else.

    Stores take names of 255 bytes, of which the probes and parts of a run need some.

    Raises
    ------
    ConfigError
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id):
        raise ConfigError(f"--run-id {run_id!r} is not a folder name. Use letters, digits, '.', '_' and '-' only.")
    if len(run_id) > _LONGEST_ID:
        raise ConfigError(f"--run-id: {len(run_id)} characters are too many for a folder. Use {_LONGEST_ID} or fewer.")


def _run_info(
    job: str,
    run_id: str,
    configuration: Mapping[str, Any],
    inputs: Mapping[str, Any],
    shards: Sequence[Shard],
    format: TableFormat,
) -> dict[str, Any]:
    settings = {key: value for key, value in configuration.items() if key not in FREE_SETTINGS}
    cuts = [(shard.first_unit, shard.last_unit, shard.n_cases) for shard in shards]
    return {
        "job": job,
        "run_id": run_id,
        "started": datetime.now(UTC).isoformat(),
        "format": format,
        "n_shards": len(shards),
        "shard_plan_fingerprint": fingerprint_of(cuts),
        "configuration_fingerprint": fingerprint_of(settings),
        "configuration": dict(configuration),
        "inputs": dict(inputs),
        "code": this_code(),
    }


def _compared(info: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal for a resumed run, flat and by the name to show."""
    settings = {key: value for key, value in info["configuration"].items() if key not in FREE_SETTINGS}
    return {
        "job": info["job"],
        "--format": info["format"],
        **{f"--{key.replace('_', '-')}": value for key, value in settings.items()},
        **{f"input {key}": value for key, value in info["inputs"].items()},
        "number of shards": info["n_shards"],
        "shard plan": info["shard_plan_fingerprint"],
    }


def _refuse_differences(run_id: str, found: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    before, after = _plain(_compared(found)), _plain(_compared(now))
    # Other code may know other settings and inputs; here it is that of a complete run, where nothing is computed.
    known = {**before, **after} if found.get("code") == now["code"] else before.keys() & after.keys()
    names = [name for name in {**before, **after} if name in known and before.get(name) != after.get(name)]
    if not names:
        return
    differences = "; ".join(f"{name} was {before.get(name)}, now {after.get(name)}" for name in names[:3])
    raise ConfigError(
        f"run {run_id}: cannot be resumed, {len(names)} of its settings and inputs differ ({differences}). "
        "Repeat with those it was started with, or use another --run-id."
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they come back from JSON, so that a tuple equals its list."""
    return dict(json.loads(json.dumps(values, default=str)))
