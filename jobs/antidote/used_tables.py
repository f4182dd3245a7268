"""Rows about use: what artificial users do when added to all ratings, from several starts, beside the noise floor."""

from typing import Any

import numpy as np
import pyarrow as pa

from jobs.antidote.case import Case, CaseResult, Names
from recsys_ops.antidote.algorithms import COMPARISONS
from recsys_ops.antidote.as_used import AsUsed, keeps_limits, verdict_of
from recsys_ops.antidote.evaluation_starts import kind_of
from recsys_ops.arrow import table_of
from recsys_ops.tables import ANTIDOTE_AS_USED, ANTIDOTE_STARTS


def used_tables(names: Names, results: list[CaseResult]) -> dict[str, pa.Table]:
    """``antidote_as_used``, with a row for every case, and ``antidote_starts``."""
    rows = [_case_row(names, result) for result in results]
    used = [(result.case, result.found.used) for result in results if result.found and result.found.used]
    parts = [table_of(_start_columns(names, case, one), ANTIDOTE_STARTS) for case, one in used]
    return {
        "antidote_as_used": pa.Table.from_pylist(rows, schema=ANTIDOTE_AS_USED),
        "antidote_starts": pa.concat_tables([ANTIDOTE_STARTS.empty_table(), *parts]),
    }


def _case_row(names: Names, result: CaseResult) -> dict[str, Any]:
    case = result.case
    row: dict[str, Any] = {name: values[0] for name, values in names.columns_of(case, 1).items()}
    row["run"] = case.run
    used = None if result.found is None else result.found.used
    if used is None:
        return row
    sign = 1.0 if names.direction == "min" else -1.0
    within = keeps_limits(used, max_rmse_loss=names.max_rmse_loss, min_overlap=names.min_overlap)
    verdict: str = verdict_of(used.effect, used.beyond_random, sign, within_limits=within)
    if case.algorithm in COMPARISONS:
        verdict = "comparison"
    row |= {"verdict": verdict, "within_limits": within, "change_worst": used.worst(sign)} | _measures(used)
    return row | _detected(result)


def _measures(used: AsUsed) -> dict[str, Any]:
    effect, random = used.effect, used.random_effect
    fits = (*used.before, *used.after, *used.random)
    return {
        "before": _mean(used.before), "after": _mean(used.after),
        "change": effect.mean, "change_low": effect.low, "change_high": effect.high,
        "rmse_change": float(used.rmse_changes.mean()), "rmse_change_worst": float(used.rmse_changes.max()),
        "top10_kept": float(used.kept.mean()), "start_change": used.start_change, "start_top10_kept": used.floor_kept,
        "random_change": random.mean, "random_change_low": random.low, "random_change_high": random.high,
        "random_rmse_change": used.random_rmse_change, "random_top10_kept": used.random_kept,
        "n_starts": len(used.before), "converged": all(one.is_settled for one in fits),
    }  # fmt: skip


def _detected(result: CaseResult) -> dict[str, float]:
    found = None if result.found is None else result.found.detection
    if found is None:
        return {}
    return {
        "detectability": found.auc, "detected_by_length": found.length, "detected_by_deviation": found.deviation,
        "detected_by_similarity": found.similarity, "rating_distance": found.rating_distance,
    }  # fmt: skip


def _start_columns(names: Names, case: Case, used: AsUsed) -> dict[str, Any]:
    return names.columns_of(case, len(used.before)) | {
        "start": [one.start for one in used.before],
        "kind": [kind_of(number) for number in range(len(used.before))],
        "before": [one.value for one in used.before],
        "after": [one.value for one in used.after],
        "random": [one.value for one in used.random],
        "rmse_before": [one.rmse for one in used.before],
        "rmse_after": [one.rmse for one in used.after],
        "rmse_random": [one.rmse for one in used.random],
        "top10_kept": used.kept,
        "converged": [old.is_settled and new.is_settled for old, new in zip(used.before, used.after, strict=True)],
    }


def _mean(stands: Any) -> float:
    return float(np.mean([one.value for one in stands]))
