"""URLs without credentials, requests that are repeated, and what a store's refusal is turned into."""

from collections.abc import Iterator

import pytest
from botocore.retries.standard import ExponentialBackoff, RetryContext

from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import ConfigError, InputError, StorageError
from recsys_ops.runs import open_run
from recsys_ops.storage import ATTEMPTS, is_bad_content, open_store, refuse_credentials, storage_errors
from tests.suites.scripted_s3 import BUCKET, Answer, ScriptedS3, scripted_s3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch) as store:
        yield store


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between tries."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIASECRET:hush/hush+hush@bucket/out",
        "s3://AKIASECRET:hush@bucket",
        "s3://AKIASECRET:hush",
        "s3://AKIASECRET@bucket/out",
        "simplecache::s3://AKIASECRET:hush@bucket/out",
        "https://user:hush@host:8080/folder",
        "https://bucket.host/file.csv?X-Amz-Signature=hush&X-Amz-Credential=AKIASECRET",
        "s3://bucket/out?aws_secret_access_key=hush",
        "abfs://container/x?sig=hush",
    ],
)
def test_a_url_with_credentials_is_refused_without_repeating_them(url: str) -> None:
    for refusing in (refuse_credentials, open_store, lambda url: read_table(url, url), open_run):
        with pytest.raises(ConfigError, match="the URL holds credentials") as caught:
            refusing(url)
        assert "hush" not in str(caught.value)
        assert "AKIASECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/folder",
        "s3://bucket/user@example.org/a:b",
        "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/place/folder",
        "http://127.0.0.1:9000/bucket",
        "http://[::1]:9000/bucket",
        "https://host/file.csv?version=3",
        "movielens-100k:folder",
        "/a/folder@home",
        "synthetic:items=10,users=3",
    ],
)
def test_a_url_without_credentials_is_not(url: str) -> None:
    refuse_credentials(url)


FAULTS: dict[str, Answer] = {
    "internal error": (500, "InternalError"),
    "bad gateway": (502, "BadGateway"),
    "unavailable": (503, "ServiceUnavailable"),
    "throttled": (503, "SlowDown"),
    "time out": (400, "RequestTimeout"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("impatient")
def test_a_request_that_fails_in_passing_is_repeated(s3: ScriptedS3, fault: str) -> None:
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    s3.script = lambda environ, n: FAULTS[fault] if n < 4 else None
    filesystem.pipe_file(f"{root}/file", b"data")
    assert filesystem.cat_file(f"{root}/file") == b"data"
    assert s3.counts["PUT", f"/{BUCKET}/out/file"] == 5


@pytest.mark.usefixtures("impatient")
def test_a_store_that_fails_at_every_try_is_reported_as_failed(s3: ScriptedS3) -> None:
    s3.script = lambda environ, n: (500, "InternalError")
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    message = r"^s3://scripted/out: writing failed \(InternalError\)\. The store failed"
    with pytest.raises(StorageError, match=message), storage_errors(f"s3://{BUCKET}/out", "writing"):
        filesystem.pipe_file(f"{root}/file", b"data")
    assert s3.counts["PUT", f"/{BUCKET}/out/file"] == 9


def test_the_waits_between_tries_grow_and_are_drawn() -> None:
    backoff = ExponentialBackoff(random=lambda: 1.0)
    waits = [backoff.delay_amount(RetryContext(attempt_number=n + 1)) for n in range(ATTEMPTS - 1)]
    assert waits == [1, 2, 4, 8, 16, 20, 20, 20]  # times a random number from 0 to 1: 45 s on average


def test_a_request_that_the_store_refuses_is_not_repeated(s3: ScriptedS3) -> None:
    s3.script = lambda environ, n: (403, "AccessDenied")
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    with pytest.raises(PermissionError):
        filesystem.pipe_file(f"{root}/file", b"data")
    assert s3.counts["PUT", f"/{BUCKET}/out/file"] == 1


def test_a_missing_bucket_is_not_taken_for_a_missing_file(s3: ScriptedS3) -> None:
    with pytest.raises(StorageError, match=r"reading failed \(NoSuchBucket\)\. There is no such bucket"):
        open_run("s3://nowhere/out")
    with pytest.raises(StorageError, match="NoSuchBucket"):
        read_table("s3://nowhere/items.csv", "items.csv")
    with pytest.raises(InputError, match=r"items\.csv: there is no such file"):
        read_table(f"s3://{BUCKET}/items.csv", "items.csv")


def test_broken_content_is_distinguished_from_a_broken_store() -> None:
    assert is_bad_content(ValueError("not CSV"))
    assert is_bad_content(OSError("Could not open Parquet input source"))
    assert not is_bad_content(OSError(28, "No space left on device"))
    assert not is_bad_content(ConnectionResetError())
    assert not is_bad_content(ValueError("Invalid endpoint: nourl"))
