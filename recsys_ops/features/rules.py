"""What a provider may change about an item: one rule per feature column of the items table."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recsys_ops.features.stop_words import Language

_CHANGE = re.compile(r"\d+(\.\d+)?%?")
"""A number from 0, or one in percent."""


class FeatureRule(BaseModel):
    """How one column of the items table is read, and how its provider may change it.

    Limits and steps are in the provider's units: occurrences of a word for text, 0 (absent) or 1 (present) for a tag,
    the column's own unit for a number, the place in ``values`` for an ordinal (1 for the first). A category has none:
    it is one of its values. An item outside of the limits may stay there, but not move to another value outside.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    column: str
    """Column of the items table."""
    kind: Literal["text", "tags", "category", "ordinal", "number"]
    """text: words; tags: a list of labels; category: one of several values; ordinal: one of values with an order; number: a scaled quantity."""  # noqa: E501
    values: tuple[str, ...] = ()
    """ordinal only: its values, least first; an item without one counts as having the first."""
    mutable: bool = True
    """Whether the provider may change it at all."""
    direction: Literal["free", "increase", "decrease"] = "free"
    """Which way a number, an ordinal, a word count or a tag may move."""
    lower: float | None = None
    """Least value; by default 0 for words and tags, the least value seen for a number, 1 for an ordinal."""
    upper: float | None = None
    """Greatest value; by default the 99th percentile of what real items have (words, numbers), 1 for a tag, the last for an ordinal."""  # noqa: E501
    step: float | None = Field(default=None, ge=0)
    """Values move in multiples of it (0: any value); by default 1, and numbers move to round values: multiples of the greatest power of ten that is at most a thousandth of their range."""  # noqa: E501
    max_increase: str | None = None
    """number, ordinal: the most by which an item's own value may rise, in its unit or, as 20%, of the value."""
    max_decrease: str | None = None
    """number, ordinal: the most by which it may fall."""
    fixed_values: tuple[str, ...] = ()
    """text, tags, category: words, labels or values that no item may get or lose."""
    requires: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """tags: labels, each with those that an item must have to get it."""
    excludes: tuple[tuple[str, ...], ...] = ()
    """tags: lists of labels of which no two may come together."""
    path_separator: str | None = Field(default=None, min_length=1)
    """category only: what separates the levels of a path such as A > B; an item may move below its own value, not across."""  # noqa: E501
    cost: float = Field(default=1.0, gt=0)
    """What one change of this feature costs the provider, relative to the others."""
    label: str | None = None
    """The provider's name for the column, used in sentences; by default the column's name."""
    unit: str | None = None
    """number only: its unit or currency in sentences, such as EUR or g."""
    separator: str = "|"
    """What separates tags that come as one string (lists need none)."""
    weight: float = Field(default=1.0, gt=0)
    """Weight of this column's block in the similarity of two items."""
    min_items: int = Field(default=2, ge=1)
    """Words, tags and categories that fewer items carry are dropped."""
    weighting: Literal["tfidf", "count"] = "tfidf"
    """text only: occurrences times inverse document frequency, or occurrences."""
    language: Language = "en"
    """text only: whose stop words are not counted."""
    html: Literal["keep", "strip"] = "keep"
    """text only: strip reads HTML, and leaves its markup out."""

    @model_validator(mode="after")
    def _limits_in_order(self) -> "FeatureRule":
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"feature '{self.column}': lower {self.lower} is above upper {self.upper}")
        return self

    @model_validator(mode="after")
    def _limits_in_their_units(self) -> "FeatureRule":
        where = f"feature '{self.column}'"
        for limit in (self.lower, self.upper):
            if limit is None:
                continue
            if math.isnan(limit):
                raise ValueError(f"{where}: a limit is nan, not a number")
            if self.kind == "category":
                raise ValueError(f"{where}: a category has no limits (found {limit:g})")
            if self.kind == "tags" and limit not in (0, 1):
                raise ValueError(f"{where}: limits of tags are 0 (absent) or 1 (present), not {limit:g}")
            if self.kind == "text" and limit < 0:
                raise ValueError(f"{where}: limits of text are occurrences of a word, 0 or more, not {limit:g}")
        return self

    @model_validator(mode="after")
    def _values_of_an_ordinal(self) -> "FeatureRule":
        if self.kind != "ordinal":
            if self.values:
                raise ValueError(f"feature '{self.column}': values are for kind ordinal, this is {self.kind}")
            return self
        if self.step is not None and (self.step < 1 or self.step != int(self.step)):
            raise ValueError(f"feature '{self.column}': an ordinal moves in whole places (found step {self.step:g})")
        if len(self.values) < 2 or len(set(self.values)) < len(self.values):
            raise ValueError(f"feature '{self.column}': an ordinal needs at least two different values, least first")
        last = len(self.values)
        outside = [limit for limit in (self.lower, self.upper) if limit is not None and not 1 <= limit <= last]
        if outside:
            raise ValueError(f"feature '{self.column}': limit {outside[0]:g} is no place in its {last} values")
        return self

    @model_validator(mode="after")
    def _text_settings_of_a_text(self) -> "FeatureRule":
        if self.kind != "text" and (self.html, self.language) != ("keep", "en"):
            raise ValueError(f"feature '{self.column}': html and language are for kind text, this is {self.kind}")
        return self

    @model_validator(mode="after")
    def _own_limits_of_their_kinds(self) -> "FeatureRule":
        where = f"feature '{self.column}'"
        for name in ("max_increase", "max_decrease"):
            value = getattr(self, name)
            if value is None:
                continue
            if self.kind not in ("number", "ordinal"):
                raise ValueError(f"{where}: {name} is for kinds number and ordinal, this is {self.kind}")
            if not _CHANGE.fullmatch(value) or (self.kind == "ordinal" and not value.isdecimal()):
                expected = "whole places" if self.kind == "ordinal" else "a number from 0, or a share such as 20%"
                raise ValueError(f"{where}: {name} {value}: expected {expected}")
        if self.fixed_values and self.kind not in ("text", "tags", "category"):
            raise ValueError(f"{where}: fixed_values are for text, tags and category, this is {self.kind}")
        if self.path_separator is not None and self.kind != "category":
            raise ValueError(f"{where}: path_separator is for kind category, this is {self.kind}")
        return self

    @model_validator(mode="after")
    def _pairs_of_tags(self) -> "FeatureRule":
        where = f"feature '{self.column}'"
        if (self.requires or self.excludes) and self.kind != "tags":
            raise ValueError(f"{where}: requires and excludes are for kind tags, this is {self.kind}")
        for labels in self.excludes:
            if len({folded(label) for label in labels}) < max(len(labels), 2):
                raise ValueError(f"{where}: excludes {list(labels)}: expected two or more different labels")
        apart = [{folded(label) for label in labels} for labels in self.excludes]
        for label, others in self.requires.items():
            if folded(label) in {folded(other) for other in others}:
                raise ValueError(f"{where}: requires: '{label}' cannot require itself")
            if any({folded(label), folded(other)} <= labels for other in others for labels in apart):
                raise ValueError(f"{where}: '{label}' excludes what it requires. Leave one out")
        return self

    def fixes(self, value: str) -> bool:
        """Whether one of the column's values may neither come nor go; the case of its letters does not count."""
        return bool(self.fixed_values) and folded(value) in {folded(fixed) for fixed in self.fixed_values}

    @property
    def may_change_category(self) -> bool:
        """Whether the rule says of itself that a category may change: one that says nothing stays, if plausible."""
        return self.mutable and ("mutable" in self.model_fields_set or self.path_separator is not None)

    @property
    def name(self) -> str:
        """The provider's name for the column."""
        return self.label or self.column

    def name_of(self, value: str) -> str:
        """What a change of one of the column's values is called: each tag is a feature of its own."""
        return f"{self.name}: {value}" if self.kind == "tags" else self.name


def folded(value: str) -> str:
    """A word, label or category as fixed values are compared: without spaces around it and the case of its letters."""
    return normalize("NFC", value).strip().casefold()


def repeated_name(rules: Iterable[FeatureRule]) -> str | None:
    """Say which two features have one name, so that a sentence would not tell them apart; None if no two have."""
    columns: dict[str, str] = {}
    for rule in rules:
        if rule.name in columns:
            return (
                f"columns '{columns[rule.name]}' and '{rule.column}' are both called '{rule.name}'. Give each a label "
                "of its own."
            )
        columns[rule.name] = rule.column
    return None
