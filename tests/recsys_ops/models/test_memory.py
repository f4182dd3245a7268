"""Free memory as the machine and the container see it, read from files like the kernel's."""

from pathlib import Path

import psutil
import pytest

from recsys_ops.models.memory import available_bytes

GB = 10**9


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    """A machine with 8 GiB available."""
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: 16777216 kB\nMemFree: 1000 kB\nMemAvailable: {8 * 2**20} kB\n")
    return path


def limits(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text)
    return folder


def test_without_a_container_it_is_what_the_machine_has_available(meminfo: Path, tmp_path: Path) -> None:
    assert available_bytes(tmp_path / "none", meminfo) == 8 * 2**30


def test_an_unlimited_container_has_what_the_machine_has(meminfo: Path, tmp_path: Path) -> None:
    cgroup = limits(tmp_path / "cgroup", memory_dot_max="max\n", memory_dot_current=f"{GB}\n")
    assert available_bytes(cgroup, meminfo) == 8 * 2**30


def test_a_container_has_its_limit_less_what_it_uses_and_cannot_give_back(meminfo: Path, tmp_path: Path) -> None:
    cgroup = limits(
        tmp_path / "cgroup",
        memory_dot_max=f"{4 * GB}\n",
        memory_dot_current=f"{3 * GB}\n",
        memory_dot_stat=f"anon 5\ninactive_file {2 * GB}\nactive_file 7\n",
    )
    assert available_bytes(cgroup, meminfo) == 3 * GB


def test_a_container_over_its_limit_has_nothing(meminfo: Path, tmp_path: Path) -> None:
    cgroup = limits(tmp_path / "cgroup", memory_dot_max=f"{GB}", memory_dot_current=f"{2 * GB}")
    assert available_bytes(cgroup, meminfo) == 0


def test_limits_of_the_first_version_are_read_too(meminfo: Path, tmp_path: Path) -> None:
    limits(
        tmp_path / "cgroup" / "memory",
        **{
            "memory_dot_limit_in_bytes": f"{2 * GB}",
            "memory_dot_usage_in_bytes": f"{GB}",
            "memory_dot_stat": f"inactive_file 1\ntotal_inactive_file {GB // 2}\n",
        },
    )
    assert available_bytes(tmp_path / "cgroup", meminfo) == 3 * GB // 2


def test_a_system_without_meminfo_has_half_of_its_memory(tmp_path: Path) -> None:
    half = available_bytes(tmp_path / "none", tmp_path / "no-meminfo")
    assert half == pytest.approx(psutil.virtual_memory().total / 2, rel=0.01)


def test_this_machine_has_some_memory_and_no_more_than_it_has() -> None:
    assert 0 < available_bytes() <= psutil.virtual_memory().total
