"""The catalogue of ads: of the published sizes where nothing is said, the same for a seed, with tastes in it."""

import numpy as np
import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.synthetic_ads import RULES, make_ads
from recsys_ops.errors import ConfigError
from recsys_ops.evaluation import OfFeatures, cold_item_quality, held_out_quality
from recsys_ops.features.encode import encode_items
from recsys_ops.models.ease import fit_ease
from recsys_ops.models.feature_linear import content_model
from recsys_ops.models.linear import history_matrix

SMALL = "ads:items=240,users=300,brands=80,clicks_per_user=12"


def test_the_same_seed_gives_the_same_ads_and_another_seed_others() -> None:
    prints = [load_dataset(SMALL, seed=seed).fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_sizes_are_as_requested_and_clicks_have_no_ratings() -> None:
    dataset = load_dataset(SMALL, seed=3)
    assert dataset.ratings.shape == (300, 240)
    assert dataset.ratings.nnz / 300 == pytest.approx(12, rel=0.1)
    assert (dataset.values, set(dataset.ratings.data)) == ("ones", {1.0})
    assert len(set(dataset.items["brand"].to_pylist())) == 80
    sizes = np.bincount(dataset.users["age_level"].to_numpy())[1:]
    assert sizes.tolist() == [60] * 5


def test_features_are_categories_and_brands_one_hot_and_a_price() -> None:
    dataset = load_dataset(SMALL, seed=0)
    n_categories = len(set(dataset.items["category"].to_pylist()))
    assert len(encode_items(dataset.items, RULES).columns) == n_categories + 80 + 1


def test_a_brand_has_a_level_of_prices_of_its_own() -> None:
    items = make_ads(items=1200, users=50, brands=100, clicks_per_user=10).items
    dear = np.log(items["price"].to_numpy())
    for name in ("category", "brand"):
        place = np.unique(items[name].to_pylist(), return_inverse=True)[1]
        means = np.bincount(place, dear) / np.bincount(place)
        dear = dear - means[place]
        assert dear.var() < 0.1 if name == "brand" else dear.var() > 0.05


def test_clicks_say_what_a_user_will_click_on() -> None:
    dataset = make_ads(items=1500, users=500, brands=500, clicks_per_user=30)
    histories = history_matrix(dataset.ratings, binary=True, scale=1.0)
    features = encode_items(dataset.items, RULES).matrix
    warm = held_out_quality(histories, lambda known: fit_ease(known, ridge=200.0), seed=0)
    cold = cold_item_quality(histories, lambda known: OfFeatures(content_model(features, known)), seed=0)
    assert warm.model.recall.mean() > 1.5 * warm.popularity.recall.mean()
    assert cold.model.recall.mean() > 1.5 * cold.popularity.recall.mean()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("ads:items=10", r"--data ads: items is 10. Use 60 to"),
        ("ads:items=100,brands=101", r"brands is 101. Use 2 to 100"),
        ("ads:sellers=3", r"no parameter 'sellers' \(available: items, users, brands, clicks_per_user\)"),
    ],
)
def test_sizes_out_of_range_are_said(data: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(data, seed=0)
