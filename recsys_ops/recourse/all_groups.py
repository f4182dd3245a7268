"""One recourse for several target groups at once: their union as one group, whose users count as often as is wanted.

An item has one description. The union is a target group like any other, so search, proofs and verification are those of
``solve.py``; a user who counts several times stands in it several times.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError

ALL_GROUPS = "all groups"
"""Label of the union."""

MOST_TIMES = 9
"""How often a user may count at most: each time takes as much memory as a user."""

_SHOWN = 5


@dataclass(frozen=True)
class Parts:
    """The groups that a union is made of: their ``labels``, and the position of each user's, ``part (n_users,)``."""

    labels: tuple[str, ...]
    part: NDArray[np.int64]

    def of_users(self, users: NDArray[np.int64]) -> "Parts":
        """The same for some of the users, in this order."""
        return Parts(self.labels, self.part[users])


@dataclass(frozen=True)
class PartSuccess:
    """What one of the groups sees of an item; shares are None where nobody in it may be shown the item."""

    label: str
    n_targets: int
    before: float | None
    after: float | None


def read_weights(text: str | None, labels: Sequence[str]) -> NDArray[np.int64]:
    """How often a user of each group counts.

    Parameters
    ----------
    text : str or None
        ``LABEL=N,LABEL=N``; once where nothing is said.
    labels : sequence of str
        Of the groups.

    Returns
    -------
    ndarray of int, shape (n_labels,)
        From 0, which leaves a group out, to MOST_TIMES.

    Raises
    ------
    ConfigError
        A label that there is not or that is there twice, another number, or no group that counts.
    """
    weights = np.ones(len(labels), dtype=np.int64)
    seen: set[str] = set()
    rest = text or ""
    named = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))  # labels may have commas
    while rest:
        found = re.match(rf"\s*({named})\s*=\s*([^,]*)(,|$)", rest)
        if found is None or found[1] in seen:
            problem = "no such group" if found is None else "named twice"
            raise ConfigError(
                f"--group-weights: '{rest.split('=')[0].strip()}': {problem}. Give LABEL=N,LABEL=N with these labels: "
                f"{', '.join(labels[:_SHOWN])}{', ...' if len(labels) > _SHOWN else ''}."
            )
        times = found[2].strip()
        if not times.isdecimal() or int(times) > MOST_TIMES:
            raise ConfigError(
                f"--group-weights: {found[1]}={times}: expected how often a user of it counts, 0 to {MOST_TIMES}."
            )
        weights[list(labels).index(found[1])] = int(times)
        seen.add(found[1])
        rest = rest[found.end() :]
    if not weights.any():
        raise ConfigError("--group-weights: no group counts. Give one of them 1 or more.")
    return weights


def success_by_part(
    parts: Parts, targets: NDArray[np.bool_], before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> list[PartSuccess]:
    """Success in each of the groups, from who may be shown an item and who sees it, ``(n_users,)`` each."""
    found = []
    for number, label in enumerate(parts.labels):
        if not np.any(parts.part == number):  # its users do not count
            continue
        members = targets & (parts.part == number)
        n_targets = int(members.sum())
        shares = [float(seen[members].mean()) if n_targets else None for seen in (before, after)]
        found.append(PartSuccess(label, n_targets, *shares))
    return found
