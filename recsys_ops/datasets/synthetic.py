"""A seeded marketplace of any size: sellers, items that are described, and users with tastes.

Every item stands on a shelf of a category, in a style and at a price; its words and tags say so. Users rate what stands
on the shelves they like, in the styles and at the prices they prefer. So histories say something about taste and so do
descriptions, as in real catalogues: personalisation pays, also for items without ratings, and there are recourses.
"""

import numpy as np

from recsys_ops.arrow import table_of
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.synthetic_items import items_table, stock
from recsys_ops.datasets.synthetic_tastes import draw_stars, draw_tastes, users_table, who_rates_what
from recsys_ops.datasets.synthetic_words import GROUPS
from recsys_ops.errors import ConfigError
from recsys_ops.features.rules import FeatureRule

RULES = (
    FeatureRule(column="description", kind="text"),
    FeatureRule(column="tags", kind="tags", label="tag"),
    FeatureRule(column="category", kind="category", mutable=False, weight=0.5),
    FeatureRule(column="price", kind="number", direction="decrease", step=0.5, weight=0.3),
    FeatureRule(column="origin", kind="category", mutable=False, label="country of origin", weight=0.3),
)
"""Sellers may rewrite descriptions and tags and lower the price; what an item is and where it comes from stays."""


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
    20,000 items, 100,000 users and 5,000 words with 50 ratings per user take less than a minute.
    """
    sellers = max(1, items // 12) if sellers is None else sellers
    features = min(5000, max(200, int(40 * items**0.5))) if features is None else features
    _check(items, users, sellers, features, ratings_per_user)
    rng = np.random.default_rng([seed, items, users])
    goods = stock(rng, items, features)
    item_table = items_table(rng, goods, sellers, features)
    user_table, group = users_table(rng, users)
    tastes = draw_tastes(rng, group, goods)
    rated_by, rated = who_rates_what(rng, tastes, goods, ratings_per_user)
    stars = draw_stars(rng, tastes, goods, rated_by, rated)
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
