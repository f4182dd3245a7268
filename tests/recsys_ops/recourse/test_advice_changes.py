"""What became of advice: each kind from a pair of small tables, in both languages."""

from typing import Any

import pyarrow as pa
import pytest

from recsys_ops.features.sentences import LANGUAGES
from recsys_ops.recourse.advice_changes import compare_advice, count_rows
from recsys_ops.tables import recourse_schema

SCHEMA = recourse_schema(pa.int64(), pa.string())


def row(item: int, group: str = "all", word: str | None = "oak", **changes: Any) -> dict[str, Any]:
    change = {"feature": "text", "before": f"'{word}' x 0", "after": f"'{word}' x 1", "text": f"add {word}"}
    return {
        "item_id": item, "seller_id": f"s{item % 2}", "title": f"Item {item}", "group": group, "option": 0,
        "n_targets": 10, "success_before": 0.0, "success_after": 0.1, "n_changes": 1 if word else 0,
        "changes": [change] if word else [],
    } | changes  # fmt: skip


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def kinds(before: pa.Table, after: pa.Table) -> dict[tuple[str, ...], str]:
    return {(one.title, *one.groups): one.kind for one in compare_advice(before, after)}


def test_every_kind_is_told_apart_and_said_once_for_all_groups_of_which_it_holds() -> None:
    before = table(
        row(1), row(2), row(3), row(4, "a"), row(4, "b"), row(5, word=None), row(6), row(7), row(8, reason="too few")
    )
    after = table(
        row(1), row(2, word="elm"), row(4, "a", word="elm"), row(4, "b", word="elm"), row(5), row(6, word=None),
        row(7, success_after=0.3), row(8, reason="too few"),
    )  # fmt: skip
    assert kinds(before, after) == {
        ("Item 1", "all"): "stands",
        ("Item 2", "all"): "changed",
        ("Item 3", "all"): "withdrawn",
        ("Item 4", "a", "b"): "changed",
        ("Item 5", "all"): "new",
        ("Item 6", "all"): "withdrawn",
        ("Item 7", "all"): "worth",
    }
    changes = compare_advice(before, after)
    assert [one.seller for one in changes] == sorted((one.seller for one in changes), key=["s1", "s0"].index)
    assert count_rows(changes, "changed") == 3


def test_advice_about_a_rank_speaks_of_ranks_and_is_worth_saying_by_them() -> None:
    ranked = {"rank_before": 80.0, "rank_after": 40.0, "rank_bound": 30.0}
    before = table(row(1, **ranked), row(2, **ranked), row(3, **ranked), row(4))
    after = table(
        row(1, **ranked | {"rank_after": 41.0}), row(2, **ranked | {"rank_after": 20.0}), row(3, word="elm", **ranked),
        row(4, **ranked, success_after=0.9),
    )  # fmt: skip
    changes = {one.title: one for one in compare_advice(before, after)}
    assert {title: one.kind for title, one in changes.items()} == {
        "Item 1": "stands", "Item 2": "worth", "Item 3": "changed", "Item 4": "stands"
    }  # fmt: skip
    assert (changes["Item 2"].seen, changes["Item 3"].seen) == ((40.0, 20.0), (80.0, 40.0))
    assert all(one.is_of_rank for one in changes.values())


def test_advice_that_stands_is_the_same_also_when_part_of_it_is_done() -> None:
    two = row(1)["changes"] + row(1, word="elm")["changes"]
    before, after = table(row(1, changes=two, n_changes=2)), table(row(1, since="monday"))
    assert list(kinds(before, after).values()) == ["stands"]
    assert list(kinds(before, table(row(1))).values()) == ["changed"]


def test_the_same_value_from_another_present_is_the_same_advice_and_other_options_do_not_count() -> None:
    again = row(1)
    again["changes"][0] |= {"before": "'oak' x 2", "text": "use oak once instead of twice"}
    assert list(kinds(table(row(1)), table(again, row(1, word="elm", option=1))).values()) == ["stands"]


def test_shares_of_several_groups_are_weighted_by_their_users() -> None:
    found = compare_advice(
        table(), table(row(1, "a", n_targets=30, success_after=0.4), row(1, "b", n_targets=10, success_after=0.0))
    )
    assert found[0].seen == (0.0, pytest.approx(0.3))


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", ["new", "changed", "withdrawn", "worth"])
def test_every_kind_has_a_full_sentence_in_every_language(language: str, kind: str) -> None:
    values = {
        "title": "Table", "group": "all", "before": "add oak", "after": "add elm", "share_before": "1 %",
        "share_after": "5 %",
    }  # fmt: skip
    said = LANGUAGES[language].advice_changes[kind].format(**values)
    assert said.endswith(".")
    assert "{" not in said
    assert "Table" in said
    assert ("add oak" in said) == (kind in ("changed", "withdrawn"))
    assert ("add elm" in said) == (kind != "withdrawn")
