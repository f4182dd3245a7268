"""``features.yaml``: where the tables are, which of their columns are which, and what providers may change."""

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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


class Mapping(BaseModel):
    """What ``features.yaml`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rating_range: tuple[float, float]
    """Least and greatest rating."""
    tables: dict[TableName, TableSource] = Field(default_factory=dict)
    """Only for tables whose file or columns are called otherwise than in the contract."""
    features: tuple[FeatureRule, ...] = Field(min_length=1)
    """Feature columns of the items table, each with its rule."""

    @model_validator(mode="after")
    def _range_in_order(self) -> "Mapping":
        least, greatest = self.rating_range
        if not least < greatest:
            raise ValueError(f"rating_range [{least:g}, {greatest:g}]: the first must be less than the second")
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
        It is not YAML, or a field is missing, unknown or wrong; the message names the first such field.
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
        problems = error.errors()
        first = problems[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        given = first["input"]
        found = repr(given) if is_scalar(given) else f"a {type(given).__name__}"
        raise InputError(f"{file}: {where}: {first['msg']} (found {found}){more}. Correct the file.") from error


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
