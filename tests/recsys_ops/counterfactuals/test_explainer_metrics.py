"""Metrics of explainers, against loops over lists and against answers known by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.counterfactuals.explainer_metrics import STEPS, gini, list_change, step_metrics
from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearRecommender


def test_what_is_new_in_a_list_counts_plain_and_by_rank() -> None:
    assert list_change(np.array([1, 2, 3]), np.array([3, 2, 1])) == (0.0, 0.0)
    assert list_change(np.array([1, 2, 3]), np.array([4, 5, 6])) == (1.0, 1.0)
    plain, by_rank = list_change(np.array([1, 2, 3]), np.array([9, 1, 2]))
    assert plain == pytest.approx(1 / 3)
    assert by_rank == pytest.approx(1 / (1 + 1 / np.log2(3) + 1 / 2))
    with pytest.raises(InputError, match="found 3 and 2 items"):
        list_change(np.array([1, 2, 3]), np.array([1, 2]))


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_the_gini_of_a_set_is_the_share_outside_of_it(scale: float) -> None:
    assert gini(scale * np.array([0.0, 1, 0, 0, 1])) == pytest.approx(1 - 2 / 5)
    assert gini(scale * np.ones(4)) == 0
    values = np.random.default_rng(1).normal(size=9)
    moved = values - values.min()
    pairs = np.abs(moved[:, None] - moved).sum() / (2 * len(moved) * moved.sum())  # the definition by pairs
    assert gini(scale * values) == pytest.approx(pairs)
    with pytest.raises(InputError, match="at least one number"):
        gini(np.empty(0))


def test_steps_of_an_order_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(3)
    for n, k in ((1, 1), (4, 2), (10, 3), (17, 3)):
        recommender = LinearRecommender(rng.normal(size=(30, 30)))
        items = np.sort(rng.choice(30, n, replace=False))
        history = sp.csr_array((rng.random(n) + 0.5, items, [0, n]), shape=(1, 30))
        dense = history.toarray()[0]
        factual = dense @ recommender.weights
        best = [item for item in np.argsort(-factual) if item not in items][:2]
        order = rng.permutation(n)
        found = step_metrics(recommender, history, order, np.array(best), k)
        pos, neg, deletion, insertion = [], [], [], []
        size = 0
        for step in range(STEPS):
            size += n // STEPS + (step < n % STEPS)
            for item in best:
                for shown, removed in ((pos, order[:size]), (neg, order[n - size :])):
                    left = dense.copy()
                    left[items[removed]] = 0
                    scores = left @ recommender.weights
                    scores[items] = -np.inf
                    shown.append(item in np.argsort(-scores, kind="stable")[:k])
                first = np.zeros(30)
                first[items[order[:size]]] = dense[items[order[:size]]]
                insertion.append((first @ recommender.weights)[item] / factual[item])
                deletion.append(((dense - first) @ recommender.weights)[item] / factual[item])
        assert (found.pos, found.neg) == (pytest.approx(np.mean(pos)), pytest.approx(np.mean(neg)))
        if factual[best].min() > 0:
            assert found.deletion == pytest.approx(np.mean(deletion))
            assert found.insertion == pytest.approx(np.mean(insertion))
        else:
            assert np.isnan(found.deletion)
            assert np.isnan(found.insertion)


def test_an_order_must_be_one_of_the_history() -> None:
    history = sp.csr_array((np.ones(2), [0, 1], [0, 2]), shape=(1, 3))
    with pytest.raises(InputError, match="each of the 2 places of a history once"):
        step_metrics(LinearRecommender(np.ones((3, 3))), history, np.array([0, 0]), np.array([2]), 1)
