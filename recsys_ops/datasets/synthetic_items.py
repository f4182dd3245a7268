"""Items of the synthetic marketplace: what stands on which shelf, how it is described and priced, and who sells it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import table_of
from recsys_ops.datasets.synthetic_shelves import CATEGORIES, SHELVES, SHELVES_PER_CATEGORY
from recsys_ops.datasets.synthetic_words import CLOSINGS, OCCASIONS, ORIGINS, SHARED_TAGS, STYLES, USES, range_names

_WORDS_PER_LEVEL = 330
"""Words that one shelf in each of the categories brings."""

_WORDS = 1300
"""All real words; who wants more gets names of ranges."""

_SPECIALITY = 0.85
"""Share of their items that sellers have in one category."""

_STYLE_KEYS = tuple(STYLES)


@dataclass(frozen=True)
class Goods:
    """``shelf`` (position in SHELVES), ``style`` (in STYLES), ``thing`` (of its shelf), ``price``: all (n_items,).

    ``occasions (n_items, 2)`` are two different ones (positions in OCCASIONS).
    """

    shelf: NDArray[np.int64]
    style: NDArray[np.int64]
    thing: NDArray[np.int64]
    price: NDArray[np.float64]
    occasions: NDArray[np.int64]

    @property
    def category(self) -> NDArray[np.int64]:
        """Positions in CATEGORIES, shape (n_items,)."""
        return self.shelf // SHELVES_PER_CATEGORY

    @cached_property
    def dearness(self) -> NDArray[np.float64]:
        """Logarithm of the price over the usual one of such a thing, shape (n_items,)."""
        return np.asarray(np.log(self.price / _usual_prices(self.shelf, self.thing)))


def stock(rng: np.random.Generator, n_items: int, n_words: int) -> Goods:
    """Draw what the items are: as many on each shelf, in a style that suits it, at a price that suits both.

    Parameters
    ----------
    rng : Generator
    n_items : int
    n_words : int
        About how many words descriptions use; few of them take few shelves.

    Returns
    -------
    Goods
    """
    depth = int(np.clip(round(n_words / _WORDS_PER_LEVEL), 1, SHELVES_PER_CATEGORY))
    open_shelves = np.arange(len(SHELVES)).reshape(len(CATEGORIES), SHELVES_PER_CATEGORY)[:, :depth].T.ravel()
    shelf = rng.permutation(open_shelves[np.arange(n_items) % len(open_shelves)])
    n_styles = np.array([len(each.styles) for each in SHELVES])
    padded = np.array([[_STYLE_KEYS.index((each.styles * 9)[place]) for place in range(9)] for each in SHELVES])
    style = padded[shelf, (rng.random(n_items) * n_styles[shelf]).astype(int)]
    thing = rng.integers(len(SHELVES[0].things), size=n_items)
    factor = np.array([each.price for each in STYLES.values()])[style]
    price = _usual_prices(shelf, thing) * factor * np.exp(rng.normal(0.0, 0.15, n_items))
    suiting = [[place for place, of in enumerate(OCCASIONS.values()) if name in of.split()] for name in CATEGORIES]
    lengths = np.array([len(places) for places in suiting])[shelf // SHELVES_PER_CATEGORY]
    first = (lengths * rng.random(n_items)).astype(int)
    second = (first + 1 + ((lengths - 1) * rng.random(n_items)).astype(int)) % lengths
    table = np.array([np.resize(places, len(OCCASIONS)) for places in suiting])
    occasions = table[shelf[:, None] // SHELVES_PER_CATEGORY, np.stack([first, second], axis=1)]
    return Goods(shelf, style, thing, np.maximum(np.round(2 * price) / 2, 1.0), occasions)


def _usual_prices(shelf: NDArray[np.int64], thing: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([[thing.price for thing in each.things] for each in SHELVES])[shelf, thing]


def items_table(rng: np.random.Generator, goods: Goods, n_sellers: int, n_words: int) -> pa.Table:
    """Write the table of the items.

    Parameters
    ----------
    rng : Generator
    goods : Goods
    n_sellers : int
        At most as many as items; each has at least one.
    n_words : int
        As in ``stock``.

    Returns
    -------
    pyarrow.Table
        item_id, seller_id, title, description, tags, category, price, origin.
    """
    n_items = len(goods.shelf)
    seller = _sellers(rng, goods.category, n_sellers)
    titles, descriptions = _write(rng, goods, n_words)
    return table_of(
        {
            "item_id": np.arange(1, n_items + 1),
            "seller_id": pa.array([f"seller-{s + 1:05d}" for s in seller]),
            "title": pa.array(titles, pa.string()),
            "description": pa.array(descriptions, pa.string()),
            "tags": pa.array(_tags(rng, goods), pa.list_(pa.string())),
            "category": pa.array(np.array(CATEGORIES)[goods.category].tolist()),
            "price": goods.price,
            "origin": pa.array(np.array(ORIGINS)[rng.integers(len(ORIGINS), size=n_items)].tolist()),
        }
    )


def _sellers(rng: np.random.Generator, category: NDArray[np.int64], n_sellers: int) -> NDArray[np.int64]:
    """A seller for each item: the category of the first is the speciality, and some sell much more than others."""
    n_items = len(category)
    order = rng.permutation(n_items)
    seller = np.empty(n_items, dtype=np.int64)
    seller[order[:n_sellers]] = np.arange(n_sellers)
    speciality = category[order[:n_sellers]]
    others = order[n_sellers:]
    drawn = (n_sellers * rng.random(len(others)) ** 2).astype(np.int64)
    is_special = rng.random(len(others)) < _SPECIALITY
    for place in range(len(CATEGORIES)):
        sellers = np.flatnonzero(speciality == place)
        theirs = np.flatnonzero(is_special & (category[others] == place))
        if len(sellers):
            drawn[theirs] = sellers[(len(sellers) * rng.random(len(theirs)) ** 2).astype(np.int64)]
    seller[others] = drawn
    return seller


def _write(rng: np.random.Generator, goods: Goods, n_words: int) -> tuple[list[str], list[str]]:
    """Titles and descriptions: what it is, with what, for whom, how, and who sells it."""
    n_items = len(goods.shelf)
    order = rng.random((n_items, 6)).argsort(axis=1).tolist()
    uses = rng.random((n_items, 4)).argsort(axis=1)[:, :2].tolist()
    chances = rng.random((n_items, 4)).tolist()
    ranges = _ranges(rng, goods.shelf, max(0, n_words - _WORDS))
    titles, descriptions = [], []
    rows = zip(goods.shelf.tolist(), goods.style.tolist(), goods.thing.tolist(), strict=True)
    for item, (place, style_place, thing_place) in enumerate(rows):
        shelf, style = SHELVES[place], STYLES[_STYLE_KEYS[style_place]]
        chance, is_book, thing = chances[item], shelf.category == "books", shelf.things[thing_place]
        title = f"{style.book_title if is_book else style.title} {thing.name}"
        suiting = [thing.details[place] for place in order[item] if place < len(thing.details)]
        features = _listed(suiting[: 3 if chance[0] < 0.5 else 2])
        fits = [shelf.uses[place] for place in uses[item]]
        use = USES[int(chance[1] * len(USES))].format(_listed(fits if chance[0] < 0.7 else fits[:1]))
        style_sentence = style.book_sentence if is_book else style.sentences[int(2 * chance[2])]
        closing = CLOSINGS[int(chance[3] * len(CLOSINGS))]
        titles.append(title)
        descriptions.append(f"{title} with {features}. {use} {style_sentence} {closing}{ranges[item]}")
    return titles, descriptions


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _ranges(rng: np.random.Generator, shelf: NDArray[np.int64], n_names: int) -> list[str]:
    """A sentence per item that names ranges of its shelf, so many that all names are used; empty without names."""
    if not n_names:
        return [""] * len(shelf)
    names = np.array(range_names(n_names), dtype=object)
    per_shelf = -(-n_names // len(SHELVES))
    n_each = int(np.clip(-(-4 * n_names // len(shelf)), 1, 6))
    drawn = (shelf[:, None] * per_shelf + rng.integers(per_shelf, size=(len(shelf), n_each))) % n_names
    return [f" Goes with {' and '.join(dict.fromkeys(row))}." for row in names[drawn]]


def _tags(rng: np.random.Generator, goods: Goods) -> list[list[str]]:
    """One or two tags of the shelf, that of the style, those of the occasions, and sometimes one that says nothing."""
    n_items = len(goods.shelf)
    order = rng.random((n_items, 4)).argsort(axis=1).tolist()
    counts = rng.integers(1, 3, n_items).tolist()
    shared = (rng.random(n_items) * 5 * len(SHARED_TAGS)).astype(int).tolist()
    occasions = np.array(list(OCCASIONS))[goods.occasions].tolist()
    rows = zip(goods.shelf.tolist(), goods.style.tolist(), strict=True)
    tags = []
    for item, (place, style) in enumerate(rows):
        of_shelf = [SHELVES[place].tags[number] for number in order[item][: counts[item]]]
        of_style = STYLES[_STYLE_KEYS[style]].tag
        tags.append(sorted({*of_shelf, of_style, *occasions[item], *SHARED_TAGS[shared[item] : shared[item] + 1]}))
    return tags
