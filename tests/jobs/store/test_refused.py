"""A run that was refused is committed, kept from readers whatever is repeated, and published by a person only."""

from pathlib import Path

import pytest

from jobs.store.commit import after_commit
from jobs.store.earlier import runs_before
from jobs.store.housekeeping import find_orphans
from jobs.store.refused import accept_run
from recsys_ops.errors import InputError
from recsys_ops.runs import latest_runs, list_runs, open_run
from tests.jobs.store.test_latest import computed, out

__all__ = ["out"]  # the fixture: local, memory and S3
WHY = ["interactions 61, usual 115 to 131"]


def states(out: str) -> dict[str, str]:
    return {run["run_id"]: run["state"] for run in list_runs(out)}


def test_a_refused_run_is_committed_and_not_the_latest_however_often_it_is_repeated(out: str) -> None:
    computed(out, "good")()
    refused = computed(out, "bad", refused=WHY)()
    after_commit(refused)
    assert latest_runs(out) == {"doubling": "good"}
    assert states(out) == {"good": "complete", "bad": "refused"}
    assert open_run(f"{out}/runs/bad", verify=True).refused == WHY
    assert [run.run_id for run in runs_before(out, "doubling", None, besides=None, most=9)] == ["good"]


def test_a_person_publishes_it_once_and_for_all(out: str) -> None:
    computed(out, "good")()
    refused = computed(out, "bad", refused=WHY)()
    assert accept_run(out, "bad") == "bad"
    assert accept_run(out, "bad") == "bad"
    after_commit(refused)
    assert latest_runs(out) == {"doubling": "bad"}
    assert states(out)["bad"] == "complete"
    assert open_run(f"{out}/runs/bad").refused == []
    assert not [path for path in find_orphans(out, ["bad"]) if "_accepted" in path]


def test_accepting_an_earlier_night_does_not_move_readers_back(out: str) -> None:
    computed(out, "bad", refused=WHY)()
    computed(out, "later")()
    assert accept_run(out, "bad") == "later"
    assert states(out)["bad"] == "complete"


def test_what_was_not_refused_cannot_be_accepted(tmp_path: Path) -> None:
    computed(str(tmp_path), "good")()
    with pytest.raises(InputError, match="--accept good: the run was not refused"):
        accept_run(str(tmp_path), "good")
