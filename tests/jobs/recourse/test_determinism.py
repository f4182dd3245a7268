"""The recourse job disturbed and spread in every way: the tables stay the same."""

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime import job as runtime
from recsys_ops.runs import open_run
from tests.suites.job import KilledJobSuite, manifest_of
from tests.suites.shops import shop_tables, write_shop

SETTINGS: dict[str, Any] = {"model": "content", "groups": "n_ratings:1", "seen_by": 1.0, "max_changes": 4, "seed": 3}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """8 sellers of 20 items: 8 batches, even without the items that everybody sees, so up to 8 shards."""
    tables = shop_tables(sellers=8, items_per_seller=20, users=60, ratings_per_user=20)
    return write_shop(tmp_path_factory.mktemp("shop"), tables)


class TestRecourse(KilledJobSuite):
    """Six shards of the recourse job."""

    tables: ClassVar[tuple[str, ...]] = ("recourse", "frontier")
    n_shards: ClassVar[int] = 6

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls, shop: str) -> list[str]:
        """About 160 cases."""
        options = [text for name, value in SETTINGS.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        return ["recourse", "--data", shop, "--shards", str(cls.n_shards), *options]

    @pytest.mark.usefixtures("ray_session")
    def test_three_and_eight_shards_give_the_rows_of_six(self, shop: str, calm: Path, tmp_path: Path) -> None:
        for n_shards in (3, 8):
            run = self.run_here(shop, tmp_path, n_shards)
            assert len(manifest_of(run)["shards"]) == n_shards
            for name in self.tables:
                found, expected = (open_run(str(folder)).table(name).to_table() for folder in (run, calm))
                assert first_difference(found, expected) is None

    def run_here(self, shop: str, out: Path, n_shards: int) -> Path:
        """The run with so many shards on this session's two workers."""
        run_id = f"of-{n_shards}"
        config = RecourseConfig(data=shop, out=str(out), run_id=run_id, shards=n_shards, **SETTINGS)
        assert runtime.run_job(config, recourse.JOB) == 0
        return out / "runs" / run_id


def first_difference(found: pa.Table, expected: pa.Table) -> str | None:
    """Where two tables are not equal float for float; None if nowhere."""
    if found.num_rows != expected.num_rows:
        return f"{found.num_rows} rows, expected {expected.num_rows}"
    for row, (one, other) in enumerate(zip(found.to_pylist(), expected.to_pylist(), strict=True)):
        for column, value in one.items():
            if repr(value) != repr(other[column]):
                return f"row {row}, column {column}: {value!r}, expected {other[column]!r} ({one['item_id']})"
    return None if found.schema.equals(expected.schema) else "schema"
