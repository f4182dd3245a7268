"""Ids as people type them."""

import pyarrow as pa
import pytest

from jobs.selection import select
from recsys_ops.errors import ConfigError


@pytest.mark.parametrize(
    ("ids", "text", "chosen"),
    [
        ([" x", "x", "y"], " x", [True, False, False]),
        ([" x", "x", "y"], "x", [False, True, False]),
        (["x", "y", "z"], " x , z ", [True, False, True]),
        (["x ", "y"], "y,x ", [True, True]),
        (["a, b", "a"], "a, b", [True, False]),
        (["007", "7"], "007", [True, False]),
        ([7, 8], "8", [False, True]),
    ],
)
def test_an_id_is_as_typed_else_without_the_spaces_around_it(ids: list[object], text: str, chosen: list[bool]) -> None:
    assert select("items", text, pa.array(ids)).tolist() == chosen


def test_an_id_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^--items: 1 ids are not in the data \(first: q\)"):
        select("items", "x, q", pa.array(["x", "y"]))
