"""Why an item is in the list, or why it is not, in the words of its user: templates by language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

_MOST_TITLES = 4

SpokenLanguage = Literal["en", "de"]


@dataclass(frozen=True)
class Language:
    """Templates; ``did`` and ``done`` by the word in the data where it is another, ``without`` and ``star`` of one and
    of several."""

    did: Mapping[str, str]
    done: Mapping[str, str]
    without: tuple[str, str]
    why: str
    why_by_stars: str
    outcome: str
    same: str
    star: tuple[str, str]
    less: str
    more: str
    conjunction: str
    decimal: str
    not_listed: str
    added: str
    never: str
    too_many: str
    unknown: str
    listed: str


_GERMAN_VERBS = {
    "rated": "bewertet", "chose": "gewählt", "bought": "gekauft", "viewed": "angesehen", "visited": "besucht",
    "watched": "gesehen", "read": "gelesen", "listened to": "gehört",
}  # fmt: skip
"""Participles, all of them with "haben"."""

LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        did={},
        done={"chose": "chosen"},
        without=("without it, ", "without them, "),
        why="You were recommended {title} because you {verb} {because}; {without}{outcome}.",
        why_by_stars="You were recommended {title} because of your ratings: with {because} {outcome}.",
        outcome="it would be at rank {after} instead of {before}",
        same="its score would be below that of today's number {k} (rank {after} all the same)",
        star=("star", "stars"), less="{stars} {unit} less for {title}", more="{n} more", conjunction="and", decimal=".",
        not_listed="{title} is not in your list: it is at rank {before}, and the list has {k}.",
        added="Had you also {verb} {because}, it would be at rank {after}.",
        never="No choice out of the {n} items that speak most for it would bring it in.",
        too_many="No choice of {most} or fewer out of the {n} items that speak most for it would bring it in.",
        unknown="What would bring it in could not be found out in the time there was.",
        listed="{title} is in your list, at rank {before}.",
    ),
    "de": Language(
        did=_GERMAN_VERBS,
        done=_GERMAN_VERBS,
        without=("ohne das ", "ohne das "),
        why="Ihnen wurde {title} empfohlen, weil Sie {because} {verb} haben; {without}{outcome}.",
        why_by_stars="Ihnen wurde {title} wegen Ihrer Bewertungen empfohlen: mit {because} {outcome}.",
        outcome="stünde es auf Platz {after} statt auf Platz {before}",
        same="hätte es weniger Punkte als heute Platz {k} (und bliebe auf Platz {after})",
        star=("Stern", "Sternen"), less="{stars} {unit} weniger für {title}", more="{n} weitere", conjunction="und",
        decimal=",",
        not_listed="{title} steht nicht in Ihrer Liste: es ist auf Platz {before}, und die Liste hat {k}.",
        added="Hätten Sie auch {because} {verb}, stünde es auf Platz {after}.",
        never="Keine Auswahl aus den {n} Artikeln, die am meisten für es sprechen, brächte es hinein.",
        too_many="Keine {most} oder weniger der {n} Artikel, die am meisten für es sprechen, brächten es hinein.",
        unknown="Was es hineinbrächte, ließ sich in der Zeit nicht herausfinden.",
        listed="{title} steht in Ihrer Liste, auf Platz {before}.",
    ),
}  # fmt: skip
"""By the names that ``--language`` takes."""


def explanation_sentence(
    title: str,
    because: Sequence[str],
    ranks: tuple[int, int],
    k: int,
    *,
    verb: str = "rated",
    language: SpokenLanguage = "en",
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
        What the user did with them, as the data have it.
    language : "en" or "de"

    Returns
    -------
    str
        One sentence.
    """
    say = LANGUAGES[language]
    return say.why.format(
        title=title, verb=say.did.get(verb, verb), because=_listed(because, say), without=say.without[len(because) > 1],
        outcome=_outcome(ranks, k, say),
    )  # fmt: skip


def lowered_sentence(
    title: str,
    stars: Sequence[tuple[str, float]],
    ranks: tuple[int, int],
    k: int,
    *,
    language: SpokenLanguage = "en",
) -> str:
    """The same where ratings are lowered: by how many ``stars`` each; parameters as ``explanation_sentence``."""
    say = LANGUAGES[language]
    parts = [
        say.less.format(stars=f"{less:g}".replace(".", say.decimal), unit=say.star[less != 1], title=each)
        for each, less in stars
    ]
    return say.why_by_stars.format(title=title, because=_listed(parts, say), outcome=_outcome(ranks, k, say))


def why_not_sentences(
    title: str,
    added: Sequence[str] | None,
    ranks: tuple[int, int | None],
    k: int,
    *,
    n_given: int | None = None,
    most: int | None = None,
    verb: str = "rated",
    language: SpokenLanguage = "en",
) -> str:
    """Say why an item is not in the list, and what would bring it in.

    Parameters
    ----------
    title, k, verb, language
        As in ``explanation_sentence``.
    added : sequence of str or None
        Titles of what would have to be added; None where there is no answer, empty where the item is in the list.
    ranks : (int, int or None)
        Rank of the item before and after.
    n_given : int, optional
        Items that may be added, where it is proven that nothing out of them does.
    most : int, optional
        Where that is proven of so many additions or fewer only.

    Returns
    -------
    str
        Two sentences, or one where the item is in the list.
    """
    say, (before, after) = LANGUAGES[language], ranks
    if added is not None and not added:
        return say.listed.format(title=title, before=before)
    never = say.never if most is None else say.too_many
    then = say.unknown if n_given is None else never.format(n=n_given, most=most)
    if added:
        then = say.added.format(verb=say.done.get(verb, verb), because=_listed(added, say), after=after)
    return f"{say.not_listed.format(title=title, before=before, k=k)} {then}"


def _outcome(ranks: tuple[int, int], k: int, say: Language) -> str:
    before, after = ranks
    return (say.same if after <= k else say.outcome).format(before=before, after=after, k=k)


def _listed(parts: Sequence[str], say: Language) -> str:
    hidden = len(parts) - _MOST_TITLES
    shown = [*parts[:_MOST_TITLES], *([say.more.format(n=hidden)] if hidden > 0 else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {say.conjunction} {shown[-1]}"
