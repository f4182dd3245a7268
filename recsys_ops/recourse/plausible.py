"""Which changes a provider can make and still tell the truth: the plausibility of single changes.

The *support* of a change says how likely a real item like this one is as the change leaves it. Of a word, tag or
category that is added it is the probability that a real item with the same other features has it
(``recsys_ops/models/support.py``), times, for a word, the share of the items with the word that repeat it as often;
of one that is removed, the probability that a real item does without. Of a number it is the share of the items of the
same category that lie at least as far out. Changes below a level are no actions at all: the search does not see
them, and bounds and proofs hold for what is left. Whoever wrote a word or tag knows the item: it is removed only where
its own support is below the level, so that advice does not hide what is true.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.models.support import SupportModel, fit_support, support_of

LEAST_SUPPORT = 0.25
"""Level by default: of the hidden shelves of real books that it lets through, more than half are true."""

LEAST_GAIN = 0.002
"""Share of the group that plausible advice must gain: one user in five hundred."""

OUTERMOST = 0.05
"""Share of the items of a category whose numbers lie so far out, on either side, that no advice leads there."""

LEAST_PEERS = 20
"""Items that a category must have before its own numbers count instead of all items'."""

ADVISED_SHARE = 0.8
"""Part of the level that suffices for a change that was advised already: support moves a little every night."""

_ROUNDING = 1e-9


def least_support(method: str, plausibility: str | None, given: float | None) -> float | None:
    """Least support of a change by the settings of a caller, None where any change is allowed.

    ``plausibility`` is "support" or "none", by default none for method "examples": an example is real as it is.
    """
    by_default = "none" if method == "examples" else "support"
    if (plausibility or by_default) == "none":
        return None
    return LEAST_SUPPORT if given is None else given


@dataclass(frozen=True)
class Plausibility:
    """Support of the changes of all items, and the ``level`` below which none is made.

    ``repeats (n_items, n_features)``: occurrences of words in the provider's units, by column; ``peers (n_items,)`` the
    same number for items of one category; ``numbers`` encoded values of the number columns, ascending, by column and
    group of peers.
    """

    level: float
    model: SupportModel
    repeats: sp.csc_array
    peers: NDArray[np.int64]
    numbers: dict[tuple[int, int], NDArray[np.float64]]

    def supports(self, selected: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability that a real item like each of some items has each feature, ``(n, n_features)``."""
        return support_of(self.model, selected)


def fit_plausibility(items: EncodedItems, providers: NDArray[np.int64], level: float) -> Plausibility:
    """Learn from all items what is plausible.

    Parameters
    ----------
    items : EncodedItems
    providers : ndarray, shape (n_items,)
        The same number for items of one provider.
    level : float, from 0 to 1
        Least support of a change.

    Returns
    -------
    Plausibility
    """
    peers = _peers(items)
    return Plausibility(level, fit_support(items, providers), _repeats(items), peers, _numbers(items, peers))


def relax_support(support: NDArray[np.float64], advised: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Support ``(n_features,)`` by which changes advised already reach the level at ``ADVISED_SHARE`` times it.

    ``advised`` columns and the signs of their changes. A word or tag is removed where its support is below the level,
    and one that was to be removed still is where it is a little above.
    """
    relaxed = support.copy()
    for column, direction in advised:
        factor = ADVISED_SHARE if direction < 0 else 1 / ADVISED_SHARE
        relaxed[column] = min(support[column] * factor, 1.0)
    return relaxed


def plausible_columns(
    plausibility: Plausibility, items: EncodedItems, item: int, support: NDArray[np.float64]
) -> FeatureColumns:
    """The columns with the limits that remain for one item.

    Parameters
    ----------
    plausibility : Plausibility
    items : EncodedItems
    item : int
    support : ndarray, shape (n_features,)
        As ``Plausibility.supports``.

    Returns
    -------
    FeatureColumns
        Limits are never wider than before. A category whose rule does not say that it may change stays.
    """
    columns, level = items.columns, plausibility.level - _ROUNDING
    features = items.matrix[[item]].toarray()[0]
    kinds = np.array([rule.kind for rule in items.rules])[columns.rule]
    declared = np.array([rule.may_change_category for rule in items.rules])[columns.rule]
    counted = np.isin(kinds, ("text", "tags", "category"))
    present = features > 0
    upper, lower = columns.upper.copy(), columns.lower.copy()
    unlikely = counted & ~present & (support < level)
    upper[unlikely] = np.minimum(upper[unlikely], 0.0)
    for column in np.flatnonzero((kinds == "text") & ~unlikely & columns.can_rise):
        most = _most_repeats(plausibility, int(column), float(support[column]), features[column] / columns.unit[column])
        upper[column] = min(upper[column], most * columns.unit[column])
    needed = present & (support >= level)
    once = needed & (kinds == "text")
    lower[once] = np.maximum(lower[once], np.minimum(columns.unit, features)[once])
    for column in np.flatnonzero(kinds == "number"):
        values = plausibility.numbers[int(column), int(plausibility.peers[item])]
        if len(values):
            least, most = np.quantile(values, [OUTERMOST, 1 - OUTERMOST])
            lower[column], upper[column] = max(lower[column], least), min(upper[column], most)
    category = kinds == "category"
    return replace(
        columns,
        lower=lower,
        upper=upper,
        can_rise=columns.can_rise & ~(unlikely & ~category) & (declared | ~category),
        can_fall=columns.can_fall & ~(needed & (kinds == "tags")),
    )


def change_support(
    plausibility: Plausibility,
    columns: FeatureColumns,
    item: int,
    support: NDArray[np.float64],
    change: tuple[int, float, float],
) -> float:
    """Support of one changed column.

    Parameters
    ----------
    plausibility : Plausibility
    columns : FeatureColumns
    item : int
    support : ndarray, shape (n_features,)
        As ``Plausibility.supports``.
    change : (int, float, float)
        Column, and its encoded values before and after.

    Returns
    -------
    float, from 0 to 1
    """
    column, before, after = change
    group = (column, int(plausibility.peers[item]))
    if group in plausibility.numbers:
        values = plausibility.numbers[group]
        if not len(values):
            return 0.0
        tails = ((values <= after + _ROUNDING).mean(), (values >= after - _ROUNDING).mean())
        return float(min(1.0, 2 * min(tails)))
    if after <= _ROUNDING:
        return float(1 - support[column])
    has = float(support[column]) if before <= _ROUNDING else 1.0
    return has * _share_repeating(plausibility, column, before / columns.unit[column], after / columns.unit[column])


def _share_repeating(plausibility: Plausibility, column: int, before: float, after: float) -> float:
    """Of the items with a word as often as before (at all, if it is new), the share with it as often as after."""
    counts = _counts(plausibility.repeats, column)
    enough = int((counts >= before - _ROUNDING).sum())
    return 1.0 if after <= max(before, 1) or not enough else float((counts >= after - _ROUNDING).sum() / enough)


def _most_repeats(plausibility: Plausibility, column: int, support: float, before: float) -> float:
    """How often a word may stand in a text that has it so often already."""
    counts = _counts(plausibility.repeats, column)
    has = support if before <= 0 else 1.0
    enough = max(int((counts >= before - _ROUNDING).sum()), 1)
    further = np.unique(counts[counts > max(before, 1)])
    shares = has * (counts[None] >= further[:, None] - _ROUNDING).sum(axis=1) / enough
    allowed = further[shares >= plausibility.level - _ROUNDING]
    return float(max(before, 1.0, allowed.max(initial=0.0)))


def _counts(repeats: sp.csc_array, column: int) -> NDArray[np.float64]:
    counts: NDArray[np.float64] = repeats.data[repeats.indptr[column] : repeats.indptr[column + 1]]
    return counts


def _repeats(items: EncodedItems) -> sp.csc_array:
    is_word = np.array([rule.kind == "text" for rule in items.rules])[items.columns.rule]
    return sp.csc_array(items.matrix * np.where(is_word, 1 / items.columns.unit, 0.0))


def _peers(items: EncodedItems) -> NDArray[np.int64]:
    """Number of each item's value of the first category, 0 for values of few items and for none."""
    peers = np.zeros(items.matrix.shape[0], dtype=np.int64)
    rules = [number for number, rule in enumerate(items.rules) if rule.kind == "category"]
    if rules:
        members = sp.csc_array(items.matrix[:, np.flatnonzero(items.columns.rule == rules[0])])
        for value in range(members.shape[1]):
            having = members.indices[members.indptr[value] : members.indptr[value + 1]]
            if len(having) >= LEAST_PEERS:
                peers[having] = value + 1
    return peers


def _numbers(items: EncodedItems, peers: NDArray[np.int64]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Encoded values of every number column by group of peers; group 0 are all items."""
    numbers = {}
    for column in np.flatnonzero(np.array([rule.kind == "number" for rule in items.rules])[items.columns.rule]):
        cells = items.cells[items.rules[items.columns.rule[column]].column].to_pylist()
        known = np.array([cell is not None and np.isfinite(cell) for cell in cells], dtype=bool)
        values = items.matrix[:, [column]].toarray()[:, 0]
        for group in np.unique([0, *peers]):
            numbers[int(column), int(group)] = np.sort(values[known & ((peers == group) | (group == 0))])
    return numbers
