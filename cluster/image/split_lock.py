"""Cut what uv locked in two: torch with its CUDA libraries, and the rest; ``python split_lock.py ALL REST TORCH``."""

import re
import sys
from pathlib import Path

ONLY_FOR_CUDA = re.compile(r"torch|triton|nvidia-\w+|cuda-\w+")


def main(source: str, rest: str, torch: str) -> None:
    """Write both files; an entry is a line with a version and the lines of its hashes."""
    entries = re.findall(r"^\S.*(?:\n[ ]+--hash.*)*\n", Path(source).read_text(encoding="utf-8"), flags=re.MULTILINE)
    is_torch = [bool(ONLY_FOR_CUDA.match(entry)) for entry in entries]
    for name, wanted in ((rest, False), (torch, True)):
        chosen = [entry for entry, is_of_torch in zip(entries, is_torch, strict=True) if is_of_torch == wanted]
        Path(name).write_text("".join(chosen), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
