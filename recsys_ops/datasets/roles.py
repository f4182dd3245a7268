"""Which file is which table, and which of its columns is which, by names and by values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import combining, normalize

import pyarrow as pa

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.mapping import TableName
from recsys_ops.datasets.sniff import Sniffed

FILES: Mapping[TableName, str] = {
    "interactions": "interaction|rating|review|order|purchase|event|click|view|transaction|bestell|kauf|bewertung",
    "items": "item|product|article|artikel|movie|film|book|catalog|katalog|listing|offer|produkt",
    "users": "user|customer|client|kunde|member|nutzer|people|person",
}
"""What the names of files hold."""

COLUMNS: Mapping[str, str] = {
    "user_id": "user|userid|customer|customerid|client|clientid|visitor|visitorid|buyer|member|kunde|kundennr|"
    "kundenid|kundennummer|reviewerid|person|personid|account|session",
    "item_id": "item|itemid|product|productid|sku|asin|article|articleid|artikel|artikelnr|artikelnummer|isbn|"
    "artikelid|movieid|filmid|bookid|listing|listingid|produkt|produktid|ean",
    "rating": "rating|stars|score|overall|bewertung|sterne|ratingvalue",
    "weight": "weight|quantity|qty|count|menge|anzahl|plays|clicks|duration|amount|stuck",
    "timestamp": "timestamp|time|date|datetime|datum|zeit|createdat|orderedat|orderdate|unixreviewtime|ts|bestelltam|"
    "bestelldatum|kaufdatum|bestellzeit|purchasedate|purchasedat|eventtime",
    "seller_id": "seller|sellerid|vendor|vendorid|merchant|merchantid|supplier|shop|store|author|authors|host|handler|"
    "handlerid|verkaufer|lieferant|publisher|provider|brand|marke",
    "title": "title|name|titel|bezeichnung|productname|itemname|artikelname|produktname|label",
}
"""Names of columns, without case, accents and punctuation, best first."""

LEAST_OVERLAP = 0.5

_OF_RECBOLE: Mapping[TableName, str] = {"interactions": ".inter", "items": ".item", "users": ".user"}


@dataclass(frozen=True)
class Roles:
    """The files of the tables, and for each of the contract's columns the file's own."""

    files: dict[TableName, Sniffed]
    columns: dict[TableName, dict[str, str]]


def find_roles(files: list[Sniffed]) -> Roles:
    """Guess which files and columns are meant.

    Parameters
    ----------
    files : list of Sniffed

    Returns
    -------
    Roles
        What was found; tables and columns may be missing.
    """
    found = _tables_of(files)
    columns: dict[TableName, dict[str, str]] = {name: {} for name in found}
    wanted: Mapping[TableName, tuple[str, ...]] = {
        "interactions": ("user_id", "item_id", "rating", "weight", "timestamp"),
        "items": ("item_id", "seller_id", "title"),
        "users": ("user_id",),
    }
    for table, sniffed in found.items():
        for role in wanted[table]:
            column = _named(role, sniffed.table.column_names, set(columns[table].values()))
            if column is not None:
                columns[table][role] = column
    _match_by_values(found, columns, "items", "item_id")
    _match_by_values(found, columns, "users", "user_id")
    if "rating" in columns.get("interactions", {}):
        columns["interactions"].pop("weight", None)
    return Roles(found, columns)


def _tables_of(files: list[Sniffed]) -> dict[TableName, Sniffed]:
    """One file per table, by its name; of files that could be the same, the first by name."""
    found: dict[TableName, Sniffed] = {}
    for sniffed in files:
        for table, suffix in _OF_RECBOLE.items():
            if f"{suffix}." in f"{sniffed.file}.":
                found.setdefault(table, sniffed)
    for table, pattern in FILES.items():
        for sniffed in sorted(files, key=lambda each: each.file):
            if sniffed not in found.values() and re.search(pattern, _plain(sniffed.file.partition(".")[0])):
                found.setdefault(table, sniffed)
    left = [sniffed for sniffed in files if sniffed not in found.values()]
    for table in ("interactions", "items"):
        if table not in found and len(left) == 1:
            found[table] = left.pop()
    return found


def _named(role: str, names: list[str], taken: set[str]) -> str | None:
    """The column whose name is the role's, or one that is usual for it, best first."""
    plain = {_plain(name): name for name in reversed(names) if name not in taken}
    for known in (_plain(role), *COLUMNS[role].split("|")):
        if known in plain:
            return plain[known]
    return None


def _match_by_values(
    files: dict[TableName, Sniffed], columns: dict[TableName, dict[str, str]], other: TableName, key: str
) -> None:
    """Where a name says nothing, the column of interactions whose values are the unique values of another table."""
    if "interactions" not in files or other not in files:
        return
    if key in columns["interactions"] and key in columns[other]:
        return
    left, right = files["interactions"].table, files[other].table
    candidates = [columns["interactions"][key]] if key in columns["interactions"] else left.column_names
    keys = [columns[other][key]] if key in columns[other] else right.column_names
    pairs = [
        (_overlap(left.column(one), right.column(two)), one, two)
        for one in candidates for two in keys
        if one not in columns["interactions"].values() or key in columns["interactions"]
    ]  # fmt: skip
    best = max(pairs, default=(0.0, "", ""), key=lambda pair: pair[0])
    if best[0] >= LEAST_OVERLAP:
        columns["interactions"][key], columns[other][key] = best[1], best[2]


def _overlap(values: ChunkedArray, keys: ChunkedArray) -> float:
    """Share of the distinct values that are among unique keys; 0 where the keys are not unique, or of another type."""
    if values.type != keys.type or not (pa.types.is_integer(keys.type) or pa.types.is_string(keys.type)):
        return 0.0
    if pc.count_distinct(keys).as_py() < len(keys):
        return 0.0
    distinct = pc.unique(values)
    return float(pc.mean(pc.is_in(distinct, value_set=keys.combine_chunks()).cast(pa.float64())).as_py() or 0.0)


def _plain(name: str) -> str:
    letters = "".join(letter for letter in normalize("NFKD", name.casefold()) if not combining(letter))
    return re.sub(r"[^a-z0-9]", "", letters)
