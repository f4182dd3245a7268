"""What to do, in a sentence that a provider reads: one template for each kind of change and language.

A template is filled with what the provider wrote: words, tags and values in their spelling, numbers in the unit that
the rule names. Another language is another entry of ``LANGUAGES``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ONCE, _NEVER = re.compile(r"'(.*)' x 1"), re.compile(r"'(.*)' x 0")
"""What a change calls a word that occurs once, or not at all."""


@dataclass(frozen=True)
class Language:
    """Templates of one language by kind of change, how it counts, and its decimal sign.

    ``changes`` are filled with ``feature`` (the provider's name of it), ``before``, ``after`` and, for words and tags,
    ``value``; ``several`` of a kind with ``values``, each ``quoted``; ``advice`` with ``title``, ``group``, ``todo``
    and the shares ``before`` and ``after``, ``advice_of_rank`` with mean ranks in their place, ``advice_for_all`` with
    what each group sees then (``groups``) and without ``group``, which is called ``all_groups`` elsewhere; ``together``
    with the share ``kept``; ``advice_changes`` by kind with ``title``, ``group``, what to do ``before`` and ``after``,
    and the shares ``share_before`` and ``share_after``, ``advice_changes_of_rank`` with mean ranks ``rank_before`` and
    ``rank_after``; ``totals`` with numbers of cases by kind.
    """

    changes: Mapping[str, str]
    several: Mapping[str, str]
    quoted: str
    conjunction: str
    times: Callable[[str], str]
    decimal: str
    advice: str
    advice_of_rank: str
    advice_for_all: str
    all_groups: str
    together: str
    advice_changes: Mapping[str, str]
    advice_changes_of_rank: Mapping[str, str]
    totals: str


def _times(few: Mapping[str, str], many: str) -> Callable[[str], str]:
    return lambda count: few.get(count, many.format(count))


LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        changes={
            "word added": "add the word '{value}'",
            "word added several times": "use the word '{value}' {after}",
            "word repeated": "use the word '{value}' {after} instead of {before}",
            "word removed": "remove the word '{value}'",
            "tag added": "add the {feature} '{value}'",
            "tag removed": "remove the {feature} '{value}'",
            "number raised": "raise the {feature} from {before} to {after}",
            "number lowered": "lower the {feature} from {before} to {after}",
            "number set": "set the {feature} to {after}",
            "value changed": "change the {feature} from '{before}' to '{after}'",
            "value set": "set the {feature} to '{after}'",
        },
        several={
            "word added": "add the words {values}",
            "word removed": "remove the words {values}",
            "tag added": "add the {feature} {values}",
            "tag removed": "remove the {feature} {values}",
        },
        quoted="'{}'",
        conjunction="and",
        times=_times({"1": "once", "2": "twice"}, "{} times"),
        decimal=".",
        advice="{title} for {group}: {todo}. Seen by {before} of the group, then by {after}.",
        advice_of_rank="{title} for {group}: {todo}. On average in place {before} of a user's list, then in place "
        "{after}.",
        advice_for_all="{title}: {todo}. Seen by {before} of the users, then by {after} ({groups}).",
        all_groups="all groups",
        together="By {kept} if one provider in twenty acts as well.",
        advice_changes={
            "new": "New: {title} for {group}: {after}. Seen by {share_before} of them, then by {share_after}.",
            "changed": "Changed: {title} for {group}: {after}. Seen by {share_before} of them, then by {share_after}. "
            "It was: {before}.",
            "withdrawn": "Withdrawn: {title} for {group}. It was: {before}.",
            "worth": "Unchanged: {title} for {group}: {after}. It now reaches {share_after} of them, and reached "
            "{share_before}.",
        },
        advice_changes_of_rank={
            "new": "New: {title} for {group}: {after}. Its mean rank falls from {rank_before} to {rank_after}.",
            "changed": "Changed: {title} for {group}: {after}. Its mean rank falls from {rank_before} to {rank_after}. "
            "It was: {before}.",
            "withdrawn": "Withdrawn: {title} for {group}. It was: {before}.",
            "worth": "Unchanged: {title} for {group}: {after}. It now brings its mean rank to {rank_after}, and "
            "brought it to {rank_before}.",
        },
        totals="Advice for {all} pairs of item and group: {new} new, {changed} changed, {withdrawn} withdrawn; "
        "{standing} stand, {worth} of them bring clearly more or less.",
    ),
    "de": Language(
        changes={
            "word added": "das Wort „{value}“ ergänzen",
            "word added several times": "das Wort „{value}“ {after} verwenden",
            "word repeated": "das Wort „{value}“ {after} statt {before} verwenden",
            "word removed": "das Wort „{value}“ streichen",
            "tag added": "{feature} „{value}“ ergänzen",
            "tag removed": "{feature} „{value}“ streichen",
            "number raised": "{feature} von {before} auf {after} erhöhen",
            "number lowered": "{feature} von {before} auf {after} senken",
            "number set": "{feature} auf {after} setzen",
            "value changed": "{feature} „{after}“ statt „{before}“ angeben",
            "value set": "{feature} „{after}“ angeben",
        },
        several={
            "word added": "die Wörter {values} ergänzen",
            "word removed": "die Wörter {values} streichen",
            "tag added": "{feature} {values} ergänzen",
            "tag removed": "{feature} {values} streichen",
        },
        quoted="„{}“",
        conjunction="und",
        times=_times({"1": "einmal", "2": "zweimal"}, "{}-mal"),
        decimal=",",
        advice="{title} für {group}: {todo}. Bisher sehen es {before} der Gruppe, danach {after}.",
        advice_of_rank="{title} für {group}: {todo}. In den Listen bisher im Mittel auf Platz {before}, danach auf "
        "Platz {after}.",
        advice_for_all="{title}: {todo}. Bisher sehen es {before} der Nutzer, danach {after} ({groups}).",
        all_groups="alle Gruppen",
        together="{kept}, wenn auch einer von zwanzig anderen Anbietern handelt.",
        advice_changes={
            "new": "Neu: {title} für {group}: {after}. Bisher sehen es {share_before} von ihnen, danach {share_after}.",
            "changed": "Geändert: {title} für {group}: {after}. Bisher sehen es {share_before} von ihnen, danach "
            "{share_after}. Vorher hieß es: {before}.",
            "withdrawn": "Zurückgezogen: {title} für {group}. Es hieß: {before}.",
            "worth": "Unverändert: {title} für {group}: {after}. Damit sehen es nun {share_after} von ihnen, zuvor "
            "{share_before}.",
        },
        advice_changes_of_rank={
            "new": "Neu: {title} für {group}: {after}. Der mittlere Platz sinkt von {rank_before} auf {rank_after}.",
            "changed": "Geändert: {title} für {group}: {after}. Der mittlere Platz sinkt von {rank_before} auf "
            "{rank_after}. Vorher hieß es: {before}.",
            "withdrawn": "Zurückgezogen: {title} für {group}. Es hieß: {before}.",
            "worth": "Unverändert: {title} für {group}: {after}. Der mittlere Platz ist danach {rank_after}, nach dem "
            "früheren Lauf war er {rank_before}.",
        },
        totals="Ratschläge für {all} Paare aus Artikel und Gruppe: {new} neu, {changed} geändert, {withdrawn} "
        "zurückgezogen; {standing} bleiben, {worth} davon bringen deutlich mehr oder weniger.",
    ),
}
"""By the names that ``--language`` takes."""

DEFAULT = "en"


def say(language: str, kind: str, *, feature: str, value: str = "", before: str = "", after: str = "") -> str:
    """One change in words.

    Parameters
    ----------
    language : str
        One of ``LANGUAGES``.
    kind : str
        One of its templates.
    feature : str
        The provider's name of the feature.
    value, before, after : str
        As the provider writes them; counts of words as digits.

    Returns
    -------
    str
    """
    spoken = LANGUAGES[language]
    if kind.startswith("word"):
        before, after = (spoken.times(count.replace(".", spoken.decimal)) for count in (before, after))
    return spoken.changes[kind].format(feature=feature, value=value, before=before, after=after)


def plan_in_words(changes: Sequence[Mapping[str, Any]], language: str = DEFAULT) -> str:
    """All changes of a plan in one sentence, those that differ in a word or tag only in one part.

    Parameters
    ----------
    changes : sequence of mapping
        With ``feature``, ``before``, ``after`` and ``text`` as the table ``recourse`` has them.
    language : str
        Of their texts.

    Returns
    -------
    str
        Without an end; empty for no changes.
    """
    spoken = LANGUAGES[language]
    parts: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        kind, feature, value = _listable(change, language) or (change["text"], "", "")
        parts.setdefault((kind, feature), []).append(value)
    return "; ".join(_part(kind, feature, values, spoken, language) for (kind, feature), values in parts.items())


def _listable(change: Mapping[str, Any], language: str) -> tuple[str, str, str] | None:
    """Kind, feature and value of a change that can be said together with others; None for all other changes."""
    name, added, removed = change["feature"], ("absent", "present"), ("present", "absent")
    feature, _, tag = name.partition(": ")
    word = _ONCE.fullmatch(change["after"]) or _NEVER.fullmatch(change["after"])
    if (change["before"], change["after"]) in (added, removed):
        found = ("tag added" if change["after"] == "present" else "tag removed", feature, tag)
    elif word:
        found = ("word added" if _ONCE.fullmatch(change["after"]) else "word removed", name, word[1])
    else:
        return None
    kind, feature, value = found
    return found if say(language, kind, feature=feature, value=value, before="1", after="1") == change["text"] else None


def _part(kind: str, feature: str, values: Sequence[str], spoken: Language, language: str) -> str:
    if kind not in spoken.several:  # the text of a change that stands alone
        return kind
    if len(values) == 1:
        return say(language, kind, feature=feature, value=values[0], before="1", after="1")
    quoted = [spoken.quoted.format(value) for value in values]
    listed = f"{', '.join(quoted[:-1])} {spoken.conjunction} {quoted[-1]}"
    return spoken.several[kind].format(feature=feature, values=listed)


def quantity(language: str, number: str, unit: str | None) -> str:
    """A number as the language writes it, with its unit."""
    written = number.replace(".", LANGUAGES[language].decimal)
    return f"{written} {unit}" if unit else written
