"""The tables of the antidote job: what artificial users rate, and what that does."""

import pyarrow as pa

from recsys_ops.tables.schema import Columns, table_schema

CASE: Columns = {
    "objective": (pa.string(), "What is to change, as given by --objective."),
    "direction": (pa.string(), "min or max: whether the objective is lowered or raised."),
    "algorithm": (pa.string(), "Algorithm that chose the ratings."),
    "budget": (pa.string(), "Number of artificial users, or per cent of the real ones, as given by --budget."),
    "run": (pa.int32(), "Repetition, from 0, with its own hold-out and starts."),
}
"""The columns by which every row says which case it is of."""

_SPLIT: Columns = {"split": (pa.string(), "Ratings that are measured: train (fitted) or test (held out).")}

_LOSSES: Columns = {
    "n_ratings": (pa.int64(), "Number of ratings in the split."),
    "loss_before": (pa.float64(), "Mean squared error over these without artificial users; null without ratings."),
    "loss_after": (pa.float64(), "Mean squared error over these with artificial users; null without ratings."),
}

ANTIDOTE_GROUP_LOSSES_COLUMNS: Columns = {
    **CASE,
    **_SPLIT,
    "group": (pa.string(), "Group of users or of items."),
    **_LOSSES,
}


def antidote_ratings_columns(user_id: pa.DataType, item_id: pa.DataType) -> Columns:
    """Columns of the ``antidote_ratings`` table."""
    return {
        "antidote_user": (user_id, "Artificial user: an id that no real user has, nor any other case of the run."),
        "item_id": (item_id, "The rated item, as in the input."),
        "rating": (pa.float64(), "Its rating, in stars."),
        **CASE,
    }


def antidote_effect_columns(user_id: pa.DataType) -> Columns:
    """Columns of the ``antidote_effect`` table."""
    return {
        **CASE,
        **_SPLIT,
        "status": (pa.string(), "feasible, timeout or error; an algorithm proves nothing."),
        "reason": (pa.string(), "Why the case has no artificial users, or none that help; else null."),
        "before": (pa.float64(), "The objective on the split, with the recommender fitted without artificial users."),
        "after": (pa.float64(), "The objective on the split, with the recommender fitted with artificial users."),
        "change": (pa.float64(), "(after - before) / before."),
        "random": (pa.float64(), "The objective on the split, fitted with as many random rows instead."),
        "rmse_before": (pa.float64(), "Root mean squared error on the split without artificial users, in stars."),
        "rmse_after": (pa.float64(), "Root mean squared error on the split with artificial users, in stars."),
        "n_users": (pa.int64(), "Number of real users."),
        "n_items": (pa.int64(), "Number of items."),
        "n_ratings": (pa.int64(), "Number of real ratings in the split."),
        "n_antidote_users": (pa.int64(), "Number of artificial users."),
        "n_antidote_ratings": (pa.int64(), "Number of their ratings."),
        "first_antidote_user": (user_id, "First of their ids."),
        "last_antidote_user": (user_id, "Last of their ids."),
        "rank": (pa.int32(), "Factors of the recommender."),
        "regularisation": (pa.float64(), "Penalty of its factors."),
        "converged": (pa.bool_(), "Whether both fits, without and with artificial users, converged."),
        "seed": (pa.int64(), "Seed of the split, the fits and the algorithm."),
        "jaccard": (
            pa.list_(pa.float64()),
            "Mean Jaccard overlap of the top k before and after, for k = 1, 2 and so on.",
        ),
    }


def antidote_losses_columns(user_id: pa.DataType) -> Columns:
    """Columns of the ``antidote_losses`` table."""
    return {**CASE, **_SPLIT, "user_id": (user_id, "The user, as in the input."), **_LOSSES}


def antidote_users_columns(user_id: pa.DataType) -> Columns:
    """Columns of the ``antidote_users`` table."""
    return {
        **CASE,
        "split": (pa.string(), "Ratings on which the contribution is measured: test if there are any, else train."),
        "antidote_user": (user_id, "The artificial user."),
        "n_ratings": (pa.int64(), "Number of its ratings."),
        "contribution": (pa.float64(), "Objective with all users of the case less that without this one, refitted."),
        "gradient_contribution": (pa.float64(), "The same to first order, from the gradient."),
    }


def antidote_ratings_schema(user_id: pa.DataType, item_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_ratings`` table: what artificial users rate, one row per user and item.

    Parameters
    ----------
    user_id, item_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        With ``antidote_user`` as ``user_id``, the first three columns are rows of ``interactions``.
    """
    return table_schema(antidote_ratings_columns(user_id, item_id))


def antidote_effect_schema(user_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_effect`` table: what artificial users do, one row per case and split.

    Parameters
    ----------
    user_id : pyarrow.DataType
        Type of the users' ids in the input.

    Returns
    -------
    pyarrow.Schema
        A case in which no artificial user keeps the limit on the RMSE has none, and its reason says so.
    """
    return table_schema(antidote_effect_columns(user_id))


def antidote_losses_schema(user_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_losses`` table: the errors of each user, one row per case, split and user.

    Parameters
    ----------
    user_id : pyarrow.DataType
        Type of the users' ids in the input.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(antidote_losses_columns(user_id))


def antidote_users_schema(user_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_users`` table: what each artificial user contributes, one row each.

    Parameters
    ----------
    user_id : pyarrow.DataType
        Type of the users' ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``contribution`` is negative for a user who lowers the objective, and null where it was not computed.
    """
    return table_schema(antidote_users_columns(user_id))


ANTIDOTE_GROUP_LOSSES = table_schema(ANTIDOTE_GROUP_LOSSES_COLUMNS)
"""The errors of each group of users or items, one row per case, split and group."""
