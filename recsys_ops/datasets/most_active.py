"""Part of a catalogue: its most active users and most rated items, or the users with any ratings."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import in_one_chunk
from recsys_ops.datasets.dataset import Dataset


def most_active(dataset: Dataset, *, users: int | None = None, items: int | None = None) -> Dataset:
    """Keep the users with most ratings and the items with most ratings; both are counted in the whole catalogue.

    Parameters
    ----------
    dataset : Dataset
    users, items : int, optional
        How many to keep at most; all by default. Of equally active ones the first by id are kept.

    Returns
    -------
    Dataset
        In the same order, of the same name and fingerprint.
    """
    kept_users = _greatest(np.diff(dataset.ratings.indptr), users)
    kept_items = _greatest(np.bincount(dataset.ratings.indices, minlength=dataset.n_items), items)
    return _part(dataset, kept_users, kept_items)


def with_ratings(dataset: Dataset) -> Dataset:
    """Keep the users who have rated something; nothing can be predicted for the others.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    Dataset
        The same object where all have.
    """
    rated = np.flatnonzero(np.diff(dataset.ratings.indptr)).astype(np.int64)
    if len(rated) == dataset.n_users:
        return dataset
    return _part(dataset, rated, np.arange(dataset.n_items))


def _part(dataset: Dataset, kept_users: NDArray[np.int64], kept_items: NDArray[np.int64]) -> Dataset:
    ratings: sp.csr_array = dataset.ratings[kept_users][:, kept_items]
    ratings.sort_indices()
    user_table = dataset.users.take(pa.array(kept_users, pa.int64()))
    item_table = dataset.items.take(pa.array(kept_items, pa.int64()))
    return replace(
        dataset,
        ratings=ratings,
        user_ids=in_one_chunk(user_table.column("user_id")),
        item_ids=in_one_chunk(item_table.column("item_id")),
        users=user_table,
        items=item_table,
    )


def _greatest(counts: NDArray[np.int64], n: int | None) -> NDArray[np.int64]:
    """Positions of the n greatest counts, sorted."""
    order = np.argsort(-counts, kind="stable")
    return np.sort(order[:n]).astype(np.int64)
