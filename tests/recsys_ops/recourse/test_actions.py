"""Levers and their effects against single changes that are made and scored."""

import numpy as np
import pytest

from recsys_ops.recourse.actions import Levers, lever_effects, make_levers
from recsys_ops.recourse.feasible import feasible_box
from tests.twins import recourse as twin
from tests.worlds import World, random_world


def levers_of(world: World, item: int) -> Levers:
    row, columns = world.features[item], world.items.columns
    return make_levers(columns, row, feasible_box(columns, row), np.arange(len(columns)))


@pytest.mark.parametrize("seed", range(10))
def test_levers_are_all_single_changes_to_their_end(seed: int) -> None:
    world = random_world(seed)
    for item, row in enumerate(world.features):
        levers = levers_of(world, item)
        pulled = {(levers.pull(row, np.array([n])).round(9) + 0.0).tobytes() for n in range(len(levers))}
        moved = {(twin.moved_row(row, [move]).round(9) + 0.0).tobytes() for move in twin.all_moves(world.items, row)}
        assert pulled == moved
        assert len(levers) == len(moved)


@pytest.mark.parametrize("seed", range(5))
def test_effects_are_what_a_lever_adds_to_every_score(seed: int) -> None:
    world = random_world(seed)
    profiles = world.ratings @ world.features
    searched = np.arange(len(world.items.columns))
    for item, row in enumerate(world.features):
        levers = levers_of(world, item)
        effects = lever_effects(levers, profiles, searched, row)
        for n in range(len(levers)):
            assert np.allclose(effects[:, n], profiles @ (levers.pull(row, np.array([n])) - row))


@pytest.mark.parametrize("seed", range(5))
def test_effects_of_levers_that_do_not_exclude_each_other_add_up(seed: int) -> None:
    world = random_world(seed)
    row, rng = world.features[1], np.random.default_rng(seed)
    levers = levers_of(world, 1)
    _, first = np.unique(levers.unit, return_index=True)
    chosen = rng.choice(first, size=min(4, len(first)), replace=False)
    profiles = world.ratings @ world.features
    effects = lever_effects(levers, profiles, np.arange(len(row)), row)
    assert np.allclose(effects[:, chosen].sum(axis=1), profiles @ (levers.pull(row, chosen) - row))


def test_values_of_one_category_exclude_each_other() -> None:
    world = random_world(1)
    levers = levers_of(world, 1)
    category = world.items.columns.one_hot[levers.column] >= 0
    assert category.sum() >= 2
    assert len(set(levers.unit[category])) == 1
    assert not set(levers.unit[category]) & set(levers.unit[~category])
