"""A seeded marketplace of any size: sellers, items with descriptions, and users whose tastes form groups.

Every item and every user is a mixture of topics. Words, tags, category and price of an item follow its mixture,
a user's ratings follow the agreement of both mixtures and the item's quality. So descriptions say something about
taste, as they do in real catalogues, and there are recourses to find.
"""

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import Array, table_of
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.synthetic_words import GROUPS, ORIGINS, TOPICS, common_words, topic_words
from recsys_ops.errors import ConfigError
from recsys_ops.features.rules import FeatureRule

RULES = (
    FeatureRule(column="description", kind="text"),
    FeatureRule(column="tags", kind="tags", label="tag"),
    FeatureRule(column="category", kind="category"),
    FeatureRule(column="price", kind="number", direction="decrease", step=0.5, weight=0.3),
    FeatureRule(column="origin", kind="category", mutable=False, label="country of origin", weight=0.3),
)
"""Sellers may rewrite descriptions, tags and category and lower the price; the country of origin stays."""

_COMMON_SHARE = 0.3
_PAIRS_AT_ONCE = 1_000_000
_OVERDRAW = 1.4


def make_marketplace(
    *,
    items: int = 600,
    users: int = 1500,
    sellers: int | None = None,
    features: int | None = None,
    ratings_per_user: int = 40,
    seed: int = 0,
) -> Dataset:
    """Make a marketplace; the same arguments make the same one.

    Parameters
    ----------
    items, users : int
        At least 24 items and 5 users.
    sellers : int, optional
        By default one per twelve items; each has at least one item.
    features : int, optional
        About how many words descriptions use in all, at least 200; by default it grows with the square root of
        ``items``, up to 5,000.
    ratings_per_user : int
        Mean number of ratings of a user, at most a third of the items.
    seed : int
        Of every draw.

    Returns
    -------
    Dataset
        Items with description, tags, category, price and origin; users with group and age; ratings 1 to 5.

    Raises
    ------
    ConfigError
        A size is out of its range.

    Notes
    -----
    20,000 items, 100,000 users and 5,000 words with 50 ratings per user take about 15 seconds.
    """
    sellers = max(1, items // 12) if sellers is None else sellers
    features = min(5000, max(200, int(40 * items**0.5))) if features is None else features
    _check(items, users, sellers, features, ratings_per_user)
    rng = np.random.default_rng([seed, items, users])
    item_mixture = _item_mixtures(rng, items)
    quality = rng.normal(0.0, 0.5, items)
    item_table = _make_items(rng, item_mixture, quality, sellers, features)
    user_table, user_mixture = _make_users(rng, users)
    rated_by, rated = _who_rates_what(rng, user_mixture, item_mixture, ratings_per_user)
    stars = _stars(rng, user_mixture, item_mixture, quality, rated_by, rated)
    interactions = table_of({"user_id": rated_by + 1, "item_id": rated + 1, "rating": stars})
    return build_dataset("synthetic", interactions, item_table, user_table, rules=RULES, rating_range=(1.0, 5.0))


def _check(items: int, users: int, sellers: int, features: int, ratings_per_user: int) -> None:
    limits = {
        "items": (items, 24, 10_000_000),
        "users": (users, len(GROUPS), 100_000_000),
        "sellers": (sellers, 1, items),
        "features": (features, 200, 100_000),
        "ratings_per_user": (ratings_per_user, 1, items // 3),
    }
    for name, (value, least, greatest) in limits.items():
        if not least <= value <= greatest:
            raise ConfigError(f"--data synthetic: {name} is {value}. Use {least} to {greatest}.")


def _item_mixtures(rng: np.random.Generator, n_items: int) -> np.ndarray:
    """Shape (n_items, n_topics): mostly one topic, which is the category."""
    mixture = rng.dirichlet(np.full(len(TOPICS), 0.15), n_items).astype(np.float32)
    main = np.arange(n_items) % len(TOPICS)
    mixture *= 0.4
    mixture[np.arange(n_items), rng.permutation(main)] += 0.6
    return mixture


def _make_items(
    rng: np.random.Generator, mixture: np.ndarray, quality: np.ndarray, n_sellers: int, n_words: int
) -> pa.Table:
    n_items = len(mixture)
    category = mixture.argmax(axis=1)
    seller = np.concatenate([np.arange(n_sellers), (n_sellers * rng.random(n_items - n_sellers) ** 2).astype(int)])
    typical_price = rng.uniform(8, 60, len(TOPICS))[category]
    price = np.round(typical_price * np.exp(rng.normal(0.15 * quality, 0.4)) * 2) / 2
    titles, descriptions = _write(rng, mixture, n_words)
    topics = np.array(list(TOPICS))
    return table_of(
        {
            "item_id": np.arange(1, n_items + 1),
            "seller_id": pa.array([f"seller-{s + 1:05d}" for s in rng.permutation(seller)]),
            "title": titles,
            "description": descriptions,
            "tags": _tags(rng, mixture),
            "category": pa.array(topics[category].tolist()),
            "price": np.maximum(price, 1.0),
            "origin": pa.array(np.array(ORIGINS)[rng.integers(len(ORIGINS), size=n_items)].tolist()),
        }
    )


def _write(rng: np.random.Generator, mixture: np.ndarray, n_words: int) -> tuple[Array, Array]:
    """Titles and descriptions: each word is a common one, or one of a topic drawn from the item's mixture."""
    n_common = min(n_words // 5, 400)
    n_per_topic = (n_words - n_common) // len(TOPICS)
    vocabulary = np.array([*common_words(n_common), *topic_words(n_per_topic)], dtype=object)
    lengths = rng.integers(25, 70, len(mixture))
    item = np.repeat(np.arange(len(mixture)), lengths)
    topic = _draw_rows(rng, np.cumsum(mixture, axis=1), item)
    topical = n_common + topic * n_per_topic + _zipf(rng, n_per_topic, len(item))
    word = np.where(rng.random(len(item)) < _COMMON_SHARE, _zipf(rng, n_common, len(item)), topical)
    ends = np.cumsum(lengths)
    words = vocabulary[word]
    descriptions = [" ".join(words[end - n : end]) for end, n in zip(ends, lengths, strict=True)]
    first, second = vocabulary[topical[ends - 1]], vocabulary[topical[ends - 2]]
    titles = [f"{a} {b}".capitalize() for a, b in zip(first, second, strict=True)]
    return pa.array(titles, pa.string()), pa.array(descriptions, pa.string())


def _tags(rng: np.random.Generator, mixture: np.ndarray) -> Array:
    """Two to five different tags per item, of topics drawn from its mixture."""
    names = [f"{topic}-{kind}" for topic in TOPICS for kind in ("gift", "classic", "new", "mini", "premium", "eco")]
    n_draws = rng.integers(3, 7, len(mixture))
    item = np.repeat(np.arange(len(mixture)), n_draws)
    tag = 6 * _draw_rows(rng, np.cumsum(mixture, axis=1), item) + _zipf(rng, 6, len(item))
    pairs = np.unique(item * len(names) + tag)
    offsets = np.searchsorted(pairs // len(names), np.arange(len(mixture) + 1))
    flat = pa.array(names).take(pa.array(pairs % len(names)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


def _make_users(rng: np.random.Generator, n_users: int) -> tuple[pa.Table, np.ndarray]:
    """Users table and mixtures (n_users, n_topics); a group shares its favourite topics and its age."""
    group = rng.permutation(np.arange(n_users) % len(GROUPS))
    favourites = np.full((len(GROUPS), len(TOPICS)), 0.25)
    names = list(TOPICS)
    for row, (_, topics, _) in enumerate(GROUPS):
        favourites[row, [names.index(topic) for topic in topics]] = 2.0
    weights = rng.standard_gamma(favourites[group]).astype(np.float32) + 1e-6
    age = np.clip(np.array([mean for _, _, mean in GROUPS])[group] + rng.normal(0, 7, n_users), 16, 90).astype(int)
    labels = pa.array([GROUPS[g][0] for g in group])
    table = table_of({"user_id": np.arange(1, n_users + 1), "group": labels, "age": age})
    return table, weights / weights.sum(axis=1, keepdims=True)


def _who_rates_what(
    rng: np.random.Generator, user_mixture: np.ndarray, item_mixture: np.ndarray, ratings_per_user: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of user and item, each once: users draw topics, topics draw popular items."""
    n_users, n_items = len(user_mixture), len(item_mixture)
    wanted = np.clip(rng.gamma(3.0, ratings_per_user / 3.0, n_users), min(5, ratings_per_user), n_items // 2)
    n_draws = np.ceil(wanted * _OVERDRAW).astype(int)
    popularity = 1.0 / (10 + rng.permutation(n_items)) ** 0.8
    user = np.repeat(np.arange(n_users), n_draws)
    topic = _draw_rows(rng, np.cumsum(user_mixture, axis=1), user)
    item = np.empty(len(user), dtype=np.int64)
    for t in range(len(TOPICS)):
        chances = np.cumsum(popularity * (item_mixture[:, t] + 0.02))
        of_topic = np.flatnonzero(topic == t)
        item[of_topic] = np.searchsorted(chances / chances[-1], rng.random(len(of_topic)), side="right")
    pairs = np.unique(user * n_items + np.minimum(item, n_items - 1))
    pairs = pairs[rng.permutation(len(pairs))]
    pairs = pairs[np.argsort(pairs // n_items, kind="stable")]
    user = pairs // n_items
    within = np.arange(len(pairs)) - np.searchsorted(user, np.arange(n_users))[user]
    kept = within < wanted[user]
    return user[kept], pairs[kept] % n_items


def _stars(
    rng: np.random.Generator,
    user_mixture: np.ndarray,
    item_mixture: np.ndarray,
    quality: np.ndarray,
    user: np.ndarray,
    item: np.ndarray,
) -> np.ndarray:
    """Ratings 1 to 5: agreement of tastes, quality of the item, mood of the day."""
    agreement = np.empty(len(user), dtype=np.float64)
    for start in range(0, len(user), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        agreement[part] = np.einsum("rt,rt->r", user_mixture[user[part]], item_mixture[item[part]])
    spread = float(agreement.std()) or 1.0
    stars = 3.5 + 0.8 * (agreement - agreement.mean()) / spread + quality[item] + rng.normal(0, 0.5, len(user))
    whole: np.ndarray = np.clip(np.rint(stars), 1, 5)
    return whole


def _draw_rows(rng: np.random.Generator, cumulative: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One topic for each entry of ``rows``, from the row's cumulative chances (n_rows, n_topics)."""
    chance = rng.random(len(rows)).astype(np.float32) * cumulative[rows, -1]
    topic = np.zeros(len(rows), dtype=np.int64)
    for column in range(cumulative.shape[1] - 1):
        topic += chance > cumulative[rows, column]
    return topic


def _zipf(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Positions 0 to n - 1, the earlier the more frequent."""
    chances = np.cumsum(1.0 / (4 + np.arange(n)))
    position: np.ndarray = np.minimum(np.searchsorted(chances / chances[-1], rng.random(size), side="right"), n - 1)
    return position
