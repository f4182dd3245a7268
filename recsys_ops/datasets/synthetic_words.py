"""Words, groups and places of the synthetic marketplace."""

from itertools import product

TOPICS = {
    "kitchen": "kettle oven pan copper spice baking knife recipe ceramic whisk apron bowl",
    "garden": "seeds soil roses trowel compost hedge watering greenhouse bulbs pruning herbs lawn",
    "camping": "tent lantern hiking stove backpack trail sleeping rope compass campfire waterproof mountain",
    "toys": "puzzle wooden train doll blocks playful kite marbles puppet castle dinosaur building",
    "fashion": "linen jacket silk scarf denim boots tailored velvet collar knitted leather vintage",
    "music": "guitar vinyl piano drum melody amplifier jazz strings turntable chorus microphone acoustic",
    "art": "canvas brush watercolour easel portrait sketch gallery pigment charcoal frame print sculpture",
    "fitness": "yoga dumbbell running stretch training muscle cycling mat endurance sprint balance recovery",
    "electronics": "wireless battery screen charger sensor bluetooth keyboard cable speaker camera drone smart",
    "books": "novel mystery chapter poetry hardcover author history legend detective romance atlas memoir",
    "pets": "puppy kitten leash aquarium collie feeder grooming hamster cosy treats basket parrot",
    "wellness": "candle lavender soap aromatic calming bath massage tea herbal soothing oil incense",
}
"""Topics and their most frequent words."""

GROUPS = (
    ("families", ("toys", "kitchen", "pets"), 38),
    ("students", ("music", "electronics", "books"), 22),
    ("outdoor people", ("camping", "fitness", "garden"), 33),
    ("retirees", ("garden", "books", "wellness"), 68),
    ("collectors", ("art", "fashion", "music"), 47),
)
"""Groups of users: name, favourite topics, mean age."""

ORIGINS = ("Denmark", "Italy", "Japan", "Kenya", "Mexico", "Portugal", "Turkey", "Vietnam")

_COMMON = [
    "handmade",
    "quality",
    "durable",
    "gentle",
    "natural",
    "original",
    "simple",
    "lovely",
    "practical",
    "perfect",
    "light",
    "strong",
    "colour",
    "size",
    "everyday",
    "favourite",
    "beautiful",
    "delivery",
    "packaging",
    "design",
    "careful",
    "finish",
    "material",
    "comfortable",
]

_ONSETS = "b br d dr f fl g gr k kl l m n p r s st t tr v z".split()  # noqa: SIM905
_VOWELS = "a e i o u ai ea ou".split()  # noqa: SIM905
_CODAS = "l m n r s t nd rk".split()  # noqa: SIM905


def common_words(n: int) -> list[str]:
    """Words that items of every topic use.

    Parameters
    ----------
    n : int
        How many.

    Returns
    -------
    list of str
        Real words first, then made-up ones that can be said aloud.
    """
    return (_COMMON + _made_up("o", n))[:n]


def topic_words(n_per_topic: int) -> list[str]:
    """Words of the topics, one topic after the other.

    Parameters
    ----------
    n_per_topic : int
        How many each.

    Returns
    -------
    list of str
        Length ``n_per_topic`` times the number of topics, no word twice; real words first in each topic.
    """
    endings = [vowel + coda for vowel, coda in product("aeiu", "kmx")]
    return [
        word
        for ending, (_, real) in zip(endings, TOPICS.items(), strict=True)
        for word in (real.split() + _made_up(ending, n_per_topic))[:n_per_topic]
    ]


def _made_up(ending: str, n: int) -> list[str]:
    """The first n made-up words with an ending of their own, so that no two topics share one."""
    stems = {"".join(parts) for parts in product(_ONSETS, _VOWELS, _CODAS, _ONSETS)}
    words = sorted(stem + ending for stem in stems)
    stride = 7919  # prime to the number of words: neighbours in frequency do not look similar
    return [words[(stride * position) % len(words)] for position in range(n)]
