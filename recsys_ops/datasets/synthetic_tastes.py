"""Users of the synthetic marketplace: who likes what, who has rated what, and with how many stars.

A user belongs to a visible group and to a hidden community of it. Communities prefer a few shelves, wherever they
stand, two styles and a level of prices; a user has most tastes from one community, some from another and some that
are nobody else's. Each rating is one draw: a taste, an item of its shelf by its popularity, kept by its style and
price; some draws are of anything.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import table_of
from recsys_ops.datasets.synthetic_items import Goods
from recsys_ops.datasets.synthetic_shelves import CATEGORIES, SHELVES, SHELVES_PER_CATEGORY
from recsys_ops.datasets.synthetic_words import GROUPS, OCCASIONS, STYLES

_COMMUNITIES_PER_GROUP = 5
_SHELVES_LIKED = 5
"""Of a community; of these, a user has some."""

_TASTES = (4, 2, 2)
"""Of the user's community, of another one, and of the user alone."""

_SHARES = (0.84, 0.08, 0.08)
"""Mean share of the draws that go to each of these."""

_ANYTHING = 0.06
"""Share of draws of any item, by popularity."""

_OTHER_STYLE, _OTHER_PRICE, _OTHER_OCCASION = 0.35, 0.4, 0.5
"""Chance to keep an item of a style, a price, or for occasions that the user does not prefer."""

_ACTIVITY = 0.8
"""Standard deviation of the logarithm of the number of ratings."""

_POPULARITY = 0.9
"""Standard deviation of the logarithm of the popularity of items."""

_ROUNDS = 12
_USERS_AT_ONCE = 2048
_PAIRS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Tastes:
    """``shelf``, ``share (n_users, n_tastes)``; ``likes (n_users, n_styles + n_occasions)``; ``level (n_users,)`` of
    prices."""

    shelf: NDArray[np.int16]
    share: NDArray[np.float32]
    likes: NDArray[np.bool_]
    level: NDArray[np.float32]

    def of(self, users: slice) -> "Tastes":
        """Those of some users."""
        return Tastes(self.shelf[users], self.share[users], self.likes[users], self.level[users])


def users_table(rng: np.random.Generator, n_users: int) -> tuple[pa.Table, NDArray[np.int64]]:
    """The users with group and age, and the position of each one's group.

    Parameters
    ----------
    rng : Generator
    n_users : int

    Returns
    -------
    table : pyarrow.Table
    group : ndarray, shape (n_users,)
        Groups are of equal size.
    """
    group = rng.permutation(np.arange(n_users) % len(GROUPS))
    age = np.clip(np.array([mean for *_, mean in GROUPS])[group] + rng.normal(0, 7, n_users), 16, 90).astype(int)
    labels = pa.array([GROUPS[g][0] for g in group])
    return table_of({"user_id": np.arange(1, n_users + 1), "group": labels, "age": age}), group


def draw_tastes(rng: np.random.Generator, group: NDArray[np.int64], goods: Goods) -> Tastes:
    """Tastes of users of these groups among the shelves on which something stands.

    Parameters
    ----------
    rng : Generator
    group : ndarray, shape (n_users,)
    goods : Goods

    Returns
    -------
    Tastes
    """
    n_users = len(group)
    is_open = np.bincount(goods.shelf, minlength=len(SHELVES)) > 0
    liked, likes, levels = _communities(rng, is_open)
    n_communities = len(liked)
    community = group * _COMMUNITIES_PER_GROUP + rng.integers(_COMMUNITIES_PER_GROUP, size=n_users)
    other = rng.integers(n_communities, size=n_users)
    chosen = [
        liked[of][np.arange(n_users)[:, None], rng.random((n_users, _SHELVES_LIKED)).argsort(axis=1)[:, :n]]
        for of, n in zip((community, other), _TASTES[:2], strict=True)
    ]
    chosen.append(rng.choice(np.flatnonzero(is_open), size=(n_users, _TASTES[2])))
    mean_share = np.repeat(np.array(_SHARES) / np.array(_TASTES), _TASTES)
    weight = rng.standard_gamma(2.0, (n_users, sum(_TASTES))) * mean_share
    their_likes = likes[community].copy()
    their_likes[np.arange(n_users), rng.integers(likes.shape[1], size=n_users)] = True
    level = np.where(rng.random(n_users) < 0.7, levels[community], rng.choice([-0.3, 0.0, 0.35], n_users))
    share = weight / weight.sum(axis=1, keepdims=True)
    shelf = np.concatenate(chosen, axis=1).astype(np.int16)
    return Tastes(shelf, share.astype(np.float32), their_likes, level.astype(np.float32))


def _communities(
    rng: np.random.Generator, is_open: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """Shelves (n, 5), styles and occasions (n, n_styles + n_occasions) and level of prices (n,) that each likes."""
    of_category = np.arange(len(SHELVES)) // SHELVES_PER_CATEGORY
    occasions = list(OCCASIONS)
    liked, likes = [], np.zeros((len(GROUPS) * _COMMUNITIES_PER_GROUP, len(STYLES) + len(OCCASIONS)), dtype=bool)
    for community in range(len(likes)):
        _, categories, favourites, _ = GROUPS[community // _COMMUNITIES_PER_GROUP]
        is_favourite = np.isin(of_category, [CATEGORIES.index(name) for name in categories])
        chances = np.where(is_favourite, 1.0, 0.05) * is_open
        several = min(_SHELVES_LIKED, int((chances > 0).sum()))
        drawn = rng.choice(len(SHELVES), size=several, replace=False, p=chances / chances.sum())
        liked.append(np.resize(drawn, _SHELVES_LIKED))
        likes[community, rng.choice(len(STYLES), size=2, replace=False)] = True
        likes[community, [len(STYLES) + occasions.index(name) for name in rng.permutation(favourites)[:2]]] = True
    return np.array(liked), likes, rng.choice([-0.3, 0.0, 0.35], len(likes))


def who_rates_what(
    rng: np.random.Generator, tastes: Tastes, goods: Goods, ratings_per_user: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of user and item, each once.

    Parameters
    ----------
    rng : Generator
    tastes : Tastes
    goods : Goods
    ratings_per_user : int
        Mean number; few users have many times as many as most.

    Returns
    -------
    user, item : ndarray, shape (n_ratings,)
        Positions, sorted by user.
    """
    n_users, n_items = len(tastes.level), len(goods.shelf)
    wanted = _activity(rng, n_users, n_items, ratings_per_user)
    order = np.argsort(goods.shelf, kind="stable")
    popularity = np.exp(rng.normal(0.0, _POPULARITY, n_items))
    ends = np.concatenate([[0.0], np.cumsum(popularity[order])])
    edges = ends[np.searchsorted(goods.shelf[order], np.arange(len(SHELVES) + 1))]
    users, items = [], []
    for first in range(0, n_users, _USERS_AT_ONCE):
        block = tastes.of(slice(first, first + _USERS_AT_ONCE))
        pairs = np.zeros(0, dtype=np.int64)
        for _ in range(_ROUNDS):
            lacking = wanted[first : first + _USERS_AT_ONCE] - np.bincount(pairs // n_items, minlength=len(block.level))
            if not lacking.any():
                break
            user = np.repeat(np.arange(len(lacking)), np.where(lacking > 0, 3 * lacking + 2, 0))
            low, high, is_any = _where_to_look(rng, block, user, edges)
            place = np.searchsorted(ends, low + (high - low) * rng.random(len(user)), side="right") - 1
            item = order[np.minimum(place, n_items - 1)]
            is_kept = is_any | (rng.random(len(user)) < _liking(block, goods, user, item))
            pairs = np.concatenate([pairs, user[is_kept] * n_items + item[is_kept]])
            pairs = _first_of_each(pairs, n_items, wanted[first : first + _USERS_AT_ONCE])
        users.append(first + pairs // n_items)
        items.append(pairs % n_items)
    return np.concatenate(users), np.concatenate(items)


def _where_to_look(
    rng: np.random.Generator, tastes: Tastes, user: NDArray[np.int64], edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """For each draw the span of cumulative popularity to draw from: a shelf the user likes, or all of them."""
    upto = np.cumsum(tastes.share, axis=1)
    chance = rng.random(len(user)).astype(np.float32)
    taste = np.zeros(len(user), dtype=np.int64)
    for place in range(upto.shape[1] - 1):
        taste += chance > upto[user, place]
    shelf = tastes.shelf[user, taste]
    is_any = rng.random(len(user)) < _ANYTHING
    return np.where(is_any, 0.0, edges[shelf]), np.where(is_any, edges[-1], edges[shelf + 1]), is_any


def _activity(rng: np.random.Generator, n_users: int, n_items: int, mean: int) -> NDArray[np.int64]:
    """How many ratings each user gives."""
    drawn = np.exp(rng.normal(0.0, _ACTIVITY, n_users))
    least, most = min(5, mean), max(1, n_items // 2)
    wanted = np.clip(mean * drawn / drawn.mean(), least, most)
    counts: NDArray[np.int64] = np.clip(np.rint(wanted * mean / wanted.mean()), least, most).astype(np.int64)
    return counts


def _liking(tastes: Tastes, goods: Goods, user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.floating]:
    """Chance that a user who comes across an item keeps it, by its style, occasions and price, ``(n_pairs,)``."""
    by_style = np.where(tastes.likes[user, goods.style[item]], 1.0, _OTHER_STYLE)
    suits = tastes.likes[user, len(STYLES) + goods.occasions[item, 0]]
    suits |= tastes.likes[user, len(STYLES) + goods.occasions[item, 1]]
    distance = (goods.dearness[item] - tastes.level[user]) / 0.3
    by_price = np.maximum(np.exp(-0.5 * distance**2), _OTHER_PRICE)
    return np.asarray(by_style * np.where(suits, 1.0, _OTHER_OCCASION) * by_price)


def _first_of_each(pairs: NDArray[np.int64], n_items: int, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first distinct pairs of each user, as many as wanted, by user and in their order."""
    _, first = np.unique(pairs, return_index=True)
    pairs = pairs[np.sort(first)]
    pairs = pairs[np.argsort(pairs // n_items, kind="stable")]
    user = pairs // n_items
    within = np.arange(len(pairs)) - np.searchsorted(user, np.arange(len(wanted)))[user]
    kept: NDArray[np.int64] = pairs[within < wanted[user]]
    return kept


def draw_stars(
    rng: np.random.Generator, tastes: Tastes, goods: Goods, user: NDArray[np.int64], item: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Ratings 1 to 5: liking, quality of the item, strictness of the user, mood of the day.

    Parameters
    ----------
    rng : Generator
    tastes : Tastes
    goods : Goods
    user, item : ndarray, shape (n_ratings,)

    Returns
    -------
    ndarray, shape (n_ratings,)
    """
    agreement = np.empty(len(user))
    for start in range(0, len(user), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        liked, shelf = tastes.shelf[user[part]], goods.shelf[item[part], None]
        same = (liked == shelf).any(axis=1)
        near = (liked // SHELVES_PER_CATEGORY == shelf // SHELVES_PER_CATEGORY).any(axis=1)
        agreement[part] = 0.6 * same + 0.4 * near + 0.5 * _liking(tastes, goods, user[part], item[part])
    spread = float(agreement.std()) or 1.0
    quality = rng.normal(0.0, 0.4, len(goods.shelf))[item]
    strictness = rng.normal(0.0, 0.3, len(tastes.level))[user]
    mood = rng.normal(0.0, 0.5, len(user))
    stars = 3.6 + 0.7 * (agreement - agreement.mean()) / spread + quality + strictness + mood
    return np.asarray(np.clip(np.rint(stars), 1, 5))
