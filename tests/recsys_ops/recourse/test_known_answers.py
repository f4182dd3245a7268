"""Worlds whose right recourse is known by hand, and cases in which there is nothing to do."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses
from recsys_ops.status import Status
from tests.twins import recourse as twin
from tests.worlds import World, one_word_world, random_world, text_rule, tie_world


def recourses(world: World) -> list[Recourse]:
    settings = RecourseSettings(tolerance=0.0, max_changes=3)
    return find_recourses(world.search(settings), np.arange(len(world.features)))


def test_the_one_word_that_everybody_likes_is_added_no_more_often_than_needed() -> None:
    found = recourses(one_word_world(k=2))[3]
    assert [change.text for change in found.changes] == ["use the word 'heist' twice"]
    assert (found.success_before, found.success_after, found.success_bound) == (0.0, 1.0, 1.0)
    assert (found.status, found.lower_bound, found.gap) == (Status.OPTIMAL, 1, 0.0)


def test_an_item_that_must_be_first_needs_the_word_once_more_than_the_best() -> None:
    found = recourses(one_word_world(k=1))[3]
    assert [change.text for change in found.changes] == ["use the word 'heist' 3 times"]
    assert found.success_after == 1.0


def test_an_item_that_everybody_has_rated_has_no_targets() -> None:
    found = recourses(one_word_world())[0]
    assert (found.status, found.n_targets, found.features) == (Status.INFEASIBLE, 0, None)
    assert found.reason == "every user of the group has rated the item"


def test_an_item_on_top_everywhere_is_already_satisfied() -> None:
    found = recourses(one_word_world())[1]
    assert (found.status, found.changes, found.success_after) == (Status.ALREADY_SATISFIED, [], 1.0)
    assert (found.lower_bound, found.gap, found.rbo) == (0, 0.0, 1.0)


def test_tied_items_are_already_satisfied_and_the_one_behind_them_is_not() -> None:
    found = recourses(tie_world(k=3))
    assert [one.status for one in found[1:4]] == [Status.ALREADY_SATISFIED] * 3
    assert found[4].success_before == 0.0


def test_a_rating_of_nothing_is_still_a_rating() -> None:
    world = one_word_world()
    opinions = world.opinions.copy()
    opinions[0, 3] = 0.0
    found = recourses(World(world.table, world.rules, opinions, 1))[3]
    assert found.n_targets == 3


@pytest.mark.parametrize("kind", ["text", "category", "tags", "number"])
def test_nothing_to_change_is_infeasible(kind: str) -> None:
    column = {"text": "plot", "category": "kind", "tags": "genres", "number": "price"}[kind]
    rule = FeatureRule.model_validate({"column": column, "kind": kind, "min_items": 1, "mutable": False})
    for found in recourses(random_world(2, rules=[rule])):
        if found.n_targets and found.status is not Status.ALREADY_SATISFIED:
            assert found.status is Status.INFEASIBLE
            assert found.changes == []
            assert found.reason == "no change within the rules brings the item into the top k of another user"


def test_changes_that_help_nobody_are_infeasible_and_not_made() -> None:
    found = recourses(one_word_world(upper=1))[3]
    assert found.status is Status.INFEASIBLE
    assert found.changes == []
    assert found.success_after == 0.0


def category_world(*, lured: int, present: int) -> World:
    """Item 3 is a drama; ``lured`` users like thrillers and ``present`` users like dramas; k = 1.

    Item 2 is what lured users see at present: a western from the year of the thriller that they rated.
    """
    kinds = pa.array(["thriller", "drama", "western", "drama"])
    table = pa.table({"kind": kinds, "year": [["1999"], ["1970"], ["1999"], ["1970"]]})
    opinions = np.full((lured + present, 4), np.nan)
    opinions[:lured, 0] = 5.0
    opinions[lured:, 1] = 5.0
    rules = (
        FeatureRule(column="kind", kind="category", min_items=1),
        FeatureRule(column="year", kind="tags", min_items=1, mutable=False, weight=0.5),
    )
    return World(table, rules, opinions, 1)


def test_a_category_is_changed_for_the_one_that_the_users_like() -> None:
    found = recourses(category_world(lured=3, present=0))[3]
    assert [change.text for change in found.changes] == ["change the kind from 'drama' to 'thriller'"]
    assert (found.success_before, found.success_after, found.status) == (0.0, 1.0, Status.OPTIMAL)


def test_a_change_of_category_is_charged_for_the_users_whom_it_loses() -> None:
    """Item 2 is no drama either, so a thriller of 1970 still comes first for those who rated the drama of 1970."""
    world = category_world(lured=3, present=2)
    found = recourses(world)[3]
    assert found.success_before == 0.4
    assert found.success_after == twin.success(world, 3, found.features, tie=1e-9) == 1.0


def test_words_already_above_their_limit_may_stay_and_do_not_rise() -> None:
    table = pa.table({"plot": ["heist", "heist heist heist", "robot heist heist heist heist", "robot"]})
    opinions = np.full((2, 4), np.nan)
    opinions[:, 0] = 5.0
    world = World(table, (text_rule(weighting="count", upper=2),), opinions, 1)
    found = recourses(world)[1]
    assert found.status is Status.INFEASIBLE
    assert np.array_equal(found.features, world.features[1])
