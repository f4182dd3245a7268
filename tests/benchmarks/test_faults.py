"""What a run survives: each fault at 20 random moments, alone and resumed, on a real S3 server."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from tests.suites import faults
from tests.suites.bed import Bed, Fault, Trial, make_bed, small_disk
from tests.suites.object_store import ObjectStoreServer

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

N_MOMENTS = 20
FAULTS: dict[str, Fault] = {
    "kill -9 of a worker": faults.worker_killed,
    "kill -9 of a raylet": faults.raylet_killed,
    "kill -9 of the driver": faults.driver_killed,
    "kill -9 of the S3 server": faults.server_killed,
    "10 % answered 503": faults.unavailable,
    "10 % of connections dropped": faults.connections_dropped,
    "disk full for spilling": faults.disk_full,
}
LASTING = (faults.unavailable, faults.connections_dropped)
"""They are on for a whole run, and strike at as many moments of it as there are requests."""


@pytest.fixture(scope="module")
def bed(object_store_server: ObjectStoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Cluster, server and undisturbed run for all faults."""
    folder = tmp_path_factory.mktemp("bed")
    with (
        small_disk(folder / "spill") as spill,
        make_bed(object_store_server.fresh(), folder, spill=spill) as bed,
    ):
        print(f"\nundisturbed: {bed.seconds:.1f} s from the claim of the run id to the commit")
        print(f"{'fault':<28} {'times':>5} {'alone':>5} {'resumed':>7} {'shards kept':>11}  exit codes, first messages")
        yield bed


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_changes_loses_doubles_or_recomputes_anything(bed: Bed, name: str) -> None:
    fault = FAULTS[name]
    rng = np.random.default_rng([6, list(FAULTS).index(name)])
    trials: list[Trial] = []
    for attempt in range(3 * N_MOMENTS):
        moment = 0.0 if fault in LASTING else rng.uniform(0, bed.seconds)
        trial = bed.disturb(f"{fault.__name__}-{attempt}", fault, moment)
        if trial is not None:
            trials.append(trial)
        if len(trials) == N_MOMENTS:
            break
    show(name, trials)
    assert len(trials) == N_MOMENTS
    assert not [trial for trial in trials if trial.wrong]


def show(name: str, trials: list[Trial]) -> None:
    """Print a row of the table, and what was wrong."""
    kept = [trial.n_recorded for trial in trials]
    codes = Counter("hung" if trial.code is None else str(trial.code) for trial in trials)
    resumed = sum(trial.resumed == 0 for trial in trials)
    print(
        f"{name:<28} {len(trials):5d} {sum(trial.survived for trial in trials):5d} {resumed:7d}"
        f" {f'{min(kept)} to {max(kept)}':>11}  {dict(codes)}",
        flush=True,
    )
    for message in sorted({trial.message for trial in trials if not trial.survived}):
        print(f"    {message[:300]}")
    for trial in trials:
        for problem in trial.wrong:
            print(f"    WRONG {problem}")
