"""The hybrid recommender against the whole eigendecomposition, and what it must know of items without ratings."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.models.ease import fit_ease
from recsys_ops.models.hybrid import FEATURE_RIDGE, fit_hybrid


def histories_of_two_tastes(seed: int = 0) -> tuple[sp.csr_array, sp.csr_array]:
    """80 users who each like one half of 30 items; two features say which half an item is of."""
    rng = np.random.default_rng(seed)
    half = np.arange(30) % 2
    likes = np.where(half[None] == (np.arange(80) % 2)[:, None], 0.5, 0.05)
    histories = (rng.random(likes.shape) < likes).astype(float)
    return sp.csr_array(histories), sp.csr_array(np.eye(2)[half])


def test_the_scores_are_those_of_ease_projected_on_their_main_directions() -> None:
    histories, features = histories_of_two_tastes()
    scores = histories @ np.asarray(fit_ease(histories, ridge=5.0).weights, dtype=np.float64)
    _, vectors = np.linalg.eigh(scores.T @ scores)
    main = vectors[:, ::-1][:, :4]
    model = fit_hybrid(histories, features, rank=4, ridge=5.0)
    assert model.scores(histories) == pytest.approx(scores @ main @ main.T, abs=1e-4)


def test_at_full_rank_the_scores_are_those_of_ease() -> None:
    histories, features = histories_of_two_tastes()
    scores = histories @ np.asarray(fit_ease(histories, ridge=5.0).weights, dtype=np.float64)
    assert fit_hybrid(histories, features, rank=99, ridge=5.0).scores(histories) == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("n_features", [2, 60])
def test_the_feature_map_is_a_ridge_regression_whichever_system_is_smaller(n_features: int) -> None:
    histories, _ = histories_of_two_tastes()
    features = sp.csr_array(np.random.default_rng(1).random((30, n_features)))
    model = fit_hybrid(histories, features, rank=3)
    residual = model.item_vectors - features @ model.feature_map
    assert features.T @ residual == pytest.approx(FEATURE_RIDGE * model.feature_map, abs=1e-8)


def test_an_item_without_ratings_is_recommended_by_its_features_to_those_who_like_them() -> None:
    histories, features = histories_of_two_tastes()
    hidden = histories.toarray()
    hidden[:, [0, 1]] = 0.0
    model = fit_hybrid(sp.csr_array(hidden), features, rank=4, ridge=5.0)
    assert np.all(model.own[[0, 1]] == 0)
    scores = model.scores(sp.csr_array(hidden))[:, [0, 1]]
    prefers_first = scores[:, 0] > scores[:, 1]
    assert (prefers_first == (np.arange(80) % 2 == 0)).mean() > 0.9


def test_the_same_seed_gives_the_same_bytes() -> None:
    histories, features = histories_of_two_tastes()
    one, other = (fit_hybrid(histories, features, rank=4, seed=3) for _ in range(2))
    assert one.fold_in.tobytes() == other.fold_in.tobytes()
    assert one.own.tobytes() == other.own.tobytes()


def test_on_movielens_100k_it_is_as_good_as_ease_and_knows_items_without_ratings() -> None:
    from recsys_ops.datasets import load_dataset
    from recsys_ops.evaluation import cold_item_quality, held_out_quality
    from recsys_ops.features.encode import encode_items
    from recsys_ops.models.linear import history_matrix

    data = os.environ.get("RECSYS_OPS_DATA", "")
    if not data:
        pytest.skip("RECSYS_OPS_DATA is not set: MovieLens is not distributed with the project")
    dataset = load_dataset(f"movielens-100k:{Path(data) / 'ml-100k'}", seed=0)
    features = encode_items(dataset.items, dataset.rules).matrix
    histories = history_matrix(dataset.ratings, binary=True, scale=5.0)
    quality = held_out_quality(histories, lambda known: fit_hybrid(known, features), seed=0)
    ease = held_out_quality(histories, lambda known: fit_ease(known, ridge=500.0), seed=0)
    assert quality.model.recall.mean() >= 0.9 * ease.model.recall.mean()
    assert quality.is_better
    cold = cold_item_quality(histories, lambda known: fit_hybrid(known, features), seed=0)
    assert cold.is_better
    assert 0.30 < cold.model.recall.mean() < 0.45
