"""A fortnight of nights as they happen: missing, made up for later, cut, with half of the feed, repeated.

Every morning of November an export of the shop arrives, with all interactions until then. What is asserted is what
readers have each morning, and what was refused and why. Run with ``-s`` it prints the table.
"""

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs import nightly, runs
from jobs.nightly import NightlyConfig
from jobs.recourse.order import nights_waited
from jobs.runs import RunsConfig
from recsys_ops.datasets import load_dataset
from recsys_ops.errors import InputError
from recsys_ops.runs import list_runs, open_run
from tests.suites.shops import Tables, shop_tables, write_shop

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900), pytest.mark.usefixtures("ray_session")]

FIRST = date(2026, 11, 1)
SETTINGS: dict[str, Any] = {
    "groups": "n_ratings:1", "k": 3, "seen_by": 1.0, "fail_on": "drift", "fresh_within": "36h", "sample": 1.0
}  # fmt: skip


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


class Shop:
    """A shop whose export grows by a hundredth a day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables = shop_tables(sellers=2, items_per_seller=12, users=60, ratings_per_user=8)
        n_rows = self.tables["interactions"].num_rows
        rng = np.random.default_rng(7)
        of_row = np.where(rng.random(n_rows) < 0.86, -rng.integers(0, 300, n_rows), rng.integers(1, 15, n_rows))
        of_row[:28] = np.repeat(np.arange(1, 15), 2)  # every day has rows in either half
        self.days = np.array([np.datetime64(FIRST) + np.timedelta64(int(n) - 1, "D") for n in of_row])

    def export(self, number: int, *, keep: Callable[[int], bool] = lambda row: True) -> str:
        """The shop as it is on the morning after a day."""
        rated = self.tables["interactions"].append_column("timestamp", pa.array(self.days.astype("datetime64[us]")))
        is_known = self.days <= np.datetime64(day(number))
        kept = is_known & np.array([keep(row) for row in range(len(self.days))])
        tables: Tables = {**self.tables, "interactions": rated.filter(pa.array(kept))}
        shutil.rmtree(self.folder, ignore_errors=True)
        return write_shop(self.folder, tables)


class Fortnight:
    """The nights, and a line for each thing that was done."""

    def __init__(self, folder: Path) -> None:
        self.shop, self.out = Shop(folder / "shop"), str(folder / "out")
        self.lines: list[tuple[str, str, int, str, str, str]] = []
        self.waited = np.empty(0, dtype=np.int64)
        """Nights that each item waited after the one that its deadline cut."""

    def night(self, morning: int, of: int, what: str, **changes: Any) -> int:
        """Do the night of a day on the morning after another."""
        keep = changes.pop("keep_rows", lambda row: True)
        data = self.shop.export(changes.pop("exported", morning), keep=keep)
        config = NightlyConfig(data=data, out=self.out, date=day(of).isoformat(), **(SETTINGS | changes))
        try:
            code, why = int(nightly.run(config)), ""
        except InputError as error:
            code, why = 2, str(error).splitlines()[0]
        if code == 1:
            name = config.run_id or f"nightly-{config.date}"
            why = "; ".join(open_run(f"{self.out}/runs/{name}").refused)
        self.note(morning, f"night of {day(of):%m-%d}: {what}", code, why)
        return code

    def note(self, morning: int, what: str, code: int, why: str = "") -> None:
        """Write down what happened, and what readers have now."""
        latest = open_run(self.out, job="recourse")
        counts = ", ".join(f"{n} {status}" for status, n in latest.manifest["counts"].items())
        self.lines.append((f"{day(morning) + timedelta(1):%m-%d}", what, code, latest.run_id[8:], counts, why))

    def latest(self) -> list[str]:
        """What readers have after each line."""
        return [line[3][8:] for line in self.lines]


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory: pytest.TempPathFactory, ray_session: None) -> Fortnight:
    made = Fortnight(tmp_path_factory.mktemp("fortnight"))
    for number in (1, 2):
        made.night(number, number, "ordinary")
    made.note(3, "night of 11-03: nobody started it", 0)
    made.night(4, 4, "ordinary")
    made.note(5, "night of 11-05: nobody started it", 0)
    made.night(6, 6, "ordinary")
    made.night(7, 7, "its deadline cut it", deadline="2026-11-08T00:00")
    made.waited = nights_waited(made.out, "next", load_dataset(made.shop.export(8), seed=0))
    made.night(8, 8, "ordinary, those that waited first", deadline="3h")
    made.night(8, 5, "made up for, three days late")
    made.night(9, 9, "ordinary")
    half = {"keep_rows": lambda row: row % 2 == 0}
    made.night(10, 10, "half of the feed", **half)
    made.night(10, 10, "the same, by cron again", **half)
    made.night(11, 11, "the feed did not come", exported=8)
    made.night(11, 11, "ordinary, an hour later")
    made.night(11, 10, "with the whole feed, under another name", run_id="nightly-2026-11-10-b")
    made.night(12, 12, "ordinary")
    made.night(12, 12, "repeated")
    made.night(13, 13, "half of the feed", **half)
    assert runs.run(RunsConfig(out=made.out, accept="nightly-2026-11-13")) == 0
    made.note(13, "accepted by a person", 0)
    made.night(14, 14, "ordinary")
    return made


def test_what_readers_have_each_morning(fortnight: Fortnight, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        for line in fortnight.lines:
            print(" | ".join(str(cell) for cell in line))
        runs.run(RunsConfig(out=fortnight.out))
        for name in ("nightly-2026-11-10", "nightly-2026-11-14"):
            runs.run(RunsConfig(out=fortnight.out, drift=name))
    assert fortnight.latest() == [
        "01", "02", "02", "04", "04", "06", "07", "08", "08", "09", "09", "09", "09", "11", "11", "12", "12", "12",
        "13", "14",
    ]  # fmt: skip
    assert [line[2] for line in fortnight.lines] == [0] * 10 + [1, 1, 2] + [0] * 4 + [1, 0, 0]


def test_the_refusals_name_what_is_wrong(fortnight: Fortnight) -> None:
    why = [line[5] for line in fortnight.lines if line[2]]
    assert all("interactions" in one for one in why)
    assert why[0] == why[1]
    assert "hours older than --fresh-within allows" in why[2]
    states = {run["run_id"]: run["state"] for run in list_runs(fortnight.out)}
    assert [name for name, state in states.items() if state == "refused"] == ["nightly-2026-11-10"]


def test_no_ordinary_night_keeps_or_is_compared_with_one_that_was_refused(fortnight: Fortnight) -> None:
    def kept(number: int) -> str:
        run = json.loads(Path(fortnight.out, f"runs/nightly-{day(number)}/_manifest.json").read_text())
        return str(run["configuration"]["keep"])

    assert [kept(number) for number in (8, 9, 11)] == [f"nightly-2026-11-{number:02}" for number in (7, 8, 9)]
    n_cut = open_run(f"{fortnight.out}/runs/nightly-2026-11-07").manifest["n_cases"]
    assert fortnight.waited.sum() == n_cut
    assert not nights_waited(fortnight.out, "next", load_dataset(fortnight.shop.export(9), seed=0)).any()
