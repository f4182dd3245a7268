"""What a data set holds, in the lines that ``recsys-ops validate`` shows."""

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.groups import N_RATINGS, group_columns
from recsys_ops.features.rules import FeatureRule

_MOST_VALUES_SHOWN = 11


def describe(dataset: Dataset) -> list[tuple[str, str]]:
    """Summarise a data set.

    Parameters
    ----------
    dataset : Dataset
        Any.

    Returns
    -------
    list of tuple of str
        Name and value of each line: sizes, ratings, features with their rules, columns that form groups, rejected
        rows, fingerprint.
    """
    n_ratings = dataset.ratings.nnz
    density = n_ratings / (dataset.n_users * dataset.n_items)
    least, greatest = dataset.rating_range
    rejected = dataset.rejected.group_by("table").aggregate([([], "count_all")]).to_pylist()
    return [
        ("data", dataset.name),
        ("users", f"{dataset.n_users:,}"),
        ("items", f"{dataset.n_items:,}"),
        ("sellers", f"{pc.count_distinct(dataset.items.column('seller_id')).as_py():,}"),
        *([("ratings", f"{n_ratings:,} in [{least:g}, {greatest:g}]")] if dataset.values == "ratings" else []),
        *([("interactions", _without_ratings(dataset))] if dataset.values != "ratings" else []),
        ("density", f"{density:.3%}"),
        *([("distribution", _distribution(dataset.ratings.data))] if dataset.values != "ones" else []),
        *((f"feature {rule.column}", _feature(dataset.items.column(rule.column), rule)) for rule in dataset.rules),
        *((f"group {column}", _group(dataset, column)) for column in group_columns(dataset)),
        ("rejected rows", ", ".join(f"{row['count_all']:,} of {row['table']}" for row in rejected) or "none"),
        ("fingerprint", dataset.fingerprint),
    ]


def _without_ratings(dataset: Dataset) -> str:
    worth = "with weights" if dataset.values == "weights" else "each counts 1"
    return f"{dataset.ratings.nnz:,}, without ratings ({worth})"


def _distribution(stars: np.ndarray) -> str:
    values, counts = np.unique(stars, return_counts=True)
    if len(values) > _MOST_VALUES_SHOWN:
        quartiles = np.percentile(stars, [0, 25, 50, 75, 100])
        return "quartiles " + ", ".join(f"{value:g}" for value in quartiles)
    return ", ".join(f"{value:g}: {count:,}" for value, count in zip(values, counts, strict=True))


def _feature(column: ChunkedArray, rule: FeatureRule) -> str:
    is_list, is_text = pa.types.is_list(column.type), pa.types.is_string(column.type)
    may = "mutable" if rule.mutable else "immutable"
    if rule.direction != "free":
        may += f", may only {rule.direction}"
    n_without = column.null_count
    if is_text or is_list:
        lengths = pc.list_value_length(column) if is_list else pc.utf8_length(column)
        n_without += pc.sum(pc.equal(lengths, 0)).as_py() or 0
    missing = f"{n_without / len(column):.1%} missing"
    values = "" if is_list else f"{pc.count_distinct(column).as_py():,} values, "
    return f"{rule.kind}, {may}, {values}{missing}"


def _group(dataset: Dataset, column: str) -> str:
    if column == N_RATINGS and column not in dataset.users.column_names:
        counts = np.diff(dataset.ratings.indptr)
        return f"{counts.min():,} to {counts.max():,}, mean {counts.mean():.1f}"
    values = dataset.users.column(column)
    return f"{pc.count_distinct(values).as_py():,} values, {values.null_count / len(values):.1%} missing"
