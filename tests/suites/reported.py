"""Runs that pages are made of, on a shop with a title and a seller that are no good."""

from pathlib import Path

from tests.suites.cli import exit_code_here
from tests.suites.shops import shop_tables, with_value, write_shop

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)> \u202eabc {{ 7 * 7 }} ' + "x" * 300
SELLER = "s/<b>"


def write_runs(folder: Path) -> Path:
    """A run of recourse and one of counterfactuals; where they are."""
    tables = shop_tables(sellers=3, items_per_seller=14, users=40, ratings_per_user=10)
    items = with_value(tables["items"], "title", 0, HOSTILE)
    shop = write_shop(folder / "shop", tables | {"items": with_value(items, "seller_id", 0, SELLER)})
    common = ("--data", shop, "--out", str(folder / "out"), "--k", "5")
    recourse = ("recourse", *common, "--groups", "n_ratings:1", "--seen-by", "1", "--run-id", "recourse")
    pages = ("--report", "--feedback-url", "https://shop.example/in")
    assert exit_code_here(*recourse, "--plausibility", "none", "--model", "content", "--options", "2", *pages) == 0
    cards = list((folder / "out/pages/recourse/sellers").iterdir())
    assert cards
    assert all("connect-src https://shop.example;" in card.read_text() for card in cards)
    assert exit_code_here("counterfactuals", *common, "--users", "1,2", "--run-id", "why") == 0
    return folder / "out"
