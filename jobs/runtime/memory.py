"""What processes of this machine hold in memory; pages that several share count once."""

import os
import resource
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def peak_bytes(pid: int | None = None) -> int:
    """Peak of a process, by default this one: what it holds now, shared pages in part, and what it has given back.

    Where the kernel does not tell (other than Linux), the peak of this process with all that it shares.
    """
    folder = _PROC / str(pid or os.getpid())
    try:
        shares = _kilobytes(folder / "smaps_rollup")
        whole = _kilobytes(folder / "status")
    except OSError:
        return 0 if pid else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return 1024 * (shares.get("Pss", 0) + max(0, whole.get("VmHWM", 0) - whole.get("VmRSS", 0)))


def family_bytes() -> int:
    """Peaks of this process and of all below it, added up."""
    return sum(peak_bytes(pid) for pid in _family(os.getpid())) or peak_bytes()


def _family(top: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(after_name[1]), []).append(int(folder.name))
    found, waiting = [], [top]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def _kilobytes(file: Path) -> dict[str, int]:
    """The numbers of a file of ``/proc`` whose lines are like ``Pss:  1234 kB``."""
    rows = (line.split() for line in file.read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}
