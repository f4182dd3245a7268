"""All that is wrong with an input, so that it is said at once and not one problem per attempt."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches

from recsys_ops.errors import InputError


@dataclass
class Problems:
    """What was found so far."""

    found: list[str] = field(default_factory=list)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep what an InputError says, and go on after the block."""
        try:
            yield
        except InputError as error:
            self.found += error.problems

    def stop(self) -> None:
        """Raise one InputError with all that was found, if anything was."""
        if self.found:
            raise InputError(*dict.fromkeys(self.found))


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A question about the known name that is most like this one, with a space before; empty where none is like it."""
    by_lower = {each.casefold(): each for each in reversed(list(known))}
    close = get_close_matches(name.casefold(), list(by_lower), n=1)
    return f" Did you mean '{by_lower[close[0]]}'?" if close else ""
