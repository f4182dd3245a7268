"""``--items``, ``--sellers``, ``--users``: ids as people type them, found in the data."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.arrow import Column
from recsys_ops.errors import ConfigError


def select(option: str, text: str, column: Column) -> NDArray[np.bool_]:
    """Which rows have one of the ids named.

    Parameters
    ----------
    option : str
        Name of the option, for messages.
    text : str
        Ids separated by commas; or one id that holds commas itself.
    column : pyarrow.Array or ChunkedArray, length n

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ConfigError
        An id that is not there.
    """
    ids = np.array([str(value) for value in column.to_pylist()])
    known = set(ids.tolist())
    whole = _as_known(text, known)
    wanted = [whole] if whole in known else [_as_known(part, known) for part in text.split(",") if part.strip()]
    several = f"{option.removesuffix('s')}s"
    unknown = sorted(set(wanted) - known)
    if not wanted:
        raise ConfigError(
            f"--{option} names nothing. The {several} look like {', '.join(ids[:3])}; leave it out for all."
        )
    if unknown:
        raise ConfigError(
            f"--{option}: {len(unknown)} ids are not in the data (first: {', '.join(unknown[:3])}). "
            f"The {several} there look like {', '.join(ids[:3])}."
        )
    chosen: NDArray[np.bool_] = np.isin(ids, wanted)
    return chosen


def _as_known(text: str, known: set[str]) -> str:
    """An id as it is in the data: as typed, else without the spaces around it."""
    return text if text in known else text.strip()
