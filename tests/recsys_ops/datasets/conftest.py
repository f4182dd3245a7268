"""A small valid catalogue, writers of every kind of file, and where the real data are."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

FEATURES_YAML = """\
rating_range: [1, 5]
features:
  - {column: description, kind: text}
  - {column: price, kind: number, direction: decrease}
  - {column: colour, kind: category, mutable: false}
"""

Tables = dict[str, pa.Table]


@pytest.fixture
def tables() -> Tables:
    """Three items of two sellers, four users, five ratings; ids out of order, one price missing."""
    return {
        "interactions": pa.table(
            {"user_id": [9, 2, 2, 4, 9], "item_id": ["b", "a", "c", "a", "a"], "rating": [1.0, 4.5, 5.0, 3.0, 2.0]}
        ),
        "items": pa.table(
            {
                "item_id": ["c", "a", "b"],
                "seller_id": [20, 10, 20],
                "title": ["Chair", 'A "real" apple, red', "Bowl"],
                "description": ["oak chair\nwith arms", "sweet", "round oak bowl"],
                "price": [30.5, None, 12.0],
                "colour": ["brown", "red", None],
            }
        ),
        "users": pa.table({"user_id": [2, 4, 9, 7], "age": [30, 20, 40, 20], "city": ["Ulm", "Bonn", "Ulm", None]}),
    }


def _csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(table, sink)
    return sink.getvalue()


def _tsv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(delimiter="\t"))
    return sink.getvalue()


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


def _arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(table, sink, compression="uncompressed")
    return sink.getvalue()


WRITERS: dict[str, Callable[[pa.Table], bytes]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "feather": _arrow,
    "csv": _csv,
    "csv.gz": lambda table: gzip.compress(_csv(table)),
    "tsv": _tsv,
    "tsv.gz": lambda table: gzip.compress(_tsv(table)),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write tables and features.yaml into a folder; gives its path."""

    def write_folder(tables: Tables, suffix: str = "parquet", yaml: str = FEATURES_YAML, folder: str = "shop") -> str:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, table in tables.items():
            (path / f"{name}.{suffix}").write_bytes(WRITERS[suffix](table))
        (path / "features.yaml").write_text(yaml, encoding="utf-8")
        return str(path)

    return write_folder


@pytest.fixture
def real_data() -> Path:
    """Folder of the MovieLens and goodbooks files."""
    if not os.environ.get("RECSYS_OPS_DATA"):
        pytest.skip("RECSYS_OPS_DATA is not set: the MovieLens files are not distributed with the project")
    return Path(os.environ["RECSYS_OPS_DATA"])
