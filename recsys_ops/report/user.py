"""The user's why: each recommended item, and what of the history it depends on."""

from collections import defaultdict
from typing import Any

import pyarrow as pa

from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.report.page import render
from recsys_ops.report.words import words
from recsys_ops.runs import Run
from recsys_ops.status import Status

_MOST_LISTED = 5


def user_page(run: Run, user: str, language: str) -> str:
    """The page of one user of a run of counterfactuals.

    Parameters
    ----------
    run : Run
    user : str
        The user's id as text.
    language : "en" or "de"
        Of the page; the sentences are as the run has stored them.

    Raises
    ------
    InputError
        The run has no row of that user, or was made before sentences were stored.
    """
    table = run.table("counterfactuals").to_table()
    rows = table.filter(pc.equal(pc.cast(table["user_id"], pa.string()), user)).to_pylist()
    if not rows:
        raise InputError(f"--user {user}: run {run.run_id} has no row of this user. Explain the user first.")
    if "text" not in table.column_names:
        raise InputError(f"run {run.run_id}: has no column 'text'; an earlier version made it. Run the job again.")
    say = words(language)
    by_item: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_item[row["item_id"]].append(row)
    is_free = _is_free(run)
    titles = _titles(table, {item for row in rows for item in row.get("list_after") or []})
    items = [
        {
            "title": options[0]["title"],
            "sentences": [row["text"] for row in options if row["text"]]
            or [_without_sentence(options[0], say, is_free)],
            "certainty": _certainty(options[0], say, is_free),
            "then": _list_then(options[0], titles, say),
        }
        for options in sorted(by_item.values(), key=lambda options: options[0]["rank_before"] or 0)
    ]
    return render(
        "user.html",
        {
            "language": language, "title": say.user_title, "say": say, "summary": say.user_summary, "items": items,
            "run_id": run.run_id, "committed": run.manifest["finished"][:10],
        },
    )  # fmt: skip


def _is_free(run: Run) -> bool:
    """Whether any part of a history could be removed, and the smallest was wanted; else less can be said."""
    settings = run.manifest["configuration"]
    limits = ("removal_costs", "max_removed", "max_distance", "keep_selected", "ratings", "drop")
    is_plain = settings.get("plausibility", "none") == "none" and settings.get("validity", "kth") == "kth"
    return is_plain and not any(settings.get(name) for name in limits)


def _without_sentence(row: dict[str, Any], say: Any, is_free: bool) -> str:
    """Why there is no sentence about what the item depends on."""
    if row["status"] != Status.INFEASIBLE:
        return str(say.user_unknown)
    return str(say.user_anyway if is_free else say.user_nothing_allowed)


def _titles(table: pa.Table, items: set[Any]) -> dict[Any, str]:
    """Titles of these items, as far as the run has explained them to anybody."""
    known = table.filter(pc.is_in(table["item_id"], pa.array(sorted(items), table["item_id"].type)))
    pairs = zip(known["item_id"].to_pylist(), known["title"].to_pylist(), strict=True)
    return {item: title for item, title in pairs if title}


def _list_then(row: dict[str, Any], titles: dict[Any, str], say: Any) -> str:
    """What the user would see without what the item hangs on, of a run with ``--lists``; ids without a title as ids."""
    listed = row.get("list_after") or []
    named = [titles.get(item) or str(item) for item in listed[:_MOST_LISTED]]
    return str(say.user_list.format(titles=", ".join(named))) if row["text"] and named else ""


def _certainty(row: dict[str, Any], say: Any, is_free: bool) -> str:
    if not row["text"]:
        return ""
    if row["status"] != Status.OPTIMAL:
        return str(say.user_found)
    return str(say.user_proven) if is_free else ""
