"""The why-not that a caller in Python gets: from any data structure, printed in three lines, refused in one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys_ops
from recsys_ops import ConfigError, InputError, Status
from recsys_ops.models.knn import fit_item_knn

WEIGHTS = np.array(
    [[0, 2, 1, 0, 0], [0, 0, 3, 0, 0], [0, 0, 0, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 0]], dtype=np.float64
)
HISTORIES = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 1, 0]], dtype=np.float64)
"""User 0 is shown item 1 (score 2), then item 2 (score 1)."""


def test_the_answer_is_printed_in_three_lines() -> None:
    found = recsys_ops.why_not(WEIGHTS, HISTORIES, 0, 2, k=1)
    assert str(found) == (
        "User 0 is not recommended item 2: it is at rank 2, and the list has 1.\n"
        "With 1 interaction more, it would be at rank 1: 1.\n"
        "Status optimal: at least 1 of 2 that may be added are needed."
    )
    other = recsys_ops.why_not(WEIGHTS, HISTORIES, 0, 2, k=1, additions=[3, 2])  # itself is barred
    assert (other.added, other.rank_after, other.bound, other.n_given) == ((3,), 1, 1, 1)
    never = recsys_ops.why_not(WEIGHTS, HISTORIES, 0, 4, k=1)
    assert str(never).splitlines()[1:] == [
        "Nothing out of 0 further interactions brings it in: there is nothing that may be added.",
        f"Status infeasible: {Status.INFEASIBLE.remedy}",
    ]
    there = recsys_ops.why_not(WEIGHTS, HISTORIES, 0, 1, k=1)
    assert (there.status, there.added) == (Status.ALREADY_SATISFIED, ())
    assert str(there).startswith("User 0 is recommended item 1 at rank 1.\nNothing has to be added: ")


def test_ids_of_a_table_come_back_and_a_matrix_has_the_same_answer() -> None:
    rng = np.random.default_rng(1)
    matrix = (rng.random((40, 15)) < 0.3).astype(np.float64)
    user, item = np.nonzero(matrix)
    table = pd.DataFrame({"user_id": [f"u{one:02}" for one in user], "item_id": [f"i{one:02}" for one in item]})
    by_position = recsys_ops.fit_ease(matrix, ridge=1.0)
    by_id = recsys_ops.fit_ease(table, ridge=1.0)
    for target in np.flatnonzero(matrix[3] == 0):
        plain = recsys_ops.why_not(by_position, sp.csr_array(matrix), 3, int(target), k=2)
        named = recsys_ops.why_not(by_id, table, "u03", f"i{target:02}", k=2)
        assert (plain.status, plain.rank_before, plain.rank_after) == (
            named.status,
            named.rank_before,
            named.rank_after,
        )
        assert named.added == tuple(f"i{one:02}" for one in plain.added)
        history = matrix[3].copy()
        history[list(plain.added)] = 1
        shown = by_position.scores(sp.csr_array(history[None]))[0] - 1e9 * history
        assert (target in np.argsort(-shown, kind="stable")[:2]) == (plain.status is not Status.INFEASIBLE)


def test_what_is_added_has_the_greatest_rating() -> None:
    stars = HISTORIES * 2  # of 5: item 3 adds 2 x 5/5 to an item at 0.4, where the rival has 0.8
    found = recsys_ops.why_not(WEIGHTS, stars, 0, 2, k=1, ratings=True, greatest_rating=5, additions=[3])
    assert (found.status, found.added, found.rank_after) == (Status.OPTIMAL, (3,), 1)


def test_a_question_that_cannot_be_asked_is_refused() -> None:
    ask: Any = lambda **options: recsys_ops.why_not(WEIGHTS, HISTORIES, 0, **({"item": 2, "k": 1} | options))  # noqa: E731
    with pytest.raises(InputError, match="the item is in the user's history"):
        ask(item=0)
    with pytest.raises(InputError, match="item 9: there is no such item"):
        ask(item=9)
    with pytest.raises(InputError, match=r"additions: 1 items are in the history \(first: 0\)"):
        ask(additions=[0, 1])
    with pytest.raises(ConfigError, match="k must be at least 1"):
        ask(k=0)
    with pytest.raises(ConfigError, match="linear in the history"):
        recsys_ops.why_not(recsys_ops.fit_als(HISTORIES, rank=2), HISTORIES, 0, 2)


def test_an_empty_history_has_an_answer() -> None:
    histories = np.vstack([HISTORIES, np.zeros(5)])
    found = recsys_ops.why_not(fit_item_knn(sp.csr_array(HISTORIES)), histories, 2, 1, k=1)
    assert (found.status, found.added) == (Status.OPTIMAL, (3,))


def test_an_answer_that_is_too_long_is_said_to_be() -> None:
    weights = np.zeros((5, 5))
    weights[0, 1], weights[2:4, 4] = 1.5, 1.0
    assert recsys_ops.why_not(weights, HISTORIES[:1], 0, 4, k=1, candidates="all").added == (2, 3)
    found = recsys_ops.why_not(weights, HISTORIES[:1], 0, 4, k=1, candidates="all", max_added=1)
    assert (found.status, found.added, found.bound) == (Status.INFEASIBLE, (), 2)
    assert (
        str(found).splitlines()[1]
        == "At least 2 out of 2 further interactions would be needed: more than may be added."
    )
    late = replace(found, status=Status.TIMEOUT, reason="nothing found in 10 seconds")
    assert str(late).splitlines()[1] == "What would bring it in is not known: nothing found in 10 seconds."
    with pytest.raises(ConfigError, match="max_added=0: expected at least 1"):
        recsys_ops.why_not(weights, HISTORIES[:1], 0, 4, max_added=0)
