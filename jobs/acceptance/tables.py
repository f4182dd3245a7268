"""The tables of the acceptance job: each fit as a row, as a curve, and as effects of people."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from jobs.acceptance.inputs import AcceptanceInputs
from recsys_ops.acceptance.covariates import Covariates
from recsys_ops.acceptance.differences import Differences
from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.propensity import Propensity
from recsys_ops.arrow import table_of
from recsys_ops.tables import ACCEPTANCE_CURVES, ACCEPTANCE_DIFFERENCES, ACCEPTANCE_FITS, acceptance_people_schema

_POINTS = 50
"""Points of a curve where there are more different distances."""


class NamedFit(NamedTuple):
    """A fit of a response against a distance."""

    response: str
    distance: str
    found: Propensity
    differences: Differences | None = None


def result_tables(inputs: AcceptanceInputs, fits: Sequence[NamedFit], *, is_first: bool) -> dict[str, pa.Table]:
    """The tables of some fits, at least one, in their order; what people cannot change and wrote with one only."""
    rows = [_fit_row(inputs, *fit[:3]) for fit in fits]
    tables = {
        "acceptance_fits": pa.Table.from_pylist(rows, schema=ACCEPTANCE_FITS),
        "acceptance_curves": pa.concat_tables([_curve(inputs, *fit[:3]) for fit in fits]),
        "acceptance_people": pa.concat_tables([_people(inputs, *fit[:3]) for fit in fits]),
        "impossible_features": inputs.impossible if is_first else inputs.impossible.slice(0, 0),
        "remarks": inputs.remarks if is_first else inputs.remarks.slice(0, 0),
    }
    if inputs.covariates is not None:
        rows = [row for fit in fits for row in _difference_rows(inputs.covariates, fit)]
        tables["acceptance_differences"] = pa.Table.from_pylist(rows, schema=ACCEPTANCE_DIFFERENCES)
    return tables


def _difference_rows(known: Covariates, fit: NamedFit) -> list[dict[str, Any]]:
    """A row per test and column of a property; where nothing was tested one per property, which says why."""
    about = {"response": fit.response, "distance": fit.distance}
    if fit.differences is None or not fit.differences.found:
        reason = fit.found.reason if fit.differences is None else fit.differences.reason
        return [about | {"property": one.name, "effect": "", "level": "", "reason": reason} for one in known.covariates]
    rows = []
    for one in fit.differences.found:
        tested: dict[str, Any] = {
            "property": one.covariate.name,
            "effect": one.effect,
            "reference": one.covariate.reference,
        }
        tested |= {"f": one.f, "p": one.p, "p_adjusted": one.p_adjusted, "n_people": fit.differences.n_people}
        values = zip(one.covariate.levels, one.coefficients, one.low, one.high, strict=True)
        for level, coefficient, low, high in values:
            measured = {"level": level, "coefficient": coefficient, "low": low, "high": high, "reason": ""}
            rows.append(about | tested | measured)
    return rows


def _fit_row(inputs: AcceptanceInputs, response: str, distance: str, found: Propensity) -> dict[str, Any]:
    row: dict[str, Any] = {
        "response": response,
        "distance": distance,
        "measured_by": inputs.measured_by[distance],
        "status": str(found.finding),
        "reason": found.reason,
        "n": found.n,
        "n_people": found.n_people,
    }
    if found.fit is not None:
        names = set(ACCEPTANCE_FITS.names) - set(row)
        row |= {name: getattr(found.fit, name) for name in names if hasattr(found.fit, name)}
        intercepts, slopes = found.fit.people_tests()
        row |= {"f_intercepts": intercepts.f, "p_intercepts": intercepts.p, "f_slopes": slopes.f, "p_slopes": slopes.p}
    if found.threshold is not None:
        at, low, high = found.threshold.at, found.threshold.low, found.threshold.high
        row |= {"threshold": at, "threshold_low": low, "threshold_high": high}
    if response == "act":
        row["cap"] = found.cap(whole=distance == "sparsity")
    return row


def _curve(inputs: AcceptanceInputs, response: str, distance: str, found: Propensity) -> pa.Table:
    if found.fit is None:
        return ACCEPTANCE_CURVES.empty_table()
    x = inputs.numbers(distance)
    at = np.unique(x)
    if len(at) > _POINTS:
        at = np.linspace(at[0], at[-1], _POINTS)
    nearest = np.searchsorted((at[1:] + at[:-1]) / 2, x)
    smooth, se = found.fit.curve(at), found.fit.curve_se(at)
    columns = {
        "response": [response] * len(at),
        "distance": [distance] * len(at),
        "at": at,
        "smooth": smooth,
        "se": se,
        "low": smooth - NORMAL_95 * se,
        "high": smooth + NORMAL_95 * se,
        "n": np.bincount(nearest, minlength=len(at)),
    }
    return table_of(columns, ACCEPTANCE_CURVES)


def _people(inputs: AcceptanceInputs, response: str, distance: str, found: Propensity) -> pa.Table:
    schema = acceptance_people_schema(inputs.people.type, inputs.sellers.type)
    if found.fit is None:
        return schema.empty_table()
    n_people = len(inputs.people)
    columns = {
        "response": [response] * n_people,
        "distance": [distance] * n_people,
        "person_id": inputs.people,
        "seller_id": inputs.sellers,
        "n": np.bincount(inputs.person, minlength=n_people),
        "intercept": found.fit.effects[:, 0],
        "intercept_se": found.fit.effect_se[:, 0],
        "slope": found.fit.effects[:, 1],
        "slope_se": found.fit.effect_se[:, 1],
    }
    return table_of(columns, schema)
