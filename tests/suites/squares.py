"""A whole job: the squares of some numbers. ``python -m tests.suites.squares squares --n 6`` runs it."""

import time

import pyarrow as pa
from pydantic import Field
from rich.console import Console

from jobs.__main__ import COMMANDS, Command, main
from jobs.config import RunConfig
from jobs.runtime.heartbeat import at_case
from jobs.runtime.job import Job, Plan
from jobs.runtime.shards import Shard, plan_shards
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.runs import Run

SCHEMA = pa.schema({"number": pa.int64(), "square": pa.int64(), "status": pa.string(), "reason": pa.string()})


class SquaresConfig(RunConfig):
    """Settings of the job."""

    n: int = Field(default=6, ge=0)
    """Numbers to square."""
    add: int = 0
    """Added to every square."""
    pause: float = 0.0
    """Seconds that the case of the number 1 takes; that of n takes n times as long."""


def load(config: SquaresConfig) -> range:
    """The numbers."""
    return range(config.n)


def plan(config: SquaresConfig, numbers: range) -> Plan:
    """A case per number."""
    shards = plan_shards([1.0] * len(numbers), n_shards=config.shards)
    inputs, fingerprints = (numbers, config.add, config.pause), {"numbers": str(config.n)}
    return Plan(shards, inputs, fingerprints, lambda shard: 60.0, keys={"squares": ("number",)})


def run_shard(inputs: tuple[range, int, float], shard: Shard, isolated: Isolated) -> ShardOutput:
    """Their squares."""
    rows = []
    for case, unit in enumerate(shard.units):
        at_case(case)
        time.sleep(inputs[2] * inputs[0][unit])
        square = inputs[0][unit] ** 2 + inputs[1]
        status, reason = isolated.get(case, ("optimal", None))
        rows.append({"number": inputs[0][unit], "square": square, "status": str(status), "reason": reason})
    return ShardOutput({"squares": pa.Table.from_pylist(rows, schema=SCHEMA)}, {"optimal": len(rows)}, len(rows))


def print_summary(console: Console, run: Run, numbers: range) -> None:
    """The number of squares."""
    console.print(f"{len(numbers)} squares")


JOB = Job("squares", load=load, plan=plan, run_shard=run_shard, summarise=print_summary)
COMMANDS["squares"] = Command("tests.suites.squares:SquaresConfig", "tests.suites.squares:JOB", "Squares of numbers.")

if __name__ == "__main__":
    main()
