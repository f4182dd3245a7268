"""The counterfactuals job disturbed and spread in every way: the table stays the same."""

from pathlib import Path
from typing import ClassVar

import pytest

from jobs.counterfactuals import job as counterfactuals
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.runtime import job as runtime
from recsys_ops.runs import open_run
from tests.suites.job import InterruptedJobSuite
from tests.suites.shops import shop_tables, write_shop

SETTINGS: dict[str, str | int] = {"plausibility": "optimise", "categories": "category", "k": 5, "top": 2, "seed": 3}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """24 users with about 16 ratings of 72 items."""
    tables = shop_tables(sellers=6, items_per_seller=12, users=24, ratings_per_user=16)
    return write_shop(tmp_path_factory.mktemp("shop"), tables)


class TestCounterfactuals(InterruptedJobSuite):
    """Six shards of the counterfactuals job; its ``timings`` depend on the clock and are left out."""

    tables: ClassVar[tuple[str, ...]] = ("counterfactuals",)
    n_shards: ClassVar[int] = 6

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls, shop: str) -> list[str]:
        """48 cases."""
        options = [text for name, value in SETTINGS.items() for text in (f"--{name}", str(value))]
        return ["counterfactuals", "--data", shop, "--shards", str(cls.n_shards), *options]

    @pytest.mark.usefixtures("ray_session")
    def test_two_and_eleven_shards_give_the_rows_of_six(self, shop: str, calm: Path, tmp_path: Path) -> None:
        expected = open_run(str(calm)).table("counterfactuals").to_table()
        for n_shards in (2, 11):
            config = CounterfactualsConfig(
                data=shop, out=str(tmp_path), run_id=f"of-{n_shards}", shards=n_shards, **SETTINGS
            )
            assert runtime.run_job(config, counterfactuals.JOB) == 0
            run = open_run(str(tmp_path / "runs" / f"of-{n_shards}"))
            assert len(run.manifest["shards"]) == n_shards
            assert run.table("counterfactuals").to_table().equals(expected)
