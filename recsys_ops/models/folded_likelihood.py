"""The likelihood of a user's history by a network that was not learned from this user.

A network that has seen a history finds it likelier than it would be to a stranger. With n folds there are n networks,
each learned from the users of all other folds; with one fold there is one, learned from everybody.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError
from recsys_ops.models.aggregate import Aggregation
from recsys_ops.models.likelihood import MIN_INSTANCES, Likelihood, learn_likelihood


@dataclass(frozen=True)
class FoldedLikelihood:
    """``likelihoods`` one per fold; ``fold (n_users,)`` of each user, empty where there is one fold only."""

    likelihoods: tuple[Likelihood, ...]
    fold: NDArray[np.int64]

    def of_user(self, user: int) -> Likelihood:
        """The likelihood that was learned without this user, or from all users where there is one fold only."""
        return self.likelihoods[int(self.fold[user]) if len(self.fold) else 0]


def learn_folds(
    amounts: sp.csr_array,
    aggregation: Aggregation,
    *,
    n_folds: int,
    seed: int,
    min_instances: float = MIN_INSTANCES,
) -> FoldedLikelihood:
    """Learn a likelihood per fold.

    Parameters
    ----------
    amounts, aggregation, min_instances
        As for ``learn_likelihood``.
    n_folds : int, >= 1
    seed : int
        Also of the folds, which are of equal size up to one user.

    Returns
    -------
    FoldedLikelihood

    Raises
    ------
    ConfigError
        There are fewer users than folds.
    InputError
        As ``learn_likelihood``.
    """
    if n_folds == 1:
        learned = learn_likelihood(amounts, aggregation, seed=seed, min_instances=min_instances)
        return FoldedLikelihood((learned,), np.empty(0, dtype=np.int64))
    n_users = amounts.shape[0]
    if n_folds > n_users:
        raise ConfigError(f"--folds {n_folds}: there are {n_users} users. Use no more folds than users.")
    fold = np.random.default_rng([seed, n_users, 42]).permutation(n_users) % n_folds
    likelihoods = (
        learn_likelihood(amounts[np.flatnonzero(fold != each)], aggregation, seed=seed, min_instances=min_instances)
        for each in range(n_folds)
    )
    return FoldedLikelihood(tuple(likelihoods), fold)
