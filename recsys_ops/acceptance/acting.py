"""How likely a provider acts upon a plan: by its distances, the features that it changes, and who the provider is.

The ratings of the question "would you do it?" are a smooth of each distance, a level for each feature, and what each
provider adds to these: an intercept, a slope by distance and a level for each feature. All of it is shrunk by variances
that the restricted likelihood finds, so that who rated little counts as an average provider, and where providers do not
differ nobody does. Source: the mixed model of Tominaga, Yamashita and Kurashima 2024 (equation 4), whose future work
names the features; partial pooling as in Gelman and Hill 2007, chapter 12.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from recsys_ops.acceptance.gamm import LEAST_DISTINCT
from recsys_ops.acceptance.moments import moments_of
from recsys_ops.acceptance.reml import maximise
from recsys_ops.acceptance.spline import Spline, make_spline
from recsys_ops.features.plans import Plans, column_names

ACTS_FROM = 5
"""Rating from which a person is taken to carry a recourse out: "slightly yes"."""

_POINTS = 60
"""Of a curve."""

_STARTS = {
    "bends": (0.0, 0.0),
    "features": (0.0, -3.0),
    "intercept": (0.0, 0.0),
    "slope": (2.0, -3.0),
    "own": (2.0, -3.0),
}
"""Log penalties to climb from, on the data's own scale: providers who hardly differ, and providers who do."""


@dataclass(frozen=True)
class Acting:
    """A fitted model, in rating points.

    ``curves`` by distance: its value ``at`` some distances, constant outside; ``levels`` what changing each column
    adds, in their order in ``columns``. What a provider adds is an intercept, a slope by sparsity, and a level for each
    column: ``effects`` by the provider's id as text, each ``(2 + n_columns,)`` with its ``covariances``; one who never
    rated has the mean 0 and variances ``prior``.
    """

    columns: tuple[str, ...]
    intercept: float
    curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    levels: NDArray[np.float64]
    residual_sd: float
    prior: NDArray[np.float64]
    effects: Mapping[str, NDArray[np.float64]]
    covariances: Mapping[str, NDArray[np.float64]]

    def probability(self, provider: str, plans: Plans, rng: np.random.Generator | None = None) -> NDArray[np.float64]:
        """Probability that a provider acts upon each plan, ``(m,)``.

        Parameters
        ----------
        provider : str
        plans : Plans
        rng : numpy.random.Generator, optional
            Draws what the provider adds, in place of taking what is expected of it (Thompson's sampling).
        """
        own = own_columns(plans, self.columns)
        mean = self.intercept + own[:, 2:] @ self.levels
        for distance, (at, value) in self.curves.items():
            mean = mean + np.interp(getattr(plans, distance), at, value)
        effects = self.effects.get(provider, np.zeros(len(self.prior)))
        covariance = self.covariances.get(provider, np.diag(self.prior))
        if rng is not None:
            values, vectors = np.linalg.eigh(covariance)
            effects = effects + vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(len(values)))
            covariance = np.zeros_like(covariance)
        spread = np.sqrt(self.residual_sd**2 + np.einsum("mi,ij,mj->m", own, covariance, own))
        acting: NDArray[np.float64] = ndtr((mean + own @ effects - (ACTS_FROM - 0.5)) / spread)
        return acting


def own_columns(plans: Plans, columns: Sequence[str]) -> NDArray[np.float64]:
    """Columns of which every provider has a coefficient, ``(m, 2 + len(columns))``."""
    return np.column_stack([np.ones(len(plans.sparsity)), plans.sparsity, plans.changes(columns)])


def fit_acting(plans: Plans, rating: NDArray[np.float64], provider: Sequence[str]) -> Acting:
    """Fit the model.

    Parameters
    ----------
    plans : Plans
        That were rated, of n ratings.
    rating : ndarray, shape (n,)
    provider : sequence of str, length n
        Who rated, some of them several times.

    Returns
    -------
    Acting

    Notes
    -----
    Time O(n + n_providers n_columns^3) per evaluation of the likelihood, about two hundred evaluations. That the curves
    and levels are estimates is left out of what is uncertain: all ratings share them.
    """
    names, person = np.unique(np.asarray(provider, dtype=str), return_inverse=True)
    columns = tuple(sorted(set().union(*(column_names(features) for features in plans.features))))
    columns = columns if len(columns) > 1 else ()
    own = own_columns(plans, columns)
    splines = {
        distance: make_spline(values)
        for distance, values in (("sparsity", plans.sparsity), ("proximity", plans.proximity))
        if len(np.unique(values)) >= LEAST_DISTINCT
    }
    bases = [spline(getattr(plans, distance)) for distance, spline in splines.items()]
    fixed = np.column_stack([np.ones(len(rating)), *(basis[:, :1] for basis in bases)])
    parts = [basis[:, 1:] for basis in bases] + ([own[:, 2:]] if columns else [])
    kinds = [*["bends"] * len(bases), *(["features"] if columns else []), "intercept", "slope"]
    kinds += ["own"] if columns else []
    n_parts = len(parts)
    moments = moments_of(
        np.column_stack([fixed, *parts]), own, person, rating, len(names), n_fixed=fixed.shape[1],
        column_penalty=np.repeat(np.arange(n_parts), [part.shape[1] for part in parts]),
        effect_penalty=np.r_[n_parts, n_parts + 1, np.full(len(columns), n_parts + 2)].astype(np.int64),
    )  # fmt: skip
    solution = maximise(moments, [tuple(_STARTS[kind][n] for kind in kinds) for n in range(2)])
    coefficients = np.split(solution.coefficients[fixed.shape[1] :], np.cumsum([part.shape[1] for part in parts])[:-1])
    return Acting(
        columns=columns,
        intercept=float(solution.coefficients[0]),
        curves={
            distance: _curve(spline, np.r_[solution.coefficients[1 + n], coefficients[n]])
            for n, (distance, spline) in enumerate(splines.items())
        },
        levels=coefficients[-1] if columns else np.zeros(0),
        residual_sd=float(np.sqrt(solution.variance)),
        prior=(solution.variance / solution.penalties)[moments.effect_penalty],
        effects=dict(zip(names.tolist(), solution.effects, strict=True)),
        covariances=dict(zip(names.tolist(), solution.variance * solution.effect_inverse, strict=True)),
    )


def _curve(spline: Spline, coefficients: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at = np.linspace(spline.low, spline.high, _POINTS)
    return at, spline(at) @ coefficients
