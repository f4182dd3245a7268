"""What the input tables must have."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableContract:
    """What one input table must have: each required column and what may stand in it (id, number, or string)."""

    name: str
    columns: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    """Columns that are read where they are, with what may stand in them."""
    is_in_mapping: bool = True
    """Whether features.yaml can say where it is and what its columns are called."""


INTERACTIONS = TableContract(
    "interactions",
    {"user_id": "id", "item_id": "id"},
    {"rating": "number", "weight": "number", "timestamp": "time"},
)
"""One row per interaction; further columns are not read."""

ITEMS = TableContract("items", {"item_id": "id", "seller_id": "id", "title": "string"})
"""One row per item, with the feature columns that the rules name."""

USERS = TableContract("users", {"user_id": "id"})
"""One row per user; every other column can form groups."""

FEEDBACK = TableContract(
    "feedback",
    {"case_id": "string", "person_id": "id", "accept": "number", "act": "number", "impossible_features": "tags"},
    {"decision": "string", "comment": "string", "attention": "string"},
    is_in_mapping=False,
)
"""One row per recourse shown and person: two ratings 1..7, the features that the person cannot change, whether the
recourse is done or dismissed, and why in the person's words. A row that says one of the last three needs no ratings."""

PEOPLE = TableContract("people", {"person_id": "id"}, is_in_mapping=False)
"""One row per person who rated; every other column is a property of people."""

METHOD_RATINGS = TableContract(
    "method_ratings",
    {"person_id": "id", "method": "string", "rating": "number"},
    {"size": "number", "plausibility": "number"},
    is_in_mapping=False,
)
"""One row per explanation shown and person: the method that made it, and points; size and plausibility where known."""
