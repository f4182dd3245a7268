"""The server that the storage tests run against: it is what S3 promises, and keeps it when killed."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.suites.object_store import ObjectStore

FOLDER = Path(__file__).parents[2] / "cluster/object-store"


def test_the_second_of_two_conditional_puts_is_refused_and_changes_nothing(object_store: ObjectStore) -> None:
    store = object_store.filesystem
    path = f"{object_store.bucket_url}/once"
    store.pipe_file(path, b"first", mode="create")
    with pytest.raises(OSError):
        store.pipe_file(path, b"second", mode="create")
    assert store.cat_file(path) == b"first"


def test_what_was_written_survives_a_killed_server(object_store: ObjectStore) -> None:
    store = object_store.filesystem
    store.pipe({f"{object_store.bucket_url}/{n}": bytes([n]) * 10_000 for n in range(20)})
    object_store.kill()
    object_store.restart()
    for n in range(20):
        assert store.cat_file(f"{object_store.bucket_url}/{n}") == bytes([n]) * 10_000


@pytest.mark.usefixtures("machine")
def test_wrong_usage_of_the_script_says_how_to_use_it() -> None:
    done = subprocess.run([FOLDER / "ceph.sh", "strat"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ceph.sh start DIR [PORT]" in done.stderr


def test_the_server_for_docker_listens_on_the_loopback_interface_only() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports), json.dumps(ports)
