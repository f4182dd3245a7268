"""The policy of the bucket against what runs do there: they may delete what they delete, and no result."""

import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from jobs.runtime.worker import compute_shard
from jobs.store.commit import commit_run
from jobs.store.conditional_writes import check_writable
from jobs.store.start import forget_failure, note_failure
from recsys_ops.runs import open_run
from recsys_ops.storage import open_store
from tests.cluster.manifests import ROOT
from tests.suites.scripted_s3 import BUCKET, Answer, ScriptedS3, is_conditional, scripted_s3

OUT = f"s3://{BUCKET}/results"
POLICY = json.loads((ROOT / "cluster" / "policy" / "bucket.json").read_text(encoding="utf-8"))
ALLOWED = [statement for statement in POLICY["Statement"] if statement["Effect"] == "Allow"]
ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}


def listed(value: str | list[str]) -> list[str]:
    """What a policy names, where a single name needs no list."""
    return [value] if isinstance(value, str) else value


def allowed(action: str) -> list[str]:
    """Patterns of the keys that the policy allows ``action`` on."""
    named = [listed(statement["Resource"]) for statement in ALLOWED if action in listed(statement["Action"])]
    return [resource.removeprefix("arn:aws:s3:::example-bucket/") for patterns in named for resource in patterns]


def is_allowed(action: str, key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in allowed(action))


def by_policy(environ: dict[str, Any]) -> Answer:
    """As a store answers that keeps to the policy; a request without a key is about the bucket."""
    key = environ["PATH_INFO"].removeprefix(f"/{BUCKET}").removeprefix("/")
    action = ACTIONS.get(environ["REQUEST_METHOD"])
    return (403, "AccessDenied") if key and action and not is_allowed(action, key) else None


def without_conditional_put(environ: dict[str, Any]) -> Answer:
    """As a store answers where runs have to write claims."""
    return (501, "NotImplemented") if is_conditional(environ) else None


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch) as found:
        yield found


@pytest.fixture
def live(start: Any, doubling: Any) -> Callable[[str], None]:
    """``live(run_id)`` is a run that fails, is interrupted when it is taken up again, and completed at last."""

    def live(run_id: str) -> None:
        check_writable(OUT)
        run, shards = start(out=OUT, run_id=run_id)
        note_failure(run, "a shard failed")
        for _ in range(2):
            run, _ = start(out=OUT, run_id=run_id, resume=True)
            forget_failure(run)
        records = [compute_shard(doubling(), list(range(8)), shard, {}, run.folder) for shard in shards]
        commit_run(run, records)

    return live


@pytest.mark.parametrize("offered", [lambda _: None, without_conditional_put])
def test_a_run_that_failed_is_taken_up_again_under_the_policy(
    store: ScriptedS3, live: Callable[[str], None], offered: Callable[[dict[str, Any]], Answer]
) -> None:
    store.script = lambda environ, _: by_policy(environ) or offered(environ)
    live("r1")
    assert open_run(OUT, verify=True).run_id == "r1"


def test_the_note_of_a_failure_is_deleted_only_where_there_is_one(
    store: ScriptedS3, live: Callable[[str], None]
) -> None:
    live("r1")
    assert store.counts["DELETE", f"/{BUCKET}/results/runs/r1/_failed.json"] == 1


def test_the_policy_lets_be_deleted_what_runs_delete_and_nothing_that_stays(
    store: ScriptedS3, live: Callable[[str], None]
) -> None:
    live("r1")
    store.script = lambda environ, _: without_conditional_put(environ)
    live("r2")
    written = {path.removeprefix(f"/{BUCKET}/") for method, path in store.counts if method == "PUT"}
    filesystem, root = open_store(OUT)
    left = {path.removeprefix(f"{BUCKET}/") for path in filesystem.find(root)}
    deleted = written - left
    assert {key for key in deleted if not is_allowed("s3:DeleteObject", key)} == set()
    assert {key for key in left if is_allowed("s3:DeleteObject", key)} == set()
    patterns = allowed("s3:DeleteObject")
    assert {pattern for pattern in patterns if not any(fnmatchcase(key, pattern) for key in deleted)} == set()


def test_the_policy_names_every_action() -> None:
    for statement in ALLOWED:
        assert all(re.fullmatch(r"s3:[A-Za-z]+", action) for action in listed(statement["Action"]))
