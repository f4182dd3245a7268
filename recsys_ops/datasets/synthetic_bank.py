"""A seeded bank: which merchants its customers visit and how often, as in the study of merchant recommendation.

The sizes are near those of the people who took part in that study (Plausible Counterfactual Explanations of
Recommendations, section VI: at the median 465 transactions in a year, with 113 merchants of 19 categories and 92 tags),
whose data are private. Some merchants are chains that everybody visits, most are near where their customers live; a
customer goes to what suits the household's habits, and again and again to the same few.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import table_of
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.features.rules import FeatureRule

RULES = (
    FeatureRule(column="tags", kind="tags", label="tag"),
    FeatureRule(column="category", kind="category", mutable=False),
)
"""A merchant may say what else it offers; what it is stays."""

KINDS = {
    "groceries": ("supermarket", "organic", "bakery", "butcher", "farm-shop", "delivery"),
    "restaurants": ("italian", "asian", "burgers", "vegetarian", "fine-dining", "takeaway"),
    "cafes": ("coffee", "cakes", "ice-cream", "breakfast", "tea"),
    "fashion": ("shoes", "children", "sportswear", "second-hand", "accessories", "suits"),
    "electronics": ("phones", "computers", "household", "repair", "games"),
    "home": ("furniture", "kitchen", "textiles", "lamps", "storage"),
    "garden": ("plants", "tools", "seeds", "garden-furniture"),
    "hardware": ("paint", "wood", "electrics", "plumbing", "rental"),
    "books": ("novels", "school", "comics", "stationery", "used-books"),
    "pharmacies": ("medicine", "vitamins", "baby", "homeopathy"),
    "cosmetics": ("perfume", "make-up", "hair", "natural-cosmetics"),
    "sports": ("cycling", "running", "skiing", "fitness", "climbing"),
    "toys": ("board-games", "building-bricks", "dolls", "crafts"),
    "pets": ("dogs", "cats", "aquaria", "pet-food"),
    "fuel": ("petrol", "charging", "car-wash", "shop"),
    "transport": ("trains", "buses", "taxis", "parking", "bike-sharing"),
    "travel": ("flights", "hotels", "package-tours", "camping"),
    "culture": ("cinema", "theatre", "concerts", "museums"),
    "health": ("dentist", "optician", "physiotherapy", "massage"),
    "education": ("languages", "music-school", "driving-school", "courses"),
    "online": ("marketplace", "streaming", "gaming", "software", "newspapers"),
    "services": ("hairdresser", "dry-cleaning", "post", "insurance"),
}
"""Categories and the tags of each."""

_SHARED_TAGS = (
    "late-opening",
    "loyalty-card",
    "online-orders",
    "family-run",
    "discount",
    "premium",
    "city-centre",
    "mall",
)
_TOWNS = ("Altenau", "Bergfeld", "Lindhafen", "Nordstadt", "Seebruck")
_NAMES = (
    "Adler",
    "Blum",
    "Corvin",
    "Dorn",
    "Elster",
    "Falk",
    "Grell",
    "Hahn",
    "Iven",
    "Jansen",
    "Kolb",
    "Lorenz",
    "Marx",
)
_CHAINS, _CHAIN_APPEAL = 0.2, 1.0
"""Share of the merchants that are chains, and what that adds to their appeal."""
_HABITS, _FAITHFUL = 8, 3.0
"""Kinds of households, and how evenly customers spread over what suits them (shape of a gamma)."""
_ELSEWHERE = 0.25
"""How much a customer goes to a merchant of another town, beside one of its own."""
_TAGS = [tag for tags in KINDS.values() for tag in tags] + list(_SHARED_TAGS)
_OF_KIND = np.cumsum([0, *map(len, KINDS.values())])
_LIMITS = {"items": (44, 100_000), "users": (10, 10_000_000), "visits_per_user": (5, 10_000)}


@dataclass(frozen=True)
class _Merchants:
    """``category``, ``town`` (-1 of a chain) and ``appeal``, all ``(n,)``; ``tags (n, n_tags)``."""

    category: NDArray[np.int64]
    tags: NDArray[np.bool_]
    town: NDArray[np.int64]
    appeal: NDArray[np.float64]


def make_bank(*, items: int = 300, users: int = 1000, visits_per_user: int = 465, seed: int = 0) -> Dataset:
    """Make a bank; the same arguments make the same one.

    Parameters
    ----------
    items, users : int
        At least 44 merchants and 10 customers.
    visits_per_user : int
        Median number of a customer's transactions, at least 5.
    seed : int
        Of every draw.

    Returns
    -------
    Dataset
        Merchants with category, tags and town; customers with town; how often each visited whom, as weights.

    Raises
    ------
    ConfigError
        A size is out of its range.
    """
    for name, value in (("items", items), ("users", users), ("visits_per_user", visits_per_user)):
        least, greatest = _LIMITS[name]
        if not least <= value <= greatest:
            raise ConfigError(f"--data bank: {name} is {value}. Use {least} to {greatest}.")
    rng = np.random.default_rng([seed, items, users, 2])
    merchants, lives = _draw_merchants(rng, items), rng.integers(len(_TOWNS), size=users)
    who, where, visits = _visits(rng, merchants, lives, visits_per_user)
    interactions = table_of({"user_id": who + 1, "item_id": where + 1, "rating": visits.astype(np.float64)})
    customers = table_of({"user_id": np.arange(1, users + 1), "town": pa.array([_TOWNS[one] for one in lives])})
    return build_dataset(
        "bank", interactions, _items_table(rng, merchants), customers,
        rules=RULES, rating_range=(0.0, float(visits.max())), values="weights", verb="visited",
    )  # fmt: skip


def _draw_merchants(rng: np.random.Generator, n: int) -> _Merchants:
    category = np.concatenate([np.arange(len(KINDS)), rng.integers(len(KINDS), size=n - len(KINDS))])
    tags, first_shared = np.zeros((n, len(_TAGS)), dtype=bool), len(_TAGS) - len(_SHARED_TAGS)
    for merchant, kind in enumerate(category):
        of_kind = np.arange(_OF_KIND[kind], _OF_KIND[kind + 1])
        tags[merchant, rng.choice(of_kind, size=rng.integers(1, 4), replace=False)] = True
        tags[merchant, first_shared + rng.choice(len(_SHARED_TAGS), size=rng.integers(3), replace=False)] = True
    is_chain = rng.random(n) < _CHAINS
    town = np.where(is_chain, -1, rng.integers(len(_TOWNS), size=n))
    return _Merchants(category, tags, town, rng.normal(0.0, 0.5, n) + _CHAIN_APPEAL * is_chain)


def _items_table(rng: np.random.Generator, merchants: _Merchants) -> pa.Table:
    n, kinds = len(merchants.category), list(KINDS)
    names, numbers = rng.choice(_NAMES, n), Counter[str]()
    titles = []
    for merchant in range(n):
        what = _TAGS[int(np.flatnonzero(merchants.tags[merchant])[0])].replace("-", " ")
        town = merchants.town[merchant]
        title = f"{names[merchant]} {what}" + ("" if town < 0 else f" ({_TOWNS[town]})")
        numbers[title] += 1
        titles.append(title if numbers[title] == 1 else f"{title} {numbers[title]}")
    return table_of(
        {
            "item_id": np.arange(1, n + 1),
            "seller_id": pa.array([f"merchant-{one + 1:04d}" for one in range(n)]),
            "title": pa.array(titles),
            "category": pa.array([kinds[one] for one in merchants.category]),
            "tags": pa.array([[_TAGS[tag] for tag in np.flatnonzero(row)] for row in merchants.tags]),
            "town": pa.array(["everywhere" if one < 0 else _TOWNS[one] for one in merchants.town]),
        }
    )


def _visits(
    rng: np.random.Generator, merchants: _Merchants, lives: NDArray[np.int64], median: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Customer, merchant and number of visits, customer by customer."""
    habits = rng.normal(0.0, 1.1, (_HABITS, len(KINDS))), rng.normal(0.0, 1.0, (_HABITS, len(_TAGS)))
    n_visits = np.maximum(np.rint(median * np.exp(rng.normal(0.0, 0.6, len(lives)))), 3).astype(np.int64)
    users, places, counts = [], [], []
    for user, town in enumerate(lives):
        share = rng.dirichlet(np.full(_HABITS, 0.2))
        of_kind, of_tag = share @ habits[0] + rng.normal(0.0, 0.4, len(KINDS)), share @ habits[1]
        liking = merchants.appeal + 1.2 * of_kind[merchants.category] + merchants.tags @ of_tag
        near = (merchants.town < 0) | (merchants.town == town)
        weight = np.exp(liking) * np.where(near, 1.0, _ELSEWHERE)
        weight = weight * rng.gamma(_FAITHFUL, size=len(weight))  # a few of those that would suit are returned to
        drawn = rng.multinomial(n_visits[user], weight / weight.sum())
        visited = np.flatnonzero(drawn)
        users.append(np.full(len(visited), user))
        places.append(visited)
        counts.append(drawn[visited])
    return np.concatenate(users), np.concatenate(places), np.concatenate(counts)
