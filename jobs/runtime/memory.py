"""What processes of this machine hold in memory; pages that several share count once."""

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Held:
    """Bytes of some processes: now, and each at its peak."""

    now: int
    peak: int


def held_by(pid: int | None = None) -> Held:
    """What a process holds, by default this one: shared pages in part, and at its peak what it has given back.

    Where the kernel does not say (other than Linux), the peak of this process with all that it shares.
    """
    folder = _PROC / str(pid or os.getpid())
    try:
        shares, whole = _kilobytes(folder / "smaps_rollup"), _kilobytes(folder / "status")
    except OSError:
        most = 0 if pid else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return Held(most, most)
    now = shares.get("Pss", 0)
    return Held(1024 * now, 1024 * (now + max(0, whole.get("VmHWM", 0) - whole.get("VmRSS", 0))))


def held_below() -> Held:
    """What the processes below this one hold together."""
    each = [held_by(pid) for pid in _below(os.getpid())]
    return Held(sum(one.now for one in each), sum(one.peak for one in each))


def forget_peak() -> None:
    """From now on the peak of this process is a new one, where the kernel can."""
    with suppress(OSError):
        (_PROC / "self/clear_refs").write_text("5")


def _below(top: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(after_name[1]), []).append(int(folder.name))
    found: list[int] = []
    waiting = [top]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _kilobytes(file: Path) -> dict[str, int]:
    """The numbers of a file of ``/proc`` whose lines are like ``Pss:  1234 kB``."""
    rows = (line.split() for line in file.read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}
