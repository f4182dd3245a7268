"""The tables of the acceptance job: each fit as a row, as a curve, and as effects of people."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from jobs.acceptance.inputs import AcceptanceInputs
from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.propensity import Propensity
from recsys_ops.arrow import table_of
from recsys_ops.tables import ACCEPTANCE_CURVES, ACCEPTANCE_FITS, acceptance_people_schema

_POINTS = 50
"""Points of a curve where there are more different distances."""


class NamedFit(NamedTuple):
    """A fit of a response against a distance."""

    response: str
    distance: str
    found: Propensity


def result_tables(inputs: AcceptanceInputs, fits: Sequence[NamedFit], *, is_first: bool) -> dict[str, pa.Table]:
    """The tables of some fits, at least one, in their order; what people cannot change and wrote with one only."""
    rows = [_fit_row(inputs, *fit) for fit in fits]
    return {
        "acceptance_fits": pa.Table.from_pylist(rows, schema=ACCEPTANCE_FITS),
        "acceptance_curves": pa.concat_tables([_curve(inputs, *fit) for fit in fits]),
        "acceptance_people": pa.concat_tables([_people(inputs, *fit) for fit in fits]),
        "impossible_features": inputs.impossible if is_first else inputs.impossible.slice(0, 0),
        "remarks": inputs.remarks if is_first else inputs.remarks.slice(0, 0),
    }


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
