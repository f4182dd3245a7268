"""Random interactions with all that real ones have: empty users, unknown items, equal ratings, ratings of 0."""

import numpy as np
import scipy.sparse as sp


def random_ratings(seed: int, *, n_users: int = 30, n_items: int = 12, density: float = 0.35) -> sp.csr_array:
    """Whole stars 0 to 5, all of them stored; the last item and the first user have none."""
    rng = np.random.default_rng([seed, 3])
    has_rated = rng.random((n_users, n_items)) < density
    has_rated[0], has_rated[:, -1] = False, False
    user, item = np.nonzero(has_rated)
    stars = rng.integers(0, 6, len(user)).astype(np.float32)
    ratings: sp.csr_array = sp.csr_array((stars, (user, item)), shape=(n_users, n_items))
    ratings.sort_indices()
    return ratings
