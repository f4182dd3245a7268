"""What every worker of the acceptance job reads: ratings, the people who gave them, and what they cannot change."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.acceptance.covariates import Covariates
from recsys_ops.acceptance.feedback import Feedback, RatedCases
from recsys_ops.acceptance.rated_options import RatedOptions, rated_options
from recsys_ops.arrow import Array, in_one_chunk, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.tables import impossible_features_schema, remarks_schema


@dataclass(frozen=True)
class AcceptanceData:
    """What is read before any work: what was rated, the ratings, what is known of people, and fingerprints of it."""

    cases: RatedCases
    feedback: Feedback
    covariates: Covariates | None
    fingerprints: dict[str, str]


@dataclass(frozen=True)
class AcceptanceInputs:
    """What every worker reads.

    ``ratings`` of recourses that the person can carry out, ``person (n,)`` who gave each, as position in ``people``;
    ``sellers`` of ``people``; ``impossible`` is the table of impossible features, ``remarks`` that of its name;
    ``options`` are what each case that was rated could have shown; ``covariates`` of ``people``, where there are.
    """

    ratings: pa.Table
    measured_by: dict[str, str]
    person: NDArray[np.int64]
    people: Array
    sellers: Array
    impossible: pa.Table
    remarks: pa.Table
    options: RatedOptions
    covariates: Covariates | None
    seed: int

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A column of the ratings."""
        return self.ratings[column].to_numpy().astype(np.float64)


def people_of(feedback: Feedback) -> Array:
    """Those with ratings in the fits, in the order of the sorted rows."""
    people: Array = pc.unique(feedback.possible["person_id"])
    return people


def make_inputs(
    cases: RatedCases, feedback: Feedback, covariates: Covariates | None = None, *, seed: int
) -> AcceptanceInputs:
    """Number the people and gather what they cannot change, what they decided and wrote, and what they chose from."""
    ratings, people = feedback.possible, people_of(feedback)
    return AcceptanceInputs(
        ratings=ratings, measured_by=feedback.measured_by, person=positions_of(ratings["person_id"], people),
        people=people, sellers=_only_seller(ratings, people), impossible=_impossible(feedback.table),
        remarks=_remarks(feedback.table), options=rated_options(cases, feedback), covariates=covariates, seed=seed,
    )  # fmt: skip


def _only_seller(ratings: pa.Table, people: Array) -> Array:
    """The seller whose recourses each person rated, null where there are several."""
    by_person = ratings.group_by("person_id").aggregate([("seller_id", "count_distinct"), ("seller_id", "min")])
    only = pc.if_else(pc.equal(by_person["seller_id_count_distinct"], 1), by_person["seller_id_min"], None)
    place = positions_of(people, in_one_chunk(by_person["person_id"]))
    return in_one_chunk(only.take(pa.array(place, pa.int64())))


def _remarks(table: pa.Table) -> pa.Table:
    said = table.filter(pc.or_(pc.is_valid(table["decision"]), pc.is_valid(table["comment"])))
    schema = remarks_schema(*(table.schema.field(name).type for name in ("person_id", "seller_id", "item_id")))
    return table_of({name: said[name] for name in schema.names}, schema)


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
