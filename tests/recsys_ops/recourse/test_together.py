"""Recourses of many providers at once: against ranking everything again, one user and one catalogue at a time."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.models.feature_linear import learned_model
from recsys_ops.recourse.together import Plans, acting, count_seen, plans_taken, sum_seen, with_plans
from tests.worlds import random_world


def drawn_plans(seed: int, n_items: int, n_features: int) -> Plans:
    """Random features for random items, several for some."""
    rng = np.random.default_rng([seed, 1])
    item = rng.integers(n_items, size=9)
    features = rng.random((9, n_features)) * (rng.random((9, n_features)) < 0.4)
    return Plans(item, rng.integers(2, size=9), np.round(rng.random(9), 1), sp.csr_array(features))


def rank_of(scores: np.ndarray, rated: np.ndarray, item: int) -> int:
    """1 + the candidates with a higher score, those that differ by rounding not counted."""
    others = [other for other in range(len(scores)) if other != item and not rated[other]]
    return 1 + sum(scores[other] > scores[item] + 1e-9 * abs(scores[item]) for other in others)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_learned", [False, True])
def test_what_is_seen_when_some_act_is_what_ranking_everything_again_gives(seed: int, is_learned: bool) -> None:
    world = random_world(seed)
    (n_users, n_items), n_features, k = world.opinions.shape, world.items.matrix.shape[1], 3
    model, rng = world.model, np.random.default_rng(seed)
    if is_learned:
        model = learned_model(
            world.items.matrix, model.histories, users=rng.normal(size=(n_users, 3)),
            feature_map=rng.normal(size=(n_features, 3)), own=rng.normal(size=(n_items, 3)),
        )  # fmt: skip
    plans, groups = drawn_plans(seed, n_items, n_features), rng.integers(-1, 2, size=n_users)
    taken = acting(plans, np.arange(n_items) % 4, 0.5, seed)
    busy = with_plans(model, plans, taken)
    found = sum_seen([count_seen(busy, *ends, k=k, groups=groups, plans=plans) for ends in ((0, 5), (5, n_users))])
    for n, (item, group) in enumerate(zip(plans.item, plans.group, strict=True)):
        features = busy.features.toarray()
        ranks = {}
        for name in ("before", "after"):
            if name == "after":
                features[item] = plans.features.toarray()[n]
            # What is known of users stays: of the content recommender, their profiles in the catalogue as it is.
            one = replace(busy, features=sp.csr_array(features))
            scores = one.feature_scores(busy.vectors, one.features) + one.own_scores(busy.vectors, np.arange(n_items))
            users = [user for user in range(n_users) if not world.rated[user, item]]
            ranks[name] = {user: rank_of(scores[user], world.rated[user], item) for user in users}
        mine = [user for user in ranks["after"] if groups[user] == group]
        others = [user for user in ranks["after"] if groups[user] != group]
        assert found.reached[n] == sum(ranks["after"][user] <= k for user in mine)
        assert found.rank_sums[n] == sum(ranks["after"][user] for user in mine)
        assert found.others[n] == len(others)
        assert found.others_before[n] == sum(ranks["before"][user] <= k for user in others)
        assert found.others_after[n] == sum(ranks["after"][user] <= k for user in others)


def test_an_item_takes_the_plan_that_gains_most_and_who_acts_at_a_share_acts_at_a_greater_one() -> None:
    plans = drawn_plans(0, 5, 4)
    taken = plans_taken(plans)
    assert sorted(plans.item[taken].tolist()) == sorted(set(plans.item.tolist()))
    for plan in taken:
        assert plans.gained[plan] == plans.gained[plans.item == plans.item[plan]].max()
    sets = [set(acting(plans, np.arange(5), share, 7).tolist()) for share in (0.0, 0.3, 0.6, 1.0)]
    assert not sets[0]
    assert sets[0] < sets[1] < sets[2] < sets[3] == set(taken.tolist())


def test_only_the_items_of_those_who_act_are_changed() -> None:
    world = random_world(2)
    plans = drawn_plans(2, world.opinions.shape[1], world.items.matrix.shape[1])
    taken = plans_taken(plans)[:2]
    busy = with_plans(world.model, plans, taken)
    expected = world.items.matrix.toarray()
    expected[plans.item[taken]] = plans.features[taken].toarray()
    assert np.array_equal(busy.features.toarray(), expected)
    assert busy.feature_map is busy.features
