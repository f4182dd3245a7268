"""A seeded catalogue of advertisements: category, brand and price of each, and who clicked on what.

The sizes are those of the ads of Alibaba as RecRec used them (Verma et al. 2023, section 4: about 5,600 ads, 13,200
users, 1.4 million clicks, and 2,300 dimensions of categories and brands one-hot and a price), which cannot be
distributed. What is shown to whom follows the tastes of the synthetic marketplace, where a brand stands for a style and
a level of prices; what of it is clicked on follows its category and brand. A brand has ads in several categories of one
shelf, so that a seller can move an ad between them.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import table_of
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.synthetic_items import Goods, stock
from recsys_ops.datasets.synthetic_shelves import SHELVES
from recsys_ops.datasets.synthetic_tastes import draw_tastes, users_table, who_rates_what
from recsys_ops.datasets.synthetic_words import range_names
from recsys_ops.errors import ConfigError
from recsys_ops.features.rules import FeatureRule

RULES = (
    FeatureRule(column="category", kind="category", mutable=True, min_items=1, cost=2.0),
    FeatureRule(column="brand", kind="category", mutable=True, min_items=1, cost=3.0),
    FeatureRule(column="price", kind="number", weight=0.1, step=0.5, max_increase="30%", max_decrease="30%"),
)
"""All may change, as in the paper, the price by up to 30 %; another category costs a seller more, a brand most.

A price counts a tenth in the similarity: at full weight, as a feature like the others, the dearest ads are similar to
everything, and recommendations by content are hardly better than popularity.
"""

_ALL_SHELVES = 10_000
"""Words for which ``stock`` opens every shelf."""
_BRANDS_PER_SELLER = 3
_BRAND_PRICE = 0.3
"""Standard deviation of the logarithm of a brand's prices over the usual ones."""
_LEVELS = 5
_SHOWN_PER_CLICK = 3
_DIMENSIONS = 6
"""Of what people like about categories and brands."""


def make_ads(
    *, items: int = 5600, users: int = 13_200, brands: int = 2000, clicks_per_user: int = 106, seed: int = 0
) -> Dataset:
    """Make a catalogue of ads; the same arguments make the same one.

    Parameters
    ----------
    items, users : int
        At least 60 ads and 5 users.
    brands : int
        At most as many as ads; each has at least one.
    clicks_per_user : int
        Mean number of ads that a user clicked on, at most a third of the ads.
    seed : int
        Of every draw.

    Returns
    -------
    Dataset
        Ads with category, brand and price; users with age_level (five of equal size) and gender; clicks, without
        ratings.

    Raises
    ------
    ConfigError
        A size is out of its range.
    """
    _check(items, users, brands, clicks_per_user)
    rng = np.random.default_rng([seed, items, users, 1])
    goods = stock(rng, items, _ALL_SHELVES)
    brand = _brands(rng, goods, brands)
    dearness = rng.normal(0.0, _BRAND_PRICE, brands)[brand]
    goods = replace(goods, price=np.maximum(np.round(goods.price * np.exp(dearness), 1), 0.5))
    people, group = users_table(rng, users)
    shown = min(items // 3, _SHOWN_PER_CLICK * clicks_per_user)
    shown_to, ad = who_rates_what(rng, draw_tastes(rng, group, goods), goods, shown)
    liked = _liking(rng, group, goods, brand)(shown_to, ad)
    n_clicks = min(clicks_per_user * users, len(ad))
    clicks = np.sort(np.argpartition(-liked, n_clicks - 1)[:n_clicks])
    clicked_by, clicked = shown_to[clicks], ad[clicks]
    interactions = table_of({"user_id": clicked_by + 1, "item_id": clicked + 1, "rating": np.ones(len(clicked))})
    return build_dataset(
        "ads", interactions, _ads_table(rng, goods, brand, brands), _with_levels(rng, people),
        rules=RULES, rating_range=(0.0, 1.0), values="ones",
    )  # fmt: skip


def _liking(
    rng: np.random.Generator, group: NDArray[np.int64], goods: Goods, brand: NDArray[np.int64]
) -> Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]:
    """How much a user likes an ad that is shown: its category and its brand, some of which everybody likes more."""
    means = rng.normal(0.0, 0.7, (int(group.max()) + 1, _DIMENSIONS))
    people = means[group] + rng.normal(0.0, 0.7, (len(group), _DIMENSIONS))
    category = goods.shelf * len(SHELVES[0].things) + goods.thing
    n_categories, n_brands = int(category.max()) + 1, int(brand.max()) + 1
    of_category = rng.normal(0.0, 0.6, (n_categories, _DIMENSIONS))[category]
    of_brand = rng.normal(0.0, 0.4, (n_brands, _DIMENSIONS))[brand]
    of_all = rng.normal(0.0, 0.8, n_categories)[category] + rng.normal(0.0, 0.5, n_brands)[brand]
    of_ad = of_category + of_brand

    def liking(user: NDArray[np.int64], ad: NDArray[np.int64]) -> NDArray[np.float64]:
        mean = of_all[ad].copy()
        for dimension in range(_DIMENSIONS):
            mean += people[user, dimension] * of_ad[ad, dimension]
        noisy: NDArray[np.float64] = mean + rng.logistic(0.0, 0.5, len(ad))
        return noisy

    return liking


def _brands(rng: np.random.Generator, goods: Goods, n_brands: int) -> NDArray[np.int64]:
    """A brand for each ad: neighbours by shelf and style share one, some have many ads and most have few."""
    n_items = len(goods.shelf)
    order = np.lexsort((rng.random(n_items), goods.style, goods.shelf))
    share = rng.gamma(0.7, size=n_brands)
    sizes = 1 + rng.multinomial(n_items - n_brands, share / share.sum())
    brand = np.empty(n_items, dtype=np.int64)
    brand[order] = np.repeat(rng.permutation(n_brands), sizes)
    return brand


def _ads_table(rng: np.random.Generator, goods: Goods, brand: NDArray[np.int64], n_brands: int) -> pa.Table:
    names = np.array(range_names(n_brands), dtype=object)[brand]
    things = [SHELVES[shelf].things[thing].name for shelf, thing in zip(goods.shelf, goods.thing, strict=True)]
    seller = rng.integers(max(1, n_brands // _BRANDS_PER_SELLER), size=n_brands)[brand]
    return table_of(
        {
            "item_id": np.arange(1, len(brand) + 1),
            "seller_id": pa.array([f"seller-{one + 1:05d}" for one in seller]),
            "title": pa.array([f"{name} {thing}" for name, thing in zip(names, things, strict=True)]),
            "category": pa.array(things),
            "brand": pa.array(names.tolist()),
            "price": goods.price,
        }
    )


def _with_levels(rng: np.random.Generator, people: pa.Table) -> pa.Table:
    """Age as a level of one to five, each with as many users; and gender, which says nothing."""
    age, n_users = people["age"].to_numpy(), len(people)
    level = np.empty(n_users, dtype=np.int64)
    level[np.lexsort((rng.random(n_users), age))] = np.arange(n_users) * _LEVELS // n_users + 1
    gender = rng.choice(["female", "male"], n_users).tolist()
    return table_of({"user_id": people["user_id"], "age_level": level, "gender": pa.array(gender)})


def _check(items: int, users: int, brands: int, clicks_per_user: int) -> None:
    limits = {
        "items": (items, 60, 10_000_000),
        "users": (users, _LEVELS, 100_000_000),
        "brands": (brands, 2, min(items, 100_000)),
        "clicks_per_user": (clicks_per_user, 1, items // 3),
    }
    for name, (value, least, greatest) in limits.items():
        if not least <= value <= greatest:
            raise ConfigError(f"--data ads: {name} is {value}. Use {least} to {greatest}.")
