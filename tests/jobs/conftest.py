"""For the tests of the jobs: the command line in this process, and a job small enough to know by heart.

Every case of that job is a number, its result the number doubled.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.runtime.heartbeat import at_case
from jobs.runtime.shards import Shard, plan_shards
from jobs.store.records import Isolated, ShardOutput
from jobs.store.start import StartedRun, start_run
from tests.suites.cli import CommandLine
from tests.suites.reported import write_runs


@pytest.fixture
def doubling() -> Callable[..., Any]:
    """``doubling(before)`` is a ``work`` that calls ``before(value)`` ahead of each case.

    The functions are nested, so that they are pickled by value: workers cannot import test modules.
    """

    def make(before: Callable[[int], None] = lambda value: None) -> Any:
        def work(shared: list[int], shard: Shard, isolated: Isolated) -> ShardOutput:
            rows = []
            for case, unit in enumerate(shard.units):
                row = {"case": shared[unit], "doubled": None, "status": "optimal", "reason": None}
                if case in isolated:
                    row |= dict(zip(("status", "reason"), isolated[case], strict=True))
                else:
                    at_case(case)
                    before(shared[unit])
                    row["doubled"] = 2 * shared[unit]
                rows.append(row)
            types = {"case": pa.int64(), "doubled": pa.int64(), "status": pa.string(), "reason": pa.string()}
            table = pa.Table.from_pylist(rows, schema=pa.schema(types))
            return ShardOutput({"doubles": table}, dict(Counter(str(row["status"]) for row in rows)), len(rows))

        return work

    return make


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., tuple[StartedRun, list[Shard]]]:
    """``start(n_cases, n_shards)`` opens run ``r1`` below ``tmp_path``."""

    def start(n_cases: int = 8, n_shards: int = 4, **changes: Any) -> tuple[StartedRun, list[Shard]]:
        shards = plan_shards([1.0] * n_cases, n_shards=n_shards)
        settings = {"configuration": {"k": 5, "workers": 2}, "inputs": {"interactions": "abc"}, **changes}
        out = str(settings.pop("out", tmp_path))
        run_id = settings.pop("run_id", "r1")
        return start_run(out, run_id, job="doubling", shards=shards, **settings), shards

    return start


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """``command_line("recourse", "--data", ...)`` gives exit code and both streams."""
    return CommandLine(capsys)


@pytest.fixture(scope="session")
def reported(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results that pages are made of: a run of recourse and one of counterfactuals."""
    return write_runs(tmp_path_factory.mktemp("report"))
