"""What the acceptance job's workers do: fit ratings against distances, and put the fits into the contract's tables."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.acceptance.feedback import Feedback
from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.propensity import Finding, Propensity, fit_propensity
from recsys_ops.acceptance.tables import (
    ACCEPTANCE_CURVES,
    ACCEPTANCE_FITS,
    acceptance_people_schema,
    impossible_features_schema,
)
from recsys_ops.arrow import Array, in_one_chunk, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of

FITS = (("accept", "sparsity"), ("accept", "proximity"), ("act", "sparsity"), ("act", "proximity"))
"""Response and distance of each fit, in the order of the results."""
_POINTS = 50
"""Points of a curve where there are more different distances."""


@dataclass(frozen=True)
class Shared:
    """What every worker reads.

    ``ratings`` of recourses that the person can carry out, ``person (n,)`` who gave each, as position in ``people``;
    ``sellers`` beside ``people``; ``impossible`` is the table of that name.
    """

    ratings: pa.Table
    measured_by: dict[str, str]
    person: NDArray[np.int64]
    people: Array
    sellers: Array
    impossible: pa.Table
    seed: int


def make_shared(feedback: Feedback, *, seed: int) -> Shared:
    """Number the people and gather what they cannot change."""
    ratings = feedback.possible
    people: Array = pc.unique(ratings["person_id"])  # in the order of the sorted rows
    person = positions_of(ratings["person_id"], people)
    sellers = _only_seller(ratings, people)
    return Shared(ratings, feedback.measured_by, person, people, sellers, _impossible(feedback.table), seed)


def _only_seller(ratings: pa.Table, people: Array) -> Array:
    """The seller whose recourses each person rated, null where there are several."""
    by_person = ratings.group_by("person_id").aggregate([("seller_id", "count_distinct"), ("seller_id", "min")])
    only = pc.if_else(pc.equal(by_person["seller_id_count_distinct"], 1), by_person["seller_id_min"], None)
    place = positions_of(people, in_one_chunk(by_person["person_id"]))
    return in_one_chunk(only.take(pa.array(place, pa.int64())))


def _impossible(ratings: pa.Table) -> pa.Table:
    lists = ratings["impossible_features"]
    row = pa.array(np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy()), pa.int64())
    marked = table_of(
        {
            "person_id": ratings["person_id"].take(row),
            "seller_id": ratings["seller_id"].take(row),
            "feature": pc.list_flatten(lists),
        }
    )
    keys = ["person_id", "seller_id", "feature"]
    counted = marked.group_by(keys).aggregate([([], "count_all")]).rename_columns([*keys, "n"])
    types = (ratings.schema.field("person_id").type, ratings.schema.field("seller_id").type)
    by_person: Any = [(key, "ascending") for key in keys]
    return counted.sort_by(by_person).cast(impossible_features_schema(*types))


def run_shard(shared: Shared, shard: Shard, isolated: Isolated) -> ShardOutput:
    """The fits of one shard; the first shard has what is impossible as well."""
    outcomes = []
    for place, unit in enumerate(shard.units):
        if place in isolated:
            outcomes.append(_failed(shared, isolated[place][1]))
        else:
            outcomes.append(_fit(shared, *FITS[unit]))
    named = list(zip([FITS[unit] for unit in shard.units], outcomes, strict=True))
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[str(outcome.finding)] = counts.get(str(outcome.finding), 0) + 1
    fits = pa.Table.from_pylist([_fit_row(shared, *names, one) for names, one in named], schema=ACCEPTANCE_FITS)
    curves = [_curve(shared, *names, one) for names, one in named]
    people = [_people(shared, *names, one) for names, one in named]
    tables = {
        "acceptance_fits": fits,
        "acceptance_curves": pa.concat_tables(curves),
        "acceptance_people": pa.concat_tables(people),
        "impossible_features": shared.impossible if 0 in shard.units else shared.impossible.slice(0, 0),
    }
    return ShardOutput(tables, counts, len(outcomes))


def _fit(shared: Shared, response: str, distance: str) -> Propensity:
    x, y = (_numbers(shared.ratings, column) for column in (distance, response))
    try:
        return fit_propensity(x, y, shared.person, seed=shared.seed)
    except np.linalg.LinAlgError as error:
        return _failed(shared, f"{type(error).__name__}: {error}")


def _failed(shared: Shared, reason: str) -> Propensity:
    return Propensity(Finding.ERROR, reason, len(shared.person), len(shared.people))


def _numbers(ratings: pa.Table, column: str) -> NDArray[np.float64]:
    return ratings[column].to_numpy().astype(np.float64)


def _fit_row(shared: Shared, response: str, distance: str, found: Propensity) -> dict[str, Any]:
    row: dict[str, Any] = {
        "response": response,
        "distance": distance,
        "measured_by": shared.measured_by[distance],
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


def _curve(shared: Shared, response: str, distance: str, found: Propensity) -> pa.Table:
    if found.fit is None:
        return ACCEPTANCE_CURVES.empty_table()
    x = _numbers(shared.ratings, distance)
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


def _people(shared: Shared, response: str, distance: str, found: Propensity) -> pa.Table:
    schema = acceptance_people_schema(shared.people.type, shared.sellers.type)
    if found.fit is None:
        return schema.empty_table()
    n_people = len(shared.people)
    columns = {
        "response": [response] * n_people,
        "distance": [distance] * n_people,
        "person_id": shared.people,
        "seller_id": shared.sellers,
        "n": np.bincount(shared.person, minlength=n_people),
        "intercept": found.fit.effects[:, 0],
        "intercept_se": found.fit.effect_se[:, 0],
        "slope": found.fit.effects[:, 1],
        "slope_se": found.fit.effect_se[:, 1],
    }
    return table_of(columns, schema)
