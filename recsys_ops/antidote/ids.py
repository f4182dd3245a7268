"""Ids for artificial users that no real user has, so that they can be recognised and removed again."""

from dataclasses import dataclass
from itertools import count

import pyarrow as pa

from recsys_ops.arrow import Array
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import ConfigError

_PREFIX = "antidote-"
_DIGITS = 6


@dataclass(frozen=True)
class ArtificialIds:
    """Numbers above ``greatest`` where users have numbers, else strings with a ``prefix`` that no real user has."""

    type: pa.DataType
    greatest: int = 0
    prefix: str = ""

    def check_room(self, n: int) -> None:
        """Fail if there are no ids for n artificial users.

        Raises
        ------
        ConfigError
            The type of the ids has no such great numbers.
        """
        if self.prefix:
            return
        try:
            pa.scalar(self.greatest + n, self.type)
        except (pa.ArrowInvalid, OverflowError):
            raise ConfigError(
                f"user ids are {self.type} up to {self.greatest}: there is no room for {n} artificial users "
                "above. Store the ids as int64 or string."
            ) from None

    def take(self, first: int, n: int) -> Array:
        """The ids of n artificial users; ``first`` counts from 0, and so orders the users of all cases."""
        if self.prefix:
            return pa.array([f"{self.prefix}{number + 1:0{_DIGITS}d}" for number in range(first, first + n)], self.type)
        start = self.greatest + 1 + first
        return pa.array(range(start, start + n), self.type)

    @property
    def rule(self) -> str:
        """How to recognise them, in words."""
        return f"begins with '{self.prefix}'" if self.prefix else f"is above {self.greatest}"


def artificial_ids(user_ids: Array) -> ArtificialIds:
    """Ids that may be given to artificial users.

    Parameters
    ----------
    user_ids : pyarrow.Array
        All real users, integers or strings.

    Returns
    -------
    ArtificialIds
    """
    if pa.types.is_integer(user_ids.type):
        return ArtificialIds(user_ids.type, greatest=max(pc.max(user_ids).as_py() or 0, 0))
    for number in count(1):
        prefix = _PREFIX if number == 1 else f"{_PREFIX}{number}-"
        if not pc.any(pc.starts_with(user_ids, prefix)).as_py():
            break
    return ArtificialIds(user_ids.type, prefix=prefix)
