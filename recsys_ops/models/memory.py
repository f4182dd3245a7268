"""How much memory this process may still take, as the kernel and the container's limits say."""

import os
from pathlib import Path

_LIMITS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
"""Limit, usage, and the part of it that the kernel gives back on demand: cgroup version 2, then 1."""


def available_bytes(cgroup: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> int:
    """Memory that can be taken without swapping and without being killed.

    Parameters
    ----------
    cgroup, meminfo : Path
        Where the container's limit and the machine's free memory are read; without them, half of the memory that
        the machine has is taken to be free.

    Returns
    -------
    int
        Bytes.
    """
    amounts = [_machine_bytes(meminfo)]
    for limit_file, usage_file, reclaimable in _LIMITS:
        limit = _number(cgroup / limit_file)
        if limit is not None:
            used = (_number(cgroup / usage_file) or 0) - _field(cgroup / limit_file, reclaimable)
            amounts.append(max(limit - max(used, 0), 0))
    return min(amounts)


def _machine_bytes(meminfo: Path) -> int:
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _number(path: Path) -> int | None:
    """None where there is no such file, or no limit in it."""
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdecimal() else None


def _field(limit_file: Path, name: str) -> int:
    path = limit_file.with_name("memory.stat")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)
