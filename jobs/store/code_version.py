"""Which code this is: a working tree changes without a new version, and results may change with it."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jobs

PACKAGES = ("jobs", "recsys_ops")
"""The code of recsys-ops, all of which results may depend on."""


@cache
def this_code() -> dict[str, str]:
    """Version of recsys-ops (``unknown`` where it is not installed) and SHA-256 of the source that runs here."""
    try:
        installed = version("recsys-ops")
    except PackageNotFoundError:
        installed = "unknown"
    return {"version": installed, "sha256": source_fingerprint(Path(jobs.__file__).parents[1])}


def source_fingerprint(root: Path) -> str:
    """SHA-256 of the Python files of both packages, the same wherever they lie.

    Parameters
    ----------
    root : Path
        Folder with the packages.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    files = {path.relative_to(root).as_posix(): path for name in PACKAGES for path in (root / name).rglob("*.py")}
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def describe_code(code: dict[str, str] | None) -> str:
    """Code as a message names it; None is that of a run from before it was recorded."""
    if code is None:
        return "an earlier recsys-ops that did not record its source"
    return f"recsys-ops {code['version']} (source {code['sha256'][:12]})"
