"""One recourse for all groups: the union is what ranking everything again gives, each user as often as is wanted."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.user_summary import summarise_users
from recsys_ops.recourse.all_groups import Parts, read_weights
from recsys_ops.recourse.new_users import cross_fit
from recsys_ops.recourse.problem import Case, Search, make_cases
from recsys_ops.recourse.proposal import Proposal
from recsys_ops.recourse.rank_aim import find_rank_recourses
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import find_recourses
from recsys_ops.recourse.switches import count_switches, followed
from recsys_ops.recourse.together import acting, count_seen, with_plans
from recsys_ops.recourse.within_limits import propose_within_limits
from tests.recsys_ops.recourse.test_together import drawn_plans
from tests.twins import ranking
from tests.twins import recourse as brute
from tests.worlds import World, random_world, text_rule

LABELS = ("age 7-23", "city Rome, Italy", "city Rome")
RULES = (text_rule(upper=2), FeatureRule(column="genres", kind="tags", min_items=1))
SETTINGS = RecourseSettings(tolerance=0.0, max_changes=2)


def union_of(
    world: World, weights: list[int], settings: RecourseSettings = SETTINGS
) -> tuple[Search, NDArray[np.int64]]:
    """A search for three groups as one; and how often each user of the world counts."""
    part = np.arange(len(world.opinions)) % 3
    times = np.array(weights)[part]
    users = np.repeat(np.arange(len(part)), times)
    group = replace(world.group(users.tolist()), parts=Parts(LABELS, part[users]))
    return world.search(settings, group=group), times


def seen(world: World, item: int, row: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Who of the users that have not rated an item has it in the top k with these features."""
    scores = world.scores(ranking.with_row(world.features, item, row))
    return ranking.ranks_of_item(scores, world.rated, item, tie=1e-9) <= world.k


@pytest.mark.parametrize("weights", [[1, 1, 1], [3, 1, 0], [1, 5, 2]])
@pytest.mark.parametrize("seed", range(3))
def test_a_plan_for_all_groups_and_its_bounds_are_those_of_all_combinations_of_changes(
    seed: int, weights: list[int]
) -> None:
    world = random_world(seed, rules=RULES, n_users=15)
    search, times = union_of(world, weights)
    optimal = compared = 0
    for found in find_recourses(search, np.arange(5)):
        if found.features is None or not found.changes:
            continue
        users = np.flatnonzero(~world.rated[:, found.item])
        counted, row = times[users], world.features[found.item]
        assert found.n_targets == counted.sum()
        after = seen(world, found.item, found.features)
        assert found.success_after == pytest.approx(np.average(after, weights=counted))
        assert found.success_before == pytest.approx(np.average(seen(world, found.item, row), weights=counted))
        moves = brute.all_moves(world.items, row)
        subsets = [(), *((one,) for one in moves)]
        subsets += [(one, two) for n, one in enumerate(moves) for two in moves[:n] if one.unit != two.unit]
        best = [0.0, 0.0, 0.0]
        for subset in subsets:
            reached = np.average(seen(world, found.item, brute.moved_row(row, subset)), weights=counted)
            best[len(subset)] = max(best[len(subset)], float(reached))
        assert found.success_bound >= max(best) - 1e-9
        assert found.lower_bound <= next(n for n in range(3) if max(best[: n + 1]) >= found.success_after - 1e-9)
        compared += 1
        optimal += found.success_after >= max(best) - 1e-9
        assert found.of_groups is not None
        assert [one.label for one in found.of_groups] == [LABELS[n] for n in range(3) if weights[n]]
        for one in found.of_groups:
            members = users % 3 == LABELS.index(one.label)
            assert one.n_targets == counted[members].sum()
            assert one.after == (pytest.approx(after[members].mean()) if members.any() else None)
    assert optimal >= 0.75 * compared


def test_users_who_count_three_times_each_change_nothing_but_the_numbers_of_users() -> None:
    world = random_world(1, rules=RULES, n_users=30)
    (once, _), (thrice, _) = union_of(world, [1, 1, 1]), union_of(world, [3, 3, 3])
    for find in (find_recourses, find_rank_recourses):
        for one, other in zip(find(once, np.arange(6)), find(thrice, np.arange(6)), strict=True):
            assert (other.status, other.success_after, other.rank_after) == (
                one.status, pytest.approx(one.success_after), pytest.approx(one.rank_after)
            )  # fmt: skip
            assert other.n_targets == 3 * one.n_targets

    def fitted(search: Search) -> tuple[float, ...]:
        found = cross_fit(make_cases(search, np.array([2]))[0], propose, folds=3, seed=0)
        assert found is not None
        return found.success, found.lower, found.upper

    assert fitted(thrice) == pytest.approx(fitted(once))


def propose(case: Case) -> Proposal:
    return propose_within_limits(case, case.features[case.search.group.columns])


def test_all_rows_of_a_user_are_in_one_fold_and_the_interval_is_wider_where_few_count_much() -> None:
    world = random_world(3, rules=RULES, n_users=40)
    search, _ = union_of(world, [5, 1, 1])
    case = make_cases(search, np.array([2]))[0]
    unseen: list[NDArray[np.bool_]] = []

    def watched(part: Case) -> Proposal:
        unseen.append(case.targets & ~part.targets)
        return propose(part)

    found = cross_fit(case, watched, folds=3, seed=0)
    for left_out in unseen:
        inside, outside = (set(search.group.users[case.targets & mask].tolist()) for mask in (left_out, ~left_out))
        assert not inside & outside
    assert found is not None
    width = found.upper - found.lower
    assert width > 2 * 1.95 * np.sqrt(found.success * (1 - found.success) / case.n_targets)


def test_too_few_different_users_say_nothing_of_others_however_often_they_count() -> None:
    world = random_world(0, rules=RULES, n_users=12)
    search, _ = union_of(world, [9, 9, 9])
    assert cross_fit(make_cases(search, np.array([2]))[0], propose, folds=3, seed=0) is None


def test_passes_over_users_who_count_several_times_are_those_over_as_many_users() -> None:
    world = random_world(2)
    (n_users, n_items), n_features = world.opinions.shape, world.items.matrix.shape[1]
    plans, groups = (
        drawn_plans(2, n_items, n_features),
        np.where(np.arange(n_users) % 4 == 3, -1, np.arange(n_users) % 2),
    )
    times = np.arange(n_users) % 3
    repeated = np.repeat(np.arange(n_users), times)
    taken = acting(plans, np.arange(n_items) % 4, 0.5, 0)
    model = with_plans(world.model, plans, taken)
    doing = followed(plans, taken, np.arange(1, len(taken) + 1), n_items)
    others = groups == -1  # who is of no group counts once whatever is wanted of groups
    many, groups_of_many = model.of_users(repeated), groups[repeated]

    weighed = count_seen(model, 0, n_users, k=3, groups=groups, plans=plans, times=times)
    counted = count_seen(many, 0, len(repeated), k=3, groups=groups_of_many, plans=plans)
    assert np.array_equal(weighed.reached, counted.reached)
    assert np.array_equal(weighed.rank_sums, counted.rank_sums)
    assert others.any()
    assert np.array_equal(
        count_switches(model, 0, n_users, k=3, groups=groups, plans=plans, followed=doing, times=times).reached,
        count_switches(many, 0, len(repeated), k=3, groups=groups_of_many, plans=plans, followed=doing).reached,
    )
    assert np.array_equal(
        count_switches(model, 0, n_users, k=3, groups=groups, plans=plans, followed=doing, times=times).others,
        count_switches(many, 0, len(repeated), k=3, groups=groups_of_many, plans=plans, followed=doing).others,
    )
    settings = {"k": 3, "n_groups": 2, "selected": np.arange(n_items), "columns": world.items.columns}
    _, one = summarise_users(model, 0, n_users, groups=groups, times=times, **settings)
    _, other = summarise_users(many, 0, len(repeated), groups=groups_of_many, **settings)
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_weights_are_read_by_label_also_where_labels_have_commas() -> None:
    assert read_weights(None, LABELS).tolist() == [1, 1, 1]
    assert read_weights("city Rome, Italy=3, age 7-23 = 0", LABELS).tolist() == [0, 3, 1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("city Oslo=2", "'city Oslo': no such group. Give LABEL=N,LABEL=N with these labels: age 7-23, city"),
        ("age 7-23=1,age 7-23=2", "'age 7-23': named twice"),
        ("age 7-23=1.5", "age 7-23=1.5: expected how often a user of it counts, 0 to 9"),
        ("age 7-23=10", "age 7-23=10: expected how often"),
        ("age 7-23", "'age 7-23': no such group"),
        ("age 7-23=0,city Rome=0,city Rome, Italy=0", "no group counts"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be_are_refused_with_what_can_be(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(").replace("+", r"\+")):
        read_weights(text, LABELS)
