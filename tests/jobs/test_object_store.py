"""Jobs and runs against a real S3 server: inputs and outputs by URL, one commit, no secret left anywhere."""

import json
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable
from pyarrow import fs as arrow_fs

from jobs.errors import RunExistsError
from jobs.runtime.shards import plan_shards
from jobs.runtime.worker import compute_shard
from jobs.store.commit import commit_run
from jobs.store.records import ShardOutput
from jobs.store.start import start_run
from recsys_ops import open_run
from tests.suites import cli
from tests.suites.object_store import ObjectStore
from tests.suites.shops import shop_tables, write_shop

SMALL = ("--groups", "n_ratings:1", "--seen-by", "1", "--max-changes", "2", "--shards", "4", "--workers", "1")


def put_shop(store: ObjectStore, folder: Path) -> str:
    """A small catalogue on the store; gives its URL."""
    local = write_shop(folder / "shop", shop_tables(sellers=4, items_per_seller=18, users=30, ratings_per_user=10))
    store.filesystem.put(local, f"{store.bucket_url}/shop", recursive=True)
    return f"{store.bucket_url}/shop"


def test_a_nightly_run_from_s3_to_s3_reads_back_in_every_tool_and_leaves_no_secret(
    object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    ray_folder = Path(tempfile.mkdtemp(prefix="ray-"))  # tmp_path is too long for Ray's sockets
    request.addfinalizer(lambda: shutil.rmtree(ray_folder, ignore_errors=True))
    monkeypatch.setenv("RAY_TMPDIR", str(ray_folder))
    out = f"{object_store.bucket_url}/out"
    data = put_shop(object_store, tmp_path)
    done = cli.run_command("nightly", "--data", data, "--out", out, "--run-id", "n", "--delta", *SMALL)
    assert done.code == 0, done.stderr
    run = open_run(out, job="recourse", verify=True)
    assert run.manifest["commit_protocol"] == "conditional-put"
    rows = run.table("recourse").to_table()
    paths = [f"{run.url}/{part['path']}".removeprefix("s3://") for part in run.manifest["tables"]["recourse"]["parts"]]
    environment = object_store.environment
    s3 = arrow_fs.S3FileSystem(
        endpoint_override=object_store.endpoint,
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    assert ds.dataset(paths, filesystem=s3).to_table()["item_id"].equals(rows["item_id"])
    frame = pd.concat(pd.read_parquet(f"s3://{path}") for path in paths)
    assert frame["item_id"].tolist() == rows["item_id"].to_pylist()
    database = duckdb.connect()
    database.register_filesystem(object_store.filesystem)
    counted = database.sql(
        f"select count(*), count(distinct item_id) from read_parquet('{run.url}/recourse/*.parquet')"
    )
    assert counted.fetchall() == [(rows.num_rows, len(set(rows["item_id"].to_pylist())))]
    delta = DeltaTable(f"{run.url}/recourse", storage_options={**environment, "AWS_ALLOW_HTTP": "true"})
    assert delta.to_pyarrow_table()["item_id"].to_pylist() == rows["item_id"].to_pylist()
    written = object_store.filesystem.cat(object_store.filesystem.find(out))
    logged = {str(path): path.read_bytes() for path in ray_folder.rglob("*") if path.is_file()}
    printed = {"stdout": done.stdout.encode(), "stderr": done.stderr.encode()}
    assert len(written) >= 8
    assert logged
    secret = environment["AWS_SECRET_ACCESS_KEY"].encode()
    assert not [path for path, content in {**written, **logged, **printed}.items() if secret in content]


@pytest.mark.benchmark  # with all other faults
def test_a_run_whose_server_dies_and_comes_back_completes_by_itself_with_the_bytes_of_a_local_folder(
    object_store: ObjectStore, tmp_path: Path, ray_session: None
) -> None:
    shop = write_shop(tmp_path / "shop", shop_tables(sellers=8, items_per_seller=20, users=60, ratings_per_user=20))
    job = ("recourse", "--data", shop, *SMALL[:-4], "--shards", "8", "--run-id", "r")
    assert cli.exit_code_here(*job, "--out", str(tmp_path)) == 0
    out, log = f"{object_store.bucket_url}/out", tmp_path / "log"
    with cli.started(*job, "--workers", "1", "--out", out, log=log) as driver:
        while not object_store.filesystem.glob(f"{out}/runs/r/_shards/*"):
            assert driver.poll() is None, log.read_text()
            time.sleep(0.05)
        object_store.kill()
        time.sleep(5)
        assert driver.poll() is None, log.read_text()
        object_store.restart()
        assert driver.wait(120) == 0, log.read_text()
    found, expected = open_run(f"{out}/runs/r", verify=True), open_run(str(tmp_path / "runs/r"))
    for table in ("recourse", "frontier"):
        parts = [[part["sha256"] for part in run.manifest["tables"][table]["parts"]] for run in (found, expected)]
        assert parts[0] == parts[1]


@pytest.mark.benchmark  # the next test has many writers of one run
def test_of_two_drivers_of_one_run_exactly_one_commits(object_store: ObjectStore, tmp_path: Path) -> None:
    data = put_shop(object_store, tmp_path)
    out = f"{object_store.bucket_url}/out"
    arguments = ("nightly", "--data", data, "--out", out, "--run-id", "n", *SMALL)
    logs = [tmp_path / "one", tmp_path / "other"]
    with cli.started(*arguments, log=logs[0]) as one, cli.started(*arguments, log=logs[1]) as other:
        codes = [one.wait(200), other.wait(200)]
    printed = [log.read_text() for log in logs]
    manifest = open_run(out, verify=True).manifest
    assert sorted(codes) in ([0, 3], [0, 0]), printed
    if 3 in codes:
        assert "run n: already committed by another writer" in printed[codes.index(3)]
    else:  # the other came when all was done, and had nothing to commit
        assert any(" cases in " in text for text in printed)
    assert_only_what_is_listed(object_store, f"{out}/runs/n", manifest)


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_commits_at_once_exactly_one_wins_and_its_bytes_stay(object_store: ObjectStore, attempt: int) -> None:
    shards = plan_shards([1.0] * 4, n_shards=4)
    start = threading.Barrier(4)
    won: list[Any] = []
    lost: list[str] = []

    def commit(writer: int) -> None:
        def work(shared: None, shard: Any, isolated: Any) -> ShardOutput:
            return ShardOutput({"t": pa.table({"writer": [writer] * 3})}, {"optimal": 3}, 3)

        run = start_run(object_store.bucket_url, "r", job="j", configuration={}, inputs={}, shards=shards, resume=True)
        records = [compute_shard(work, None, shard, {}, run.folder) for shard in shards]
        start.wait()
        try:
            won.append((writer, commit_run(run, records)))
        except RunExistsError as error:
            lost.append(str(error))

    writers = [threading.Thread(target=commit, args=(writer,)) for writer in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    ((winner, manifest),) = won
    assert len(lost) == 3
    run = open_run(f"{object_store.bucket_url}/runs/r", verify=True)
    assert run.manifest["writer"] == manifest["writer"]
    assert run.table("t").to_table()["writer"].to_pylist() == [winner] * 12


def assert_only_what_is_listed(store: ObjectStore, url: str, manifest: dict[str, Any]) -> None:
    """No file below the run that a reader who lists could take for a part."""
    listed = {part["path"] for table in manifest["tables"].values() for part in table["parts"]}
    root = url.removeprefix("s3://")
    found = {path.removeprefix(f"{root}/") for path in store.filesystem.find(root)}
    recourse = {path for path in found if path.startswith(("recourse/", "frontier/"))}
    assert recourse <= listed


def bad_cases(store: ObjectStore) -> dict[str, tuple[dict[str, str | None], list[str], int, str]]:
    """Environment, options, exit code and the beginning of the message."""
    out = ["--out", f"{store.bucket_url}/out"]
    secret = "a-secret-that-is-wrong/0123456789"
    where = f"recsys-ops: {store.bucket_url}/out: "
    probe = "writing a probe file failed"
    return {
        "no such bucket": ({}, ["--out", "s3://no-such-bucket-here/out"], 3,
            f"recsys-ops: s3://no-such-bucket-here/out: {probe} (NoSuchBucket). There is no such bucket."),
        "wrong secret": ({"AWS_SECRET_ACCESS_KEY": secret}, out, 3,
            f"{where}{probe} (SignatureDoesNotMatch). The store does not accept the credentials."),
        "unknown key": ({"AWS_ACCESS_KEY_ID": "nobody"}, out, 3,
            f"{where}{probe} (InvalidAccessKeyId). The store does not accept the credentials."),
        "half of the credentials": ({"AWS_SECRET_ACCESS_KEY": None}, out, 3,
            f"{where}{probe} (PartialCredentialsError). There are no credentials."),
        "no credentials": ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, out, 3,
            f"{where}{probe} (NoCredentialsError). There are no credentials."),
        "unknown profile": ({"AWS_PROFILE": "nobody"}, out, 3,
            f"{where}{probe} (ProfileNotFound). Set AWS_PROFILE to a profile"),
        "nothing at the endpoint": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, out, 3,
            f"{where}{probe} (EndpointConnectionError). Nothing answers at the endpoint."),
        "endpoint no URL": ({"AWS_ENDPOINT_URL": "nourl"}, out, 3,
            f"{where}{probe} (ValueError). The endpoint is not a URL."),
        "encryption not set up": ({}, [*out, "--sse", "AES256"], 3,
            f"{where}{probe} (InvalidRequest). The store does not offer what was requested."),
        "no permission to write": ({}, ["--out", f"{store.bucket_url}/closed"], 3,
            f"recsys-ops: {store.bucket_url}/closed: {probe} (AccessDenied). The credentials are known,"),
        "credentials in the URL": ({}, ["--out", f"s3://AKIAKEY:{secret}@bucket/out"], 2,
            "recsys-ops: s3://...: the URL holds credentials"),
        "credentials in the data's URL": ({}, [*out, "--data", f"s3://AKIAKEY:{secret}@bucket/data"], 2,
            "recsys-ops: s3://...: the URL holds credentials"),
        "unknown protocol": ({}, ["--out", "s4://bucket/out"], 3, "recsys-ops: s4://bucket/out: no such store"),
        "no such data": ({}, [*out, "--data", f"{store.bucket_url}/nothing"], 2,
            f"recsys-ops: {store.bucket_url}/nothing: there is no such folder."),
        "data in no bucket": ({}, [*out, "--data", "s3://no-such-bucket-here/shop"], 3,
            "recsys-ops: s3://no-such-bucket-here/shop"),
        "a key without its encryption": ({}, [*out, "--sse-kms-key", "k"], 2,
            "recsys-ops: --sse-kms-key k: a key needs --sse aws:kms."),
    }  # fmt: skip


def test_what_cannot_work_is_refused_before_any_work_with_its_exit_code(
    object_store: ObjectStore, command_line: cli.CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, _, prefix = object_store.bucket_url.removeprefix("s3://").partition("/")
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject"}
    statement = denied | {"Resource": f"arn:aws:s3:::{bucket}/{prefix}/closed/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    object_store.filesystem.call_s3("put_bucket_policy", Bucket=bucket, Policy=json.dumps(policy))
    wrong, lines = [], []
    for name, (environment, options, code, message) in bad_cases(object_store).items():
        with monkeypatch.context() as patch:
            for variable, value in environment.items():
                patch.delenv(variable) if value is None else patch.setenv(variable, value)
            object_store.filesystem.clear_instance_cache()
            done = command_line("recourse", "--data", "synthetic:items=10,users=5", *options)
        shown = done.stderr.replace(object_store.bucket_url, "s3://bucket/prefix").strip()
        lines.append(f"{name:<30} {done.code}  {shown}")
        if (done.code, done.stderr.startswith(message)) != (code, True):
            wrong.append((name, done.code, done.stderr, message))
        for secret in ("a-secret-that-is-wrong", os.environ["AWS_SECRET_ACCESS_KEY"]):
            assert secret not in done.stderr + done.stdout
    print("", *lines, sep="\n")
    assert not wrong
    found = object_store.filesystem.find(object_store.bucket_url)
    assert found == []
