"""All result tables and their columns in words, for documentation."""

from dataclasses import dataclass

import pyarrow as pa

from recsys_ops.tables import acceptance, antidote, antidote_used, counterfactuals, recourse, runs
from recsys_ops.tables.schema import Columns

_ID = pa.null()
"""Stands for the type of an id, which is that of the input; no column of a result is null by type."""


@dataclass(frozen=True)
class _ResultTable:
    """A result table: what one row of it is, and its columns."""

    row: str
    columns: Columns


_TABLES: dict[str, _ResultTable] = {
    "recourse": _ResultTable("One recourse for an item and a group.", recourse.recourse_columns(_ID, _ID)),
    "frontier": _ResultTable(
        "What so many changes reach, for an item and a group.", recourse.frontier_columns(_ID, _ID)
    ),
    "together": _ResultTable(
        "What a recourse is worth if a share of the other providers acts.", recourse.together_columns(_ID, _ID)
    ),
    "figures": _ResultTable("One figure by which a night of recourse is compared with others.", runs.FIGURES_COLUMNS),
    "counterfactuals": _ResultTable(
        "One explanation of an item recommended to a user.",
        counterfactuals.counterfactuals_columns(_ID, _ID, ratings=False),
    ),
    "timings": _ResultTable(
        "What a row of counterfactuals took; the same rows in the same order.",
        counterfactuals.case_timings_columns(_ID, _ID),
    ),
    "antidote_ratings": _ResultTable("One rating by an artificial user.", antidote.antidote_ratings_columns(_ID, _ID)),
    "antidote_effect": _ResultTable(
        "What the artificial users of a case do, on one split of the ratings.", antidote.antidote_effect_columns(_ID)
    ),
    "antidote_losses": _ResultTable(
        "The error of one user in a case, on one split of the ratings.", antidote.antidote_losses_columns(_ID)
    ),
    "antidote_group_losses": _ResultTable(
        "The error of one group in a case, on one split of the ratings.", antidote.ANTIDOTE_GROUP_LOSSES_COLUMNS
    ),
    "antidote_users": _ResultTable("What one artificial user contributes.", antidote.antidote_users_columns(_ID)),
    "antidote_as_used": _ResultTable(
        "What the artificial users of a case do when they are added to all ratings.",
        antidote_used.ANTIDOTE_AS_USED_COLUMNS,
    ),
    "antidote_starts": _ResultTable(
        "The same, from one start of the recommender.", antidote_used.ANTIDOTE_STARTS_COLUMNS
    ),
    "acceptance_fits": _ResultTable("The fit of one question to one distance.", acceptance.ACCEPTANCE_FITS_COLUMNS),
    "acceptance_curves": _ResultTable("One point of a fitted curve.", acceptance.ACCEPTANCE_CURVES_COLUMNS),
    "acceptance_differences": _ResultTable(
        "What a property of people moves, in the fit of one question to one distance; with `--people` only.",
        acceptance.ACCEPTANCE_DIFFERENCES_COLUMNS,
    ),
    "acceptance_people": _ResultTable(
        "How one person differs from a fitted curve.", acceptance.acceptance_people_columns(_ID, _ID)
    ),
    "acting": _ResultTable(
        "How one provider differs from the average one in what it acts upon.", acceptance.acting_columns(_ID)
    ),
    "acting_terms": _ResultTable(
        "One term of how likely the average provider acts upon a plan.", acceptance.ACTING_TERMS_COLUMNS
    ),
    "acting_value": _ResultTable(
        "What it is worth to show first what each provider is likeliest to act upon.", acceptance.ACTING_VALUE_COLUMNS
    ),
    "impossible_features": _ResultTable(
        "One feature that a person cannot change.", acceptance.impossible_features_columns(_ID, _ID)
    ),
    "remarks": _ResultTable(
        "What a person decided or wrote about one recourse.", acceptance.remarks_columns(_ID, _ID, _ID)
    ),
    "runs": _ResultTable("The run itself.", runs.RUNS_COLUMNS),
    "shard_timings": _ResultTable("What one shard took.", runs.SHARD_TIMINGS_COLUMNS),
    "rejected": _ResultTable("One input row that was set aside.", runs.REJECTED_COLUMNS),
}


def describe_rows() -> dict[str, str]:
    """What one row of each result table is.

    Returns
    -------
    dict
        Table to sentence, in the order of the jobs; the tables that every job writes come last.
    """
    return {name: table.row for name, table in _TABLES.items()}


def describe_tables() -> dict[str, dict[str, tuple[str, str]]]:
    """Type and meaning of every column of every result table.

    Returns
    -------
    dict
        Table to column to (type, meaning), both as text. The type is Arrow's; "id" stands for the type that the id has
        in the input.
    """
    return {
        name: {column: (_type_text(kind), meaning) for column, (kind, meaning) in table.columns.items()}
        for name, table in _TABLES.items()
    }


def _type_text(kind: pa.DataType) -> str:
    return str(kind).replace(str(_ID), "id")
