"""Learning a sum-product network: LearnSPN over histograms, with spflow.

LearnSPN (Gens and Domingos 2013) cuts the table of users and variables by turns: variables into groups that are
independent of each other (a product node), users into clusters of similar ones (a sum node), until few users are left,
whose variables are then taken as independent. spflow runs the recursion; the two cuts and the leaves are given to it
here, because its own take no seed and fail where a variable is constant within a cluster.

Every leaf is a histogram over the bins of its variable, the same ones all over the network: a Bernoulli variable has
the bins 0 and 1. The share of a bin is smoothed towards the one among all users, so that nothing is impossible.
spflow is imported here only, and only once something is learned: it takes seconds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.special import chdtrc
from threadpoolctl import threadpool_limits

from recsys_ops.models.bins import Bins

N_LEVELS = 4
"""Levels to which values are reduced where users are compared: more of them would be empty in small clusters."""

SIGNIFICANCE = 1e-3
"""Probability at which two variables count as dependent; with 1e-2 networks are larger and hardly better."""

SMOOTHING = 2.0
"""Users' worth of weight that the shares among all users have in each leaf."""


def learn_module(values: NDArray[np.float64], bins: Bins, *, seed: int, min_instances: int) -> Any:
    """Learn a network.

    Parameters
    ----------
    values : ndarray, shape (n, n_variables)
        Each within the edges of its variable's bins.
    bins : Bins
    seed : int
    min_instances : int
        Clusters of fewer users are not divided.

    Returns
    -------
    spflow module
        A tree for ``export_network``. Deterministic, whatever the number of threads; the random state of torch is
        left as it was.
    """
    import torch
    from spflow.learn.learn_spn import learn_spn
    from spflow.meta.data.scope import Scope

    cuts = _Cuts(np.random.default_rng([seed, 40]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        leaf = _leaf_class(values, bins)
        return learn_spn(
            torch.from_numpy(values),
            leaf_modules=[leaf(Scope([variable])) for variable in range(values.shape[1])],
            min_instances_slice=max(2, min_instances),
            clustering_method=cuts.clusters,
            partitioning_method=cuts.groups,
        )


class _Cuts:
    """The two cuts of LearnSPN, on values reduced to a few levels.

    spflow hands all variables to ``clusters``; those at hand are the ones that ``groups`` has just been given.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._levels = np.empty((0, 0), dtype=np.int64)

    def groups(self, values: Any) -> Any:
        """Group of each variable: the connected components of pairwise dependence."""
        import torch

        self._levels = np.column_stack([_levels(column) for column in values.numpy().T])
        _, group = connected_components(dependent_pairs(self._levels), directed=False)
        return torch.from_numpy(group)

    def clusters(self, _: Any) -> Any:
        """One of two clusters for each user; both have members, as dependent variables are not constant."""
        import torch
        from sklearn.cluster import KMeans

        shares = self._levels / np.maximum(self._levels.max(axis=0), 1)
        with threadpool_limits(limits=1):
            means = KMeans(n_clusters=2, n_init=4, random_state=int(self._rng.integers(2**31))).fit(shares)
        return torch.from_numpy(means.labels_.astype(np.int64))


def _levels(column: NDArray[np.float64]) -> NDArray[np.int64]:
    """Level 0 for the least value, which is often the most frequent one; equal parts of the others."""
    rest = column[column > column.min()]
    if not len(rest):
        return np.zeros(len(column), dtype=np.int64)
    inner = np.quantile(rest, np.arange(1, N_LEVELS - 1) / (N_LEVELS - 1), method="higher")
    levels: NDArray[np.int64] = np.searchsorted(np.unique([rest.min(), *inner]), column, side="right")
    return levels


def dependent_pairs(levels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pairs of variables the G-test finds dependent.

    Parameters
    ----------
    levels : ndarray, shape (n, n_variables)
        Levels 0, 1, .. of each variable, each of them taken by somebody.

    Returns
    -------
    ndarray, shape (n_variables, n_variables), bool
        Symmetric; a variable with more than one level is dependent on itself, given a few users.
    """
    n = len(levels)
    n_levels = levels.max(axis=0) + 1
    starts = np.cumsum(n_levels) - n_levels
    # Counts are whole, so that float32 holds them exactly up to 16 million users.
    one_hot = np.zeros((n, int(n_levels.sum())), dtype=np.float32)
    one_hot[np.arange(n)[:, None], starts + levels] = 1.0
    joint = _x_log_x((one_hot.T @ one_hot).astype(np.float64))
    pairs = np.add.reduceat(np.add.reduceat(joint, starts, axis=0), starts, axis=1)
    single = np.add.reduceat(np.diag(joint), starts)
    g = 2.0 * (pairs - single[:, None] - single + _x_log_x(np.array(float(n))))
    freedom = np.outer(n_levels - 1, n_levels - 1)
    dependent: NDArray[np.bool_] = np.less(chdtrc(np.maximum(freedom, 1), g), SIGNIFICANCE) & (freedom > 0)
    return dependent


def _x_log_x(x: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = x * np.log(np.maximum(x, 1.0))
    return product


def _leaf_class(values: NDArray[np.float64], bins: Bins) -> Any:
    """Histogram that knows the bins of its variable, as spflow makes new leaves from class, scope and channels."""
    import torch
    from spflow.modules.leaves.histogram import Histogram

    numbers_of_all = [bins.count(variable, column) + 0.5 for variable, column in enumerate(values.T)]
    shares_of_all = [numbers / numbers.sum() for numbers in numbers_of_all]

    class Leaf(Histogram):
        def __init__(self, scope: Any, out_channels: int = 1) -> None:
            edges = torch.from_numpy(bins.edges[scope.query[0]])
            super().__init__(scope, bin_edges=edges, out_channels=out_channels)

        def _compute_parameter_estimates(self, data: Any, weights: Any, bias_correction: bool) -> dict[str, Any]:
            variable = self.scope.query[0]
            shares = bins.count(variable, data.numpy().ravel()) + SMOOTHING * shares_of_all[variable]
            return {"probs": torch.from_numpy(shares / shares.sum()).reshape(self.logits.shape)}

    return Leaf
