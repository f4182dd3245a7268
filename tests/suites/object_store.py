"""A real S3 server for tests: Ceph in a folder of this session, or one that runs already.

Ceph is taken where its daemons are installed (``cluster/object-store/ceph.sh install``). RECSYS_OPS_TEST_S3 names the
endpoint of another server on this machine, MinIO for example, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY beside
it; what kills the server is skipped there. Without either, tests that ask for ``object_store`` are skipped.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from s3fs import S3FileSystem

CEPH = Path(__file__).parents[2] / "cluster/object-store/ceph.sh"
DAEMONS = ("ceph-mon", "ceph-osd", "radosgw")
FOREIGN = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3")
"""Settings of the machine that would lead away from the test's server."""


@dataclass(frozen=True)
class ObjectStore:
    """A bucket of a server on the loopback interface, and a prefix of it that nobody else writes to."""

    environment: dict[str, str]
    """What a client needs, with nothing of the machine's own AWS configuration."""
    bucket_url: str
    folder: Path | None = None
    """Where the server keeps its data; None for one that somebody else started."""

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return self.environment["AWS_ENDPOINT_URL"]

    @property
    def filesystem(self) -> S3FileSystem:
        """A client of the server that caches no listings, whatever the environment says meanwhile."""
        keys = (self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"])
        return S3FileSystem(key=keys[0], secret=keys[1], endpoint_url=self.endpoint, use_listings_cache=False)

    def kill(self) -> None:
        """SIGKILL to all daemons of the server."""
        subprocess.run([CEPH, "kill", self._own_folder()], check=True, timeout=30)

    def restart(self) -> None:
        """Start what does not run; back when the server answers."""
        command = [str(CEPH), "start", str(self._own_folder()), str(urlsplit(self.endpoint).port)]
        subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)

    def _own_folder(self) -> Path:
        if self.folder is None:
            pytest.skip("the server of RECSYS_OPS_TEST_S3 is not ours to kill")
        return self.folder


class ObjectStoreServer:
    """The session's server, with one fresh bucket."""

    def __init__(self, environment: dict[str, str], folder: Path | None) -> None:
        self.environment = environment
        self.folder = folder
        self.bucket = f"recsys-ops-{uuid.uuid4().hex[:12]}"
        self._prefixes = count()
        self.fresh().filesystem.mkdir(self.bucket)

    def fresh(self) -> ObjectStore:
        """The bucket with a prefix that was never used."""
        return ObjectStore(self.environment, f"s3://{self.bucket}/{next(self._prefixes):04d}", self.folder)


@pytest.fixture(scope="session")
def object_store_server(machine: None) -> Iterator[ObjectStoreServer]:
    """The server for the whole session; ends with it if it was started here."""
    endpoint = os.environ.get("RECSYS_OPS_TEST_S3")
    if endpoint:
        yield ObjectStoreServer(_environment_of(endpoint), None)
        return
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    missing = [name for name in DAEMONS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(
            f"no S3 server: {', '.join(missing)} not installed (cluster/object-store/ceph.sh install), "
            "and RECSYS_OPS_TEST_S3 names none"
        )
    with tempfile.TemporaryDirectory(prefix="recsys-ops-s3-") as folder:
        try:
            command = [str(CEPH), "start", folder, str(_free_port())]
            started = subprocess.run(command, check=True, timeout=180, stdout=subprocess.PIPE, text=True)
            lines = [line.removeprefix("export ") for line in started.stdout.splitlines()]
            yield ObjectStoreServer(_undisturbed(dict(line.split("=", 1) for line in lines)), Path(folder))
        finally:
            subprocess.run([str(CEPH), "stop", folder], check=True, timeout=60)


@pytest.fixture
def object_store(object_store_server: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A fresh prefix on the server, with this process's environment set to reach it."""
    store = object_store_server.fresh()
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    yield store
    S3FileSystem.clear_instance_cache()
    if store.folder is not None:
        store.restart()


def _environment_of(endpoint: str) -> dict[str, str]:
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost"):
        pytest.fail(f"RECSYS_OPS_TEST_S3={endpoint}: tests write to servers on this machine only.", pytrace=False)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if name not in os.environ]
    if missing:
        pytest.fail(f"RECSYS_OPS_TEST_S3={endpoint}: set {' and '.join(missing)} too.", pytrace=False)
    return _undisturbed({"AWS_ENDPOINT_URL": endpoint} | {name: os.environ[name] for name in names})


def _undisturbed(given: dict[str, str]) -> dict[str, str]:
    """``given``, with the machine's profiles and proxies out of the way."""
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return given | nothing | {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1,localhost"}


def _free_port() -> int:
    """One that is free with its neighbour, which the server's monitor takes."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
