"""How likely a history is among those of all users: a sum-product network over category aggregates.

Source: Plausible Counterfactual Explanations of Recommendations, section IV-A; LiCE (Nemecek, Pevny, Marecek, ICLR
2025). The median of the training histories is the paper's threshold of what counts as plausible.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import InputError
from recsys_ops.libraries import needed_for
from recsys_ops.models.aggregate import Aggregation
from recsys_ops.models.bins import make_bins
from recsys_ops.models.network import Network, log_likelihood
from recsys_ops.models.spn_export import export_network

MIN_INSTANCES = 0.2
"""Share of the users below which a cluster is not divided."""

MOST_REFERENCES = 10_001
"""Training histories whose log-likelihoods are kept to tell percentiles; of more, as many quantiles."""

_ROUNDING = 1e-9
"""Relative difference up to which two log-likelihoods are the same."""

N_BINS = 8
"""Most bins of a variable: each may cost the optimiser a binary."""


@dataclass(frozen=True)
class Likelihood:
    """``network`` over the variables of ``aggregation``; ``median`` exact log-likelihood of the training histories.

    ``references``: log-likelihoods of the training histories, ascending, at most ``MOST_REFERENCES``.
    """

    network: Network
    aggregation: Aggregation
    median: float
    references: NDArray[np.float64]

    def log_likelihood(self, amounts: sp.csr_array) -> NDArray[np.float64]:
        """Exact log-likelihood of histories.

        Parameters
        ----------
        amounts : csr_array, shape (n, n_items)
            Whole units of each interaction: ones, or stars.

        Returns
        -------
        ndarray, shape (n,)
            Log of a probability, or of a density where the aggregates are means.
        """
        return log_likelihood(self.network, self.aggregation.aggregate(amounts))

    def percentile(self, value: float) -> float:
        """Share of the training histories that are at most as likely as a log-likelihood, up to rounding."""
        rounding = _ROUNDING * (1 + abs(value))
        return float(np.searchsorted(self.references, value + rounding, side="right") / max(len(self.references), 1))


def learn_likelihood(
    amounts: sp.csr_array,
    aggregation: Aggregation,
    *,
    seed: int,
    min_instances: float = MIN_INSTANCES,
    n_bins: int = N_BINS,
) -> Likelihood:
    """Learn the likelihood of histories.

    Parameters
    ----------
    amounts : csr_array, shape (n_users, n_items)
        Whole units of each interaction: ones, or stars.
    aggregation : Aggregation
    seed : int
    min_instances : float, 0 to 1
        Share of the users below which a cluster is not divided: smaller fits closer, with a larger network.
    n_bins : int, >= 2
        Most bins of a variable.

    Returns
    -------
    Likelihood
        Every history has a finite likelihood, also with amounts that no training history has.

    Raises
    ------
    InputError
        There is nothing to learn from, or amounts are not whole.
    """
    with needed_for("learning the likelihood of histories"):  # late: its libraries take seconds
        import spflow  # noqa: F401  # also imported by spn_learning, but as late as it is called
        import torch  # noqa: F401

        from recsys_ops.models.spn_learning import learn_module

    _check(amounts, aggregation)
    values = aggregation.aggregate(amounts)
    bins = make_bins(amounts, aggregation, n_bins)
    module = learn_module(values, bins, seed=seed, min_instances=int(np.ceil(min_instances * len(values))))
    network = export_network(module, bins)
    exact = np.sort(log_likelihood(network, values))
    if len(exact) > MOST_REFERENCES:
        references = exact[np.linspace(0, len(exact) - 1, MOST_REFERENCES).round().astype(np.int64)]
    else:
        references = exact
    return Likelihood(network, aggregation, float(np.median(exact)), references)


def _check(amounts: sp.csr_array, aggregation: Aggregation) -> None:
    n_users = amounts.shape[0]
    if n_users == 0 or aggregation.n_variables == 0:
        raise InputError(
            f"likelihood: nothing to learn from ({n_users} histories, {aggregation.n_variables} categories). "
            "Give at least one history and one category."
        )
    broken = np.flatnonzero((amounts.data < 0) | (amounts.data != np.rint(amounts.data)))
    if len(broken):
        raise InputError(
            f"likelihood: {len(broken)} amounts are not whole numbers from 0 (first: {amounts.data[broken[0]]:g}). "
            "Count ratings in steps of the rating scale."
        )
