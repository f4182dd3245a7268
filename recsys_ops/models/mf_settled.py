"""Matrix factorisation fitted until loss and objective have settled, by accelerated alternating least squares.

``fit_als`` ends where an iteration gains little, and on a plateau that is long before the minimum: predictions still
move, and with them what is measured on them. Here the last iterates are combined so that their steps cancel (Anderson
acceleration); a combination that raises the loss is dropped for the plain step, so the loss falls in every iteration.
Source: Walker and Ni (2011), Anderson acceleration for fixed-point iterations; for ALS, De Sterck and Howse (2018).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.mf import AlsSettings, Factors, Fit, HalfStep, join, random_start, solve_rows
from recsys_ops.models.mf_balance import evenly_balanced_items
from recsys_ops.models.mf_rows import RowBlock, RowMap, cut_block, packed_outer, transposed_rows

ROUND = 10
"""Iterations after which loss and objective are looked at."""

QUIET_ROUNDS = 2
"""Rounds in a row in which both must be at rest: one round may be a plateau."""

LOSS_AT_REST = 1e-7
"""Share of itself by which the loss may still fall in a round."""

OBJECTIVE_AT_REST = 1e-3
"""Share of itself by which the objective may still move in a round."""

MOST_ITERATIONS = 3000
MEMORY = 6
"""Earlier steps that are combined; with 15 the same number of iterations was needed."""

_RIDGE = 1e-10


@dataclass(frozen=True)
class _Steps:
    """The two halves of an iteration, for real and artificial users."""

    rows: RowMap
    regularisation: float
    added: RowBlock
    added_items: sp.csr_array

    def users(self, items: NDArray[np.float64]) -> tuple[Factors, NDArray[np.float64], float, float]:
        """Factors with the best users for these items, those of artificial users, the loss and the squared errors."""
        step = HalfStep(items, packed_outer(items), self.regularisation)
        users, errors = join(self.rows.map("users", solve_rows, step))
        extra, extra_errors = solve_rows(self.added, step)
        squared = float(errors.sum() + extra_errors.sum())
        penalty = sum(float(np.sum(part**2)) for part in (users, extra, items))
        return Factors(users, items), extra, squared + self.regularisation * penalty, squared

    def items(self, users: NDArray[np.float64], extra: NDArray[np.float64]) -> NDArray[np.float64]:
        """The best items for these users, balanced."""
        packed = packed_outer(users)
        step = HalfStep(users, packed, self.regularisation, self.added_items, extra)
        items = join(self.rows.map("items", solve_rows, step))[0]
        user_gram = packed.sum(axis=0) + packed_outer(extra).sum(axis=0)
        return evenly_balanced_items(items, packed_outer(items).sum(axis=0), user_gram)


@dataclass
class _Rest:
    """Whether loss and objective have been at rest for some rounds."""

    loss: float = np.inf
    value: float = np.inf
    quiet: int = 0
    accepted: int = 0

    def is_reached(self, loss: float, value: Callable[[], float]) -> bool:
        self.accepted += 1
        if self.accepted % ROUND:
            return False
        is_quiet = self.loss - loss <= LOSS_AT_REST * abs(loss)
        if is_quiet:  # the objective costs as much as an iteration, and is looked at only now
            last, self.value = self.value, value()
            self.quiet += abs(self.value - last) <= OBJECTIVE_AT_REST * abs(self.value)
        else:
            self.value, self.quiet = np.inf, 0
        self.loss = loss
        return self.quiet >= QUIET_ROUNDS


def fit_settled(
    rows: RowMap,
    settings: AlsSettings,
    objective: Callable[[Factors], float],
    *,
    artificial: sp.csr_array | None = None,
    start: NDArray[np.float64] | None = None,
) -> Fit:
    """Fit the factors until loss and objective have settled.

    Parameters
    ----------
    rows : RowMap
        The ratings of the real users.
    settings : AlsSettings
        Its ``tolerance`` and ``max_iterations`` are not used.
    objective : callable
        What is to settle beside the loss, a number of the factors.
    artificial : csr_array, shape (n_artificial, n_items), optional
        Ratings of artificial users, fitted together with the real ones.
    start : ndarray, shape (n_items, rank), optional
        Item factors to start from; by default drawn from the seed, as in ``fit_als``.

    Returns
    -------
    Fit
        ``converged`` where, in two rounds of ten iterations in a row, the loss fell by less than a ten-millionth and
        the objective moved by less than a thousandth of itself; else ``MOST_ITERATIONS`` were not enough.

    Notes
    -----
    An iteration costs what one of ``fit_als`` does; memory: 14 more arrays of the size of the item factors.
    """
    n_items = rows.shape[1]
    added = sp.csr_array((0, n_items)) if artificial is None else artificial
    added_items = transposed_rows(added).astype(np.float64)
    steps = _Steps(rows, settings.regularisation, cut_block(added, 0, int(added.shape[0])), added_items)
    n_fitted = max(rows.n_ratings + added.nnz, 1)
    items, plain = random_start(n_items, settings) if start is None else start, None
    history: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    fit, lowest, rest = None, np.inf, _Rest()
    errors: list[float] = []
    for _ in range(MOST_ITERATIONS):
        factors, extra, loss, squared = steps.users(items)
        if plain is not None and loss > lowest:
            items, plain, history = plain, None, history[-1:]
            continue
        lowest = loss
        errors.append(float(np.sqrt(max(squared, 0.0) / n_fitted)))
        fit = Fit(factors, extra, tuple(errors), converged=False)
        if rest.is_reached(loss, partial(objective, factors)):
            return replace(fit, converged=True)
        history = [*history[-MEMORY:], (items, steps.items(factors.users, extra))]
        plain = history[-1][1]
        items = _combined(history)
    assert fit is not None
    return fit


def _combined(history: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.float64]:
    """The combination of the last iterates whose step is shortest."""
    reached = history[-1][1]
    if len(history) < 3:
        return reached
    steps = [(after - before).ravel() for before, after in history]
    turned = np.array([later - earlier for earlier, later in pairwise(steps)])
    moved = np.array([(later[1] - earlier[1]).ravel() for earlier, later in pairwise(history)])
    gram = turned @ turned.T
    lengths = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    scaled = gram / np.outer(lengths, lengths) + _RIDGE * np.eye(len(gram))
    weights = np.linalg.solve(scaled, turned @ steps[-1] / lengths) / lengths
    combined: NDArray[np.float64] = reached - (weights @ moved).reshape(reached.shape)
    return combined
