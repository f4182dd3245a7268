"""Pieces of a shard without Ray: cut anywhere, they are the shard."""

from typing import Any

import pytest

from jobs.runtime import pieces
from jobs.runtime.isolation import Attempt
from jobs.runtime.pieces import compute_pieces, join_outputs, start_of
from jobs.runtime.shards import Shard
from recsys_ops.status import Status

SHARD = Shard(3, 2, 11, 10)


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1e-4, 10.0])
def test_pieces_of_any_size_give_what_the_shard_gives_at_once(
    doubling: Any, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(pieces, "PIECE_SECONDS", seconds)
    isolated = {case: (Status.ERROR, f"case {case}") for case in (0, 4, 9)}
    work, numbers = doubling(), list(range(20))
    found = list(compute_pieces(work, numbers, Attempt(SHARD, isolated), start_of(SHARD, [])))
    whole, joined = work(numbers, SHARD, isolated), join_outputs([output for _, output in found])
    assert joined.tables["doubles"].equals(whole.tables["doubles"])
    assert joined.tables["doubles"].column("case").num_chunks == 1
    assert (joined.counts, joined.n_cases, joined.n_timeouts) == (whole.counts, whole.n_cases, 0)
    assert found[-1][0].next_unit == SHARD.last_unit + 1
    for position, (kept, _) in enumerate(found):
        rest = [output for _, output in compute_pieces(work, numbers, Attempt(SHARD, isolated), kept)]
        again = join_outputs([output for _, output in found[: position + 1]] + rest)
        assert again.tables["doubles"].equals(whole.tables["doubles"])
