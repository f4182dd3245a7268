"""The synthetic marketplace: as large as requested, the same for a seed, with tastes in it."""

import numpy as np
import pytest

from recsys_ops.datasets import user_groups
from recsys_ops.datasets.synthetic import RULES, make_marketplace
from recsys_ops.datasets.synthetic_words import common_words, topic_words
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import encode_items


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


def test_no_word_belongs_to_two_topics() -> None:
    words = common_words(400) + topic_words(900)
    assert len(set(words)) == len(words)


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
