"""Sentences: every kind of change in every language, and nothing that a person would not write."""

import pytest

from recsys_ops.features.sentences import LANGUAGES, plan_in_words, quantity, say

SAID = {
    "word added": ("add the word 'Oak'", "das Wort „Oak“ ergänzen"),
    "word added several times": ("use the word 'Oak' 3 times", "das Wort „Oak“ 3-mal verwenden"),
    "word repeated": ("use the word 'Oak' 3 times instead of once", "das Wort „Oak“ 3-mal statt einmal verwenden"),
    "word removed": ("remove the word 'Oak'", "das Wort „Oak“ streichen"),
    "tag added": ("add the size 'Oak'", "size „Oak“ ergänzen"),
    "tag removed": ("remove the size 'Oak'", "size „Oak“ streichen"),
    "number raised": ("raise the size from 1 to 3", "size von 1 auf 3 erhöhen"),
    "number lowered": ("lower the size from 1 to 3", "size von 1 auf 3 senken"),
    "number set": ("set the size to 3", "size auf 3 setzen"),
    "value changed": ("change the size from '1' to '3'", "size „3“ statt „1“ angeben"),
    "value set": ("set the size to '3'", "size „3“ angeben"),
}


@pytest.mark.parametrize("kind", SAID)
def test_each_kind_of_change_has_its_sentence_in_english_and_german(kind: str) -> None:
    said = tuple(say(one, kind, feature="size", value="Oak", before="1", after="3") for one in ("en", "de"))
    assert said == SAID[kind]


def test_advice_about_a_rank_says_the_mean_place_before_and_after() -> None:
    filled = {"title": "Oak", "group": "F", "todo": "x", "before": "326", "after": "150"}
    said = [LANGUAGES[language].advice_of_rank.format(**filled) for language in ("en", "de")]
    assert said == [
        "Oak for F: x. On average in place 326 of a user's list, then in place 150.",
        "Oak für F: x. In den Listen bisher im Mittel auf Platz 326, danach auf Platz 150.",
    ]


def test_every_language_has_every_kind() -> None:
    assert all(set(language.changes) == set(SAID) for language in LANGUAGES.values())


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [("en", "1", "once"), ("en", "2", "twice"), ("en", "1.5", "1.5 times"), ("de", "1.5", "1,5-mal")],
)
def test_counts_are_words_where_they_are_few(language: str, count: str, said: str) -> None:
    assert LANGUAGES[language].times(count.replace(".", LANGUAGES[language].decimal)) == said
    assert said in say(language, "word repeated", feature="", value="oak", before="3", after=count)


def test_numbers_have_the_decimal_sign_of_the_language_and_the_unit_of_the_rule() -> None:
    assert quantity("en", "19.90", "EUR") == "19.90 EUR"
    assert quantity("de", "19.90", "EUR") == "19,90 EUR"
    assert quantity("de", "19.90", None) == "19,90"


def change(language: str, kind: str, feature: str, value: str = "", *, before: str, after: str) -> dict[str, str]:
    """As the table has it, of one word or tag or of a number."""
    counts = {"word added": ("0", "1"), "word removed": ("1", "0"), "word repeated": ("1", "3")}.get(kind, ("", ""))
    text = say(language, kind, feature=feature, value=value, before=counts[0] or before, after=counts[1] or after)
    name = f"{feature}: {value}" if kind.startswith("tag") else feature
    return {"feature": name, "before": before, "after": after, "text": text}


def plan(language: str) -> list[dict[str, str]]:
    return [
        change(language, "tag added", "tag", "warm", before="absent", after="present"),
        change(language, "word added", "text", "Oak", before="'Oak' x 0", after="'Oak' x 1"),
        change(language, "tag added", "tag", "a: b", before="absent", after="present"),
        change(language, "tag removed", "tag", "cold", before="present", after="absent"),
        change(language, "tag added", "shelf", "ya", before="absent", after="present"),
        change(language, "word repeated", "text", "Elm", before="'Elm' x 1", after="'Elm' x 3"),
        change(language, "word added", "text", "it's", before="'it's' x 0", after="'it's' x 1"),
        change(language, "number lowered", "price", before="3", after="2"),
        change(language, "tag added", "tag", "soft", before="absent", after="present"),
    ]


def test_changes_that_differ_in_a_word_or_tag_only_are_said_together() -> None:
    assert plan_in_words(plan("en")) == (
        "add the tag 'warm', 'a: b' and 'soft'; add the words 'Oak' and 'it's'; remove the tag 'cold'; "
        "add the shelf 'ya'; use the word 'Elm' 3 times instead of once; lower the price from 3 to 2"
    )
    assert plan_in_words(plan("de"), "de") == (
        "tag „warm“, „a: b“ und „soft“ ergänzen; die Wörter „Oak“ und „it's“ ergänzen; tag „cold“ streichen; "
        "shelf „ya“ ergänzen; das Wort „Elm“ 3-mal statt einmal verwenden; price von 3 auf 2 senken"
    )
    assert plan_in_words([]) == ""


def test_changes_in_another_language_are_said_as_they_are() -> None:
    assert plan_in_words(plan("de"), "en") == "; ".join(one["text"] for one in plan("de"))
