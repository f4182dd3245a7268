"""How likely providers act, as tables of an acceptance run, and read back from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.acceptance.acting import Acting, fit_acting
from recsys_ops.acceptance.policy_value import LEAST_CASES, PolicyValue, estimate_value
from recsys_ops.acceptance.propensity import lacking
from recsys_ops.acceptance.rated_options import RatedOptions
from recsys_ops.arrow import Array, table_of
from recsys_ops.runs import Run
from recsys_ops.tables import ACTING_TERMS, ACTING_VALUE, acting_schema

TOO_FEW_CASES = f"fewer than {LEAST_CASES} cases of which several options could be shown and one was rated"
_CURVES = ("sparsity", "proximity")


def learn_acting(sellers: Array, options: RatedOptions, *, seed: int) -> dict[str, pa.Table]:
    """Fit how likely providers act, and estimate what that is worth: the tables of both.

    Parameters
    ----------
    sellers : Array
        Ids of providers, repeated or null where several people or none belong to one; those who did not rate have no
        row.
    options : RatedOptions
    seed : int

    Returns
    -------
    dict of str to pyarrow.Table
        ``acting``, ``acting_terms`` and ``acting_value``; with too few ratings the former are empty, and the latter
        says what there are too few of.
    """
    is_rated = np.isfinite(options.rating)
    rows = np.flatnonzero(is_rated)
    names = [options.provider[row] for row in rows.tolist()]
    short = lacking(options.plans.sparsity[rows], len(set(names)))
    if short or np.ptp(options.rating[rows]) == 0:
        return acting_tables(sellers, Counter(names), reason=short or f"all ratings are {options.rating[rows[0]]:g}")
    model = fit_acting(options.plans.only(rows), options.rating[rows], names)
    value = estimate_value(options, seed=seed)
    return acting_tables(sellers, Counter(names), model, value, "" if value else TOO_FEW_CASES)


def acting_tables(
    sellers: Array,
    n_rated: Mapping[str, int],
    model: Acting | None = None,
    value: PolicyValue | None = None,
    reason: str = "",
) -> dict[str, pa.Table]:
    """The tables of ``learn_acting``, of what is known: ``n_rated`` are each provider's ratings."""
    distinct = sellers.unique().drop_null().sort()
    known = {} if model is None else {str(one): one for one in distinct.to_pylist() if str(one) in model.effects}
    effects, covariances = ({}, {}) if model is None else (model.effects, model.covariances)
    rows = {
        "seller_id": pa.array(list(known.values()), sellers.type),
        "n": [n_rated[name] for name in known],
        "effects": [effects[name].tolist() for name in known],
        "covariance": [covariances[name].ravel().tolist() for name in known],
    }
    estimated: dict[str, Any] = {"reason": reason, "is_better": False}
    if value is not None:
        estimated |= {name: getattr(value, name) for name in ("n_cases", "first", "more", "low", "high", "is_better")}
    return {
        "acting": table_of(rows, acting_schema(sellers.type)),
        "acting_terms": pa.Table.from_pylist([] if model is None else _terms(model), schema=ACTING_TERMS),
        "acting_value": pa.Table.from_pylist([estimated], schema=ACTING_VALUE),
    }


def _terms(model: Acting) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"term": "constant", "value": model.intercept}]
    for distance, (at, value) in model.curves.items():
        rows += [{"term": distance, "at": float(x), "value": float(y)} for x, y in zip(at, value, strict=True)]
    levels = zip(model.columns, model.levels, strict=True)
    rows += [{"term": "feature", "feature": column, "value": float(level)} for column, level in levels]
    rows.append({"term": "residual_sd", "value": model.residual_sd})
    return rows + [{"term": "prior", "value": float(variance)} for variance in model.prior]


def read_acting(run: Run) -> Acting | None:
    """The model of an acceptance run, if it has one and showing by it was estimated to be better.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Acting or None
    """
    if "acting_value" not in run.tables:  # runs made before 0.3
        return None
    if not all(row["is_better"] for row in run.table("acting_value").to_table().to_pylist()):
        return None
    terms = run.table("acting_terms").to_table().to_pylist()
    people = run.table("acting").to_table().to_pylist()
    levels = [row for row in terms if row["term"] == "feature"]
    prior = _values(terms, "prior")
    shape = (len(prior), len(prior))
    return Acting(
        columns=tuple(row["feature"] for row in levels),
        intercept=float(_values(terms, "constant")[0]),
        curves={
            distance: (_values(terms, distance, "at"), _values(terms, distance))
            for distance in _CURVES
            if len(_values(terms, distance))
        },
        levels=_values(terms, "feature"),
        residual_sd=float(_values(terms, "residual_sd")[0]),
        prior=prior,
        effects={str(row["seller_id"]): np.array(row["effects"]) for row in people},
        covariances={str(row["seller_id"]): np.array(row["covariance"]).reshape(shape) for row in people},
    )


def _values(terms: Sequence[Mapping[str, Any]], term: str, name: str = "value") -> np.ndarray:
    return np.array([row[name] for row in terms if row["term"] == term], dtype=np.float64)
