"""The models of a run on their way into the store: whole or not at all, never over those of a rival, and verified."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.runtime.worker import compute_shard
from jobs.store import models
from jobs.store.commit import commit_run
from jobs.store.models import read_models, write_models
from jobs.store.records import ShardOutput
from recsys_ops.errors import InputError
from recsys_ops.runs import Run, open_run
from recsys_ops.storage import open_store
from tests.suites.cli import CommandLine
from tests.suites.scripted_s3 import BUCKET, scripted_s3

WEIGHTS = np.arange(2_000_000, dtype=np.float64)
"""16 MB, of which S3 could be given some."""


@pytest.fixture(params=["local", "s3"])
def out(request: pytest.FixtureRequest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "s3":
        with scripted_s3(monkeypatch):
            yield f"s3://{BUCKET}/out"
    else:
        yield str(tmp_path / "out")


@pytest.fixture
def commit(start: Any, out: str) -> Callable[[], Run]:
    """Commits a run with two models."""

    def commit() -> Run:
        run, shards = start(out=out, n_shards=2)

        def work(shared: None, shard: Any, isolated: Any) -> ShardOutput:
            return ShardOutput({"t": pa.table({"shard": [shard.number]})}, {"optimal": 1}, 1)

        records = [compute_shard(work, None, shard, {}, run.folder) for shard in shards]
        commit_run(run, records, models={"sizes": np.array([1, 2]), "weights": WEIGHTS})
        return open_run(out)

    return commit


def models_of(run: Run) -> tuple[Any, dict[str, str]]:
    """File system, and path of each model's file."""
    filesystem, root = open_store(run.url)
    return filesystem, {name: f"{root}/{entry['path']}" for name, entry in run.manifest["models"].items()}


def breaks_off(patched: pytest.MonkeyPatch) -> None:
    """A driver that fails in the middle of every file, after the checksum was taken."""
    whole, seen = models._chunks, []

    def broken(array: Any) -> Iterator[bytes]:
        seen.append(array)
        chunks = whole(array)
        if len(seen) % 2:
            yield from chunks
        else:
            yield next(chunks)
            yield next(chunks)[: 6 * 2**20]
            raise MemoryError

    patched.setattr(models, "_chunks", broken)


def test_a_write_that_breaks_off_leaves_no_model_and_the_next_writes_all_of_it(
    start: Any, commit: Callable[[], Run], out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = start(out=out, run_id="other")
    filesystem, root = run.folder.open()
    with monkeypatch.context() as patched:
        breaks_off(patched)
        with pytest.raises(MemoryError):
            write_models(run.folder, {"weights": WEIGHTS})
    assert filesystem.find(f"{root}/models") == []
    if out.startswith("s3"):
        assert "Uploads" not in filesystem.call_s3("list_multipart_uploads", Bucket=BUCKET)
    write_models(run.folder, {"weights": WEIGHTS})
    assert len(filesystem.find(f"{root}/models")) == 1
    np.testing.assert_array_equal(read_models(commit())["weights"], WEIGHTS)


def test_a_rival_that_lost_the_commit_leaves_the_models_of_the_run_as_they_are(
    start: Any, commit: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commit()
    rival, _ = start(out=run.url.rpartition("/runs/")[0], n_shards=2, resume=True)
    breaks_off(monkeypatch)
    write_models(rival.folder, {"weights": WEIGHTS})
    run.verify()
    np.testing.assert_array_equal(read_models(run)["weights"], WEIGHTS)


def test_a_model_that_was_cut_is_written_again(start: Any, commit: Callable[[], Run]) -> None:
    run = commit()
    filesystem, paths = models_of(run)
    filesystem.pipe_file(paths["weights"], b"cut")
    again, _ = start(out=run.url.rpartition("/runs/")[0], n_shards=2, resume=True)
    write_models(again.folder, {"weights": WEIGHTS})
    run.verify()


DAMAGES: dict[str, Callable[[Any, str], None]] = {
    "has 3 bytes, not 16000128": lambda filesystem, path: filesystem.pipe_file(path, b"cut"),
    "has other content than was written": lambda filesystem, path: filesystem.pipe_file(
        path, filesystem.cat_file(path)[:-1] + b"?"
    ),
    "is missing": lambda filesystem, path: filesystem.rm_file(path),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_a_model_is_found_by_verifying(
    commit: Callable[[], Run], command_line: CommandLine, damage: str
) -> None:
    run = commit()
    out = run.url.rpartition("/runs/")[0]
    assert command_line("runs", "--out", out, "--verify").stdout == "r1: all 3 parts and 2 model files hold\n"
    filesystem, paths = models_of(run)
    DAMAGES[damage](filesystem, paths["weights"])
    listed = run.manifest["models"]["weights"]["path"]
    message = rf"run r1: 1 of 3 parts and 2 model files are missing or not as written \({listed} {damage}\)"
    with pytest.raises(InputError, match=message):
        run.verify()
    done = command_line("runs", "--out", out, "--verify")
    assert (done.code, done.stdout) == (3, f"r1: 1 of 3 parts and 2 model files do not hold\n  {listed} {damage}\n")
