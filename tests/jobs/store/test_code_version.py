"""The fingerprint of the code: another one for any other source, the same wherever that lies."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import jobs
from jobs.store.code_version import source_fingerprint, this_code


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two small packages."""
    for name in ("jobs/__init__.py", "jobs/store/start.py", "recsys_ops/runs.py"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(f"# {name}\n")
    return tmp_path / "tree"


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited": lambda tree: (tree / "recsys_ops/runs.py").write_text("# recsys_ops/runs.py \n"),
    "renamed": lambda tree: (tree / "recsys_ops/runs.py").rename(tree / "recsys_ops/run.py"),
    "moved": lambda tree: (tree / "recsys_ops/runs.py").rename(tree / "jobs/runs.py"),
    "added": lambda tree: (tree / "recsys_ops/new.py").write_text(""),
    "removed": lambda tree: (tree / "recsys_ops/runs.py").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_edited_renamed_added_or_removed_is_other_code(tree: Path, change: str) -> None:
    before = source_fingerprint(tree)
    CHANGES[change](tree)
    assert source_fingerprint(tree) != before


def test_a_copy_elsewhere_with_what_python_leaves_beside_it_is_the_same_code(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "copy")
    (tmp_path / "copy/jobs/__pycache__").mkdir()
    (tmp_path / "copy/jobs/__pycache__/start.cpython-311.pyc").write_bytes(b"compiled")
    (tmp_path / "copy/tests").mkdir()
    (tmp_path / "copy/tests/test_it.py").write_text("")
    assert source_fingerprint(tmp_path / "copy") == source_fingerprint(tree)


def test_this_code_is_the_packages_that_run_here() -> None:
    assert this_code()["sha256"] == source_fingerprint(Path(jobs.__file__).parents[1])
