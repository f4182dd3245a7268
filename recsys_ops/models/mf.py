"""Matrix factorisation of explicit ratings: alternating least squares on sparse ratings.

``min |P(X - U V')|^2 + lambda (|U|^2 + |V|^2)`` over the rated pairs. With one side fixed, each row of the other is a
small ridge regression; the Gram matrices of all rows are one sparse product with packed outer products. Artificial
users (antidote data) take part in the fit, and are kept apart from the real ones.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError
from recsys_ops.models.mf_balance import balanced_items
from recsys_ops.models.mf_rows import (
    RowBlock,
    RowMap,
    cut_block,
    packed_outer,
    solve_packed,
    transposed_rows,
)


@dataclass(frozen=True)
class Factors:
    """``users (n_users, rank)`` and ``items (n_items, rank)``: a predicted rating is the product of two rows."""

    users: NDArray[np.float64]
    items: NDArray[np.float64]


@dataclass(frozen=True)
class AlsSettings:
    """``rank`` of the factors, ``regularisation`` lambda in squared stars; ``tolerance`` in stars of RMSE.

    Iterations end when one of them lowers ``sqrt(loss / n_ratings)`` by less than ``tolerance``, or at
    ``max_iterations``; the loss has the penalty in it, because only this loss falls in every iteration (the RMSE alone
    may rise on the way). ``seed`` draws the start, the same one whatever artificial users there are.
    """

    rank: int
    regularisation: float
    seed: int = 0
    tolerance: float = 1e-5
    max_iterations: int = 500

    def __post_init__(self) -> None:
        """Check the settings.

        Raises
        ------
        ConfigError
            The rank or the regularisation is not positive.
        """
        if self.rank < 1:
            raise ConfigError(f"--rank {self.rank}: expected 1 or more. Use --rank 8, for example.")
        if not self.regularisation > 0:
            raise ConfigError(
                f"--regularisation {self.regularisation:g}: expected a positive number. Use 1, for example."
            )


@dataclass(frozen=True)
class Fit:
    """Outcome of ALS; ``artificial (n_artificial, rank)`` are the factors of the artificial users.

    ``rmse`` is that of all fitted ratings, artificial ones included, after each iteration.
    """

    factors: Factors
    artificial: NDArray[np.float64]
    rmse: tuple[float, ...]
    converged: bool


@dataclass(frozen=True)
class HalfStep:
    """What solving a block of rows needs of the other side, and of the artificial users where rows are items.

    ``others (n_others, rank)``, ``packed`` their outer products; ``extra (n_rows of the side, n_artificial)`` ratings
    by artificial users with their factors ``extra_factors``.
    """

    others: NDArray[np.float64]
    packed: NDArray[np.float64]
    regularisation: float
    extra: sp.csr_array | None = None
    extra_factors: NDArray[np.float64] | None = None


def fit_als(
    rows: RowMap,
    settings: AlsSettings,
    *,
    artificial: sp.csr_array | None = None,
    start: NDArray[np.float64] | None = None,
) -> Fit:
    """Fit the factors.

    Parameters
    ----------
    rows : RowMap
        The ratings of the real users.
    settings : AlsSettings
    artificial : csr_array, shape (n_artificial, n_items), optional
        Ratings of artificial users, fitted together with the real ones.
    start : ndarray, shape (n_items, rank), optional
        Item factors to start from (warm start); by default drawn from the seed.

    Returns
    -------
    Fit

    Notes
    -----
    Time of an iteration: two sparse products of n_ratings x rank (rank + 3) / 2, two batches of Cholesky solves.
    Memory at rank r: 8 r (r + 3) / 2 bytes per user and item for factors and outer products (77 MB for 160,000 + 60,000
    rows at rank 8), a block of rows of about 100 MB, and the ratings: 20 bytes each and side in ``LocalRows`` (1 GB for
    25 million), 8 bytes each and side where blocks are cut when they are needed.
    Between iterations the factors are balanced (``mf_balance.py``), which changes no prediction and lets the loss
    settle several times sooner. The result does not depend on the blocks of ``rows``. Source: Rastegarpanah, Gummadi
    and Crovella (2019), eq. 1 and 17; the start is random, because equal factors stay equal.
    """
    n_items = rows.shape[1]
    added = sp.csr_array((0, n_items)) if artificial is None else artificial
    added_block, added_items = cut_block(added, 0, int(added.shape[0])), transposed_rows(added).astype(np.float64)
    balanced = random_start(n_items, settings) if start is None else start
    n_fitted = max(rows.n_ratings + added.nnz, 1)
    errors: list[float] = []
    last, converged = np.inf, False
    while not converged and len(errors) < settings.max_iterations:
        step = HalfStep(balanced, packed_outer(balanced), settings.regularisation)
        users = join(rows.map("users", solve_rows, step))[0]
        extra_factors, _ = solve_rows(added_block, step)
        packed_users = packed_outer(users)
        step = HalfStep(users, packed_users, settings.regularisation, added_items, extra_factors)
        items, squared_errors = join(rows.map("items", solve_rows, step))
        user_gram = packed_users.sum(axis=0) + packed_outer(extra_factors).sum(axis=0)
        balanced = balanced_items(items, packed_outer(items).sum(axis=0), user_gram)
        errors.append(_root_mean(squared_errors.sum(), n_fitted))
        squares = sum(float(np.sum(factors**2)) for factors in (users, extra_factors, items))
        loss = _root_mean(squared_errors.sum() + settings.regularisation * squares, n_fitted)
        converged = last - loss < settings.tolerance
        last = loss
    return Fit(Factors(users, items), extra_factors, tuple(errors), converged)


def _root_mean(total: float, n: int) -> float:
    return float(np.sqrt(max(total, 0.0) / n))


def random_start(n_items: int, settings: AlsSettings) -> NDArray[np.float64]:
    """Item factors drawn from the seed, shape (n_items, rank), with a common direction for the mean."""
    rng = np.random.default_rng([settings.seed, settings.rank])
    start: NDArray[np.float64] = 1.0 / np.sqrt(settings.rank) + rng.normal(0.0, 0.3, (n_items, settings.rank))
    return start


def solve_rows(block: RowBlock, step: HalfStep) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Best factors of a block of rows while the other side stays (paper, eq. 17).

    Parameters
    ----------
    block : RowBlock
    step : HalfStep

    Returns
    -------
    factors : ndarray, shape (n_rows, rank)
    squared_errors : ndarray, shape (n_rows,)
        Summed over the row, artificial ratings included.
    """
    right, squares, extra = block.ratings @ step.others, block.squares.copy(), _extra(block, step)
    if extra is not None and step.extra_factors is not None:
        right += extra.ratings @ step.extra_factors
        squares += extra.squares
    factors = solve_packed(_grams(block, extra, step), right, step.regularisation)
    # At the minimum, |x - V u|^2 = |x|^2 - u'r - lambda |u|^2: no pass over the ratings is needed.
    for mine, theirs in zip(factors.T, right.T, strict=True):
        squares -= mine * theirs + step.regularisation * mine**2
    return factors, squares


def gram_matrices(block: RowBlock, step: HalfStep) -> NDArray[np.float64]:
    """Sum of the outer products of those who rated, for each row of a block, without the regularisation.

    Parameters
    ----------
    block : RowBlock
    step : HalfStep

    Returns
    -------
    ndarray, shape (n_rows, rank (rank + 1) / 2)
        Lower triangles.
    """
    return _grams(block, _extra(block, step), step)


def _extra(block: RowBlock, step: HalfStep) -> RowBlock | None:
    """Ratings by artificial users of a block's rows."""
    if step.extra is None or not step.extra.nnz:
        return None
    return cut_block(step.extra, block.first, block.last)


def _grams(block: RowBlock, extra: RowBlock | None, step: HalfStep) -> NDArray[np.float64]:
    grams: NDArray[np.float64] = block.pattern @ step.packed
    if extra is not None and step.extra_factors is not None:
        grams += extra.pattern @ packed_outer(step.extra_factors)
    return grams


def join(parts: list[tuple[NDArray[np.float64], ...]]) -> tuple[NDArray[np.float64], ...]:
    """Results of consecutive blocks, array by array."""
    if len(parts) == 1:
        return parts[0]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
