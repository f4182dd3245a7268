"""Actions and their effects against single changes that are made and scored."""

import numpy as np
import pytest

from recsys_ops.recourse.actions import Actions, action_effects, make_actions
from recsys_ops.recourse.problem import make_cases
from tests.twins import recourse as twin
from tests.worlds import World, random_world


def actions_of(world: World, item: int) -> Actions:
    (case,) = make_cases(world.search(), np.array([item]))
    return make_actions(case, np.arange(len(world.items.columns)))


@pytest.mark.parametrize("seed", range(10))
def test_actions_are_all_single_changes_to_their_end(seed: int) -> None:
    world = random_world(seed)
    for item, row in enumerate(world.features):
        actions = actions_of(world, item)
        changed = {(actions.apply(row, np.array([n])).round(9) + 0.0).tobytes() for n in range(len(actions))}
        moved = {(twin.moved_row(row, [move]).round(9) + 0.0).tobytes() for move in twin.all_moves(world.items, row)}
        assert changed == moved
        assert len(actions) == len(moved)


@pytest.mark.parametrize("seed", range(5))
def test_effects_are_what_an_action_adds_to_every_score(seed: int) -> None:
    world = random_world(seed)
    profiles = world.ratings @ world.features
    searched = np.arange(len(world.items.columns))
    for item, row in enumerate(world.features):
        actions = actions_of(world, item)
        effects = action_effects(actions, profiles, searched, row)
        for n in range(len(actions)):
            assert np.allclose(effects[:, n], profiles @ (actions.apply(row, np.array([n])) - row))


@pytest.mark.parametrize("seed", range(5))
def test_effects_of_actions_that_do_not_exclude_each_other_add_up(seed: int) -> None:
    world = random_world(seed)
    row, rng = world.features[1], np.random.default_rng(seed)
    actions = actions_of(world, 1)
    _, first = np.unique(actions.unit, return_index=True)
    chosen = rng.choice(first, size=min(4, len(first)), replace=False)
    profiles = world.ratings @ world.features
    effects = action_effects(actions, profiles, np.arange(len(row)), row)
    assert np.allclose(effects[:, chosen].sum(axis=1), profiles @ (actions.apply(row, chosen) - row))


def test_values_of_one_category_exclude_each_other() -> None:
    world = random_world(1)
    actions = actions_of(world, 1)
    category = world.items.columns.one_hot[actions.column] >= 0
    assert category.sum() >= 2
    assert len(set(actions.unit[category])) == 1
    assert not set(actions.unit[category]) & set(actions.unit[~category])
