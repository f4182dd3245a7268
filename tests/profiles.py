"""The 16 items of a person's profile in the study of recourse for car loans (Table 1), as a feature schema."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule

HOURS = ("0-2 hours", "2-4 hours", "4-6 hours", "6-8 hours", "8-10 hours", "10-12 hours", "12- hours")
NO_YES = ("No", "Yes")

CATEGORIES = {
    "residential prefecture": ("Tokyo", "Other than Tokyo"),
    "type of residence": ("Owned house", "Rental housing"),
    "workplace": ("Private company", "Public institution"),
    "Facebook app use": NO_YES,
    "LinkedIn app use": NO_YES,
}
"""Features without an order; all are free."""

GROWING = {
    "educational background": (
        "High school", "Junior college", "University (bachelor)", "Graduate school (master)",
        "Graduate school (doctor)",
    ),
    "position": (
        "Employee", "Supervisor", "Section Head", "Section Chief", "Assistant General Manager", "Manager",
        "General Manager", "Executive Director", "Senior Executive Director", "President",
    ),
    "service years": ("0-1 year", "1-3 years", "3-5 years", "5-10 years", "10-20 years", "20- years"),
    "management career": ("No", "0-1 year", "1-3 years", "3-5 years", "5-10 years", "10-20 years", "20- years"),
    "job change experience": NO_YES,
    "overseas working experience": NO_YES,
    "overseas study experience": NO_YES,
    "TOEIC best score": ("No", "10-400", "400-495", "500-595", "600-695", "700-795", "800-895", "900-990"),
}  # fmt: skip
"""Features that nobody can take back."""

FREE = {
    "working hours per day": HOURS,
    "teleworking hours per day": HOURS,
    "number of side jobs": ("No", "1 job", "2 jobs", "3 jobs", "4 jobs", "5- jobs"),
}
"""Features with an order that may go both ways."""

RULES = (
    *(FeatureRule(column=name, kind="category", min_items=1) for name in CATEGORIES),
    *(
        FeatureRule(column=name, kind="ordinal", values=values, direction="increase")
        for name, values in GROWING.items()
    ),
    *(FeatureRule(column=name, kind="ordinal", values=values) for name, values in FREE.items()),
)

VALUES = CATEGORIES | GROWING | FREE

Profile = dict[str, str]


def profile(**changes: str) -> Profile:
    """A person with the first value of everything, but for the changes ('_' for ' ')."""
    return {name: values[0] for name, values in VALUES.items()} | {k.replace("_", " "): v for k, v in changes.items()}


def random_profile(rng: np.random.Generator) -> Profile:
    """Any value of everything."""
    return {name: values[rng.integers(len(values))] for name, values in VALUES.items()}


def encode(profiles: Sequence[Profile]) -> tuple[EncodedItems, NDArray[np.float64]]:
    """The profiles, encoded among people who have every value."""
    longest = max(len(values) for values in VALUES.values())
    everybody = [{name: values[min(n, len(values) - 1)] for name, values in VALUES.items()} for n in range(longest)]
    items = encode_items(pa.Table.from_pylist([*profiles, *everybody]), RULES)
    return items, items.matrix.toarray()[: len(profiles)]
