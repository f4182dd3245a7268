"""The data contract of the antidote job: schemas of its result tables; ids come back in the type they came in."""

import pyarrow as pa

_ANTIDOTE_CASE: dict[str, pa.DataType] = {
    "objective": pa.string(),
    "direction": pa.string(),
    "algorithm": pa.string(),
    "budget": pa.string(),
    "run": pa.int32(),
}
"""The columns by which every row of the antidote job says which case it is of."""

_LOSSES: dict[str, pa.DataType] = {"n_ratings": pa.int64(), "loss_before": pa.float64(), "loss_after": pa.float64()}


def antidote_ratings_schema(user_id: pa.DataType, item_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_ratings`` table: what artificial users rate, one row per user and item.

    Parameters
    ----------
    user_id, item_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``antidote_user`` is an id that no real user has, nor any other case of the run; as ``user_id``, it and the
        next two columns are rows of ``interactions``.
    """
    columns = {"antidote_user": user_id, "item_id": item_id, "rating": pa.float64()}
    return pa.schema(columns | _ANTIDOTE_CASE)


def antidote_effect_schema(user_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_effect`` table: what artificial users do, one row per case and split.

    Parameters
    ----------
    user_id : pyarrow.DataType
        Type of the users' ids in the input.

    Returns
    -------
    pyarrow.Schema
        A case in which no artificial user keeps the limit on the RMSE has none, and the reason says so. ``before`` and
        ``after`` are the objective on the ratings of the ``split`` ("train" or "test"), with the
        recommender fitted from scratch; ``change`` is their difference by ``before``. ``n_users``, ``n_items`` and
        ``n_ratings`` are real ones, ``n_antidote_users`` (numbered from ``first_antidote_user`` to
        ``last_antidote_user``) and ``n_antidote_ratings`` artificial. ``jaccard`` has the mean overlap of the users'
        top k before and after, for k = 1, 2, ...; ``seed`` is that of the split, the fits and the algorithm.
    """
    return pa.schema(
        _ANTIDOTE_CASE
        | {
            "split": pa.string(),
            "status": pa.string(),
            "reason": pa.string(),
            "before": pa.float64(),
            "after": pa.float64(),
            "change": pa.float64(),
            "rmse_before": pa.float64(),
            "rmse_after": pa.float64(),
            "n_users": pa.int64(),
            "n_items": pa.int64(),
            "n_ratings": pa.int64(),
            "n_antidote_users": pa.int64(),
            "n_antidote_ratings": pa.int64(),
            "first_antidote_user": user_id,
            "last_antidote_user": user_id,
            "rank": pa.int32(),
            "regularisation": pa.float64(),
            "converged": pa.bool_(),
            "seed": pa.int64(),
            "jaccard": pa.list_(pa.float64()),
        }
    )


def antidote_losses_schema(user_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_losses`` table: how each user fares, one row per case, split and user.

    Parameters
    ----------
    user_id : pyarrow.DataType
        Type of the users' ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``loss_*`` are mean squared errors over the user's ``n_ratings`` of the split, null without ratings.
    """
    return pa.schema(_ANTIDOTE_CASE | {"split": pa.string(), "user_id": user_id} | _LOSSES)


def antidote_users_schema(user_id: pa.DataType) -> pa.Schema:
    """Schema of the ``antidote_users`` table: what each artificial user contributes, one row each.

    Parameters
    ----------
    user_id : pyarrow.DataType
        Type of the users' ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``contribution`` is the objective with all of the case's artificial users less that without this one, refitted,
        on the ratings of the ``split``: the held-out ones, where there are any. It is negative for a user who lowers
        the objective, and null where that was not computed. ``gradient_contribution`` estimates it to first order.
    """
    return pa.schema(
        _ANTIDOTE_CASE
        | {
            "split": pa.string(),
            "antidote_user": user_id,
            "n_ratings": pa.int64(),
            "contribution": pa.float64(),
            "gradient_contribution": pa.float64(),
        }
    )


ANTIDOTE_GROUP_LOSSES = pa.schema(_ANTIDOTE_CASE | {"split": pa.string(), "group": pa.string()} | _LOSSES)
"""How each group of users or items fares, one row per case, split and group; see ``antidote_losses_schema``."""
