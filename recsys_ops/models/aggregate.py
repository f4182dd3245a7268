"""What a history looks like to the likelihood: one number per category of items.

Single items are too many and too rare to model; categories (a genre, a release year) are few, and many users show them.
Sums and disjunctions stay whole numbers, means do not. Source: Plausible Counterfactual Explanations of
Recommendations, section IV-A, eq. 7 to 11.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import in_one_chunk
from recsys_ops.errors import InputError
from recsys_ops.models.linear import best_positions

AggregationKind = Literal["disjunction", "sum", "mean", "none"]

UNKNOWN = "unknown"
"""Category of the items that name none."""


@dataclass(frozen=True)
class Aggregation:
    """How histories become variables.

    ``kind``: "disjunction" is 1 if anything of the category is left; "sum" its total amount; "mean" that total divided
    by the number of items in the category and by ``scale``; "none" takes single items, so that each modelled item is a
    category of its own. ``membership (n_items, n_variables)`` of ones; ``sizes (n_variables,)`` items per category;
    ``scale`` the greatest amount of one interaction: 1 for binary histories, the greatest rating otherwise.
    """

    kind: AggregationKind
    membership: sp.csr_array
    sizes: NDArray[np.int64]
    scale: float = 1.0

    @property
    def n_variables(self) -> int:
        """Variables of the distribution."""
        return int(self.membership.shape[1])

    @property
    def is_discrete(self) -> bool:
        """Whether the variables take whole numbers only."""
        return self.kind != "mean"

    def totals(self, amounts: sp.csr_array) -> NDArray[np.float64]:
        """Units in each category.

        Parameters
        ----------
        amounts : csr_array, shape (n, n_items)
            Whole units of each interaction: ones, or stars.

        Returns
        -------
        ndarray, shape (n, n_variables)
        """
        totals: NDArray[np.float64] = (amounts.astype(np.float64) @ self.membership).toarray()
        return totals

    def values(self, totals: NDArray[np.float64], variables: NDArray[np.integer]) -> NDArray[np.float64]:
        """Value of each variable once its category holds that many units.

        Parameters
        ----------
        totals : ndarray, shape (..., n)
            Whole units of all interactions of the category.
        variables : ndarray, shape (n,)

        Returns
        -------
        ndarray, shape (..., n)
        """
        if self.kind == "disjunction":
            return (totals > 0).astype(np.float64)
        if self.kind == "mean":
            means: NDArray[np.float64] = totals / (np.maximum(self.sizes[variables], 1) * self.scale)
            return means
        return totals.astype(np.float64)

    def aggregate(self, amounts: sp.csr_array) -> NDArray[np.float64]:
        """Values of all variables.

        Parameters
        ----------
        amounts : csr_array, shape (n, n_items)
            Whole units of each interaction: ones, or stars.

        Returns
        -------
        ndarray, shape (n, n_variables)
        """
        return self.values(self.totals(amounts), np.arange(self.n_variables))


def aggregate_categories(
    kind: Literal["disjunction", "sum", "mean"], membership: sp.csr_array, *, scale: float = 1.0
) -> Aggregation:
    """One variable per category.

    Parameters
    ----------
    kind : "disjunction", "sum" or "mean"
    membership : csr_array, shape (n_items, n_categories)
        Ones, as ``categories_of`` gives them.
    scale : float, > 0
        Greatest amount of one interaction.

    Returns
    -------
    Aggregation
    """
    return Aggregation(kind, membership, _sizes(membership), scale)


def keep_items(amounts: sp.csr_array, *, n: int = 200, scale: float = 1.0) -> Aggregation:
    """One variable per item, of the n items that most users interacted with; the others are not modelled.

    Parameters
    ----------
    amounts : csr_array, shape (n_users, n_items)
    n : int, >= 1
        Variables. Time and size of the network grow with them, and rare items say little.
    scale : float, > 0
        Greatest amount of one interaction.

    Returns
    -------
    Aggregation
        Of kind "none", items in the order of the catalogue; of equally popular ones the first are kept.
    """
    n_items = amounts.shape[1]
    popularity = np.bincount(amounts.indices, minlength=n_items).astype(np.float64)
    items = np.sort(best_positions(popularity, min(n, n_items)))
    entries = (np.ones(len(items)), (items, np.arange(len(items))))
    membership: sp.csr_array = sp.csr_array(entries, shape=(n_items, len(items)))
    return Aggregation("none", membership, _sizes(membership), scale)


def categories_of(items: pa.Table, column: str, *, separator: str | None = None) -> tuple[sp.csr_array, list[str]]:
    """Categories from a column of the items table.

    Parameters
    ----------
    items : pyarrow.Table
        One row per item.
    column : str
        Numbers and texts are a category per value; in a list each tag is one.
    separator : str, optional
        Separates several tags in a text.

    Returns
    -------
    membership : csr_array, shape (n_items, n_categories)
        Ones.
    names : list of str
        By value; items without a value are of the category "unknown", the last one unless a value has that name.

    Raises
    ------
    InputError
        There is no such column.
    """
    if column not in items.column_names:
        raise InputError(f"items: there is no column '{column}' (found {', '.join(items.column_names)}). Name another.")
    rows = [_values_of(cell, separator) for cell in in_one_chunk(items.column(column)).to_pylist()]
    values: list[Any] = sorted({value for row in rows for value in row})
    labels = [_text(value) for value in values]
    if UNKNOWN not in labels and not all(rows):
        labels.append(UNKNOWN)
    position = {label: code for code, label in enumerate(labels)}
    codes = [[position[_text(value)] for value in row] or [position[UNKNOWN]] for row in rows]
    starts = np.cumsum([0, *(len(row) for row in codes)])
    flat = np.array([code for row in codes for code in row], dtype=np.int64)
    membership = sp.csr_array((np.ones(len(flat)), flat, starts), shape=(len(rows), len(labels)))
    membership.sort_indices()
    return membership, labels


def _values_of(cell: Any, separator: str | None) -> list[Any]:
    if cell is None or (isinstance(cell, float) and not np.isfinite(cell)):
        return []
    if isinstance(cell, str):
        cell = [cell] if separator is None else cell.split(separator)
    if not isinstance(cell, list):
        return [cell]
    return sorted({tag.strip() for tag in cell if tag is not None} - {""})


def _text(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _sizes(membership: sp.csr_array) -> NDArray[np.int64]:
    return np.bincount(membership.indices, minlength=membership.shape[1]).astype(np.int64)
