"""Overlaps and positions against explicit lists."""

import numpy as np
import pytest

from recsys_ops.metrics import list_positions, move_overlaps
from tests.twins import rbo


def moved(depth: int, before: int, after: int) -> tuple[list[str], list[str]]:
    """Lists before and after one item has moved; position ``depth`` is outside."""
    others = [f"other {n}" for n in range(depth)]
    return tuple([*others[:place], "item", *others[place:]][:depth] for place in (before, after))


@pytest.mark.parametrize("p", [0.5, 0.9])
@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_overlaps_equal_textbook_rbo_of_the_lists_before_and_after_every_move(depth: int, p: float) -> None:
    overlaps = move_overlaps(depth, p)
    assert overlaps.shape == (depth + 1, depth + 1)
    for before in range(depth + 1):
        for after in range(depth + 1):
            lists = moved(depth, before, after)
            assert overlaps[before, after] == pytest.approx(rbo.extrapolated(*lists, p), abs=1e-12)


def test_extrapolation_is_the_limit_of_lists_that_go_on_agreeing_as_at_the_last_rank() -> None:
    depth, p = 3, 0.5
    long = 60
    agreement = 2 / 3  # one of three items was pushed out
    rest = sum((1 - p) * p ** (d - 1) * agreement for d in range(depth + 1, long))
    first = ["a", "b", "c"]
    second = ["a", "item", "b"]
    expected = rbo.truncated(first, second, p) + rest
    assert move_overlaps(depth, p)[depth, 1] == pytest.approx(expected, abs=1e-12)


def test_an_item_that_does_not_move_leaves_an_overlap_of_one() -> None:
    assert np.allclose(np.diag(move_overlaps(7)), 1.0, atol=1e-15)


def test_overlaps_are_symmetric_in_before_and_after() -> None:
    overlaps = move_overlaps(6, 0.8)
    assert np.array_equal(overlaps, overlaps.T)


def test_entering_at_the_last_place_disturbs_less_than_entering_at_the_first() -> None:
    from_outside = move_overlaps(5)[5, :5]
    assert np.all(np.diff(from_outside) > 0)


def test_the_overlap_of_a_list_of_one_is_zero_when_its_only_item_changes() -> None:
    assert move_overlaps(1)[1, 0] == 0.0


def test_a_position_is_the_number_of_strictly_better_items() -> None:
    top_scores = np.array([[5.0, 3.0, 3.0, 1.0]] * 6)
    scores = np.array([6.0, 5.0, 4.0, 3.0, 2.0, 0.5])
    assert list_positions(top_scores, scores).tolist() == [0, 0, 1, 1, 3, 4]


def test_an_item_stands_before_the_empty_places_of_a_short_list() -> None:
    assert list_positions(np.array([[2.0, -np.inf, -np.inf]]), np.array([1.0])).tolist() == [1]
