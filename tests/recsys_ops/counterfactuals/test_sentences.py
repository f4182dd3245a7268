"""Every kind of sentence to a user."""

from recsys_ops.counterfactuals.sentences import explanation_sentence, lowered_sentence


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
