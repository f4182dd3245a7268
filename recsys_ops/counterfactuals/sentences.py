"""An explanation in the words of its user."""

from collections.abc import Sequence

_MOST_TITLES = 4


def explanation_sentence(
    title: str, because: Sequence[str], ranks: tuple[int, int], k: int, *, verb: str = "rated"
) -> str:
    """Say what a recommendation hangs on.

    Parameters
    ----------
    title : str
        Of the recommended item.
    because : sequence of str
        Titles of what is removed, at least one; four are named.
    ranks : (int, int)
        Rank of the item before and after.
    k : int
        Length of the list.
    verb : str
        What the user did with them, such as "rated".

    Returns
    -------
    str
        One sentence.
    """
    without = "it" if len(because) == 1 else "them"
    why = f"because you {verb} {_listed(because)}"
    return f"You were recommended {title} {why}; without {without}, {_outcome(ranks, k)}."


def lowered_sentence(title: str, stars: Sequence[tuple[str, float]], ranks: tuple[int, int], k: int) -> str:
    """The same where ratings are lowered: by how many ``stars`` each; parameters as ``explanation_sentence``."""
    parts = [f"{less:g} {'star' if less == 1 else 'stars'} less for {each}" for each, less in stars]
    return f"You were recommended {title} because of your ratings: with {_listed(parts)} {_outcome(ranks, k)}."


def _outcome(ranks: tuple[int, int], k: int) -> str:
    before, after = ranks
    if after <= k:
        return f"its score would be below that of today's number {k} (rank {after} all the same)"
    return f"it would be at rank {after} instead of {before}"


def _listed(parts: Sequence[str]) -> str:
    shown = [*parts[:_MOST_TITLES], *([f"{len(parts) - _MOST_TITLES} more"] if len(parts) > _MOST_TITLES else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
