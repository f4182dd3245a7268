"""Labels that require or exclude each other: nothing breaks a pair, and little is missed of what brute force finds."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from recsys_ops.features.encode import encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.user_summary import summarise_users
from recsys_ops.recourse.examples import Examples, find_examples, fixed_kinds, seen_shares
from recsys_ops.recourse.options import Offer, find_options
from recsys_ops.recourse.plausible import fit_plausibility
from recsys_ops.recourse.problem import make_cases
from recsys_ops.recourse.rank_aim import find_rank_recourses
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import find_recourses, solve_cases
from recsys_ops.recourse.standing import Standing, Target, keep_standing
from tests.twins import recourse as brute
from tests.worlds import World, text_rule

REQUIRES = {"vegan": ("plant",), "kit": ("box", "tool")}
EXCLUDES = (("new", "used"), ("kit", "vegan", "new"))
LABELS = ("vegan", "plant", "new", "used", "kit", "box", "tool")
N_MOST = 3
SETTINGS = RecourseSettings(tolerance=0.0, max_changes=N_MOST)


def world_of_pairs(seed: int, *, upper: float = 1) -> World:
    """Items with some of the labels, some of which break a pair as they are, and a word."""
    rng = np.random.default_rng([seed, 5])
    tags = [[label for label in LABELS if rng.random() < 0.35] for _ in range(14)]
    words = [" ".join(word for word in ("oak", "red") if rng.random() < 0.4) for _ in tags]
    rules = (
        FeatureRule(column="tags", kind="tags", min_items=1, requires=REQUIRES, excludes=EXCLUDES),
        text_rule(weighting="count", upper=upper, weight=0.4),
    )
    opinions = np.where(rng.random((12, 14)) < 0.3, rng.integers(1, 6, (12, 14)), np.nan)
    return World(pa.table({"tags": tags, "plot": words}), rules, opinions, 2)


def broken(world: World, row: NDArray[np.float64]) -> set[tuple[str, ...]]:
    """Pairs of labels that a row breaks, read from the rule."""
    is_tag = world.items.columns.rule == 0
    has = {world.items.columns.value[column] for column in np.flatnonzero(is_tag & (row > 0))}
    lacking = {(one, other) for one, others in REQUIRES.items() if one in has for other in others if other not in has}
    return lacking | {pair for labels in EXCLUDES for pair in combinations(labels, 2) if set(pair) <= has}


def allowed(world: World, item: int, row: NDArray[np.float64]) -> bool:
    return broken(world, row) <= broken(world, world.features[item])


def best_by_changes(world: World, item: int) -> NDArray[np.float64]:
    """Most success of at most 0 .. N_MOST changes that break no pair."""
    row, best = world.features[item], np.zeros(N_MOST + 1)
    for n in range(N_MOST + 1):
        for subset in combinations(brute.all_moves(world.items, row), n):
            changed = brute.moved_row(row, subset)
            if len({move.unit for move in subset}) == n and allowed(world, item, changed):
                best[n] = max(best[n], brute.success_range(world, item, changed)[0])
    return np.maximum.accumulate(best)


def test_nothing_breaks_a_pair_and_mostly_the_best_that_does_not_is_found() -> None:
    compared = found_best = together = 0
    for seed in range(10):
        world = world_of_pairs(seed)
        for found in find_recourses(world.search(SETTINGS), np.arange(6)):
            if found.features is None or found.success_bound is None or found.n_targets == 0:
                continue
            assert allowed(world, found.item, found.features)
            assert len(found.changes) <= N_MOST
            best = best_by_changes(world, found.item)
            _, most = brute.success_range(world, found.item, found.features)
            assert found.success_after <= most + 1e-9
            assert found.success_bound >= best[-1] - 1e-9
            assert found.lower_bound <= np.argmax(best >= found.success_after - 1e-9)
            points = [point.success for point in found.frontier]
            assert points == sorted(points)
            compared += 1
            found_best += found.success_after >= best[-1] - 1e-9
            texts = [change.text for change in found.changes]
            together += any("add the tags 'vegan'" in text for text in texts)
    assert compared >= 30
    assert together >= 1
    assert found_best >= 0.9 * compared


@pytest.mark.parametrize("seed", range(4))
def test_options_ranks_examples_plausible_and_endless_words_keep_the_pairs(seed: int) -> None:
    world = world_of_pairs(seed)
    items = np.arange(6)
    capped = replace(SETTINGS, max_proximity=2.5)
    free = replace(SETTINGS, tolerance=0.5)
    plausible = replace(world.search(SETTINGS), plausibility=fit_plausibility(world.items, np.arange(14), 0.1))
    endless = world_of_pairs(seed, upper=float("inf"))
    _, counts = summarise_users(
        world.model, 0, 12, k=2, groups=np.zeros(12, dtype=np.int64), n_groups=1, selected=items,
        columns=world.items.columns,
    )  # fmt: skip
    examples = Examples(seen_shares(counts)[0], fixed_kinds(world.items), 0.0, "sparsity")
    anything = replace(SETTINGS, max_changes=np.inf)
    rows = [
        *find_options(world.search(free), items, Offer(3)),
        *([one] for one in find_rank_recourses(world.search(SETTINGS), items)),
        *([one] for one in find_recourses(plausible, items)),
        *([one] for one in find_recourses(world.search(capped), items)),
        *find_examples(world.search(anything), items, Offer(2), examples),
    ]
    for options in rows:
        assert all(one.features is None or allowed(world, one.item, one.features) for one in options)
    for one in find_recourses(endless.search(SETTINGS), items):
        assert one.features is None or allowed(endless, one.item, one.features)


def test_proofs_do_not_hand_out_what_breaks_a_pair() -> None:
    for seed in range(3):
        world = world_of_pairs(seed)
        for found in find_recourses(world.search(replace(SETTINGS, prove_seconds=5.0)), np.arange(4)):
            assert found.features is None or allowed(world, found.item, found.features)


def test_advice_that_would_break_a_pair_today_stands_no_longer() -> None:
    kept = 0
    for seed in range(4):
        world = world_of_pairs(seed)
        for solved in solve_cases(world.search(replace(SETTINGS, tolerance=0.9)), np.arange(6)):
            for column in np.flatnonzero(world.items.columns.rule == 0):
                value = 0.0 if solved.case.features[column] > 0 else float(world.items.columns.upper[column])
                target = Target(int(column), value, int(np.sign(value - solved.case.features[column])))
                advice = keep_standing(solved, Standing((target,), "r"))
                assert advice is None or allowed(world, solved.case.item, advice.features)
                kept += advice is not None
    assert kept


def test_a_label_that_requires_one_that_no_item_has_is_not_added_and_case_does_not_count() -> None:
    table = pa.table({"tags": [["Vegan", "soft"], ["soft"], ["hard"]]})
    rule = FeatureRule(
        column="tags", kind="tags", min_items=1, requires={"vegan": ("plant",)}, excludes=(("SOFT", "hard"),)
    )
    columns = encode_items(table, (rule,)).columns
    at = {name: place for place, name in enumerate(columns.value)}
    row = np.zeros((4, 3))
    row[1, at["Vegan"]] = row[2, [at["soft"], at["hard"]]] = row[3, at["hard"]] = 1
    assert columns.pairs.newly_broken(np.zeros(3), row).tolist() == [False, True, True, False]
    assert columns.pairs.newly_broken(row[2], row).tolist() == [False, True, False, False]


def test_without_pairs_nothing_is_coupled() -> None:
    rule = FeatureRule(column="tags", kind="tags", min_items=1)
    (case, *_) = make_cases(
        World(pa.table({"tags": [["a"], ["b"]]}), (rule,), np.array([[1.0, np.nan]]), 1).search(), np.array([0])
    )
    assert len(case.columns.pairs) == 0
    assert case.breaks_pairs(np.ones((2, 2))).tolist() == [False, False]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"kind": "text", "requires": {"a": ["b"]}}, "requires and excludes are for kind tags, this is text"),
        ({"excludes": [["a"]]}, "expected two or more different labels"),
        ({"excludes": [["a", "A "]]}, "expected two or more different labels"),
        ({"requires": {"a": ["A"]}}, "'a' cannot require itself"),
        ({"requires": {"a": ["b"]}, "excludes": [["c", "B", "a"]]}, "'a' excludes what it requires"),
    ],
)
def test_pairs_that_cannot_be_are_refused(said: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        FeatureRule.model_validate({"column": "tags", "kind": "tags", **said})
