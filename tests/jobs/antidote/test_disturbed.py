"""The antidote job disturbed in every way: the tables stay the same."""

from typing import ClassVar

import pytest

from tests.suites.job import InterruptedJobSuite
from tests.suites.shops import shop_tables, write_shop

SETTINGS: dict[str, str | int] = {
    "algorithm": "gd_fixed", "budget": "2%,5%,10%", "runs": 2, "rank": 2, "regularisation": 2, "starts": 3,
    "seed": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """60 users with about 15 ratings of 60 items."""
    tables = shop_tables(sellers=6, items_per_seller=10, users=60, ratings_per_user=15)
    return write_shop(tmp_path_factory.mktemp("shop"), tables)


class TestAntidote(InterruptedJobSuite):
    """Six shards of one case each."""

    tables: ClassVar[tuple[str, ...]] = (
        "antidote_as_used", "antidote_effect", "antidote_group_losses", "antidote_losses", "antidote_ratings",
        "antidote_starts", "antidote_users",
    )  # fmt: skip
    n_shards: ClassVar[int] = 6

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls, shop: str) -> list[str]:
        """Three budgets in two runs."""
        options = [text for name, value in SETTINGS.items() for text in (f"--{name}", str(value))]
        return ["antidote", "--data", shop, "--shards", str(cls.n_shards), *options]
