"""Figures of a recommender as a value: what is measured, in which words, and against which baseline."""

import json

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.evaluation import cold_item_quality, held_out_quality
from recsys_ops.features.encode import encode_items
from recsys_ops.measurement import check_measured, describe_recommender, measure_lists
from recsys_ops.models.ease import RIDGE, fit_ease
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.linear import history_matrix
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_quality import measure_ratings
from recsys_ops.quality import Quality


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset("synthetic:items=200,users=400,ratings_per_user=25", seed=0)


def test_lines_name_the_settings_and_end_with_the_verdict(dataset: Dataset) -> None:
    lines = dict(describe_recommender(dataset, "ease", ridge=123.0, binary=False, seed=0))
    assert list(lines) == ["recommender", "held-out users", "recall@20", "nDCG@100", "verdict"]
    assert lines["recommender"] == "ease, ridge 123, histories of ratings"
    histories = history_matrix(dataset.ratings, binary=False, scale=5)
    found = held_out_quality(histories, lambda known: fit_ease(known, ridge=123.0), seed=0)
    assert lines["recall@20"].startswith(f"{found.model.recall.mean():.3f} (standard error ")
    assert lines["nDCG@100"].endswith(f"popularity {found.popularity.ndcg.mean():.3f})")
    assert found.is_better
    assert lines["verdict"] == "better than popularity"


def test_a_recommender_of_features_is_also_measured_on_items_without_ratings(dataset: Dataset) -> None:
    lines = dict(describe_recommender(dataset, "hybrid", ridge=RIDGE, seed=0))
    histories = history_matrix(dataset.ratings, binary=True, scale=5)
    features = encode_items(dataset.items, dataset.rules).matrix
    found = cold_item_quality(histories, lambda known: fit_hybrid(known, features), seed=0)
    assert f"nDCG@100 {found.model.ndcg.mean():.3f}" in lines["of items without ratings"]
    assert f"chance {found.popularity.recall.mean():.3f}" in lines["of items without ratings"]


@pytest.mark.parametrize("name", ["knn", "slim", "pure-svd", "content", "content-cosine"])
def test_every_model_has_figures_with_standard_errors_that_survive_json(dataset: Dataset, name: str) -> None:
    found = measure_lists(name, dataset, seed=0)
    assert [figure.measure for figure in found.figures] == ["recall@20", "nDCG@100"]
    assert all(0 < figure.standard_error < 0.1 for figure in found.figures)
    assert Quality.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    first = found.figures[0]
    assert found.sentence == f"{name}, recall@20 {first.value:.2f}, popularity {first.baseline:.2f}"


def test_vectors_of_users_are_measured_as_given_and_so_it_says(dataset: Dataset, tmp_path) -> None:
    items = encode_items(dataset.items, dataset.rules)
    histories = history_matrix(dataset.ratings, binary=True, scale=5)
    model = fit_hybrid(histories, items.matrix)
    np.savez(
        tmp_path / "towers.npz", user_vectors=histories @ model.fold_in, item_vectors=model.own,
        feature_map=model.feature_map,
    )  # fmt: skip
    found = measure_lists(f"towers:{tmp_path / 'towers.npz'}", dataset, seed=0)
    assert found.is_better
    assert found.sentence.endswith("(with vectors that may have been fitted on these users)")
    assert found.figures[0].value > measure_lists("hybrid", dataset, seed=0).figures[0].value


def test_ratings_are_compared_with_the_mean_of_the_item() -> None:
    rng = np.random.default_rng(0)
    tastes, items = rng.normal(size=(80, 2)), rng.normal(size=(50, 2))
    stars = np.clip(3 + tastes @ items.T + rng.normal(0, 0.1, (80, 50)), 1, 5)
    ratings = sp.csr_array(np.where(rng.random(stars.shape) < 0.5, stars, 0.0))
    found = measure_ratings(ratings, AlsSettings(3, 1.0, seed=0), share=0.2, seed=0)
    assert found is not None
    assert found.is_better
    assert found.sentence.startswith("matrix factorisation of rank 3, RMSE 0.")
    noise = sp.csr_array(np.where(rng.random(stars.shape) < 0.5, rng.uniform(1, 5, stars.shape), 0.0))
    useless = measure_ratings(noise, AlsSettings(3, 1.0, seed=0), share=0.2, seed=0)
    assert useless is not None
    assert not useless.is_better
    assert measure_ratings(ratings[:, :1], AlsSettings(1, 1.0, seed=0), share=0.2, seed=0) is None


def test_an_unknown_model_is_refused_before_anything_is_read() -> None:
    for name in ("nobody", "lightfm:"):
        with pytest.raises(ConfigError, match="--model"):
            check_measured(name)
