"""The tables of the antidote job, as the contract has them: a block of rows for each case."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.antidote.case import AntidoteResult, Case, CaseResult, Names
from jobs.antidote.objective import Groups
from jobs.antidote.used_tables import used_tables
from recsys_ops.antidote.evaluate import Effect
from recsys_ops.arrow import table_of
from recsys_ops.tables import (
    ANTIDOTE_GROUP_LOSSES,
    antidote_effect_schema,
    antidote_losses_schema,
    antidote_ratings_schema,
    antidote_users_schema,
)


def result_tables(names: Names, groups: Groups | None, results: Sequence[CaseResult]) -> dict[str, pa.Table]:
    """The tables of these results, in their order; empty tables for no results.

    Parameters
    ----------
    names : Names
    groups : Groups or None
        Whose losses are reported next to those of the users.
    results : sequence of CaseResult
    """
    user, item = names.user_ids.type, names.item_ids.type
    effects = [row for result in results for row in _effect_rows(names, result)]
    found = [(result.case, result.found) for result in results if result.found is not None]
    effect = [(case, *split) for case, one in found for split in one.splits]
    return {
        "antidote_ratings": _joined(antidote_ratings_schema(user, item), [_ratings(names, *one) for one in found]),
        "antidote_effect": pa.Table.from_pylist(effects, schema=antidote_effect_schema(user)),
        "antidote_losses": _joined(antidote_losses_schema(user), [_user_losses(names, *one) for one in effect]),
        "antidote_group_losses": _joined(
            ANTIDOTE_GROUP_LOSSES, [_group_losses(names, groups, *one) for one in effect if groups is not None]
        ),
        "antidote_users": _joined(antidote_users_schema(user), [_contributions(names, *one) for one in found]),
        **used_tables(names, list(results)),
    }


def _joined(schema: pa.Schema, parts: list[dict[str, Any]]) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *(table_of(columns, schema) for columns in parts)])


def _effect_rows(names: Names, result: CaseResult) -> list[dict[str, Any]]:
    case, found = result.case, result.found
    row = {
        "objective": names.objective, "direction": names.direction, "algorithm": case.algorithm,
        "budget": case.budget, "run": case.run, "status": str(result.status), "reason": result.reason,
        "n_users": len(names.user_ids), "n_items": len(names.item_ids),
        "rank": names.rank, "regularisation": names.regularisation, "seed": case.seed,
    }  # fmt: skip
    if found is None:
        return [row | {"split": split} for split in names.splits]
    ids = names.ids_of(case, found)
    row |= {
        "n_antidote_users": len(ids), "n_antidote_ratings": int(found.ratings.nnz),
        "first_antidote_user": ids[0].as_py() if ids else None, "last_antidote_user": ids[-1].as_py() if ids else None,
        "converged": found.evaluation.before.converged and found.evaluation.after.converged,
        "jaccard": found.jaccard.tolist(),
    }  # fmt: skip
    return [
        row | {"split": split, "random": random} | _measures(effect)
        for (split, effect), random in zip(found.splits, found.random, strict=True)
    ]


def _measures(effect: Effect) -> dict[str, Any]:
    before, after = effect.value_before, effect.value_after
    return {
        "before": before, "after": after, "change": (after - before) / before if before else None,
        "rmse_before": effect.rmse_before, "rmse_after": effect.rmse_after,
        "n_ratings": int(effect.before.user_counts.sum()),
    }  # fmt: skip


def _ratings(names: Names, case: Case, found: AntidoteResult) -> dict[str, Any]:
    ratings = found.ratings
    user = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    return {
        "antidote_user": names.ids_of(case, found).take(pa.array(user, pa.int64())),
        "item_id": names.item_ids.take(pa.array(ratings.indices, pa.int64())),
        "rating": ratings.data,
    } | names.columns_of(case, int(ratings.nnz))


def _user_losses(names: Names, case: Case, split: str, effect: Effect) -> dict[str, Any]:
    counts = effect.before.user_counts
    columns = names.columns_of(case, len(counts)) | {"split": [split] * len(counts), "user_id": names.user_ids}
    return columns | _losses(counts, effect.before.user_losses, effect.after.user_losses)


def _group_losses(names: Names, groups: Groups, case: Case, split: str, effect: Effect) -> dict[str, Any]:
    counts = groups.membership.T @ effect.before.of(groups.side)[1]
    before, after = (side.group_losses(groups.side, groups.membership) for side in (effect.before, effect.after))
    columns = names.columns_of(case, len(counts)) | {"split": [split] * len(counts), "group": groups.labels}
    return columns | _losses(counts, before, after)


def _losses(counts: NDArray[np.float64], before: NDArray[np.float64], after: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "n_ratings": counts.astype(np.int64),
        "loss_before": pa.array(before, mask=np.isnan(before)),
        "loss_after": pa.array(after, mask=np.isnan(after)),
    }


def _contributions(names: Names, case: Case, found: AntidoteResult) -> dict[str, Any]:
    n = int(found.ratings.shape[0])
    return names.columns_of(case, n) | {
        "split": [found.splits[-1][0]] * n,
        "antidote_user": names.ids_of(case, found),
        "n_ratings": np.diff(found.ratings.indptr).astype(np.int64),
        "contribution": pa.nulls(n, pa.float64()) if found.contributions is None else found.contributions,
        "gradient_contribution": found.gradient_contributions,
    }
