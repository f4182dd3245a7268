"""Bounds that need no solver, against trying everything."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals.bounds import cheapest, greedy_removal, least_distances
from recsys_ops.counterfactuals.multipliers import squeeze
from tests.questions import random_question
from tests.twins import counterfactuals as twin

SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=50)
@given(SEEDS)
def test_the_shortest_explanation_is_between_the_bounds(seed: int) -> None:
    question = random_question(np.random.default_rng(seed), has_costs=seed % 3 == 0)
    shortest = twin.best_explanations(question)
    assume(shortest)
    bound = cheapest(least_distances(question, question.limits), question.needed)
    assert bound <= shortest[0] + 1e-9
    greedy = greedy_removal(question, question.limits)
    if greedy is not None:
        assert twin.is_valid(question, greedy)
        assert question.distance(greedy) >= shortest[0] - 1e-9
        bound_within = cheapest(least_distances(question, question.limits, question.distance(greedy)), question.needed)
        assert bound - 1e-9 <= bound_within <= shortest[0] + 1e-9


@settings(deadline=None, max_examples=15)
@given(SEEDS)
def test_where_no_removal_is_valid_greedy_steps_find_none(seed: int) -> None:
    question = random_question(np.random.default_rng(seed))
    assume(not twin.best_explanations(question))
    assert greedy_removal(question, question.limits) is None


@settings(deadline=None, max_examples=50)
@given(SEEDS)
def test_squeezing_keeps_the_bounds_valid(seed: int) -> None:
    question = random_question(np.random.default_rng(seed))
    greedy = greedy_removal(question, question.limits)
    assume(greedy is not None and greedy.any())
    assert greedy is not None
    bound = cheapest(least_distances(question, question.limits), question.needed)
    best, squeezed = squeeze(question, greedy, bound)
    (shortest,) = twin.best_explanations(question)
    assert twin.is_valid(question, best)
    assert bound - 1e-9 <= squeezed <= shortest + 1e-9
    assert shortest - 1e-9 <= question.distance(best) <= question.distance(greedy) + 1e-9


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_each_inequality_alone_takes_at_least_its_bound(seed: int) -> None:
    question = random_question(np.random.default_rng(seed), has_costs=seed % 2 == 0)
    bounds = least_distances(question, question.limits)
    for taken in twin.all_removals(question):
        assert np.all(bounds[question.holds(taken)] <= question.distance(taken) + 1e-9)
