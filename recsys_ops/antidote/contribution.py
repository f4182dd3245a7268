"""How much each artificial user contributes: by leaving it out, and to first order from the gradient."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.fixed_point import exact_gradient
from recsys_ops.antidote.objectives import measure
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.models.mf import Fit
from recsys_ops.models.mf_rows import RowMap, predicted, with_values


def contributions(
    problem: AntidoteProblem, artificial: sp.csr_array, evaluated: RowMap, after: Fit
) -> NDArray[np.float64]:
    """Change of the objective that each artificial user makes, given the others.

    Parameters
    ----------
    problem : AntidoteProblem
    artificial : csr_array, shape (n_artificial, n_items)
    evaluated : RowMap
        Ratings that the objective is measured on, fitted or held-out ones, whatever the problem is evaluated on.
    after : Fit
        The fit with all of them.

    Returns
    -------
    ndarray, shape (n_artificial,)
        The objective with all of them less that without this one, each fitted anew; they do not add up to the whole
        effect where users stand in for each other.
    """

    def value(fit: Fit) -> float:
        return problem.objective.value(measure(evaluated, fit.factors))

    users = np.arange(artificial.shape[0])
    fewer = (problem.without() if len(users) == 1 else problem.fit(artificial[users != user]) for user in users)
    return value(after) - np.array([value(fit) for fit in fewer], dtype=np.float64)


def gradient_contributions(
    problem: AntidoteProblem, artificial: sp.csr_array, evaluated: RowMap, after: Fit
) -> NDArray[np.float64]:
    """The same at the cost of one gradient.

    Parameters
    ----------
    problem : AntidoteProblem
    artificial : csr_array, shape (n_artificial, n_items)
    evaluated : RowMap
        As above.
    after : Fit
        As above.

    Returns
    -------
    ndarray, shape (n_artificial,)
        Sum over a user's ratings of the derivative times what the rating differs from its prediction: a rating that
        is predicted anyway does nothing. This is the derivative by the user's weight in the fit.
    """
    predictions, ridge = measure(evaluated, after.factors), problem.als.regularisation
    gradient = exact_gradient(
        problem.rows, problem.objective, predictions, after, artificial, ridge, evaluated=evaluated
    )
    surprise = artificial.data - predicted(artificial, after.artificial, after.factors.items)
    sums: NDArray[np.float64] = with_values(artificial, gradient.at(artificial) * surprise) @ np.ones(
        artificial.shape[1]
    )
    return sums
