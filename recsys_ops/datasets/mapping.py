"""``features.yaml``: where the tables are, which of their columns are which, and what providers may change."""

import re
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from recsys_ops.datasets.dataset import Verb
from recsys_ops.datasets.delimited import Dialect, known_encoding
from recsys_ops.datasets.interpret import Decimal
from recsys_ops.datasets.problems import did_you_mean
from recsys_ops.datasets.repeats import Duplicates
from recsys_ops.errors import InputError, is_scalar
from recsys_ops.features.rules import FeatureRule, repeated_name
from recsys_ops.storage import refuse_credentials_within

TableName = Literal["interactions", "items", "users"]


class TableSource(BaseModel):
    """One table of the contract: its file and what its columns are called there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str | None = None
    """Path relative to features.yaml, or any fsspec URL; by default ``<table>.*`` next to it."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Your column for each of the contract's that is called otherwise; one of yours may serve several times."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """Between the fields of a file of text; by default a comma, in .tsv a tab."""
    decimal: Decimal = "."
    """Before the decimals of numbers in a file of text."""
    encoding: str = "utf-8"
    """Of a file of text."""
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    """In a file of text, what stands before a character that is to be taken as it is, such as a backslash."""
    missing: tuple[str, ...] = ()
    """In a file of text, what stands for no value besides an empty field, such as NULL."""
    duplicates: Duplicates | None = None
    """Interactions only: what becomes of several of one user and item."""

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        return known_encoding(encoding)

    @model_validator(mode="after")
    def _can_be_missing(self) -> "TableSource":
        never = [text for text in self.missing if self.escape is not None and self.escape in text]
        if never:
            raise ValueError(f"missing: {never[0]!r} is read as {never[0][1:]!r}, as there is an escape; write it so")
        return self

    @property
    def dialect(self) -> Dialect:
        """How its file of text is written."""
        return Dialect(self.delimiter, self.encoding, self.escape, self.missing)


class Mapping(BaseModel):
    """What ``features.yaml`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rating_range: tuple[float, float] | None = None
    """Least and greatest rating; left out where interactions have no ratings."""
    verb: Verb | None = None
    """What users did with items, as sentences say it; by default rated, or chose where there are no ratings."""
    tables: dict[TableName, TableSource] = Field(default_factory=dict)
    """Only for tables whose file or columns are called otherwise than in the contract."""
    features: tuple[FeatureRule, ...] = Field(min_length=1)
    """Feature columns of the items table, each with its rule."""

    @model_validator(mode="after")
    def _range_in_order(self) -> "Mapping":
        if self.rating_range is not None and not self.rating_range[0] < self.rating_range[1]:
            least, greatest = self.rating_range
            raise ValueError(f"rating_range [{least:g}, {greatest:g}]: the first must be less than the second")
        if self.rating_range is not None and self.source("interactions").duplicates in ("sum", "count"):
            raise ValueError(
                "tables.interactions.duplicates: ratings are not summed or counted; use first, last or max"
            )
        other = next((name for name in ("items", "users") if self.source(name).duplicates is not None), None)
        if other is not None:
            raise ValueError(f"tables.{other}.duplicates: only interactions can repeat; leave it out")
        columns = [rule.column for rule in self.features]
        twice = sorted({column for column in columns if columns.count(column) > 1})
        if twice:
            raise ValueError(f"features name column {', '.join(twice)} more than once; map a second name to it instead")
        repeated = repeated_name(self.features)
        if repeated is not None:
            raise ValueError(repeated)
        return self

    def source(self, table: TableName) -> TableSource:
        """Where a table is; the defaults if nothing is said about it."""
        return self.tables.get(table, TableSource())


def parse_mapping(text: str, file: str) -> Mapping:
    """Read the text of a ``features.yaml``.

    Parameters
    ----------
    text : str
        YAML.
    file : str
        Its name for messages.

    Returns
    -------
    Mapping

    Raises
    ------
    InputError
        It is not YAML, or a field is missing, unknown or wrong; the message names all such fields.
    ConfigError
        A URL in it holds credentials.
    """
    try:
        repeated = _repeated_key(yaml.compose(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text) or {}
        refuse_credentials_within(content)  # before any message can repeat one
        if repeated is not None:
            key, line = repeated.value, repeated.start_mark.line + 1
            raise InputError(f"{file}: '{key}' is there twice in one place (again in line {line}). Keep one.")
        return Mapping.model_validate(content)
    except yaml.YAMLError as error:
        raise InputError(f"{file}: not YAML ({' '.join(str(error).split())}).") from error
    except ValidationError as error:
        raise InputError(*(_message(problem, file) for problem in error.errors())) from error


def _message(problem: Any, file: str) -> str:
    *parents, last = problem["loc"] or ("the whole file",)
    given = problem["input"]
    found = repr(given) if is_scalar(given) else f"a {type(given).__name__}"
    guess = ""
    if problem["type"] == "extra_forbidden":
        model: type[BaseModel] = Mapping
        if parents:
            model = TableSource if parents[0] == "tables" else FeatureRule
        guess = did_you_mean(str(last), model.model_fields)
    elif problem["type"] == "literal_error":
        guess = did_you_mean(str(given), re.findall(r"'([^']+)'", problem["ctx"]["expected"]))
    where = ".".join(str(part) for part in (*parents, last))
    return f"{file}: {where}: {problem['msg'].removeprefix('Value error, ')} (found {found}).{guess} Correct the file."


def _repeated_key(document: Any) -> Any:
    """The first key that its mapping has had before, of which YAML would keep only the last; None if there is none."""
    left, seen = [document], set()
    while left:
        node = left.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
            continue
        seen.add(id(node))  # by its aliases, YAML can nest a list in itself
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for position, (key, _) in enumerate(node.value):
                if isinstance(key, yaml.ScalarNode) and key.value in keys[:position]:
                    return key
            left += [value for _, value in node.value]
        else:
            left += node.value
    return None
