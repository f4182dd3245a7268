"""Read the results of a run: its manifest says which parts belong to it, nothing is found by listing."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow.dataset as ds

from recsys_ops.errors import InputError


@dataclass(frozen=True)
class Run:
    """One complete run: its manifest and its tables."""

    url: str
    manifest: dict[str, Any]

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return str(self.manifest["run_id"])

    @property
    def tables(self) -> list[str]:
        """Names of the run's tables."""
        return list(self.manifest["tables"])

    def table(self, name: str) -> ds.Dataset:
        """The parts of one table as a dataset, in the order of the shards.

        Parameters
        ----------
        name : str
            One of ``tables``.

        Returns
        -------
        pyarrow.dataset.Dataset
            Read nothing yet; ``.to_table()`` or a scanner does.

        Raises
        ------
        InputError
            The run has no such table.
        """
        if name not in self.manifest["tables"]:
            raise InputError(f"run {self.run_id}: no table {name} (found {', '.join(self.tables)}).")
        filesystem, root = fsspec.core.url_to_fs(self.url)
        paths = [f"{root}/{part['path']}" for part in self.manifest["tables"][name]["parts"]]
        return ds.dataset(paths, format=self.manifest["format"], filesystem=filesystem)

    def verify(self) -> None:
        """Read every part and compare it with its checksum.

        Raises
        ------
        InputError
            Parts are missing or not as written; the message names them.
        """
        filesystem, root = fsspec.core.url_to_fs(self.url)
        parts = [part for table in self.manifest["tables"].values() for part in table["parts"]]
        wrong = [part["path"] for part in parts if not _holds(filesystem, f"{root}/{part['path']}", part["sha256"])]
        if wrong:
            raise InputError(
                f"run {self.run_id}: {len(wrong)} of {len(parts)} parts are missing or not as written "
                f"(first: {', '.join(wrong[:3])}). Run the job again with another --run-id."
            )


def open_run(url: str, *, job: str | None = None, verify: bool = False) -> Run:
    """Open a run folder, or the latest run of a results folder.

    Parameters
    ----------
    url : str
        ``<out>/runs/<run_id>``, or ``<out>`` for its latest run. Any fsspec URL.
    job : str, optional
        With ``<out>``: the job whose latest run is meant; by default the run finished last.
    verify : bool
        Compare every part with its checksum, which reads all of them.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        No complete run is there, it is of another job, or with ``verify`` a part is not as written.
    """
    filesystem, root = fsspec.core.url_to_fs(url)
    root = str(root).rstrip("/")
    manifest = _read_json(filesystem, f"{root}/_manifest.json")
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
        ``run_id``, ``job``, ``started``, ``state`` ("complete" or "incomplete"), ``shards_done``, ``n_shards``.
    """
    filesystem, root = fsspec.core.url_to_fs(url)
    root = str(root).rstrip("/")
    runs = []
    for folder in _list(filesystem, f"{root}/runs"):
        info = _read_json(filesystem, f"{folder}/_run.json")
        if info is not None:
            is_complete = filesystem.exists(f"{folder}/_manifest.json")
            shards_done = [path for path in _list(filesystem, f"{folder}/_shards") if path.endswith(".json")]
            runs.append(
                {
                    **{key: info[key] for key in ("run_id", "job", "started", "n_shards")},
                    "state": "complete" if is_complete else "incomplete",
                    "shards_done": len(shards_done),
                }
            )
    return sorted(runs, key=lambda run: (run["started"], run["run_id"]))


def _latest_run(url: str, filesystem: Any, root: str, job: str | None) -> Run:
    latest = _read_json(filesystem, f"{root}/latest.json") or {}
    wanted = latest if job is None else {name: run_id for name, run_id in latest.items() if name == job}
    found = {run_id: _read_json(filesystem, f"{root}/runs/{run_id}/_manifest.json") for run_id in wanted.values()}
    complete = [(manifest["finished"], run_id) for run_id, manifest in found.items() if manifest is not None]
    if not complete:
        what = "complete run" if job is None else f"complete run of {job}"
        hint = (
            f"Jobs with one: {', '.join(latest)}." if latest else "Give the --out of a job, or a folder below its runs."
        )
        raise InputError(f"{url}: no {what} here. {hint}")
    run_id = max(complete)[1]
    return Run(f"{url}/runs/{run_id}", found[run_id])


def _read_json(filesystem: Any, path: str) -> Any:
    try:
        return json.loads(filesystem.cat_file(path))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _list(filesystem: Any, path: str) -> list[str]:
    try:
        return sorted(filesystem.ls(path, detail=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _holds(filesystem: Any, path: str, sha256: str) -> bool:
    try:
        return hashlib.sha256(filesystem.cat_file(path)).hexdigest() == sha256
    except FileNotFoundError:
        return False
