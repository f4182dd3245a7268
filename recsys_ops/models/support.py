"""How likely a real item like this one has a word, a tag or a value of a category: the *support* of a feature.

Two estimates, each of which never looks at the feature in question, and their mean:

* every feature predicted from all others of the item, and from its provider, by ridge regression: EASE over items x
  features (Steck 2019), with each item's own row left out exactly. With ``P = (X'X + ridge I)^-1``, ``u = P x`` and
  ``h = x . u``, the residual of feature j is ``e_j = u_j / P_jj``, its leverage ``h_j = h - u_j^2 / P_jj``, and the
  prediction without the row ``x_j - e_j / (1 - h_j)`` (PRESS; Allen 1974);
* the share of the most similar items that have it, weighted by the squared cosine of what they share.

Of hidden shelves of books, the mean finds more than either (area under the precision-recall curve 0.78; 0.73 and 0.76
alone; 0.72 for EASE over the shelves only), and its numbers read as probabilities.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from recsys_ops.features.encode import EncodedItems

RIDGE_SHARE = 0.01
"""Penalty of the regression per item; on 10,000 books 0.001 to 0.03 are as good."""

MOST_INPUTS = 4096
"""Features that the regression predicts from, the most frequent ones: 67 MB, and seconds to invert."""

NEIGHBOURS = 50
"""Similar items that vote; 20 to 100 differ by 0.01 on the books."""

_ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class SupportModel:
    """What support is computed from, whatever the item.

    Attributes
    ----------
    has : csr_array, shape (n_items, n_features)
        1 where an item has a word, a tag or a value of a category; columns of numbers and ordinals are empty.
    inputs : csr_array, shape (n_items, n_inputs)
        What the regression predicts from: columns of ``has``, and providers of several items.
    column_of_input : ndarray, shape (n_inputs,)
        Column of each input, -1 for a provider.
    inverse : ndarray of float32, shape (n_inputs, n_inputs)
        P, of the ridge regression.
    likeness : csr_array, shape (n_items, n_features + n_providers)
        Rows of length 1, whose products are cosines.
    """

    has: sp.csr_array
    inputs: sp.csr_array
    column_of_input: NDArray[np.int64]
    inverse: NDArray[np.float32]
    likeness: sp.csr_array


def fit_support(items: EncodedItems, providers: NDArray[np.int64]) -> SupportModel:
    """Learn how the features of items go together.

    Parameters
    ----------
    items : EncodedItems
    providers : ndarray, shape (n_items,)
        The same number for items of one provider.

    Returns
    -------
    SupportModel

    Notes
    -----
    Memory: 4 bytes x n_inputs^2 (twice 8 while fitting), and the features twice. Time: n_inputs^3 multiplications on
    one core.
    """
    has = _presence(items)
    everything = sp.csr_array(sp.hstack([has, _shared_providers(providers)], format="csr"))
    frequency = np.bincount(everything.indices, minlength=everything.shape[1])
    chosen = np.sort(np.argsort(-frequency, kind="stable")[: min(MOST_INPUTS, int((frequency > 0).sum()))])
    inputs = sp.csr_array(everything[:, chosen])
    inputs.sort_indices()
    return SupportModel(
        has=has,
        inputs=inputs,
        column_of_input=np.where(chosen < has.shape[1], chosen, -1),
        inverse=_inverse(inputs),
        likeness=_likeness(everything, frequency),
    )


def support_of(model: SupportModel, selected: NDArray[np.int64]) -> NDArray[np.float64]:
    """Support of every feature for some items, given what else each has.

    Parameters
    ----------
    model : SupportModel
    selected : ndarray, shape (n,)
        Items.

    Returns
    -------
    ndarray, shape (n, n_features)
        From 0 to 1; 0 for numbers and ordinals. The same for an item whatever the others.

    Notes
    -----
    Memory: 8 bytes x (items + features) x 16 rows, a few times.
    """
    blocks = [
        _support_of_rows(model, selected[first : first + _ROWS_AT_ONCE])
        for first in range(0, len(selected), _ROWS_AT_ONCE)
    ]
    return np.concatenate(blocks) if blocks else np.zeros((0, model.has.shape[1]))


def _support_of_rows(model: SupportModel, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = (_regressed(model, rows) + _voted(model, rows)) / 2
    return mean


def _presence(items: EncodedItems) -> sp.csr_array:
    counted = np.array([rule.kind in ("text", "tags", "category") for rule in items.rules])[items.columns.rule]
    entries = sp.coo_array(items.matrix)
    kept = counted[entries.col] & (entries.data > 0)
    ones = np.ones(int(kept.sum()))
    has = sp.csr_array((ones, (entries.row[kept], entries.col[kept])), shape=items.matrix.shape)
    has.sort_indices()
    return has


def _shared_providers(providers: NDArray[np.int64]) -> sp.csr_array:
    """A column of ones for each provider of several items."""
    _, codes, sizes = np.unique(providers, return_inverse=True, return_counts=True)
    column = np.cumsum(sizes > 1) - 1
    rows = np.flatnonzero(sizes[codes] > 1)
    shape = (len(providers), int((sizes > 1).sum()))
    return sp.csr_array((np.ones(len(rows)), (rows, column[codes[rows]])), shape=shape)


def _inverse(inputs: sp.csr_array) -> NDArray[np.float32]:
    n_items, n_inputs = inputs.shape
    if n_inputs == 0:
        return np.zeros((0, 0), dtype=np.float32)
    gram = np.asfortranarray((inputs.T @ inputs).toarray())
    gram[np.diag_indices(n_inputs)] += RIDGE_SHARE * n_items
    with threadpool_limits(limits=1):  # the same bytes on any number of cores
        factor, _ = lapack.dpotrf(gram, lower=1, clean=0, overwrite_a=1)
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse).astype(np.float32)
    return np.asarray(lower + np.tril(lower, k=-1).T)


def _likeness(everything: sp.csr_array, frequency: NDArray[np.int64]) -> sp.csr_array:
    """Rows of length 1, in which what few items have weighs more."""
    rarity = np.log((1 + everything.shape[0]) / (1 + frequency))
    weighted = sp.csr_array(everything * rarity)
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scale = np.where(lengths > 0, 1 / np.where(lengths > 0, lengths, 1.0), 0.0)
    return sp.csr_array(sp.diags_array(scale) @ weighted)


def _regressed(model: SupportModel, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Predictions of the ridge regression, each item's own row left out, ``(n, n_features)``."""
    present = model.has[rows].toarray()
    own = model.inputs[rows]
    moved = np.asarray(own.astype(np.float32) @ model.inverse, dtype=np.float64)  # u
    leverage = (own.multiply(moved)).sum(axis=1)  # h
    votes = np.asarray(model.inputs @ moved.T).T
    fitted = np.asarray(model.has.T @ votes.T).T
    predicted = present - (present - fitted) / (1 - leverage)[:, None]
    of_column = np.flatnonzero(model.column_of_input >= 0)
    diagonal = np.diag(model.inverse).astype(np.float64)[of_column]
    columns, of_inputs = model.column_of_input[of_column], moved[:, of_column]
    residual = of_inputs / diagonal
    rest = 1 - (leverage[:, None] - of_inputs**2 / diagonal)
    predicted[:, columns] = present[:, columns] - residual / rest
    clipped: NDArray[np.float64] = np.clip(predicted, 0.0, 1.0)
    return clipped


def _voted(model: SupportModel, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the nearest items that have each feature, weighted by likeness squared, ``(n, n_features)``."""
    likeness = (model.likeness[rows] @ model.likeness.T).toarray()
    likeness[np.arange(len(rows)), rows] = 0.0
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :NEIGHBOURS]
    weight = np.take_along_axis(likeness, nearest, axis=1) ** 2
    total = weight.sum(axis=1, keepdims=True)
    share = np.where(total > 0, weight / np.where(total > 0, total, 1.0), 0.0)
    entries = (share.ravel(), (np.repeat(np.arange(len(rows)), nearest.shape[1]), nearest.ravel()))
    voters = sp.csr_array(entries, shape=(len(rows), model.has.shape[0]))
    votes: NDArray[np.float64] = (voters @ model.has).toarray()
    return votes
