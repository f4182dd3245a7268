"""Support of a feature: the two estimates against their definitions, without the item's own row."""

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.features.encode import encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models import support
from recsys_ops.models.support import RIDGE_SHARE, fit_support, support_of
from tests.twins.support import regressed, voted

N_ITEMS = 14
RULES = [
    FeatureRule(column="plot", kind="text", min_items=1),
    FeatureRule(column="genres", kind="tags", min_items=1),
    FeatureRule(column="kind", kind="category", min_items=1),
    FeatureRule(column="price", kind="number"),
]


def drawn(seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "plot": [" ".join(rng.choice(["heist", "robot", "piano", "ghost"], 3)) for _ in range(N_ITEMS)],
            "genres": [[tag for tag in "abc" if rng.random() < 0.5] for _ in range(N_ITEMS)],
            "kind": [["film", "series"][rng.integers(2)] for _ in range(N_ITEMS)],
            "price": rng.uniform(1, 9, N_ITEMS),
        }
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_inputs", [4096, 5])
def test_support_is_the_mean_of_a_regression_without_the_item_and_of_its_neighbours_votes(
    seed: int, n_inputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "MOST_INPUTS", n_inputs)
    monkeypatch.setattr(support, "NEIGHBOURS", 4)
    items = encode_items(drawn(seed), RULES)
    providers = np.random.default_rng(seed).integers(8, size=N_ITEMS)
    model = fit_support(items, providers)
    found = support_of(model, np.arange(N_ITEMS))
    shared = [provider for provider in np.unique(providers) if (providers == provider).sum() > 1]
    own = (providers[:, None] == np.array(shared)).astype(float)
    has = (items.matrix.toarray() > 0) * (items.columns.rule < 3)
    everything = np.hstack([has, own])
    frequency = everything.sum(axis=0)
    inputs = np.sort(np.argsort(-frequency, kind="stable")[: min(n_inputs, int((frequency > 0).sum()))])
    for item in range(N_ITEMS):
        for column in range(has.shape[1] - 1):
            known = np.hstack([np.delete(everything[:, inputs], np.flatnonzero(inputs == column), axis=1)])
            predicted = regressed(np.hstack([known, has[:, [column]]]), RIDGE_SHARE * N_ITEMS, item, known.shape[1])
            assert found[item, column] == pytest.approx((predicted + voted(everything, item, column, 4)) / 2, abs=1e-4)
    assert np.all(found[:, -1] == 0)


def test_the_support_of_an_item_does_not_depend_on_what_else_is_asked_for() -> None:
    items = encode_items(drawn(1), RULES)
    model = fit_support(items, np.arange(N_ITEMS))
    together = support_of(model, np.arange(N_ITEMS))
    assert np.array_equal(support_of(model, np.array([5])), together[[5]])
    assert support_of(model, np.array([], dtype=np.int64)).shape == (0, together.shape[1])
