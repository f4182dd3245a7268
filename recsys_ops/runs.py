"""Read the results of a run: its manifest says which parts belong to it, nothing is found by listing."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys_ops.errors import InputError
from recsys_ops.manifest import MANIFEST, check_fields, is_run_name, read_manifest, read_stored, standing_refusal
from recsys_ops.parts import READERS, parts_dataset, wrong_file, wrong_parts
from recsys_ops.storage import is_missing_file, open_store, shown_url, storage_errors
from recsys_ops.tables import parse_schema

if TYPE_CHECKING:
    import pyarrow.dataset as ds

COMMITTED = ("complete", "refused")
"""States of ``list_runs`` of a run that has its manifest."""
_LATEST = "latest"
"""Folder of the results with a file per job that names its last run."""
_RUN_FIELDS: dict[str, tuple[type, ...]] = {"run_id": (str,), "job": (str,), "started": (str,), "n_shards": (int,)}
"""Of ``_run.json``, and of what ``list_runs`` says."""


@dataclass(frozen=True)
class Run:
    """One complete run: its manifest and its tables."""

    url: str
    manifest: dict[str, Any]

    def __str__(self) -> str:
        """What it is, how its cases ended, and what can be read: three lines."""
        counts = ", ".join(f"{n:,} {status}" for status, n in sorted(self.manifest["counts"].items())) or "no cases"
        scope = ", for some only" if self.manifest.get("partial") else ""
        return (
            f"Run {self.run_id} of {self.manifest['job']}, committed {self.manifest['finished'][:16]}{scope}\n"
            f"{counts}\n"
            f"Tables: {', '.join(self.tables)} ({self.url})"
        )

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return str(self.manifest["run_id"])

    @property
    def tables(self) -> list[str]:
        """Names of the run's tables."""
        return list(self.manifest["tables"])

    @property
    def refused(self) -> list[str]:
        """The figures for which ``--fail-on drift`` keeps it from being the latest; none once it is accepted."""
        return standing_refusal(*open_store(self.url), self.manifest)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the manifest, which has the checksums of all parts: it says which results these are."""
        return hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()

    def table(self, name: str, *, checked: bool = True) -> "ds.Dataset":
        """The parts of one table as a dataset, in the order of its rows.

        Parameters
        ----------
        name : str
            One of ``tables``.
        checked : bool
            Compare each part that is read with its checksum, for which it is read as a whole. Without, only the
            requested columns are read, and a part that was edited goes unnoticed.

        Returns
        -------
        pyarrow.dataset.Dataset
            Read nothing yet; ``.to_table()`` or a scanner does, and raises InputError at a part that does not hold.
            Give DuckDB the ``.to_table()``: scanning a dataset itself, it hangs at such a part (seen in 2.0).

        Raises
        ------
        InputError
            The run has no such table.
        """
        if name not in self.manifest["tables"]:
            raise InputError(f"run {self.run_id}: no table {name} (found {', '.join(self.tables)}).")
        table = self.manifest["tables"][name]
        filesystem, root = open_store(self.url)
        schema = parse_schema(table["arrow_schema"]) if table["arrow_schema"] else None
        return parts_dataset(filesystem, root, table["parts"], self.manifest["format"], schema, checked=checked)

    @property
    def verified(self) -> str:
        """What verifying reads, in words: ``12 parts and 3 model files``."""
        n_parts = sum(len(table["parts"]) for table in self.manifest["tables"].values())
        models = self._models
        return f"{n_parts} parts" + (f" and {len(models)} model files" if models else "")

    @property
    def _models(self) -> list[dict[str, Any]]:
        """What the manifest lists of the fitted models; earlier versions stored none."""
        return list(self.manifest.get("models", {}).values())

    def wrong_files(self) -> list[str]:
        """Read every part and model; path of each that is missing or not as written, with what is wrong with it."""
        filesystem, root = open_store(self.url)
        tables = self.manifest["tables"].values()
        wrong = wrong_parts(filesystem, root, [part for table in tables for part in table["parts"]])
        models = [(model["path"], wrong_file(filesystem, f"{root}/{model['path']}", model)) for model in self._models]
        return wrong + [f"{path} {what}" for path, what in models if what]

    def verify(self) -> None:
        """Read every part and model and compare it with its checksum.

        Raises
        ------
        InputError
            Files are missing or not as written; the message names them.
        """
        wrong = self.wrong_files()
        if wrong:
            more = f"; {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise InputError(
                f"run {self.run_id}: {len(wrong)} of {self.verified} are missing or not as written "
                f"({'; '.join(wrong[:3])}{more}). Run the job again with another --run-id."
            )


def open_run(url: str, *, job: str | None = None, verify: bool = False) -> Run:
    """Open a run folder, or the latest whole run of a results folder.

    Parameters
    ----------
    url : str
        ``<out>/runs/<run_id>``, or ``<out>`` for its latest run that is not partial (see ``list_runs``); any
        fsspec URL.
    job : str, optional
        With ``<out>``: the job whose latest run is meant; by default the run committed last.
    verify : bool
        Compare every part and model with its checksum, which reads all of them.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        No complete run is there; it is of another job or a later version; its manifest lacks a field or names a file
        outside of the run; or with ``verify`` a file is not as written.
    StorageError
        The store refused; ConfigError if the URL holds credentials.
    """
    filesystem, root = open_store(url)
    manifest = read_manifest(filesystem, root)
    if manifest is not None:
        if job not in (None, manifest["job"]):
            raise InputError(f"run {manifest['run_id']}: is of job {manifest['job']}, not {job}.")
        run = Run(url.rstrip("/"), manifest)
    else:
        run = _latest_run(url.rstrip("/"), filesystem, root, job)
    if verify:
        run.verify()
    return run


def list_runs(url: str) -> list[dict[str, Any]]:
    """Runs under a results folder, complete or not, oldest first.

    Parameters
    ----------
    url : str
        ``<out>``, any fsspec URL.

    Returns
    -------
    list of dict
        ``run_id``, ``job``, ``partial``, ``started``, ``state``, ``shards_done``, ``n_shards``, ``n_cases``,
        ``message``. The state is "complete"; "refused" if it is complete and ``--fail-on drift`` keeps it from readers,
        with the figures as ``message``; "failed" if its driver gave up, with its ``message``; else "incomplete":
        under way or interrupted. A run is ``partial`` if it was made for some items, sellers or users only.

    Raises
    ------
    InputError
        A ``_run.json`` or manifest is not one.
    StorageError
        The store refused; ConfigError if the URL holds credentials.
    """
    filesystem, root = open_store(url)
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda folder: _summary(filesystem, folder), _list(filesystem, f"{root}/runs"))
        runs = [run for run in found if run is not None]
    return sorted(runs, key=lambda run: (run["started"], run["run_id"]))


def latest_runs(url: str) -> dict[str, str]:
    """Ids of the runs that ``open_run`` opens for a results folder, by job.

    Parameters
    ----------
    url : str
        ``<out>``, any fsspec URL.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        A file names no run.
    StorageError
        The store refused; ConfigError if the URL holds credentials.
    """
    filesystem, root = open_store(url)
    names = [path.rpartition("/")[2] for path in _list(filesystem, f"{root}/{_LATEST}")]
    return _named(filesystem, root, [name.removesuffix(".json") for name in names if name.endswith(".json")])


def latest_path(root: str, job: str) -> str:
    """Path of the file that names the last run of ``job``, in a store whose results are below ``root``."""
    return f"{root}/{_LATEST}/{job}.json"


def _named(filesystem: Any, root: str, jobs: list[str]) -> dict[str, str]:
    found = {}
    for job in jobs:
        path = latest_path(root, job)
        content = read_stored(filesystem, path)
        if content is None:
            continue
        run_id = content.get("run_id") if isinstance(content, dict) else None
        if not is_run_name(run_id):
            raise InputError(
                f"{shown_url(path)}: names no run ({run_id!r}). Remove the file: the next run of {job} writes it."
            )
        found[job] = str(run_id)
    return found


def _summary(filesystem: Any, folder: str) -> dict[str, Any] | None:
    """What ``list_runs`` says of one run; None where the folder holds none."""
    path = f"{folder}/_run.json"
    info = read_stored(filesystem, path)
    if info is None:
        return None
    check_fields(path, info, _RUN_FIELDS)
    if not is_run_name(info["run_id"]):
        raise InputError(f"{shown_url(path)}: {info['run_id']!r} is no name of a run. Restore the file.")
    summary = {key: info[key] for key in _RUN_FIELDS} | {"partial": bool(info.get("partial"))}
    manifest = read_stored(filesystem, f"{folder}/{MANIFEST}")
    if manifest is not None:
        check_fields(f"{folder}/{MANIFEST}", manifest, {"refused": (list,)} if "refused" in manifest else {})
        refused = "; ".join(standing_refusal(filesystem, folder, manifest))
        done = {"shards_done": info["n_shards"], "n_cases": manifest.get("n_cases"), "message": refused}
        return {**summary, "state": "refused" if refused else "complete", **done}
    failure = read_stored(filesystem, f"{folder}/_failed.json")
    if failure is not None:
        check_fields(f"{folder}/_failed.json", failure, {"message": (str,)})
    records = [path for path in _list(filesystem, f"{folder}/_shards") if path.endswith(".json")]
    return {
        **summary,
        "state": "incomplete" if failure is None else "failed",
        "shards_done": len(records),
        "n_cases": None,
        "message": "" if failure is None else failure["message"],
    }


def _latest_run(url: str, filesystem: Any, root: str, job: str | None) -> Run:
    wanted = latest_runs(url) if job is None else _named(filesystem, root, [job])
    found = {run_id: read_manifest(filesystem, f"{root}/runs/{run_id}") for run_id in wanted.values()}
    complete = [(manifest["finished"], run_id) for run_id, manifest in found.items() if manifest is not None]
    if not complete:
        what = "complete run" if job is None else f"complete run of {job}"
        jobs = ", ".join(latest_runs(url))
        hint = f"Jobs with one: {jobs}." if jobs else "Give the --out of a job, or a folder below its runs."
        raise InputError(
            f"{shown_url(url)}: no {what} here. {hint} A run for some items, sellers or users only is opened by its id."
        )
    run_id = max(complete)[1]
    return Run(f"{url}/runs/{run_id}", found[run_id] or {})


def _list(filesystem: Any, path: str) -> list[str]:
    with storage_errors(path, "listing"):
        try:
            return sorted(filesystem.ls(path, detail=False))
        except OSError as error:
            if not is_missing_file(error):
                raise
            return []
