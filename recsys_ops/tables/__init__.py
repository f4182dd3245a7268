"""The data contract: what the input tables must have, and the columns of the tables that come out.

Ids come back in the type they came in, so result schemas are functions of the id types. In result tables every
number may be null: a case that failed keeps its row and has a status and a reason instead.
"""

from recsys_ops.tables.acceptance import (
    ACCEPTANCE_CURVES,
    ACCEPTANCE_DIFFERENCES,
    ACCEPTANCE_FITS,
    ACTING_TERMS,
    ACTING_VALUE,
    acceptance_people_schema,
    acting_schema,
    impossible_features_schema,
    remarks_schema,
)
from recsys_ops.tables.antidote import (
    ANTIDOTE_GROUP_LOSSES,
    antidote_effect_schema,
    antidote_losses_schema,
    antidote_ratings_schema,
    antidote_users_schema,
)
from recsys_ops.tables.antidote_used import ANTIDOTE_AS_USED, ANTIDOTE_STARTS
from recsys_ops.tables.counterfactuals import case_timings_schema, counterfactuals_schema
from recsys_ops.tables.describe import describe_rows, describe_tables
from recsys_ops.tables.inputs import FEEDBACK, INTERACTIONS, ITEMS, METHOD_RATINGS, PEOPLE, USERS, TableContract
from recsys_ops.tables.recourse import CHANGE, frontier_schema, recourse_schema, together_schema
from recsys_ops.tables.runs import FIGURES, RUNS, SHARD_TIMINGS, rejected_schema
from recsys_ops.tables.schema import SCHEMA_VERSION, parse_schema, schema_text, table_schema

__all__ = [
    "ACCEPTANCE_CURVES",
    "ACCEPTANCE_DIFFERENCES",
    "ACCEPTANCE_FITS",
    "ACTING_TERMS",
    "ACTING_VALUE",
    "ANTIDOTE_AS_USED",
    "ANTIDOTE_GROUP_LOSSES",
    "ANTIDOTE_STARTS",
    "CHANGE",
    "FEEDBACK",
    "FIGURES",
    "INTERACTIONS",
    "ITEMS",
    "METHOD_RATINGS",
    "PEOPLE",
    "RUNS",
    "SCHEMA_VERSION",
    "SHARD_TIMINGS",
    "USERS",
    "TableContract",
    "acceptance_people_schema",
    "acting_schema",
    "antidote_effect_schema",
    "antidote_losses_schema",
    "antidote_ratings_schema",
    "antidote_users_schema",
    "case_timings_schema",
    "counterfactuals_schema",
    "describe_rows",
    "describe_tables",
    "frontier_schema",
    "impossible_features_schema",
    "parse_schema",
    "recourse_schema",
    "rejected_schema",
    "remarks_schema",
    "schema_text",
    "table_schema",
    "together_schema",
]
