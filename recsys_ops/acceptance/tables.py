"""Arrow schemas of the tables of the acceptance job."""

import pyarrow as pa

from recsys_ops.tables import table_schema

ACCEPTANCE_FITS = table_schema(
    {
        "response": pa.string(),
        "distance": pa.string(),
        "measured_by": pa.string(),
        "status": pa.string(),
        "reason": pa.string(),
        "n": pa.int64(),
        "n_people": pa.int64(),
        "edf": pa.float64(),
        "f": pa.float64(),
        "p": pa.float64(),
        "r2_adjusted": pa.float64(),
        "aic": pa.float64(),
        "intercept": pa.float64(),
        "intercept_se": pa.float64(),
        "residual_sd": pa.float64(),
        "intercept_sd": pa.float64(),
        "slope_sd": pa.float64(),
        "edf_intercepts": pa.float64(),
        "edf_slopes": pa.float64(),
        "threshold": pa.float64(),
        "threshold_low": pa.float64(),
        "threshold_high": pa.float64(),
        "cap": pa.float64(),
    }
)
"""One row per response (accept, act) and distance (sparsity, proximity); ``measured_by`` is the column of the run.

``status`` is what the fit says (flat, falls_then_flat, falls, rises, too_few, error), ``threshold`` the distance past
which the response is flat with its 95 % interval, ``cap`` what it means for the next run.
"""

ACCEPTANCE_CURVES = table_schema(
    {
        "response": pa.string(),
        "distance": pa.string(),
        "at": pa.float64(),
        "smooth": pa.float64(),
        "se": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "n": pa.int64(),
    }
)
"""The fitted curves, each with mean 0 over the data, with 95 % bands; ``n`` ratings nearest to the point ``at``."""


def acceptance_people_schema(person_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``acceptance_people`` table: what each person adds to the curves, one row per fit and person.

    Parameters
    ----------
    person_id, seller_id : pyarrow.DataType
        Types of the ids in the feedback and in the run.

    Returns
    -------
    pyarrow.Schema
        ``seller_id`` is the seller whose recourses the person rated, null where there are several; ``intercept`` and
        ``slope`` (per unit of distance) with their posterior standard errors; ``n`` ratings of the person.
    """
    return table_schema(
        {
            "response": pa.string(),
            "distance": pa.string(),
            "person_id": person_id,
            "seller_id": seller_id,
            "n": pa.int64(),
            "intercept": pa.float64(),
            "intercept_se": pa.float64(),
            "slope": pa.float64(),
            "slope_se": pa.float64(),
        }
    )


def impossible_features_schema(person_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``impossible_features`` table: what a person cannot change, one row per person, seller and feature.

    Parameters
    ----------
    person_id, seller_id : pyarrow.DataType
        Types of the ids in the feedback and in the run.

    Returns
    -------
    pyarrow.Schema
        ``feature`` as in the changes of the recourse table; ``n`` recourses of which the person said so.
    """
    return table_schema({"person_id": person_id, "seller_id": seller_id, "feature": pa.string(), "n": pa.int64()})
