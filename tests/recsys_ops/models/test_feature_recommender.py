"""Which recommender recourse is about: the better one that fits into memory, unless somebody names another."""

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.datasets.synthetic import make_marketplace
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import encode_items
from recsys_ops.models import feature_recommender
from recsys_ops.models.feature_linear import cosine_model
from recsys_ops.models.feature_recommender import (
    check_feature_model,
    default_feature_model,
    fingerprint_of_model,
    make_feature_model,
)
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.linear import history_matrix, top_lists


@pytest.mark.parametrize(("free", "name"), [(2**40, "hybrid"), (2**20, "content")])
def test_the_default_is_hybrid_where_it_fits_and_says_so_where_it_does_not(
    free: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_recommender, "available_bytes", lambda: free)
    found, reason = default_feature_model(20_000)
    assert found == name
    assert (reason is None) == (name == "hybrid")
    if reason is not None:
        assert reason.startswith(
            "hybrid, the better recommender, needs 2.1 GB of memory to fit for 20,000 items, and 0.0"
        )
        assert "content is used. Use a machine with more memory" in reason


def test_hybrid_gives_the_lists_of_the_recommender_that_validate_measures() -> None:
    shop = make_marketplace(items=40, users=60, ratings_per_user=8, seed=1)
    items = encode_items(shop.items, shop.rules)
    model = make_feature_model("hybrid", shop, items)
    scores = model.feature_scores(model.vectors, items.matrix) + model.own_scores(model.vectors, np.arange(40))
    histories = history_matrix(shop.ratings, binary=True, scale=1.0)
    scores[histories.nonzero()] = -np.inf
    lists = top_lists(fit_hybrid(histories, items.matrix), histories, 5)
    assert np.array_equal(np.argsort(-scores, axis=1)[:, :5], lists)


def test_the_same_data_and_seed_give_the_same_bits_and_other_factors_another_fingerprint() -> None:
    shop = make_marketplace(items=40, users=60, ratings_per_user=8, seed=1)
    items = encode_items(shop.items, shop.rules)
    prints = [fingerprint_of_model(make_feature_model("hybrid", shop, items, seed=seed)) for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]
    assert fingerprint_of_model(make_feature_model("content", shop, items)) not in prints


def test_cosine_is_measured_and_not_explained() -> None:
    with pytest.raises(ConfigError, match=r"--model content-cosine: only validate takes it\. .*Use content or hybrid"):
        check_feature_model("content-cosine")


def test_scores_by_cosine_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((9, 7)) * (rng.random((9, 7)) < 0.4)
    features[3] = 0.0
    ratings = rng.choice([0.0, 0.0, 1.0, 3.0], (6, 9))
    model = cosine_model(sp.csr_array(features), sp.csr_array(ratings))
    found = model.feature_scores(model.vectors, model.features)
    for user, item in np.ndindex(6, 9):
        wanted = sum(
            rating * (one @ features[item]) / (np.linalg.norm(one) * np.linalg.norm(features[item]))
            for rating, one in zip(ratings[user], features, strict=True)
            if one.any() and features[item].any()
        )
        assert found[user, item] == pytest.approx(wanted)
