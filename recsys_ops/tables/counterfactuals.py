"""The tables of the counterfactuals job: why a user is recommended an item, and what it took to find out."""

import pyarrow as pa

from recsys_ops.tables.schema import Columns, table_schema


def counterfactuals_columns(user_id: pa.DataType, item_id: pa.DataType, *, ratings: bool) -> Columns:
    """Columns of the ``counterfactuals`` table."""
    removal = pa.struct([pa.field("item_id", item_id), pa.field("stars", pa.float64())]) if ratings else item_id
    return {
        "user_id": (user_id, "The user, as in the input."),
        "item_id": (item_id, "The recommended item, as in the input."),
        "title": (pa.string(), "Its title."),
        "k": (
            pa.int32(),
            "Length of the list that the item should leave; with --drop the last rank that is not low enough.",
        ),
        "option": (pa.int32(), "Number of the explanation within its case, from 0, the best."),
        "status": (pa.string(), "optimal, feasible, infeasible (proven), timeout, already_satisfied or error."),
        "reason": (pa.string(), "Why there is none, why it is not proven best, or how it was found; else null."),
        "rank_before": (pa.int32(), "Rank of the item among the candidates (--candidates), from 1."),
        "rank_after": (pa.int32(), "Its rank by the same recommender without what is removed."),
        "removed": (pa.list_(removal), "Items without which it leaves the list; with --ratings, how many stars less."),
        "n_removed": (pa.int32(), "Number of interactions that are removed or lowered."),
        "distance": (pa.float64(), "Sum of what is removed by its cost; stars count by the greatest rating."),
        "objective": (pa.float64(), "distance; with --plausibility optimise less alpha times the log-likelihood."),
        "bound": (pa.float64(), "Proven lower bound of the objective, over the explanations that this option may be."),
        "gap": (pa.float64(), "(objective - bound) / |objective|; null without an explanation or a bound."),
        "log_likelihood_before": (pa.float64(), "Exact log-likelihood of the history among all histories."),
        "log_likelihood_after": (pa.float64(), "Exact log-likelihood of the history without what is removed."),
        "percentile_before": (pa.float64(), "Share of all users' histories that are at most as likely as this one."),
        "percentile_after": (pa.float64(), "The same for the history without what is removed."),
        "method": (
            pa.string(),
            "bounds where a lower bound meets a search, mio where the solver was needed, search where neither.",
        ),
        "list_after": (
            pa.list_(item_id),
            "With --lists: the first k items of the list without what is removed, best first; else null.",
        ),
        "text": (pa.string(), "The explanation as a sentence to the user; null where there is none."),
    }


def case_timings_columns(user_id: pa.DataType, item_id: pa.DataType) -> Columns:
    """Columns of the ``timings`` table."""
    return {
        "user_id": (user_id, "The user, as in the input."),
        "item_id": (item_id, "The recommended item, as in the input."),
        "option": (pa.int32(), "Number of the explanation within its case."),
        "seconds": (pa.float64(), "Seconds of the search for this option."),
        "nodes": (
            pa.int64(),
            "Nodes of the solver's tree, or removals that were scored by a recommender that is not linear.",
        ),
    }


def counterfactuals_schema(user_id: pa.DataType, item_id: pa.DataType, *, ratings: bool) -> pa.Schema:
    """Schema of the ``counterfactuals`` table: one row per user, recommended item and option.

    Parameters
    ----------
    user_id, item_id : pyarrow.DataType
        Types of the ids in the input.
    ratings : bool
        Histories of ratings: ``removed`` says how many stars go, too.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(counterfactuals_columns(user_id, item_id, ratings=ratings))


def case_timings_schema(user_id: pa.DataType, item_id: pa.DataType) -> pa.Schema:
    """Schema of the ``timings`` table: what depends on the clock, with the rows of ``counterfactuals`` in their order.

    Parameters
    ----------
    user_id, item_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(case_timings_columns(user_id, item_id))
