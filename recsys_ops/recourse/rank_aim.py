"""Recourse that halves the mean rank of an item in a group, where the top k is too far: RecRec's "valid" recourse.

Coverage takes the top k as one threshold per user; here the threshold is the score at a part of the rank that the item
has for the user. The search for the actions that bring most users there is the same, for several parts. It gives sets
of changes of every size; the recommender is run on all of these, and the fewest changes are taken after which the mean
rank over all target users is at most half of what it was.

The bound: n changes add at most the sum of a user's n largest gains to the item's score, which bounds its rank for each
user, and so the mean. Source: RecRec (Verma et al., CIKM 2023), section 2; the thresholds and the bound are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import TIE
from recsys_ops.recourse.actions import Actions
from recsys_ops.recourse.bounds import Bounds, largest_gains
from recsys_ops.recourse.capped import most_changes, with_finite_box, within_caps
from recsys_ops.recourse.feasible import onto_steps
from recsys_ops.recourse.problem import MARGIN, Case, Search, make_cases
from recsys_ops.recourse.proposal import FrontierPoint, Proposal
from recsys_ops.recourse.ranks import Block, rank_sums, rank_sums_of_rows, ranks_now
from recsys_ops.recourse.solve import Recourse, verify, without_search
from recsys_ops.recourse.within_limits import search_frontier
from recsys_ops.status import Status

AIMS = (0.75, 0.5, 0.25)
"""Parts of its rank that the item is to have for most users: whoever cannot be brought to half, or can be brought
further, counts in the mean as well."""

PARTS = (0.25, 0.5, 0.75)
"""Parts of the way to the limits that may be enough; the whole way otherwise."""


@dataclass(frozen=True)
class _Path:
    """Changes of one case: ``rows[n] (n_features,)`` after ``taken[n]``, n actions in full.

    ``rank_sums (len(rows),)`` of the target users after them; ``n_before`` is that at present.
    """

    case: Case
    taken: tuple[Actions, ...]
    rows: NDArray[np.float64]
    n_before: int
    rank_sums: NDArray[np.int64]

    @property
    def chosen(self) -> int:
        """Fewest changes that halve the mean rank; where none do, the fewest of those with the best."""
        halved = 2 * self.rank_sums <= self.n_before
        return int(np.argmax(halved) if halved.any() else np.argmin(self.rank_sums))


def find_rank_recourses(search: Search, selected: NDArray[np.int64]) -> list[Recourse]:
    """Recourses that halve the mean rank, for a batch of items in one target group.

    Parameters
    ----------
    search : Search
    selected : ndarray, shape (n_selected,)
        Items.

    Returns
    -------
    list of Recourse
        In the order of ``selected``, with ``rank_before``, ``rank_after`` and ``rank_bound``;
        ``lower_bound`` is of the changes that halve the mean rank. A case never raises for what is in its data.

    Notes
    -----
    Time: three or four passes over the users of the group per batch, on top of one search per case. Memory: as a case
    of the top k, and one block of users.
    """
    cases = [within_caps(case) for case in make_cases(search, selected)]
    trivial = [without_search(case) for case in cases]
    open_cases = [case for case, recourse in zip(cases, trivial, strict=True) if recourse is None]
    if not open_cases:
        return [recourse for recourse in trivial if recourse is not None]
    paths = _paths(search, open_cases)
    found = iter(_verified(path, row, bounds) for path, row, bounds in zip(paths, *_ends(search, paths), strict=True))
    return [recourse or next(found) for recourse in trivial]


def _paths(search: Search, cases: Sequence[Case]) -> list[_Path]:
    """Search each case, and run the recommender on all that was found."""
    items = np.array([case.item for case in cases])
    ranks, scores = ranks_now(search, items, AIMS)
    found = [[taken for aim in scores for taken in _search(case, aim[:, n])] for n, case in enumerate(cases)]
    rows = [np.array([taken.apply(case.features, np.arange(len(taken))) for taken in of_case])
            for case, of_case in zip(cases, found, strict=True)]  # fmt: skip
    sizes = [len(of_case) for of_case in rows]
    sums = np.split(rank_sums_of_rows(search, np.repeat(items, sizes), np.concatenate(rows)), np.cumsum(sizes)[:-1])
    return [
        _best_path(case, found[n], rows[n], int(ranks[case.targets, n].sum()), sums[n]) for n, case in enumerate(cases)
    ]


def _search(case: Case, scores: NDArray[np.float64]) -> list[Actions]:
    """For each number of changes, the actions that bring most users to these scores, from none on."""
    counted = case.targets & ~case.in_top & np.isfinite(scores)
    threshold = np.where(counted, scores, 0.0)
    entry = threshold + 2 * MARGIN * np.maximum(np.abs(threshold), TIE) - case.scores
    aimed = replace(
        with_finite_box(case),
        thresholds=np.where(counted, scores, case.thresholds),
        missing=np.where(counted, entry, case.missing),
    )
    start = case.features[case.search.group.columns]
    capped = not case.search.settings.caps.is_of_sparsity_alone
    actions, _, frontier = search_frontier(aimed, start, capped=capped)
    return [actions.only(kept) for kept in frontier.kept]


def _best_path(
    case: Case, taken: Sequence[Actions], rows: NDArray[np.float64], n_before: int, rank_sums: NDArray[np.int64]
) -> _Path:
    """Of all that was found, the best of each number of changes."""
    sizes = np.array([len(actions) for actions in taken])
    best = [min(np.flatnonzero(sizes == n).tolist(), key=lambda at: rank_sums[at]) for n in range(sizes.max() + 1)]
    return _Path(case, tuple(taken[at] for at in best), rows[best], n_before, rank_sums[best])


def _ends(
    search: Search, paths: Sequence[_Path]
) -> tuple[list[tuple[NDArray[np.float64], int]], list[NDArray[np.int64]]]:
    """The row that each path ends in with its sum of ranks, and bounds on the sums that 0 .. n changes can have."""
    tried = [_shorter(path) for path in paths]
    items = np.repeat([path.case.item for path in paths], [len(rows) for rows in tried])
    every = [row for rows in tried for row in rows]
    sums = rank_sums_of_rows(search, items, np.array(every)) if every else np.array([], dtype=np.int64)
    ends, first = [], 0
    for path, rows in zip(paths, tried, strict=True):
        of_path = sums[first : first + len(rows)]
        first += len(rows)
        enough = np.flatnonzero(2 * of_path <= path.n_before)
        whole = (path.rows[path.chosen], int(path.rank_sums[path.chosen]))
        ends.append((rows[enough[0]], int(of_path[enough[0]])) if len(enough) else whole)
    return ends, _bounds(search, paths)


def _shorter(path: _Path) -> list[NDArray[np.float64]]:
    """The chosen changes made in part, shortest first; none where they have no parts, or do not halve the rank."""
    case, columns = path.case, path.case.search.columns
    if 2 * path.rank_sums[path.chosen] > path.n_before:
        return []
    actions, full = path.taken[path.chosen], path.rows[path.chosen]
    whole = columns.one_hot[actions.column] >= 0
    rows: list[NDArray[np.float64]] = []
    for part in PARTS:
        parts = replace(actions, amount=actions.amount * np.where(whole, 1.0, part))
        changed = parts.apply(case.features, np.arange(len(parts)))
        stepped = onto_steps(columns, case.features, changed, with_finite_box(case).box)
        row = np.where(columns.one_hot >= 0, changed, stepped)
        if not np.array_equal(row, full) and not (rows and np.array_equal(row, rows[-1])):
            rows.append(row)
    return rows


def _bounds(search: Search, paths: Sequence[_Path]) -> list[NDArray[np.int64]]:
    """Least sums of ranks that at most 0 .. n changes can have, each user alone."""
    n_most = most_changes(search.columns, search.settings.caps)
    gains = [largest_gains(path.case, n_most)[:, :n_most] for path in paths]
    widths = [1 + of_case.shape[1] for of_case in gains]
    items = np.repeat([path.case.item for path in paths], widths)

    def scores(block: Block) -> NDArray[np.float64]:
        parts = []
        for path, of_case in zip(paths, gains, strict=True):
            now = path.case.scores[block.users, None]
            most = now + of_case[block.users] * (1 + 1e-9)
            parts += [now, most + MARGIN * 1e-3 * np.abs(np.where(np.isfinite(most), most, 0.0))]
        return np.concatenate(parts, axis=1)

    sums = np.split(rank_sums(search, items, scores), np.cumsum(widths)[:-1])
    padded = [np.r_[of_case, np.full(max(n_most + 1 - len(of_case), 0), path.case.n_targets)]
              for path, of_case in zip(paths, sums, strict=True)]  # fmt: skip
    return [np.minimum.accumulate(of_case) for of_case in padded]


def _verified(path: _Path, end: tuple[NDArray[np.float64], int], bounds: NDArray[np.int64]) -> Recourse:
    """What the recommender says of the item at the end of a path."""
    case, (features, rank_sum), n_targets = path.case, end, path.case.n_targets
    of_rows = [case.success(scores) for scores in case.rescore_all(path.rows).T]
    frontier = [
        FrontierPoint(n, of_rows[n], "; ".join(change.text for change in case.changes_to(row)),
                      rank=float(path.rank_sums[n] / n_targets))
        for n, row in enumerate(path.rows)
    ]  # fmt: skip
    unbounded = Bounds(np.array([n_targets]), n_targets)  # of the top k nothing is proven
    measured = verify(case, Proposal(features, max(of_rows), frontier), unbounded)
    n_changes, enough = len(measured.changes), np.flatnonzero(2 * bounds <= path.n_before)
    lower = min(int(enough[0]), n_changes) if len(enough) else n_changes
    status, reason = Status.OPTIMAL if lower == n_changes else Status.FEASIBLE, None
    if 2 * rank_sum > path.n_before:
        status = Status.FEASIBLE if len(enough) else Status.INFEASIBLE
        reason = _short_in_words(case, rank_sum / n_targets, path.n_before / n_targets, float(bounds[-1] / n_targets))
    return replace(
        measured, status=status, reason=reason, success_bound=None, lower_bound=lower,
        rank_before=path.n_before / n_targets, rank_after=rank_sum / n_targets,
        rank_bound=float(bounds[-1] / n_targets),
    )  # fmt: skip


def _short_in_words(case: Case, after: float, before: float, best: float) -> str:
    caps = case.search.settings.caps
    named = "" if caps.is_of_sparsity_alone else f" and the caps ({caps})"
    return (
        f"a mean rank of {after:.1f} instead of {before:.1f} is the best that was reached within the rules{named}; "
        f"no better than {best:.1f} is possible, and half of it is wanted"
    )
