"""The nightly run on MovieLens-100K, written to a real S3 server and read back from it as its users would."""

import duckdb
import fsspec
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.fs
import pytest

from recsys_ops.runs import open_run
from tests.benchmarks.catalogue import movielens
from tests.benchmarks.processes import run_measured
from tests.suites.object_store import ObjectStore

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]


def test_the_nightly_run_of_movielens_100k_is_read_back_from_s3(object_store: ObjectStore) -> None:
    out = object_store.bucket_url
    measured = run_measured(
        "nightly", "--data", movielens("100k"), "--workers", "2", "--out", out, "--run-id", "nightly"
    )
    print(f"\n{measured.output}")
    run = open_run(out, job="recourse", verify=True)
    manifest = run.manifest
    assert run.run_id == "nightly"
    print(f"{'table':<10} {'rows':>7} {'parts':>5} {'bytes':>9}  rows read by open_run, pyarrow, pandas, DuckDB")
    for name, table in manifest["tables"].items():
        folder = f"{out}/runs/nightly/{name}"
        rows = (
            run.table(name).count_rows(),
            ds.dataset(folder.removeprefix("s3://"), filesystem=_arrow_filesystem(object_store)).count_rows(),
            len(pd.read_parquet(folder)),
            _duckdb_rows(f"{folder}/*.parquet"),
        )
        size = sum(part["bytes"] for part in table["parts"])
        print(f"{name:<10} {table['rows']:7d} {len(table['parts']):5d} {size:9d}  {', '.join(map(str, rows))}")
        assert set(rows) == {table["rows"]}
    recourse = pd.read_parquet(f"{out}/runs/nightly/recourse")
    pd.testing.assert_frame_equal(recourse, run.table("recourse").to_table().to_pandas())
    assert dict(recourse["status"].value_counts()) == {s: n for s, n in manifest["counts"].items() if n}


def _arrow_filesystem(store: ObjectStore) -> pyarrow.fs.FileSystem:
    """Arrow's own client, which shares nothing with the one that wrote."""
    return pyarrow.fs.S3FileSystem(
        access_key=store.environment["AWS_ACCESS_KEY_ID"],
        secret_key=store.environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=store.endpoint,
        region="us-east-1",
    )


def _duckdb_rows(pattern: str) -> int:
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("s3"))
        ((rows,),) = connection.execute("SELECT count(*) FROM read_parquet(?)", [pattern]).fetchall()
    return int(rows)
