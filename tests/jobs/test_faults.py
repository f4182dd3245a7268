"""A run on a real S3 server whose driver or server is killed; the benchmark has all other faults."""

from collections.abc import Iterator

import pytest

from tests.suites import faults
from tests.suites.bed import Bed, Fault, make_bed
from tests.suites.object_store import ObjectStoreServer


@pytest.fixture(scope="module")
def bed(object_store_server: ObjectStoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Cluster, server and undisturbed run."""
    if object_store_server.folder is None:
        pytest.skip("the server of RECSYS_OPS_TEST_S3 is not ours to kill")
    folder = tmp_path_factory.mktemp("bed")
    with make_bed(object_store_server.fresh(), folder, spill=folder) as bed:
        yield bed


@pytest.mark.parametrize(
    ("fault", "share"),
    [(faults.driver_killed, 0.5), (faults.server_killed, 0.4)],
    ids=["killed driver", "killed server"],
)
def test_a_run_on_s3_is_complete_and_the_same_after_a(bed: Bed, fault: Fault, share: float) -> None:
    trial = bed.disturb(fault.__name__, fault, share * bed.seconds)
    assert trial is not None, "the run was over before the fault"
    assert trial.survived or trial.resumed == 0, trial.message
    assert not trial.wrong
