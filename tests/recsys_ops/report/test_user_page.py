"""The user's why says what the list would be, where the run stored that."""

from typing import Any

import pyarrow as pa
import pytest

from recsys_ops.report.user import user_page
from recsys_ops.report.words import LANGUAGES
from tests.reactions import MemoryRun


def run_of(lists: list[list[int] | None], text: str | None = "Because of tea.") -> Any:
    rows = [
        {"user_id": 1, "item_id": n, "title": f"<b>{n}</b>", "status": "optimal", "rank_before": n, "text": text}
        | {"list_after": one}
        for n, one in enumerate(lists, start=1)
    ]  # fmt: skip
    return MemoryRun(
        "r",
        {"counterfactuals": pa.Table.from_pylist(rows)},
        manifest={"finished": "2026-01-01T00:00", "configuration": {}},
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_is_named_by_titles_as_far_as_they_are_known(language: str) -> None:
    page = user_page(run_of([[2, 9, 8, 7, 6, 5], None]), "1", language)
    assert LANGUAGES[language]["user_list"].format(titles="&lt;b&gt;2&lt;/b&gt;, 9, 8, 7, 6") in page
    assert page.count(LANGUAGES[language]["user_list"][:20]) == 1


def test_without_stored_lists_or_a_sentence_nothing_is_said_of_them() -> None:
    for run in (run_of([None, None]), run_of([[2, 9]], text=None)):
        assert "your list would" not in user_page(run, "1", "en")
