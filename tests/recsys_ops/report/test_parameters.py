"""The page of main parameters counts what the tables hold, whatever is written in them."""

import html
import random
import re
from typing import Any

import pyarrow as pa
import pytest

from recsys_ops.report.parameters import parameters_page
from recsys_ops.report.words import LANGUAGES
from tests.reactions import MemoryRun
from tests.suites.reported import HOSTILE

FEATURES = ["text", "tag: a", "tag: b", HOSTILE]


def run_of(job: str, rows: list[dict[str, Any]]) -> Any:
    manifest = {"job": job, "finished": "2026-01-01T00:01:00", "inputs": {"model": "ease"}}
    return MemoryRun("r", {job: pa.Table.from_pylist(rows)}, manifest=manifest)


def plan(group: str, features: list[str], after: float, **changes: Any) -> dict[str, Any]:
    row = {
        "group": group, "option": 0, "reason": None, "success_before": 0.01, "success_after": after,
        "n_changes": len(features), "changes": [{"feature": name, "text": f"change {name}"} for name in features],
    }  # fmt: skip
    return row | changes


def why(user: int, item: int, removed: list[Any], **changes: Any) -> dict[str, Any]:
    row = {"user_id": user, "item_id": item, "title": f"title {item}", "option": 0, "status": "optimal"}
    return row | {"rank_before": 2, "rank_after": 12, "removed": removed, "n_removed": len(removed)} | changes


def rows_of(page: str) -> list[list[str]]:
    """Cells of the tables as text."""
    plain = [re.findall(r"<td.*?</td>", row, flags=re.DOTALL) for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]
    return [
        [html.unescape(re.sub(r"<meter.*?</meter>|<[^>]*>", "", cell)).strip() for cell in row] for row in plain if row
    ]


def test_features_are_counted_by_group_with_what_their_plans_bring() -> None:
    rng = random.Random(0)
    plans = [
        plan(rng.choice("xy"), rng.sample(FEATURES[:3], rng.randint(1, 3)), rng.uniform(0.02, 0.4)) for _ in range(40)
    ]
    unhelpful = [
        plan("x", ["text"], 0.01, reason="nobody more"),
        plan("x", [], 0.01),
        plan("x", ["text"], 0.5, option=1),
    ]
    page = parameters_page(run_of("recourse", plans + unhelpful), "en")
    found = iter(rows_of(page))
    for group in "xy":
        mine = [row for row in plans if row["group"] == group]
        by_feature = {
            name: [row for row in mine if name in [c["feature"] for c in row["changes"]]] for name in FEATURES
        }
        for name, with_it in sorted(by_feature.items(), key=lambda pair: (-len(pair[1]), pair[0])):
            if not with_it:
                continue
            alone = [row for row in with_it if row["n_changes"] == 1]
            means = [sum(row["success_after"] - 0.01 for row in rows) / max(len(rows), 1) for rows in (with_it, alone)]
            gain, gain_alone = (f"{100 * mean:.2g} %" for mean in means)
            assert next(found) == [
                f"{name}change {name} ({len(with_it)})",
                f"{100 * len(with_it) / len(mine):.0f} % ({len(with_it)})", gain, gain_alone if alone else "-",
            ]  # fmt: skip
        n_cases = len(mine) + 2 * (group == "x")
        assert f"{len(mine)} of {n_cases} items have a plan. On average 1 % of the group" in page
    assert next(found, None) is None


@pytest.mark.parametrize("with_stars", [False, True])
def test_items_of_histories_are_counted_with_the_people_and_ranks(*, with_stars: bool) -> None:
    removed = [{"item_id": n, "stars": 1.0} if with_stars else n for n in (7, 8, 9)]
    rows = [
        why(1, 3, removed[:1]), why(1, 4, removed[:2], rank_after=22), why(2, 7, removed[1:2]),
        why(2, 3, removed[:1], option=1),
        why(3, 3, [], status="infeasible", rank_after=None), why(4, 3, [], status="timeout", rank_after=None),
    ]  # fmt: skip
    page = parameters_page(run_of("counterfactuals", rows), "en")
    assert rows_of(page) == [
        ["title 7", "67 % (2)", "1", "2.0 → 17.0"],
        ["8", "67 % (2)", "2", "2.0 → 17.0"],
    ]
    assert "3 of 5 recommendations hang on a part of the history, on average on 1.3 items of it." in page
    assert "falls from rank 2.0 to 15.3 (means)" in page
    assert "1 would be made whatever part of the history" in page


def test_numbers_have_the_signs_of_the_language() -> None:
    rows = [plan("x", ["text"], 0.024), plan("x", ["text"], 0.031)]
    assert rows_of(parameters_page(run_of("recourse", rows * 600), "de")) == [
        ["textchange text (1.200)", "100 % (1.200)", "1,8 %", "1,8 %"]
    ]


def test_many_features_are_cut_and_the_rest_is_counted() -> None:
    page = parameters_page(run_of("recourse", [plan("x", [f"tag: {n:02}" for n in range(33)], 0.5)]), "en")
    assert len(rows_of(page)) == 20
    assert "Shown are the 20 that decide most often; 13 more decide less often." in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_stay_text_and_nothing_is_said_where_nothing_is(language: str) -> None:
    page = parameters_page(run_of("recourse", [plan(HOSTILE, [HOSTILE], 0.5), plan("empty", [], 0.01)]), language)
    assert page.count("<script") == 1
    assert "<img" not in page
    assert html.unescape(page).count(HOSTILE) >= 3
    assert LANGUAGES[language]["parameters_no_plan"].format(cases=1) in page
    assert f'<html lang="{language}">' in page
