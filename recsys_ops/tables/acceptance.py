"""The tables of the acceptance job: how people's ratings depend on distance, and what they cannot change."""

import pyarrow as pa

from recsys_ops.tables.schema import Columns, table_schema

_FIT: Columns = {
    "response": (pa.string(), "Question that people answered: accept or act."),
    "distance": (pa.string(), "Distance of the recourse: sparsity or proximity."),
}
"""The columns by which every row says which fit it is of."""

ACCEPTANCE_FITS_COLUMNS: Columns = {
    **_FIT,
    "measured_by": (pa.string(), "Column of the recourse table that the distance was read from."),
    "status": (pa.string(), "What the fit says: flat, falls_then_flat, falls, rises, too_few or error."),
    "reason": (pa.string(), "What the data have too few of, or why the fit failed; else empty."),
    "n": (pa.int64(), "Number of ratings."),
    "n_people": (pa.int64(), "Number of people."),
    "edf": (pa.float64(), "Effective degrees of freedom of the curve; 1 is a straight line."),
    "f": (pa.float64(), "Statistic of the test that the curve is flat."),
    "p": (pa.float64(), "p-value of that test."),
    "r2_adjusted": (pa.float64(), "Share of the variance that the fit explains, adjusted for its degrees of freedom."),
    "aic": (pa.float64(), "Akaike information criterion of the fit."),
    "intercept": (pa.float64(), "Mean of the ratings by the fit, in rating points."),
    "intercept_se": (pa.float64(), "Standard error of the intercept."),
    "residual_sd": (pa.float64(), "Standard deviation of the residuals, in rating points."),
    "intercept_sd": (pa.float64(), "Standard deviation of the people's intercepts, in rating points."),
    "slope_sd": (pa.float64(), "Standard deviation of the people's slopes, in rating points per unit of distance."),
    "edf_intercepts": (pa.float64(), "Effective degrees of freedom of the people's intercepts."),
    "edf_slopes": (pa.float64(), "Effective degrees of freedom of the people's slopes."),
    "f_intercepts": (pa.float64(), "Statistic of the test that people do not differ in their intercepts."),
    "p_intercepts": (pa.float64(), "p-value of that test; null with more than 3,000 people."),
    "f_slopes": (pa.float64(), "Statistic of the test that people do not differ in their slopes."),
    "p_slopes": (pa.float64(), "p-value of that test; null with more than 3,000 people."),
    "threshold": (pa.float64(), "Distance past which the curve is flat; null where it is not."),
    "threshold_low": (pa.float64(), "Lower end of the threshold's 95 % interval."),
    "threshold_high": (pa.float64(), "Upper end of the threshold's 95 % interval."),
    "cap": (pa.float64(), "Largest distance for the next run that follows from the threshold; of act only."),
}

ACCEPTANCE_CURVES_COLUMNS: Columns = {
    **_FIT,
    "at": (pa.float64(), "Distance."),
    "smooth": (pa.float64(), "The fitted curve there, in rating points, with mean 0 over the data."),
    "se": (pa.float64(), "Its posterior standard error."),
    "low": (pa.float64(), "Lower end of its 95 % band."),
    "high": (pa.float64(), "Upper end of its 95 % band."),
    "n": (pa.int64(), "Number of ratings nearest to this distance."),
}

ACCEPTANCE_DIFFERENCES_COLUMNS: Columns = {
    **_FIT,
    "property": (pa.string(), "Property of people: a column of the table given by --people."),
    "effect": (pa.string(), "What it may move: the people's intercept or their slope; empty where nothing was tested."),
    "level": (pa.string(), "Level of a category; empty for a number."),
    "reference": (pa.string(), "Commonest level, against which the others are measured; empty for a number."),
    "coefficient": (
        pa.float64(),
        "Rating points per unit of the number, or of the level against the reference; of a slope per unit of distance.",
    ),
    "low": (pa.float64(), "Lower end of its 95 % interval."),
    "high": (pa.float64(), "Upper end of its 95 % interval."),
    "f": (pa.float64(), "Statistic of the test that the property, with all its levels, does not move the effect."),
    "p": (pa.float64(), "p-value of that test."),
    "p_adjusted": (pa.float64(), "The same, for all tests of the fit (Holm)."),
    "n_people": (pa.int64(), "Number of people whose properties are known."),
    "reason": (pa.string(), "What the data have too few of, or why the fit failed; else empty."),
}

ACTING_TERMS_COLUMNS: Columns = {
    "term": (
        pa.string(),
        "What all providers have in common: constant, sparsity, proximity (curves), feature; or residual_sd, and prior "
        "(variances of what a provider adds, in the order of table acting).",
    ),
    "feature": (pa.string(), "Column of the items that a plan changes; of feature only."),
    "at": (pa.float64(), "Distance; of curves only."),
    "value": (pa.float64(), "In rating points; their square for prior."),
}

ACTING_VALUE_COLUMNS: Columns = {
    "n_cases": (pa.int64(), "Cases of which several options could be shown and one was rated, by whom they are shown."),
    "first": (
        pa.float64(),
        "Share of the group gained by what is acted upon, per case, with the first option shown first; estimated.",
    ),
    "more": (pa.float64(), "How much more with the option of the greatest gain times probability to act; estimated."),
    "low": (pa.float64(), "Lower end of its 95 % interval."),
    "high": (pa.float64(), "Upper end of its 95 % interval."),
    "is_better": (pa.bool_(), "Whether the interval holds gains only: recourse then uses table acting."),
    "reason": (pa.string(), "What the data have too few of; else empty."),
}

ACTING_TERMS = table_schema(ACTING_TERMS_COLUMNS)
"""How likely an average provider acts upon a plan, one row per term of the model; none with too few ratings."""

ACTING_VALUE = table_schema(ACTING_VALUE_COLUMNS)
"""What it would have been worth to show first what each provider is likeliest to act upon: one row."""

ACCEPTANCE_FITS = table_schema(ACCEPTANCE_FITS_COLUMNS)
"""One row per response and distance."""

ACCEPTANCE_DIFFERENCES = table_schema(ACCEPTANCE_DIFFERENCES_COLUMNS)
"""What drives the differences between people: one row per fit, property, effect and level. With --people only."""

ACCEPTANCE_CURVES = table_schema(ACCEPTANCE_CURVES_COLUMNS)
"""The fitted curves with 95 % bands, one row per fit and distance."""


def acceptance_people_columns(person_id: pa.DataType, seller_id: pa.DataType) -> Columns:
    """Columns of the ``acceptance_people`` table."""
    return {
        **_FIT,
        "person_id": (person_id, "The person, as in the feedback."),
        "seller_id": (seller_id, "Seller whose recourses the person rated; null if there are several."),
        "n": (pa.int64(), "Number of ratings by the person."),
        "intercept": (pa.float64(), "What the person adds to the curve at distance 0, in rating points."),
        "intercept_se": (pa.float64(), "Its posterior standard error."),
        "slope": (pa.float64(), "What the person adds per unit of distance, in rating points."),
        "slope_se": (pa.float64(), "Its posterior standard error."),
    }


def acting_columns(seller_id: pa.DataType) -> Columns:
    """Columns of the ``acting`` table."""
    return {
        "seller_id": (seller_id, "The provider."),
        "n": (pa.int64(), "Number of its ratings."),
        "effects": (
            pa.list_(pa.float64()),
            "What it adds to the terms of acting_terms, in rating points: an intercept, a slope by sparsity, and a "
            "level for each feature in their order there.",
        ),
        "covariance": (pa.list_(pa.float64()), "Posterior covariance of these, row by row."),
    }


def impossible_features_columns(person_id: pa.DataType, seller_id: pa.DataType) -> Columns:
    """Columns of the ``impossible_features`` table."""
    return {
        "person_id": (person_id, "The person, as in the feedback."),
        "seller_id": (seller_id, "The seller whose recourses are meant."),
        "feature": (pa.string(), "What the person cannot change, as in the changes of the recourse table."),
        "n": (pa.int64(), "Number of recourses for which the person said so."),
    }


def remarks_columns(person_id: pa.DataType, seller_id: pa.DataType, item_id: pa.DataType) -> Columns:
    """Columns of the ``remarks`` table."""
    return {
        "person_id": (person_id, "The person, as in the feedback."),
        "seller_id": (seller_id, "The seller whose recourse is meant."),
        "case_id": (pa.string(), "The recourse, as in the feedback."),
        "item_id": (item_id, "Item of the recourse."),
        "features": (pa.list_(pa.string()), "What the recourse changes, as in the changes of the recourse table."),
        "decision": (pa.string(), "done or dismissed; null where the person left that open."),
        "comment": (pa.string(), "What the person wrote about it, unchanged; null for nothing."),
    }


def acceptance_people_schema(person_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``acceptance_people`` table: what each person adds to the curves, one row per fit and person.

    Parameters
    ----------
    person_id, seller_id : pyarrow.DataType
        Types of the ids in the feedback and in the run.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(acceptance_people_columns(person_id, seller_id))


def acting_schema(seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``acting`` table: what each provider adds to the probability to act, one row per provider.

    Parameters
    ----------
    seller_id : pyarrow.DataType
        Type of the ids in the run.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(acting_columns(seller_id))


def impossible_features_schema(person_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``impossible_features`` table: what a person cannot change, one row per person, seller and feature.

    Parameters
    ----------
    person_id, seller_id : pyarrow.DataType
        Types of the ids in the feedback and in the run.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(impossible_features_columns(person_id, seller_id))


def remarks_schema(person_id: pa.DataType, seller_id: pa.DataType, item_id: pa.DataType) -> pa.Schema:
    """Schema of the ``remarks`` table: what people decided or wrote about a recourse, one row per person and case.

    Parameters
    ----------
    person_id, seller_id, item_id : pyarrow.DataType
        Types of the ids in the feedback and in the run.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(remarks_columns(person_id, seller_id, item_id))
