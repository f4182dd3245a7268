"""Which option comes first, given what was learned."""

import numpy as np
import pytest

from recsys_ops.acceptance.learned import Learned, Willingness, choose_first
from recsys_ops.features.caps import Caps

FALLS = Willingness(np.array([1.0, 5.0, 9.0]), np.array([1.0, 0.0, -0.2]), threshold=5.0, slopes={"bob": 0.4})
SPARSITY, PROXIMITY = np.array([4.0, 2.0, 8.0]), np.array([2.0, 1.5, 3.0])
FEATURES = ({"price"}, {"tag: new"}, {"price", "tag: old"})


def first(learned: Learned, seller: str = "ann", item: str = "") -> int:
    return choose_first(SPARSITY, PROXIMITY, FEATURES, seller=seller, learned=learned, item=item)


def test_with_nothing_learned_the_first_option_stays_first() -> None:
    assert first(Learned()) == 0


def test_the_nearest_option_comes_first_where_willingness_falls() -> None:
    assert first(Learned(willingness={"sparsity": FALLS})) == 1


def test_a_provider_whose_own_slope_rises_gets_the_farthest() -> None:
    assert first(Learned(willingness={"sparsity": FALLS}), "bob") == 2


def test_options_beyond_a_cap_come_after_those_within() -> None:
    assert first(Learned(Caps(sparsity=4), {"sparsity": FALLS}), "bob") == 0
    assert first(Learned(Caps(proximity=1.9))) == 1


def test_what_a_provider_cannot_change_comes_last_even_within_the_caps() -> None:
    learned = Learned(Caps(sparsity=3), {"sparsity": FALLS}, {"ann": {"tag: new"}})
    assert first(learned) == 0
    assert first(learned, "bob") == 1


def test_what_was_dismissed_for_the_item_comes_last_of_what_is_possible() -> None:
    learned = Learned(dismissed={"7": {frozenset({"price"}), frozenset({"tag: new"})}})
    assert first(learned, item="7") == 2
    assert first(learned, item="8") == 0
    assert first(Learned(impossible={"ann": {"tag: old"}}, dismissed=learned.dismissed), item="7") == 0


def test_where_everything_is_impossible_an_option_is_still_chosen() -> None:
    assert first(Learned(impossible={"ann": {"price", "tag: new"}})) == 0


def test_past_the_threshold_distance_makes_no_difference() -> None:
    assert FALLS.expected("ann", np.array([5.0, 7.0, 50.0])) == pytest.approx([0, 0, 0])


def test_both_distances_count() -> None:
    rises = Willingness(np.array([0.0, 4.0]), np.array([0.0, 9.0]), np.inf, {})
    assert first(Learned(willingness={"sparsity": FALLS, "proximity": rises})) == 2
