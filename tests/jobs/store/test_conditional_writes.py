"""Creating files only once, by each protocol, and finding out which one a store has."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import StorageError
from jobs.store import conditional_writes as storage
from jobs.store.conditional_writes import Protocol, check_writable, create_bytes, find_protocol
from recsys_ops.storage import Encryption, open_store
from tests.suites.scripted_s3 import BUCKET, ScriptedS3, is_conditional, scripted_s3

PROTOCOLS: tuple[Protocol, ...] = ("hard-link", "claim")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch) as store:
        yield store


def refused(environ: dict[str, Any], _: int) -> tuple[int, str] | None:
    """As stores that do not know conditional PUT answer it."""
    return (501, "NotImplemented") if is_conditional(environ) else None


def ignored(environ: dict[str, Any], _: int) -> None:
    """As stores that take no notice of a header they do not know."""
    environ.pop("HTTP_IF_NONE_MATCH", None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_creating_again_with_our_own_bytes_is_success_and_with_others_is_not(
    tmp_path: Path, protocol: Protocol
) -> None:
    filesystem, root = open_store(str(tmp_path))
    create_bytes(filesystem, f"{root}/file", b"ours", protocol)
    create_bytes(filesystem, f"{root}/file", b"ours", protocol)
    with pytest.raises(FileExistsError):
        create_bytes(filesystem, f"{root}/file", b"theirs", protocol)
    assert filesystem.cat_file(f"{root}/file") == b"ours"
    assert [Path(path).name for path in filesystem.find(root)] == ["file"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_of_many_writers_at_once_at_most_one_creates(tmp_path: Path, protocol: Protocol) -> None:
    filesystem, root = open_store(str(tmp_path))
    start = threading.Barrier(8)
    created: list[int] = []

    def write(writer: int) -> None:
        start.wait()
        try:
            create_bytes(filesystem, f"{root}/file", f"writer {writer}".encode(), protocol)
            created.append(writer)
        except FileExistsError:
            return

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert len(created) == 1 or (protocol == "claim" and not created)
    if created:
        assert filesystem.cat_file(f"{root}/file") == f"writer {created[0]}".encode()


def test_a_local_folder_has_hard_links(tmp_path: Path) -> None:
    filesystem, root = open_store(str(tmp_path))
    assert find_protocol(filesystem, root) == "hard-link"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_hard_links_is_written_by_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    filesystem, root = open_store(str(tmp_path))
    assert find_protocol(filesystem, root) == "claim"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "protocol"), [(lambda *_: None, "conditional-put"), (refused, "claim"), (ignored, "claim")]
)
def test_the_protocol_is_what_the_object_store_offers(s3: ScriptedS3, script: Any, protocol: str) -> None:
    s3.script = script
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    assert find_protocol(filesystem, root) == protocol
    assert filesystem.find(root) == []


def test_a_writer_gives_way_to_a_claim_that_is_young(tmp_path: Path) -> None:
    filesystem, root = open_store(str(tmp_path))
    (tmp_path / "_claims").mkdir()
    (tmp_path / "_claims/file-rival").write_text("")
    with pytest.raises(FileExistsError):
        create_bytes(filesystem, f"{root}/file", b"ours", "claim")
    assert [path.name for path in (tmp_path / "_claims").iterdir()] == ["file-rival"]
    assert not (tmp_path / "file").exists()


def test_a_claim_of_a_writer_that_died_long_ago_counts_no_more(tmp_path: Path) -> None:
    filesystem, root = open_store(str(tmp_path))
    (tmp_path / "_claims").mkdir()
    rival = tmp_path / "_claims/file-rival"
    rival.write_text("")
    old = rival.stat().st_mtime - storage.CLAIM_SECONDS - 1
    os.utime(rival, (old, old))
    create_bytes(filesystem, f"{root}/file", b"ours", "claim")
    assert (tmp_path / "file").read_bytes() == b"ours"


def test_a_writer_that_stalled_between_claim_and_write_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, storage.CLAIM_SECONDS])
    monkeypatch.setattr("jobs.store.conditional_writes.time.monotonic", lambda: next(times))
    filesystem, root = open_store(str(tmp_path))
    with pytest.raises(FileExistsError):
        create_bytes(filesystem, f"{root}/file", b"ours", "claim")
    assert not (tmp_path / "file").exists()


def test_a_conditional_put_in_conflict_is_repeated(s3: ScriptedS3) -> None:
    s3.script = lambda environ, n: (409, "ConditionalRequestConflict") if n < 2 else None
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    create_bytes(filesystem, f"{root}/file", b"ours", "conditional-put")
    assert s3.counts["PUT", f"/{BUCKET}/out/file"] == 3


def test_every_write_requests_encryption(s3: ScriptedS3) -> None:
    encryption = Encryption("aws:kms", "key-1")
    check_writable(f"s3://{BUCKET}/out", encryption=encryption)
    filesystem, root = open_store(f"s3://{BUCKET}/out", encryption=encryption)
    create_bytes(filesystem, f"{root}/file", b"ours", "conditional-put")
    filesystem.pipe_file(f"{root}/other", b"ours")
    kinds = [request.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION") for request in s3.seen]
    keys = [request.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID") for request in s3.seen]
    writes = sum(count for (method, _), count in s3.counts.items() if method == "PUT")
    assert kinds.count("aws:kms") == keys.count("key-1") == writes >= 3


def test_a_bucket_that_only_takes_encrypted_files_is_reported_before_any_work(s3: ScriptedS3) -> None:
    def only_encrypted(environ: dict[str, Any], _: int) -> tuple[int, str] | None:
        is_put = environ["REQUEST_METHOD"] == "PUT"
        return (403, "AccessDenied") if is_put and "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION" not in environ else None

    s3.script = only_encrypted
    check_writable(f"s3://{BUCKET}/out", encryption=Encryption("AES256"))
    with pytest.raises(StorageError, match=r"s3://scripted/out: writing a probe file failed \(AccessDenied\)"):
        check_writable(f"s3://{BUCKET}/out")
