"""What the acceptance job's workers do: fit ratings against distances, and put the fits into the contract's tables."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.acceptance.inputs import AcceptanceInputs
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.propensity import Finding, Propensity, fit_propensity
from recsys_ops.arrow import table_of
from recsys_ops.tables import (
    ACCEPTANCE_CURVES,
    ACCEPTANCE_FITS,
    acceptance_people_schema,
)

FITS = (("accept", "sparsity"), ("accept", "proximity"), ("act", "sparsity"), ("act", "proximity"))
"""Response and distance of each fit, in the order of the results."""
_POINTS = 50
"""Points of a curve where there are more different distances."""


def run_shard(inputs: AcceptanceInputs, shard: Shard, isolated: Isolated) -> ShardOutput:
    """The fits of one shard; the first shard has what is impossible as well."""
    fitted = []
    for place, unit in enumerate(shard.units):
        if place in isolated:
            fitted.append(_failed(inputs, isolated[place][1]))
        else:
            fitted.append(_fit(inputs, *FITS[unit]))
    named = list(zip([FITS[unit] for unit in shard.units], fitted, strict=True))
    counts: dict[str, int] = {}
    for one in fitted:
        counts[str(one.finding)] = counts.get(str(one.finding), 0) + 1
    fits = pa.Table.from_pylist([_fit_row(inputs, *names, one) for names, one in named], schema=ACCEPTANCE_FITS)
    curves = [_curve(inputs, *names, one) for names, one in named]
    people = [_people(inputs, *names, one) for names, one in named]
    tables = {
        "acceptance_fits": fits,
        "acceptance_curves": pa.concat_tables(curves),
        "acceptance_people": pa.concat_tables(people),
        "impossible_features": inputs.impossible if 0 in shard.units else inputs.impossible.slice(0, 0),
    }
    return ShardOutput(tables, counts, len(fitted))


def _fit(inputs: AcceptanceInputs, response: str, distance: str) -> Propensity:
    x, y = (_numbers(inputs.ratings, column) for column in (distance, response))
    try:
        return fit_propensity(x, y, inputs.person, seed=inputs.seed)
    except np.linalg.LinAlgError as error:
        return _failed(inputs, f"{type(error).__name__}: {error}")


def _failed(inputs: AcceptanceInputs, reason: str) -> Propensity:
    return Propensity(Finding.ERROR, reason, len(inputs.person), len(inputs.people))


def _numbers(ratings: pa.Table, column: str) -> NDArray[np.float64]:
    return ratings[column].to_numpy().astype(np.float64)


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
    if found.threshold is not None:
        at, low, high = found.threshold.at, found.threshold.low, found.threshold.high
        row |= {"threshold": at, "threshold_low": low, "threshold_high": high}
    if response == "act":
        row["cap"] = found.cap(whole=distance == "sparsity")
    return row


def _curve(inputs: AcceptanceInputs, response: str, distance: str, found: Propensity) -> pa.Table:
    if found.fit is None:
        return ACCEPTANCE_CURVES.empty_table()
    x = _numbers(inputs.ratings, distance)
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
