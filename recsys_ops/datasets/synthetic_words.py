"""How the synthetic shops write: styles, closing sentences, names of ranges; and the groups of their customers."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Style:
    """What an item of any shelf can be besides.

    ``title`` comes before its name, ``book_title`` before that of a book; ``sentences`` say so, the last one of books
    and other things, the others only of things; ``tag`` names it, ``price`` multiplies the usual one.
    """

    title: str
    book_title: str
    sentences: tuple[str, str]
    book_sentence: str
    tag: str
    price: float


STYLES = {
    "h": Style(
        "Handmade",
        "Hand-bound",
        ("Made by hand in small batches.", "No two are quite the same."),
        "Bound by hand in a small workshop.",
        "handmade",
        1.25,
    ),
    "e": Style(
        "Eco-friendly",
        "Recycled-paper",
        ("Recycled and renewable materials only.", "Sustainably sourced and packed without plastic."),
        "Printed on recycled paper.",
        "eco-friendly",
        1.1,
    ),
    "p": Style(
        "Premium",
        "Deluxe",
        ("Comes in a presentation box.", "A small luxury with a ten-year guarantee."),
        "A collector's edition in a slipcase.",
        "premium",
        1.6,
    ),
    "g": Style(
        "Everyday",
        "Paperback",
        ("Plain, practical and affordable.", "Good value that does the job."),
        "Good value, good paper.",
        "good-value",
        0.65,
    ),
    "v": Style(
        "Classic",
        "Classic",
        ("A timeless look with a touch of nostalgia.", "Inspired by designs of the fifties."),
        "A timeless favourite in a new edition.",
        "vintage-look",
        1.1,
    ),
    "m": Style(
        "Minimalist",
        "Modern",
        ("Clean lines and nothing to spare.", "Quiet Scandinavian design."),
        "A fresh voice and a modern design.",
        "minimalist",
        1.15,
    ),
    "c": Style(
        "Compact",
        "Pocket",
        ("Takes up little room.", "Small enough to take along anywhere."),
        "Small enough for a coat pocket.",
        "compact",
        0.85,
    ),
    "s": Style(
        "Beginner's",
        "Easy-reading",
        ("A friendly first choice with a guide.", "Easy to use from day one."),
        "Easy to read, with a guide.",
        "beginner",
        0.75,
    ),
    "b": Style(
        "Colourful",
        "Illustrated",
        ("Cheerful colours that brighten any day.", "Bright, bold and full of fun."),
        "Full of bright, bold pictures.",
        "colourful",
        0.95,
    ),
}
"""Styles by the letter that shelves name them with."""

USES = ("Good for {}.", "Ideal for {}.", "Perfect for {}.", "Chosen by many for {}.")

CLOSINGS = (
    "Sent within two days.",
    "Gift wrapping on request.",
    "Free returns within thirty days.",
    "From a family business.",
    "Tested by our own team.",
    "A favourite of our regular customers.",
    "New this season.",
    "Limited stock.",
    "Discounts on larger orders.",
    "Questions are answered the same day.",
)

SHARED_TAGS = ("gift-idea", "new-in", "bestseller", "last-chance")
"""Tags that say nothing of the item."""

OCCASIONS = {
    "family-time": "kitchen toys camping books pets music",
    "outdoors": "garden camping fitness toys pets",
    "cosy-evenings": "kitchen books wellness fashion music pets",
    "student-life": "electronics kitchen books music fashion",
    "work-from-home": "electronics wellness art fitness",
    "travel": "camping electronics fashion books fitness wellness",
    "home-decor": "art garden wellness kitchen music",
    "hobby": "art music garden toys electronics fitness",
    "collectable": "books art music fashion toys",
    "weekend": "garden camping fitness kitchen art electronics pets",
    "rainy-days": "toys books art pets fashion camping",
    "birthday": "toys electronics wellness books pets garden",
}
"""Tags that several categories share, and these."""

GROUPS = (
    ("families", ("toys", "kitchen", "pets"), ("family-time", "rainy-days", "birthday"), 38),
    ("students", ("music", "electronics", "books"), ("student-life", "travel", "work-from-home"), 22),
    ("outdoor people", ("camping", "fitness", "garden"), ("outdoors", "weekend", "travel"), 33),
    ("retirees", ("garden", "books", "wellness"), ("cosy-evenings", "hobby", "weekend"), 68),
    ("collectors", ("art", "fashion", "music"), ("collectable", "home-decor", "hobby"), 47),
)
"""Groups of users: name, favourite categories and occasions, mean age."""

ORIGINS = ("Denmark", "Italy", "Japan", "Kenya", "Mexico", "Portugal", "Turkey", "Vietnam")

_ONSETS = "b br d dr f fl g gr k kl l m n p r s st t tr v z".split()  # noqa: SIM905
_VOWELS = "a e i o u ai ea ou".split()  # noqa: SIM905
_CODAS = "l m n r s t nd rk".split()  # noqa: SIM905
_ENDINGS = ("a", "o", "ia", "en", "is")


def range_names(n: int) -> list[str]:
    """Names of ranges of goods, made up and easy to say.

    Parameters
    ----------
    n : int
        How many, at most 100,000.

    Returns
    -------
    list of str
        Length ``n``, no name twice.
    """
    stems = {"".join(parts) for parts in product(_ONSETS, _VOWELS, _CODAS, _ONSETS)}
    names = sorted(stem.capitalize() + ending for stem in stems for ending in _ENDINGS)
    stride = 7919  # prime to the number of names: neighbours do not look similar
    return [names[(stride * position) % len(names)] for position in range(n)]
