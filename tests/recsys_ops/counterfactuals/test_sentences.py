"""Every kind of sentence to a user."""

from typing import get_args

from recsys_ops.counterfactuals.sentences import explanation_sentence, lowered_sentence, why_not_sentences
from recsys_ops.datasets.dataset import Verb


def test_one_interaction_is_it_and_two_are_them() -> None:
    assert explanation_sentence("Tea", ["Cups"], (1, 12), 10) == (
        "You were recommended Tea because you rated Cups; without it, it would be at rank 12 instead of 1."
    )
    assert explanation_sentence("Tea", ["Cups", "Milk"], (1, 12), 10, verb="chose") == (
        "You were recommended Tea because you chose Cups and Milk; without them, it would be at rank 12 instead of 1."
    )


def test_of_many_interactions_four_are_named() -> None:
    assert "A, B, C, D and 3 more; without them" in explanation_sentence("Tea", list("ABCDEFG"), (1, 12), 10)


def test_a_score_that_sinks_without_leaving_the_list_is_not_promised_to_leave_it() -> None:
    assert explanation_sentence("Tea", ["Cups"], (1, 3), 10).endswith(
        "its score would be below that of today's number 10 (rank 3 all the same)."
    )


def test_ratings_are_lowered_by_stars() -> None:
    assert lowered_sentence("Tea", [("Cups", 1.0), ("Milk", 2.5)], (2, 11), 10) == (
        "You were recommended Tea because of your ratings: with 1 star less for Cups and 2.5 stars less for Milk it "
        "would be at rank 11 instead of 2."
    )


def test_the_same_is_said_in_german() -> None:
    assert explanation_sentence("Tee", ["Tassen", "Milch"], (1, 12), 10, verb="chose", language="de") == (
        "Ihnen wurde Tee empfohlen, weil Sie Tassen und Milch gewählt haben; ohne das stünde es auf Platz 12 statt auf "
        "Platz 1."
    )
    assert lowered_sentence("Tee", [("Tassen", 1.0), ("Milch", 2.5)], (2, 5), 10, language="de") == (
        "Ihnen wurde Tee wegen Ihrer Bewertungen empfohlen: mit 1 Stern weniger für Tassen und 2,5 Sternen weniger für "
        "Milch hätte es weniger Punkte als heute Platz 10 (und bliebe auf Platz 5)."
    )


def test_what_would_bring_an_item_in_is_said() -> None:
    there = "Tea is not in your list: it is at rank 31, and the list has 10."
    added = why_not_sentences("Tea", ["Cups", "Milk"], (31, 8), 10, verb="chose")
    assert added == f"{there} Had you also chosen Cups and Milk, it would be at rank 8."
    never = why_not_sentences("Tea", None, (31, None), 10, n_given=100)
    assert never == f"{there} No choice out of the 100 items that speak most for it would bring it in."
    too_many = why_not_sentences("Tea", None, (31, None), 10, n_given=100, most=5)
    assert too_many == (
        f"{there} No choice of 5 or fewer out of the 100 items that speak most for it would bring it in."
    )
    unknown = why_not_sentences("Tea", None, (31, None), 10)
    assert unknown == f"{there} What would bring it in could not be found out in the time there was."
    assert why_not_sentences("Tea", [], (3, 3), 10) == "Tea is in your list, at rank 3."
    assert why_not_sentences("Tee", ["Tassen"], (31, 8), 10, language="de") == (
        "Tee steht nicht in Ihrer Liste: es ist auf Platz 31, und die Liste hat 10. Hätten Sie auch Tassen bewertet, "
        "stünde es auf Platz 8."
    )


def test_every_verb_that_data_may_have_is_said_in_both_languages() -> None:
    for verb, done, german in (
        ("rated", "rated", "bewertet"), ("chose", "chosen", "gewählt"), ("bought", "bought", "gekauft"),
        ("viewed", "viewed", "angesehen"), ("visited", "visited", "besucht"), ("watched", "watched", "gesehen"),
        ("read", "read", "gelesen"), ("listened to", "listened to", "gehört"),
    ):  # fmt: skip
        assert verb in get_args(Verb)
        assert f"because you {verb} Cups;" in explanation_sentence("Tea", ["Cups"], (1, 12), 10, verb=verb)
        assert f"Had you also {done} Cups," in why_not_sentences("Tea", ["Cups"], (31, 8), 10, verb=verb)
        said = explanation_sentence("Tee", ["Tassen"], (1, 12), 10, verb=verb, language="de")
        assert f"weil Sie Tassen {german} haben;" in said
