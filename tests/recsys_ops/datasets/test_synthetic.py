"""The synthetic marketplace: as large as requested, the same for a seed, with tastes in it."""

import numpy as np
import pytest

from recsys_ops.datasets import user_groups
from recsys_ops.datasets.synthetic import RULES, make_marketplace
from recsys_ops.datasets.synthetic_shelves import SHELVES
from recsys_ops.datasets.synthetic_words import OCCASIONS, SHARED_TAGS, STYLES, range_names
from recsys_ops.errors import ConfigError
from recsys_ops.evaluation import OfFeatures, cold_item_quality, held_out_quality
from recsys_ops.features.encode import encode_items
from recsys_ops.models.ease import fit_ease
from recsys_ops.models.feature_linear import content_model
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.linear import history_matrix


def test_the_same_seed_gives_the_same_marketplace_and_another_seed_another() -> None:
    prints = [make_marketplace(items=60, users=50, ratings_per_user=10, seed=seed).fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_sizes_are_as_requested() -> None:
    dataset = make_marketplace(items=300, users=400, sellers=25, features=900, ratings_per_user=30, seed=3)
    assert dataset.ratings.shape == (400, 300)
    assert len(set(dataset.items.column("seller_id").to_pylist())) == 25
    assert dataset.ratings.nnz / 400 == pytest.approx(30, rel=0.1)
    assert np.diff(dataset.ratings.indptr).min() >= 5
    assert set(np.unique(dataset.ratings.data)) == {1, 2, 3, 4, 5}


def test_the_vocabulary_is_about_as_large_as_requested() -> None:
    dataset = make_marketplace(items=2000, users=50, features=3000, seed=0)
    words = encode_items(dataset.items, RULES[:1]).columns
    assert 2_700 <= len(words) <= 3_000


def test_groups_are_of_equal_size_and_each_rates_its_favourites_higher() -> None:
    dataset = make_marketplace(seed=0)
    labels, group = user_groups(dataset, "group")
    sizes = np.bincount(group)
    assert sizes.max() - sizes.min() <= 1
    category = np.array(dataset.items.column("category").to_pylist())
    stars = dataset.ratings[group == labels.index("group students")].tocoo()
    likes = np.isin(category[stars.coords[1]], ["music", "electronics", "books"])
    assert stars.data[likes].mean() > stars.data[~likes].mean() + 0.5
    assert likes.mean() > 0.4


def test_popular_items_have_many_times_the_ratings_of_the_rest() -> None:
    counts = np.sort(np.bincount(make_marketplace(seed=0).ratings.indices, minlength=600))
    assert counts[-60:].mean() > 3 * np.median(counts)


def test_few_users_have_many_times_the_ratings_of_most() -> None:
    lengths = np.diff(make_marketplace(seed=0).ratings.indptr)
    assert np.percentile(lengths, 95) > 3 * np.median(lengths)


@pytest.mark.parametrize("seed", [0, 1])
def test_personalisation_pays_and_so_do_the_features_of_items_without_ratings(seed: int) -> None:
    dataset = make_marketplace(seed=seed)
    histories = history_matrix(dataset.ratings, binary=True, scale=5)
    features = encode_items(dataset.items, dataset.rules).matrix
    fits = {
        "ease": lambda known: fit_ease(known, ridge=500.0),
        "hybrid": lambda known: fit_hybrid(known, features),
        "content": lambda known: OfFeatures(content_model(features, known)),
    }
    for name in ("ease", "hybrid"):
        warm = held_out_quality(histories, fits[name], seed=0)
        assert warm.is_better
        assert warm.model.recall.mean() > 2 * warm.popularity.recall.mean()
    for name, factor in (("content", 1.5), ("hybrid", 2)):
        cold = cold_item_quality(histories, fits[name], seed=0)
        assert cold.is_better
        assert cold.model.recall.mean() > factor * cold.popularity.recall.mean()


def test_items_read_like_a_shop() -> None:
    dataset = make_marketplace(seed=0)
    everywhere = {*OCCASIONS, *SHARED_TAGS, *(style.tag for style in STYLES.values())}
    for item in dataset.items.to_pylist():
        thing, shelf = next(
            (thing, shelf)
            for shelf in SHELVES
            for thing in shelf.things
            if shelf.category == item["category"] and item["title"].endswith(f" {thing.name}")
        )
        assert item["description"].startswith(f"{item['title']} with ")
        assert any(detail in item["description"] for detail in thing.details)
        assert any(use in item["description"] for use in shelf.uses)
        assert set(item["tags"]) <= {*everywhere, *shelf.tags}
        assert set(item["tags"]) & set(shelf.tags)
        assert all(item["category"] in OCCASIONS[tag].split() for tag in item["tags"] if tag in OCCASIONS)
        assert 0.3 * thing.price - 1 <= item["price"] <= 3 * thing.price


def test_sellers_have_a_speciality() -> None:
    items = make_marketplace(items=1200, users=50, seed=0).items.to_pandas()
    shares = items.groupby("seller_id")["category"].agg(lambda column: column.value_counts(normalize=True).iloc[0])
    assert shares.mean() > 0.75
    assert (items["seller_id"].value_counts() > 0).all()


def test_what_an_item_is_cannot_be_changed() -> None:
    fixed = {rule.column for rule in make_marketplace(items=24, users=5, ratings_per_user=4).rules if not rule.mutable}
    assert fixed == {"category", "origin"}


def test_no_range_has_the_name_of_another_nor_a_word_of_the_shops() -> None:
    names = range_names(20_000)
    assert len(set(names)) == len(names)
    written = {word for shelf in SHELVES for thing in shelf.things for word in thing.name.lower().split()}
    assert not written & {name.lower() for name in names}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"items": 5}, "items is 5. Use 24 to"),
        ({"users": 2}, "users is 2. Use 5 to"),
        ({"sellers": 601}, "sellers is 601. Use 1 to 600"),
        ({"ratings_per_user": 300}, "ratings_per_user is 300. Use 1 to 200"),
        ({"features": 10}, "features is 10. Use 200 to"),
    ],
)
def test_sizes_out_of_range_name_the_range(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_marketplace(**sizes)
