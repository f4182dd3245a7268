"""The study of recourse once more, with simulated people: every number that its table of models states.

Its answers were never published (appendix D), so people are drawn whose behaviour is known, and the analysis is what is
repeated: as many people and recourses, as many ratings set aside, the same four models (Tominaga et al. 2024, section 4
and table S2).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.acceptance.gamm import NORMAL_95, MixedFit
from recsys_ops.acceptance.propensity import fit_propensity
from recsys_ops.acceptance.simulator import Behaviour, Study, simulate_study
from recsys_ops.arrow import table_of

MODELS = (("accept", "sparsity"), ("accept", "proximity"), ("act", "sparsity"), ("act", "proximity"))
"""Response and distance of models 1 to 4."""

STATISTICS = (
    "intercept", "intercept_se", "edf", "f", "p", "edf_intercepts", "f_intercepts", "p_intercepts", "edf_slopes",
    "f_slopes", "p_slopes", "aic",
)  # fmt: skip
"""What table S2 states of each model."""

NEAR_THE_PAPER = Behaviour(accept_level=3.2, act_level=2.1, fall=0.9, intercept_sd=1.1, slope_sd=0.14, residual_sd=1.15)
"""Set by hand, so that levels and scatter come near those of table S2."""

_POINTS = 50


@dataclass(frozen=True)
class StudySize:
    """People, recourses that each rated, and how many ratings were set aside because something was impossible."""

    n_people: int = 362
    n_each: int = 5
    n_impossible: int = 72
    behaviour: Behaviour = NEAR_THE_PAPER


def replicate(size: StudySize, *, seed: int) -> dict[str, pa.Table]:
    """One study with simulated people.

    Parameters
    ----------
    size : StudySize
    seed : int

    Returns
    -------
    dict of str to pyarrow.Table
        ``numbers``: response, distance, statistic, value (table S2); ``curves``: response, distance, at, smooth, low,
        high (figure 3); ``distances``: distance, at, n (figure 1, proximity to a tenth).
    """
    study = simulate_study(seed=seed, behaviour=size.behaviour, n_people=size.n_people, n_each=size.n_each)
    n = len(study.person)
    left_out = np.random.default_rng([seed, 4]).choice(n, size.n_impossible, replace=False)
    kept = np.setdiff1d(np.arange(n), left_out)
    person = np.unique(study.person[kept], return_inverse=True)[1]
    numbers: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    for response, distance in MODELS:
        x = getattr(study, distance)[kept]
        found = fit_propensity(x, getattr(study, response)[kept].astype(np.float64), person, seed=seed)
        if found.fit is None:
            continue
        about = {"response": response, "distance": distance}
        numbers += [about | {"statistic": name, "value": value} for name, value in _numbers(found.fit).items()]
        at = np.unique(x) if distance == "sparsity" else np.linspace(x.min(), x.max(), _POINTS)
        smooth, half = found.fit.curve(at), NORMAL_95 * found.fit.curve_se(at)
        band = zip(at.tolist(), smooth.tolist(), (smooth - half).tolist(), (smooth + half).tolist(), strict=True)
        curves += [about | dict(zip(("at", "smooth", "low", "high"), point, strict=True)) for point in band]
    return {
        "numbers": pa.Table.from_pylist(numbers),
        "curves": pa.Table.from_pylist(curves),
        "distances": _distances(study),
    }


def _numbers(fit: MixedFit) -> dict[str, float | None]:
    intercepts, slopes = fit.people_tests()
    tested = {"f_intercepts": intercepts.f, "p_intercepts": intercepts.p, "f_slopes": slopes.f, "p_slopes": slopes.p}
    return {name: tested[name] if name in tested else getattr(fit, name) for name in STATISTICS}


def _distances(study: Study) -> pa.Table:
    tables = []
    for name, x in (("sparsity", study.sparsity), ("proximity", np.round(study.proximity, 1))):
        at, counts = np.unique(x, return_counts=True)
        tables.append(table_of({"distance": [name] * len(at), "at": at, "n": counts}))
    return pa.concat_tables(tables)
