"""Main parameters of a recommender in plain language: which features, or items of histories, decide who sees what.

For the duties to say so: Article 27 of the Digital Services Act (EU) 2022/2065, Article 5 of Regulation (EU) 2019/1150.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recsys_ops.arrow import compute as pc
from recsys_ops.report.page import render
from recsys_ops.report.recommender import recommender_in_words
from recsys_ops.report.words import words
from recsys_ops.runs import Run
from recsys_ops.status import Status

_MOST_ROWS = 20
_MOST_CHANGES = 5

Row = Mapping[str, Any]


def parameters_page(run: Run, language: str) -> str:
    """The page of main parameters.

    Parameters
    ----------
    run : Run
        Of recourse, by groups, or of counterfactuals.
    language : "en" or "de"
        Of the page; sentences about changes are as the run has stored them.
    """
    say = words(language)
    is_recourse = run.manifest["job"] == "recourse"
    return render(
        "parameters.html",
        {
            "language": language, "say": say, "title": say.parameters_title, "run_id": run.run_id,
            "committed": run.manifest["finished"][:10], "recommender": recommender_in_words(run.manifest),
            "about": say.parameters_of_features if is_recourse else say.parameters_of_histories,
            "sections": _of_features(run, say) if is_recourse else [_of_histories(run, say)],
        },
    )  # fmt: skip


def _of_features(run: Run, say: Any) -> list[dict[str, Any]]:
    columns = ["group", "n_changes", "reason", "success_before", "success_after", "changes"]
    rows = run.table("recourse").to_table(columns=columns, filter=pc.field("option") == 0).to_pylist()
    by_group: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_group[row["group"]].append(row)
    return [_of_group(group, mine, say) for group, mine in sorted(by_group.items())]


def _of_group(group: str, rows: Sequence[Row], say: Any) -> dict[str, Any]:
    """One group: its features, those that most plans change first."""
    plans = [row for row in rows if row["n_changes"] and row["reason"] is None]
    by_feature: dict[str, list[Row]] = defaultdict(list)
    for plan in plans:
        for feature in {change["feature"] for change in plan["changes"]}:
            by_feature[feature].append(plan)
    ordered = sorted(by_feature.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    summary = [say.parameters_no_plan.format(cases=_number(len(rows), say))]
    if plans:
        before, after = (_share((plan[name] for plan in plans), say) for name in ("success_before", "success_after"))
        summary = [
            say.parameters_plans.format(
                plans=_number(len(plans), say), cases=_number(len(rows), say), before=before, after=after
            )
        ]
    return {
        "title": group, "summary": _with_rest(summary, len(ordered), say),
        "columns": [say.parameters_feature, say.parameters_by_plans, say.parameters_gain, say.parameters_alone],
        "rows": [
            {
                "name": feature, "detail": _commonest(feature, mine, say), "count": _number(len(mine), say),
                "share": len(mine) / len(plans),
                "numbers": [
                    _share(map(_gain, mine), say),
                    _share((_gain(plan) for plan in mine if _is_all(feature, plan)), say),
                ],
            }
            for feature, mine in ordered[:_MOST_ROWS]
        ],
    }  # fmt: skip


def _commonest(feature: str, plans: Iterable[Row], say: Any) -> str:
    """What the plans do to a feature most often."""
    texts = Counter(change["text"] for plan in plans for change in plan["changes"] if change["feature"] == feature)
    ordered = sorted(texts.items(), key=lambda pair: (-pair[1], pair[0]))
    return "; ".join(f"{text} ({_number(n, say)})" for text, n in ordered[:_MOST_CHANGES])


def _gain(plan: Row) -> float:
    return float(plan["success_after"] - plan["success_before"])


def _is_all(feature: str, plan: Row) -> bool:
    return all(change["feature"] == feature for change in plan["changes"])


def _of_histories(run: Run, say: Any) -> dict[str, Any]:
    """The items of histories, those first that most recommendations hang on."""
    columns = ["user_id", "item_id", "title", "status", "rank_before", "rank_after", "removed", "n_removed"]
    rows = run.table("counterfactuals").to_table(columns=columns, filter=pc.field("option") == 0).to_pylist()
    explained = [row for row in rows if row["n_removed"] and row["rank_after"] is not None]
    by_item: dict[Any, list[Row]] = defaultdict(list)
    for row in explained:
        for removed in row["removed"]:
            by_item[removed["item_id"] if isinstance(removed, dict) else removed].append(row)
    titles = {row["item_id"]: row["title"] for row in rows}
    ordered = sorted(by_item.items(), key=lambda pair: (-len(pair[1]), str(pair[0])))
    anyway = sum(row["status"] == Status.INFEASIBLE for row in rows)
    summary = [say.parameters_no_explanation.format(cases=_number(len(rows), say))]
    if explained:
        items, before, after = (_mean(explained, name, say) for name in ("n_removed", "rank_before", "rank_after"))
        summary = [
            say.parameters_explained.format(
                explained=_number(len(explained), say),
                cases=_number(len(rows), say),
                items=items,
                before=before,
                after=after,
            )
        ]
    if anyway:
        summary.append(say.parameters_anyway.format(n=_number(anyway, say)))
    return {
        "title": say.parameters_histories, "summary": _with_rest(summary, len(ordered), say),
        "columns": [say.parameters_item, say.parameters_by_explanations, say.parameters_people, say.parameters_rank],
        "rows": [
            {
                "name": titles.get(item) or str(item), "detail": "", "count": _number(len(mine), say),
                "share": len(mine) / len(explained),
                "numbers": [
                    _number(len({row["user_id"] for row in mine}), say),
                    f"{_mean(mine, 'rank_before', say)} → {_mean(mine, 'rank_after', say)}",
                ],
            }
            for item, mine in ordered[:_MOST_ROWS]
        ],
    }  # fmt: skip


def _with_rest(summary: list[str], n_rows: int, say: Any) -> list[str]:
    rest = n_rows - _MOST_ROWS
    return summary if rest <= 0 else [*summary, say.parameters_rest.format(shown=_MOST_ROWS, n=_number(rest, say))]


def _mean(rows: Iterable[Row], name: str, say: Any) -> str:
    return _number(float(np.mean([row[name] for row in rows])), say)


def _share(values: Iterable[float], say: Any) -> str:
    """Mean of some shares as per cent; a dash where there are none."""
    known = list(values)
    return f"{100 * np.mean(known):.2g} %".translate(str.maketrans(",.", say.signs)) if known else "-"


def _number(value: float, say: Any) -> str:
    """A count as it is, a mean with one digit, in the signs of the language."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.translate(str.maketrans(",.", say.signs))
