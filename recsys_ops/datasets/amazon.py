"""Amazon Reviews 2023 as its authors distribute it: JSON lines of reviews and of products, of one category.

Products are those of ``parent_asin``. The seller of a product is its ``store``, or the product itself where it has
none. Of several reviews of one product by one user the last counts.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.json as pa_json

from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.table_file import UNREADABLE
from recsys_ops.datasets.times import Period
from recsys_ops.datasets.validate import ALL_TIME, OnBadRows, validate
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.storage import is_bad_content, open_file, open_store, storage_errors

RATING_RANGE = (1.0, 5.0)
META = "meta_"
SUFFIXES = (".jsonl", ".jsonl.gz")

_RULES = (
    FeatureRule(column="description", kind="text", html="strip"),
    FeatureRule(column="features", kind="text", html="strip", label="bullet points"),
    FeatureRule(column="price", kind="number", unit="USD"),
    FeatureRule(column="categories", kind="tags", mutable=False, label="category"),
)
_REVIEW: dict[str, pa.DataType] = {
    "user_id": pa.string(),
    "parent_asin": pa.string(),
    "rating": pa.float64(),
    "timestamp": pa.int64(),
}
_PRODUCT: dict[str, pa.DataType] = {
    "item_id": pa.string(), "seller_id": pa.string(), "title": pa.string(), "description": pa.string(),
    "features": pa.string(), "price": pa.float64(), "categories": pa.list_(pa.string()),
}  # fmt: skip
_NAMES = {"interactions": {"item_id": "parent_asin"}, "items": {"item_id": "parent_asin", "seller_id": "store"}}
_BLOCK = 2**24
"""Bytes that are parsed at once; no line may be longer."""
_LINES = 50_000


def read_amazon_2023(folder: str, *, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME) -> Dataset:
    """Read one category of Amazon Reviews 2023.

    Parameters
    ----------
    folder : str
        Its URL, with ``CATEGORY.jsonl`` and ``meta_CATEGORY.jsonl``, each possibly gzipped.
    on_bad_rows : "stop" or "quarantine"
        What happens to rows that break the contract.
    period : Period
        Of the reviews that are read.

    Returns
    -------
    Dataset
        Items with title, description, features, price (null where it is no number) and categories.

    Raises
    ------
    InputError
        A file is missing or cannot be read, or its rows break the contract.

    Notes
    -----
    Of a review only the user, the product, the rating and the time are held in memory; of products, what is above.
    """
    reviews, products = category_files(folder)
    clean = validate(
        _reviews(f"{folder.rstrip('/')}/{reviews}", reviews),
        _products(f"{folder.rstrip('/')}/{products}", products),
        None,
        sources={"interactions": reviews, "items": products},
        rating_range=RATING_RANGE,
        rules=_RULES,
        on_bad_rows=on_bad_rows,
        duplicates="last",
        period=period,
        names=_NAMES,
    )
    return build_dataset(
        "amazon-2023", clean.interactions, clean.items, clean.users,
        rules=_RULES, rating_range=RATING_RANGE, rejected=clean.rejected,
    )  # fmt: skip


def category_files(folder: str) -> tuple[str, str]:
    """Names of the reviews and the products in a folder.

    Raises
    ------
    InputError
        There is not one category.
    """
    filesystem, path = open_store(folder)
    with storage_errors(folder, "listing"):
        entries = filesystem.ls(path, detail=False) if filesystem.isdir(path) else []
    names = sorted(str(entry).rstrip("/").rpartition("/")[2] for entry in entries)
    files = {name.removesuffix(".gz").removesuffix(".jsonl"): name for name in names if name.endswith(SUFFIXES)}
    pairs = [(file, files[META + category]) for category, file in files.items() if META + category in files]
    if len(pairs) != 1:
        raise InputError(
            f"{folder}: {len(pairs)} categories of Amazon Reviews 2023 are there, expected one: CATEGORY.jsonl and "
            f"meta_CATEGORY.jsonl, possibly with .gz (found {', '.join(names) or 'nothing'})."
        )
    return pairs[0]


def _reviews(url: str, file: str) -> pa.Table:
    options = pa_json.ParseOptions(explicit_schema=pa.schema(list(_REVIEW.items())), unexpected_field_behavior="ignore")
    with storage_errors(url, "reading"):
        try:
            with open_file(url, compression="infer") as stream:
                source: Any = pa.PythonFile(stream, mode="r")
                reader = pa_json.open_json(source, pa_json.ReadOptions(block_size=_BLOCK), options)
                table = reader.read_all()
        except UNREADABLE as error:
            if not is_bad_content(error):
                raise
            raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())}). Get the file again.") from error
    return table.rename_columns(["item_id" if name == "parent_asin" else name for name in table.column_names])


def _products(url: str, file: str) -> pa.Table:
    """Line by line: price is a number in some lines and a text in others, and details differ in every line."""
    schema = pa.schema(list(_PRODUCT.items()))
    batches = []
    with storage_errors(url, "reading"):
        try:
            with open_file(url, compression="infer") as stream:
                products = (_product(line, row, file) for row, line in enumerate(stream) if line.strip())
                while block := list(islice(products, _LINES)):
                    batches.append(pa.RecordBatch.from_pylist(block, schema))
        except InputError:
            raise
        except UNREADABLE as error:
            if not is_bad_content(error):
                raise
            raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())}). Get the file again.") from error
    return pa.Table.from_batches(batches, schema)


def _product(line: bytes, row: int, file: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError(
            f"{file}: row {row} is not JSON ({error}; found {line[:60]!r}). Get the file again."
        ) from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: row {row} is no object (found {line[:60]!r}). Get the file again.")
    item = _text(found.get("parent_asin"))
    return {
        "item_id": item,
        "seller_id": _text(found.get("store")) or item,
        "title": _text(found.get("title")),
        "description": "\n".join(_texts(found.get("description"))) or None,
        "features": "\n".join(_texts(found.get("features"))) or None,
        "price": _price(found.get("price")),
        "categories": list(_texts(found.get("categories"))),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(values: Any) -> Iterator[str]:
    return (value for value in (values if isinstance(values, list) else [values]) if isinstance(value, str))


def _price(value: Any) -> float | None:
    """A price, also as text such as "$1,299.50"; None for words such as "from 13.99"."""
    try:
        return float(value.removeprefix("$").replace(",", "") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        return None
