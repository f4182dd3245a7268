"""Recommenders that are linear in features: what recourse reads of them against the definition, dense."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import FeatureLinearModel, content_model, learned_model
from recsys_ops.models.hybrid import fit_hybrid

Dense = tuple[FeatureLinearModel, NDArray[np.float64], NDArray[np.float64]]


def drawn(seed: int, kind: str) -> Dense:
    """A model with its profiles and scores by the definition, each user's up to a positive factor."""
    rng = np.random.default_rng(seed)
    features = sp.csr_array(rng.random((9, 7)) * (rng.random((9, 7)) < 0.5))
    histories = sp.csr_array(rng.choice([-2.0, 0.0, 1.0, 3.0], (6, 9)))
    if kind == "content":
        profiles = histories.toarray() @ features.toarray()
        return content_model(features, histories), profiles, profiles @ features.toarray().T
    if kind == "hybrid":
        fitted = fit_hybrid(histories, features, rank=3, ridge=2.0)
        users, own, feature_map = histories @ fitted.fold_in, fitted.own, fitted.feature_map
    else:
        users, own, feature_map = (rng.normal(size=(n, 3)) * [1e-9, 1.0, 1e9] for n in (6, 9, 7))
    model = learned_model(features, histories, users=users, own=own, feature_map=feature_map)
    return model, users @ feature_map.T, users @ (own + features @ feature_map).T


@pytest.mark.parametrize("kind", ["content", "hybrid", "drawn"])
@pytest.mark.parametrize("seed", range(5))
def test_profiles_scores_and_sums_are_those_of_the_definition(kind: str, seed: int) -> None:
    model, profiles, scores = drawn(seed, kind)
    found = model.feature_scores(model.vectors, model.features) + model.own_scores(model.vectors, np.arange(9))
    size = np.sqrt((found**2).mean(axis=1))
    assert kind == "content" or np.all((size > 0.49) & (size < 1.01) | (size == 0))  # 1, to a power of two
    factor = (np.abs(found).sum(axis=1) / np.abs(scores).sum(axis=1))[:, None]
    np.testing.assert_allclose(found, scores * factor, rtol=1e-9, atol=1e-12)
    some = np.array([4, 1])
    wanted = profiles * factor
    np.testing.assert_allclose(model.profiles(model.vectors, some), wanted[:, some], rtol=1e-9, atol=1e-12)
    weights = np.array([0.0, 1.0, 2.0, 0.5, 0.0, 3.0])
    np.testing.assert_allclose(model.weighted_profile(model.vectors, weights), weights @ wanted, rtol=1e-9, atol=1e-12)
    positive, negative = model.signed_worth(model.vectors, weights)
    np.testing.assert_allclose(positive, weights @ np.maximum(wanted, 0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(negative, weights @ np.maximum(-wanted, 0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["content", "hybrid", "drawn"])
def test_no_score_exceeds_the_size_that_a_user_s_scores_can_have(kind: str) -> None:
    for seed in range(20):
        model, _, scores = drawn(seed, kind)
        found = model.feature_scores(model.vectors, model.features) + model.own_scores(model.vectors, np.arange(9))
        assert scores.shape == found.shape
        assert np.all(np.abs(found) <= model.score_sizes(model.vectors)[:, None] * (1 + 1e-12))


def test_the_scale_of_users_and_of_coordinates_changes_no_bit_of_a_score() -> None:
    rng = np.random.default_rng(1)
    features, histories = sp.csr_array(rng.random((9, 7))), sp.csr_array(rng.random((6, 9)))
    users, own, feature_map = (rng.normal(size=(n, 3)) for n in (6, 9, 7))
    of_users, of_coordinates = 2.0 ** rng.integers(-99, 99, (6, 1)), 2.0 ** rng.integers(-50, 50, 3)
    one = learned_model(features, histories, users=users, own=own, feature_map=feature_map)
    other = learned_model(
        features, histories, users=users * of_users * of_coordinates,
        own=own / of_coordinates, feature_map=feature_map / of_coordinates,
    )  # fmt: skip
    for name in ("vectors", "own", "feature_map"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_some_users_of_a_model_keep_their_rows() -> None:
    model, *_ = drawn(2, "hybrid")
    some = model.of_users(np.array([3, 0]))
    assert np.array_equal(some.vectors, model.vectors[[3, 0]])
    assert np.array_equal(some.histories.toarray(), model.histories.toarray()[[3, 0]])
    content, *_ = drawn(2, "content")
    part = content.of_users(np.array([3, 0]))
    assert part.vectors is part.histories  # ratings are held once
