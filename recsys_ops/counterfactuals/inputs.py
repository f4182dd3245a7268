"""The leaves of the network as functions of the units taken from a history.

A variable is the total of its members, so it depends on the units taken from them together, ``D_v = sum_j d_j``; each
of its leaves is a table over ``D_v = 0, 1, 2, ..``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import Question
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.network import Network, NodeKind, leaf_log_densities


@dataclass(frozen=True)
class Inputs:
    """What the network sees of one question.

    ``factual (n_nodes,)`` log-densities of the leaves, 0 for other nodes. Of each variable that removals can move:
    ``members`` positions in the history, ``leaves (n_leaves,)`` nodes, ``tables (n_leaves, most units + 1)`` and
    ``expenses (most units + 1,)``, the least distance that takes so many units.
    """

    network: Network
    factual: NDArray[np.float64]
    members: dict[int, NDArray[np.intp]]
    leaves: dict[int, NDArray[np.intp]]
    tables: dict[int, NDArray[np.float64]]
    expenses: dict[int, NDArray[np.float64]]


def network_inputs(question: Question, likelihood: Likelihood) -> Inputs:
    """Tabulate the leaves that removals from a history can change.

    Parameters
    ----------
    question : Question
    likelihood : Likelihood

    Returns
    -------
    Inputs
    """
    network, aggregation = likelihood.network, likelihood.aggregation
    membership = aggregation.membership[question.history].tocsc()
    totals = np.rint(membership.T @ question.amounts).astype(np.int64)
    factual = np.zeros(len(network))
    members, leaves, tables, expenses = {}, {}, {}, {}
    leaf_nodes = np.flatnonzero(network.kind == NodeKind.LEAF)
    by_variable = leaf_nodes[np.argsort(network.variable[leaf_nodes], kind="stable")]
    variables, starts = np.unique(network.variable[by_variable], return_index=True)
    for variable, own in zip(variables.tolist(), np.split(by_variable, starts[1:]), strict=True):
        inside = slice(membership.indptr[variable], membership.indptr[variable + 1])
        positions = np.sort(membership.indices[inside]).astype(np.intp)
        most = int(question.limits[positions].sum())
        left = (totals[variable] - np.arange(most + 1)).astype(np.float64)
        path = aggregation.values(left, np.full(most + 1, variable))
        table = np.array([leaf_log_densities(network, leaf, path) for leaf in own])
        factual[own] = table[:, 0]
        if most > 0:
            members[variable], leaves[variable], tables[variable] = positions, own, table
            expenses[variable] = _expenses(question, positions)
    return Inputs(network, factual, members, leaves, tables, expenses)


def _expenses(question: Question, members: NDArray[np.intp]) -> NDArray[np.float64]:
    """Least distance that takes 0, 1, 2, .. units from some interactions: the cheapest first."""
    costs = np.repeat(question.costs[members], question.limits[members])
    return np.concatenate([[0.0], np.cumsum(np.sort(costs))])
