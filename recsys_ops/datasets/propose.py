"""A ``features.yaml`` for files that nobody has described yet: a comment in every line, and every doubt said."""

import json
from dataclasses import dataclass, field

import pyarrow as pa
import yaml

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.delimited import Dialect
from recsys_ops.datasets.mapping import TableName
from recsys_ops.datasets.roles import Roles
from recsys_ops.datasets.sniff import Sniffed

_MOST_VALUES = 50
"""More values than that are names rather than categories."""
_LEAST_WORDS = 4.0
_HTML = r"</?[a-zA-Z][^>]*>|&[a-z]+;"
_PATHS = (" > ", " / ", ">")
_LEVEL = r"[^<>/]{1,40}"
_JSON_LIST = r"^\s*\["
_GERMAN = r"(?i)\b(und|der|die|das|mit|für|aus|ist)\b"


@dataclass
class Proposal:
    """The text of a ``features.yaml``, and the doubts that its comments repeat."""

    text: str = ""
    doubts: list[str] = field(default_factory=list)


def propose(roles: Roles, *, folder: str = "") -> Proposal:
    """Describe files.

    Parameters
    ----------
    roles : Roles
        With interactions and items.
    folder : str
        Before the names of files, where the description stands elsewhere; ends with a slash.

    Returns
    -------
    Proposal
    """
    proposal = Proposal()
    lines = [*_rating_range(roles, proposal), "tables:"]
    for table, sniffed in roles.files.items():
        lines += _table_lines(table, sniffed, roles.columns[table], proposal, folder)
    lines.append("features:")
    rules = _feature_lines(roles, proposal)
    if not any(line.startswith("  - ") for line in rules):
        proposal.doubts.append("no column of items looks like a feature; name at least one under features")
    proposal.text = "\n".join([*lines, *rules, ""])
    return proposal


def _rating_range(roles: Roles, proposal: Proposal) -> list[str]:
    column = roles.columns["interactions"].get("rating")
    if column is None:
        return ["# no rating_range: the interactions have no ratings"]
    values = roles.files["interactions"].table.column(column)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        proposal.doubts.append(f"'{column}' holds no numbers, but is called like ratings; correct columns.rating")
        return []
    ends = pc.min_max(values).as_py()
    proposal.doubts.append(
        f"ratings from {ends['min']:g} to {ends['max']:g} were seen; is that the scale? A rating must be within it"
    )
    return [f"rating_range: [{ends['min']:g}, {ends['max']:g}]  # DOUBT: seen in '{column}'; is that the whole scale?"]


def _table_lines(
    table: TableName, sniffed: Sniffed, columns: dict[str, str], proposal: Proposal, folder: str
) -> list[str]:
    lines = [f"  {table}:", f"    file: {_scalar(folder + sniffed.file)}"]
    if sniffed.dialect.delimiter is not None:
        lines.append(f"    delimiter: {json.dumps(sniffed.dialect.delimiter)}  # as its header")
    if sniffed.decimal == ",":
        lines.append('    decimal: ","  # numbers such as 1.299,50')
    if sniffed.dialect.encoding != Dialect().encoding:
        lines.append(f"    encoding: {sniffed.dialect.encoding}  # DOUBT: not UTF-8; do accents come out right?")
        proposal.doubts.append(f"{sniffed.file} is not UTF-8; {sniffed.dialect.encoding} is what Windows writes")
    others = _stand_ins(table, sniffed, columns, proposal)
    pairs = {role: column for role, column in (columns | others).items() if role != column}
    if pairs:
        lines.append("    columns:")
        lines += [
            f"      {role}: {_scalar(column)}  # {'DOUBT: ' + _WHY_INSTEAD[role] if role in others else 'by its name'}"
            for role, column in pairs.items()
        ]
    if table == "interactions" and "rating" not in columns:
        merged = "the sum of their weights" if "weight" in columns else "one interaction"
        lines.append(f"    # several interactions of one user and item are {merged}; duplicates: says otherwise")
    return lines


_WHY_INSTEAD = {
    "seller_id": "no column names the seller; each item is its own",
    "title": "no column is called a title",
}


def _stand_ins(table: TableName, sniffed: Sniffed, columns: dict[str, str], proposal: Proposal) -> dict[str, str]:
    """What is taken for columns that were not found; what cannot be replaced is a doubt."""
    if table == "items" and "item_id" in columns:
        missing = [role for role in _WHY_INSTEAD if role not in columns]
        proposal.doubts += [f"{sniffed.file}: {_WHY_INSTEAD[role]}" for role in missing]
        return dict.fromkeys(missing, columns["item_id"])
    needed = {"interactions": ("user_id", "item_id"), "items": ("item_id",), "users": ("user_id",)}[table]
    for role in needed:
        if role not in columns:
            found = ", ".join(sniffed.table.column_names)
            proposal.doubts.append(f"{sniffed.file}: which column is the {role}? Name it under columns (found {found})")
    return {}


def _feature_lines(roles: Roles, proposal: Proposal) -> list[str]:
    taken = {name for role, name in roles.columns["items"].items() if role != "seller_id"}
    sniffed = roles.files["items"]
    lines = []
    for name in sniffed.table.column_names:
        if name not in taken:
            column, kind = sniffed.table.column(name), sniffed.kinds.get(name)
            rule, why = _typed_rule(column, kind) or _rule(name, column, proposal)
            shown = f"{{column: {_scalar(name)}, {rule}}}"
            lines.append(f"  - {shown}  # {why}" if rule else f"  # {_scalar(name)} is left out: {why}")
    return lines


def _typed_rule(column: ChunkedArray, kind: str | None) -> tuple[str, str] | None:
    """What the type in the header of a RecBole file says, where it says enough."""
    if kind == "token_seq" and pa.types.is_string(column.type):
        words = pc.mean(pc.list_value_length(pc.utf8_split_whitespace(column))).as_py() or 0.0
        return (
            ('kind: tags, separator: " "', "token_seq") if words < _LEAST_WORDS else ("kind: text", "token_seq of many")
        )
    if kind == "token" and pc.count_distinct(column).as_py() <= max(_MOST_VALUES, len(column) // 50):
        return "kind: category, mutable: false", "token; mutable where the seller may change it"
    return None


def _rule(name: str, column: ChunkedArray, proposal: Proposal) -> tuple[str, str]:
    """The keys of a rule and why; no keys for a column that is no feature."""
    kind, filled = column.type, column.drop_null()
    if not len(filled):
        return "", "it is empty"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "kind: tags", "lists"
    n_values = pc.count_distinct(filled).as_py()
    if pa.types.is_boolean(kind):
        return "kind: category, mutable: false", "true or false; mutable where the seller may change it"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        if pa.types.is_integer(kind) and n_values == len(filled) and n_values > _MOST_VALUES:
            proposal.doubts.append(f"'{name}' has another whole number in every row: an id, not a quantity?")
            return "", "every row has another whole number, as ids do"
        whole = ", step: 1" if pa.types.is_integer(kind) else ""
        return (
            f"kind: number{whole}",
            f"{n_values:,} values; give limits and a direction if the seller's freedom has some",
        )
    if not pa.types.is_string(kind):
        return "", f"of type {kind}"
    return _rule_of_text(name, filled, n_values, proposal)


def _rule_of_text(name: str, filled: ChunkedArray, n_values: int, proposal: Proposal) -> tuple[str, str]:
    if _share(filled, _JSON_LIST) > 1 / 2:
        return "kind: tags", "lists as JSON"
    path = next((mark for mark in _PATHS if _share(filled, f"^{_LEVEL}({mark}{_LEVEL})+$") > 1 / 2), None)
    if path is not None:
        what = f"{n_values:,} paths; an item may move below its own value, mutable: false where not"
        return f'kind: category, path_separator: "{path}"', what
    for separator in ("|", ";", ","):
        parts = pc.list_flatten(pc.split_pattern(filled, separator))
        words = pc.mean(pc.list_value_length(pc.utf8_split_whitespace(parts))).as_py()
        n_parts = pc.count_distinct(parts).as_py()
        if len(parts) > 1.5 * len(filled) and n_parts < len(parts) / 3 and words < _LEAST_WORDS:
            return f'kind: tags, separator: "{separator}"', f"{n_parts:,} labels"
    if pc.mean(pc.list_value_length(pc.utf8_split_whitespace(filled))).as_py() >= _LEAST_WORDS:
        html = ", html: strip" if _share(filled, _HTML) > 1 / 10 else ""
        german = ", language: de" if _share(filled, _GERMAN) > 1 / 2 else ""
        if html:
            proposal.doubts.append(f"'{name}' holds HTML; only what a reader sees is read")
        return f"kind: text{html}{german}", "texts of several words" + (", with HTML" if html else "")
    if n_values <= max(_MOST_VALUES, len(filled) // 50):
        return "kind: category, mutable: false", f"{n_values:,} values; mutable where the seller may change it"
    proposal.doubts.append(f"'{name}' has {n_values:,} values in {len(filled):,} rows: names, not a category?")
    return "", f"{n_values:,} values in {len(filled):,} rows are names rather than a category"


def _share(text: ChunkedArray, pattern: str) -> float:
    return float(pc.mean(pc.match_substring_regex(text, pattern).cast(pa.float64())).as_py() or 0.0)


def _scalar(text: str) -> str:
    """Text as YAML in one line."""
    return (
        yaml.safe_dump(text, default_flow_style=True, allow_unicode=True, width=10**9).removesuffix("\n...\n").strip()
    )
