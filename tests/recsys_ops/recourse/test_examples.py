"""Recourse from examples against trying every real item."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.examples import Examples, find_examples, fixed_kinds
from recsys_ops.recourse.options import Offer
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse
from recsys_ops.status import Status
from tests.twins import examples as twin
from tests.worlds import World, one_word_world, random_world, text_rule

WITHOUT_CAPS = RecourseSettings(max_changes=np.inf)

RULES = (
    text_rule(upper=6),
    FeatureRule(column="genres", kind="tags", min_items=1),
    FeatureRule(column="kind", kind="category", min_items=1, mutable=False),
    FeatureRule(column="price", kind="number", upper=40, weight=0.5),
)
"""Loose enough for examples, with a feature that must be equal."""


def found_in(
    world: World,
    *,
    share: float,
    settings: RecourseSettings = WITHOUT_CAPS,
    offer: Offer | None = None,
    nearest: str = "sparsity",
) -> list[list[Recourse]]:
    items = np.arange(len(world.features))
    seen = np.array([twin.seen_share(world, item) for item in items])
    examples = Examples(seen, fixed_kinds(world.items), share, nearest)
    return find_examples(world.search(settings), items, offer or Offer(), examples)


@pytest.mark.parametrize("nearest", ["sparsity", "proximity"])
@pytest.mark.parametrize("rules", [None, RULES])
def test_the_nearest_valid_example_is_the_one_that_trying_all_finds(
    nearest: str, rules: tuple[FeatureRule, ...] | None
) -> None:
    seen: dict[Status, int] = {}
    for seed in range(5):
        world = random_world(seed, n_items=16, rules=rules)
        share = 0.25
        for options in found_in(world, share=share, nearest=nearest):
            (found,) = options
            seen[found.status] = seen.get(found.status, 0) + 1
            if found.features is None or found.status is Status.ALREADY_SATISFIED:
                continue
            examples = twin.allowed_examples(world, found.item)
            sure = [e for e in examples if e.least >= share - 1e-9]
            possible = [e for e in examples if e.most >= share - 1e-9]
            if found.status is Status.INFEASIBLE:
                assert not sure
                assert found.success_after >= max((e.least for e in examples), default=0) - 1e-9
                continue
            assert found.success_after >= share - 1e-9
            assert any(np.allclose(found.features, world.features[e.item]) for e in possible)
            seen_enough = [e for e in sure if twin.seen_share(world, e.item) >= share]
            if seen_enough:
                assert getattr(found, nearest) <= min(getattr(e, nearest) for e in seen_enough) + 1e-9
    assert seen[Status.INFEASIBLE] > 5
    assert seen.get(Status.OPTIMAL, 0) + seen.get(Status.FEASIBLE, 0) > (10 if rules else 2)


def test_an_example_within_the_caps_is_preferred_and_without_one_the_best_share_is_stated() -> None:
    """Both see items 1 (the word twice) and 2 (once); like item 2, item 3 would tie with it, which is no claim."""
    world = one_word_world(k=2, upper=3)
    free = found_in(world, share=0.5)[3][0]
    assert [change.text for change in free.changes] == ["use the word 'heist' twice"]
    assert free.proximity == pytest.approx(2 / 3)
    (capped,) = found_in(world, share=0.5, settings=RecourseSettings(max_changes=np.inf, max_proximity=0.5))[3]
    assert capped.status is Status.INFEASIBLE
    assert capped.success_after == 0
    assert "the caps (proximity 0.5)" in capped.reason


def test_an_item_that_enough_of_the_group_sees_needs_no_example() -> None:
    (found,) = found_in(one_word_world(k=1), share=0.5)[1]
    assert (found.status, found.changes, found.success_after) == (Status.ALREADY_SATISFIED, [], 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_options_are_different_real_items(seed: int) -> None:
    world = random_world(seed, n_items=16, rules=RULES)
    several = 0
    for options in found_in(world, share=0.2, offer=Offer(4)):
        rows = {option.features.tobytes() for option in options if option.features is not None}
        if len(options) > 1:
            several += 1
            assert len(rows) == len(options)
            assert all(option.success_after >= 0.2 for option in options)
            assert options[0].sparsity == min(option.sparsity for option in options)
            assert all(any(np.array_equal(option.features, row) for row in world.features) for option in options)
    assert several


def test_items_are_of_one_kind_when_equal_in_all_that_nobody_may_change() -> None:
    world = random_world(2, rules=RULES)
    members = [world.items.columns.value.index(kind) for kind in ("film", "series", "short")]
    kinds = fixed_kinds(world.items)
    for item in range(len(kinds)):
        same = (world.features[:, members] == world.features[item, members]).all(axis=1)
        assert np.array_equal(kinds == kinds[item], same)


@pytest.mark.parametrize("seed", range(4))
def test_no_real_item_of_as_few_changes_reaches_as_many_where_optimal(seed: int) -> None:
    world = random_world(seed, n_items=16, rules=RULES)
    for (found,) in found_in(world, share=0.2):
        if found.status is Status.OPTIMAL:
            for example in twin.allowed_examples(world, found.item):
                sees = twin.seen_share(world, example.item) >= 0.2
                assert not sees or example.sparsity >= found.sparsity or example.least < found.success_after


def world_with_one_hit(n_items: int = 200) -> World:
    """Six of ten users like what only the last of many items has; they have all rated it, and another one."""
    genres = [["dull"], *([["dull", f"sort {n % 3}"] for n in range(n_items - 2)]), ["dull", "hit"]]
    opinions = np.full((10, n_items), np.nan)
    opinions[:, [3, 10]] = 1.0
    opinions[:6, -1] = 5.0
    rule = FeatureRule(column="genres", kind="tags", min_items=1)
    return World(pa.table({"genres": genres}), (rule,), opinions, 1)


@pytest.mark.parametrize(("share", "serves"), [(0.5, True), (0.9, False)])
def test_the_best_example_counts_although_the_group_sees_a_hundred_others_more(share: float, serves: bool) -> None:
    world = world_with_one_hit()
    seen = np.full(len(world.features), 0.2)
    seen[-1] = 0.0
    examples = Examples(seen, fixed_kinds(world.items), share)
    ((found,),) = find_examples(world.search(WITHOUT_CAPS), np.array([0]), Offer(), examples)
    assert found.serves == serves
    assert found.success_after == found.success_bound == max(e.least for e in twin.allowed_examples(world, 0)) == 0.6
    assert serves or "60.0% of the group is the most that the features of a real item" in found.reason


@pytest.mark.parametrize("rules", [None, RULES])
def test_where_no_share_is_wanted_an_example_serves_that_any_further_user_sees(
    rules: tuple[FeatureRule, ...] | None,
) -> None:
    serving = 0
    for seed in range(3):
        world = random_world(seed, n_items=16, rules=rules)
        for (found,) in found_in(world, share=0.0):
            if found.features is None or found.status is Status.ALREADY_SATISFIED:
                assert found.features is None or found.success_before == 1
                continue
            serving += found.serves
            assert found.serves == (found.success_after > found.success_before)
            gains = [e.least > found.success_before + 1e-9 for e in twin.allowed_examples(world, found.item)]
            assert found.serves or not any(gains)
    assert serving > 3
