"""What a network is worth: the log-likelihood of users that it was not learned from, beside independent categories.

The network of a run is learned from all users. Here another one is learned in the same way from most of them, which
says whether what it knows of categories together is more than what it knows of each alone.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from recsys_ops.models.aggregate import Aggregation
from recsys_ops.models.likelihood import MIN_INSTANCES, learn_likelihood

SHARE = 0.2
"""Users that are left out."""

MOST_USERS = 10_000
"""Users that are drawn where there are more, those left out among them, so that it takes seconds."""

LEAST_USERS = 20
"""With fewer users nothing is measured."""

_UNDIVIDED = 2.0
"""Share of the users below which a cluster is not divided, so that none ever is: categories are independent."""


@dataclass(frozen=True)
class HeldOut:
    """Mean log-likelihood in nats per user, of ``n_users`` left out, by the network and by independent categories."""

    n_users: int
    network: float
    independent: float


def held_out_likelihood(
    amounts: sp.csr_array, aggregation: Aggregation, *, seed: int, min_instances: float = MIN_INSTANCES
) -> HeldOut | None:
    """Learn from some users, and evaluate the others.

    Parameters
    ----------
    amounts, aggregation, seed, min_instances
        As for ``learn_likelihood``; the users are drawn by the seed, too.

    Returns
    -------
    HeldOut or None
        None where there are too few users.

    Raises
    ------
    InputError
        As ``learn_likelihood``.
    """
    n_users = amounts.shape[0]
    if n_users < LEAST_USERS:
        return None
    drawn = np.random.default_rng([seed, n_users, 41]).permutation(n_users)[:MOST_USERS]
    n_left_out = int(np.ceil(SHARE * len(drawn)))
    left_out, others = (amounts[np.sort(users)] for users in (drawn[:n_left_out], drawn[n_left_out:]))
    network, independent = (
        float(learn_likelihood(others, aggregation, seed=seed, min_instances=share).log_likelihood(left_out).mean())
        for share in (min_instances, _UNDIVIDED)
    )
    return HeldOut(n_left_out, network, independent)
