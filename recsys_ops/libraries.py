"""Libraries that only a part of this one needs, each imported when that part is used."""

from collections.abc import Iterator
from contextlib import contextmanager

from recsys_ops.errors import ConfigError


@contextmanager
def needed_for(what: str) -> Iterator[None]:
    """Imports within the block, for ``what``; raises ConfigError with what to install where a library is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        raise ConfigError(
            f"{what} needs the package {library}, which is not installed here. Install it: pip install {library}."
        ) from error
