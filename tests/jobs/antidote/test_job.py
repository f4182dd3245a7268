"""The antidote job on a small shop: which cases, which rows, that they do as they say, what each option changes."""

import html
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.antidote import export as exporting
from jobs.antidote import job as antidote
from jobs.antidote.config import AntidoteConfig
from jobs.runtime import job as runtime
from recsys_ops.antidote.advice import advised, group_cases
from recsys_ops.antidote.objectives import IndividualUnfairness, measure
from recsys_ops.antidote.sentences import interval_in_words, objective_in_words
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.mf import AlsSettings, fit_als
from recsys_ops.models.mf_rows import LocalRows
from recsys_ops.report.night import night_page
from recsys_ops.runs import Run, open_run
from recsys_ops.status import Status
from tests.suites.browser import browser, needs_chromium
from tests.suites.cli import CommandLine
from tests.suites.shops import Tables, shop_tables, write_shop

pytestmark = pytest.mark.usefixtures("ray_session")

ALGORITHMS, BUDGETS = ["heuristic1", "gd_fixed"], ["2", "10%"]
SETTINGS: dict[str, Any] = {
    "algorithm": "heuristic1,gd_fixed", "budget": "2,10%", "rank": 2, "regularisation": 2.0, "seed": 5,
    "judged_on": "given", "runs": 1, "starts": 3, "hold_out": 0.2,
}  # fmt: skip
QUICK = SETTINGS | {"algorithm": "heuristic2", "budget": "3"}
TABLES = (
    "antidote_as_used", "antidote_effect", "antidote_group_losses", "antidote_losses", "antidote_ratings",
    "antidote_starts", "antidote_users",
)  # fmt: skip
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """40 items, 60 users numbered from 1."""
    return shop_tables(sellers=2, items_per_seller=20, users=60, ratings_per_user=13)


@pytest.fixture(scope="module")
def shop(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its folder."""
    return write_shop(tmp_path_factory.mktemp("shop"), tables)


@pytest.fixture(scope="module")
def base(shop: str, ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two algorithms with two budgets in two runs, in three shards."""
    return run_job(shop, tmp_path_factory.mktemp("base"), runs=2, shards=3)


def run_job(shop: str, out: Path, run_id: str = "r", *, code: int = 0, **changes: Any) -> Run:
    config = AntidoteConfig(data=shop, out=str(out), run_id=run_id, **(SETTINGS | changes))
    assert runtime.run_job(config, antidote.JOB) == code
    return open_run(str(out / "runs" / run_id))


def rows_of(run: Run, table: str = "antidote_effect") -> Rows:
    rows: Rows = run.table(table).to_table().to_pylist()
    return rows


def case_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["algorithm"], row["budget"], row["run"]


def test_every_case_has_its_effect_as_used_from_each_start_beside_the_noise_floor(base: Run) -> None:
    used, starts = rows_of(base, "antidote_as_used"), rows_of(base, "antidote_starts")
    assert [case_of(row) for row in used] == [*itertools.product(ALGORITHMS, BUDGETS, range(2))]
    for row in used:
        mine = [one for one in starts if case_of(one) == case_of(row)]
        before = np.mean([one["before"] for one in mine])
        changes = [(one["after"] - one["before"]) / before for one in mine]
        assert row["n_starts"] == len(mine) == 3
        assert row["change"] == pytest.approx(np.mean(changes))
        assert row["change_worst"] == pytest.approx(max(changes))
        assert row["change_low"] < min(changes) <= max(changes) < row["change_high"]
        assert row["random_change"] == pytest.approx(np.mean([one["random"] for one in mine]) / before - 1)
        assert row["start_top10_kept"] > row["top10_kept"]
    assert {row["start"] for row in starts} == {1_000_005, 1_000_006, 1_000_007}


def test_its_page_says_what_may_be_appended_what_that_does_and_to_whom(
    base: Run, shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advised_case = {"objective": "polarisation", "algorithm": "gd_fixed", "budget": "10%", "hold_out": 0.0}
    for run in (base, run_job(shop, tmp_path, "advised", **advised_case)):
        page = html.unescape(night_page(run))
        groups = group_cases(rows_of(run, "antidote_as_used"), rows_of(run), 0.2, on_unseen=False)
        best = advised(groups)
        assert ("Nothing is advised" in page) == (best is None) == ("--export" not in page)
        for group in groups:
            assert group.typical is not None
            assert interval_in_words(*(group.typical[name] for name in ("change", "change_low", "change_high"))) in page
        shown = best or min(groups, key=lambda group: group.typical["change"] if group.typical else 0.0)
        assert shown.typical is not None
        losses = [
            (row["loss_before"], row["loss_after"]) for row in rows_of(run, "antidote_losses")
            if case_of(row) == (shown.algorithm, shown.budget, shown.typical["run"]) and row["loss_before"] is not None
            and row["split"] == ("test" if run is base else "train")
        ]  # fmt: skip
        better = sum(after < before for before, after in losses) / len(losses)
        assert f"Of {len(losses)} users, the {'held-out' if run is base else 'given'} ratings of {better:.0%}" in page
        assert page.count("<svg") == 1


@needs_chromium
@pytest.mark.usefixtures("machine")
def test_a_browser_shows_its_page(base: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(night_page(base))
    with browser(tmp_path) as tab:
        tab.check(page.as_uri())


def test_ratings_that_are_all_the_same_are_refused(tables: Tables, tmp_path: Path) -> None:
    same = pa.array([5.0] * len(tables["interactions"]))
    clicks = tables["interactions"].drop_columns(["rating"]).append_column("rating", same)
    shop = write_shop(tmp_path / "clicks", tables | {"interactions": clicks})
    with pytest.raises(InputError, match=r"all \d+ ratings are 5\. Antidote data need ratings that differ"):
        run_job(shop, tmp_path)


def test_every_case_has_a_row_per_split_in_the_order_given(base: Run) -> None:
    cases = list(itertools.product(ALGORITHMS, BUDGETS, range(2)))
    found = [(*case_of(row), row["split"]) for row in rows_of(base)]
    assert found == [(*case, split) for case in cases for split in ("train", "test")]
    assert base.manifest["n_cases"] == 8
    assert set(base.tables) == {*TABLES, "rejected", "runs", "shard_timings"}


def test_a_share_of_the_users_and_a_number_are_budgets(base: Run) -> None:
    assert {(row["budget"], row["n_antidote_users"]) for row in rows_of(base)} == {("2", 2), ("10%", 6)}


def test_a_row_without_a_reason_is_of_a_case_that_helps(base: Run) -> None:
    reasons = set()
    for row in rows_of(base):
        assert row["status"] == Status.FEASIBLE
        if row["split"] == "test":
            assert (row["reason"] is None) == (row["after"] < row["before"])
        reasons.add(row["reason"])
        assert row["change"] == pytest.approx(row["after"] / row["before"] - 1)
    assert reasons - {None} == {"the objective is no better on the test ratings than without"}


def test_every_run_has_a_split_of_its_own_and_all_its_cases_share_it(base: Run) -> None:
    before = {(row["run"], row["seed"], row["split"]): set() for row in rows_of(base)}
    for row in rows_of(base):
        before[row["run"], row["seed"], row["split"]].add((row["before"], row["rmse_before"], row["n_ratings"]))
    assert list(before) == [(0, 5, "train"), (0, 5, "test"), (1, 6, "train"), (1, 6, "test")]
    assert all(len(values) == 1 for values in before.values())
    assert len(set.union(*before.values())) == 4


def test_the_objective_is_the_variance_of_the_users_losses(base: Run) -> None:
    losses: dict[tuple[Any, ...], Rows] = {}
    for row in rows_of(base, "antidote_losses"):
        losses.setdefault((*case_of(row), row["split"]), []).append(row)
    for row in rows_of(base):
        of_case = losses[(*case_of(row), row["split"])]
        assert [one["user_id"] for one in of_case] == list(range(1, 61))
        assert sum(one["n_ratings"] for one in of_case) == row["n_ratings"]
        for when in ("before", "after"):
            known = [one[f"loss_{when}"] for one in of_case if one[f"loss_{when}"] is not None]
            assert len(known) == sum(one["n_ratings"] > 0 for one in of_case)
            assert np.var(known) == pytest.approx(row[when])


def test_groups_have_their_losses_whatever_the_objective(base: Run) -> None:
    labels = {row["group"] for row in rows_of(base, "antidote_group_losses")}
    assert len(labels) > 2
    assert all(label.startswith("tags ") for label in labels)


def test_lists_change_least_where_they_are_longest_and_overlap_is_a_share(base: Run) -> None:
    for row in rows_of(base):
        assert len(row["jaccard"]) == 30
        assert all(0 <= overlap <= 1 for overlap in row["jaccard"])
        assert row["jaccard"][29] > row["jaccard"][0]


def test_every_artificial_user_of_the_run_has_an_id_of_its_own_above_the_real_ones(base: Run) -> None:
    users = rows_of(base, "antidote_users")
    assert [row["antidote_user"] for row in users] == list(range(61, 61 + 2 * 2 * (2 + 6)))
    by_case: dict[tuple[Any, ...], list[int]] = {}
    for row in rows_of(base, "antidote_ratings"):
        by_case.setdefault(case_of(row), []).append(row["antidote_user"])
    for row in rows_of(base):
        rated_by = by_case[case_of(row)]
        assert len(rated_by) == row["n_antidote_ratings"] == 40 * row["n_antidote_users"]
        assert (min(rated_by), max(rated_by)) == (row["first_antidote_user"], row["last_antidote_user"])


def test_contributions_are_by_refits_and_to_first_order(base: Run) -> None:
    users = rows_of(base, "antidote_users")
    refitted, estimated = (np.array([row[name] for row in users]) for name in ("contribution", "gradient_contribution"))
    assert np.abs(refitted).min() > 0
    assert np.corrcoef(refitted, estimated)[0, 1] > 0.5
    assert {row["split"] for row in users} == {"test"}


def test_a_single_artificial_user_contributes_the_whole_effect(shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, **(QUICK | {"budget": "1", "judged_on": "unseen"}))
    (user,), (_, test) = rows_of(run, "antidote_users"), rows_of(run)
    assert user["contribution"] == pytest.approx(test["after"] - test["before"])


@pytest.mark.parametrize("ids", [int, "user-{}".format])
def test_rows_appended_to_the_interactions_do_what_the_effect_says_and_can_be_taken_out(
    tables: Tables, tmp_path: Path, ids: Any
) -> None:
    real = with_ids(tables, ids)
    shop = write_shop(tmp_path / "before", real)
    run = run_job(shop, tmp_path, **(QUICK | {"hold_out": 0.0}))
    (row,) = rows_of(run)
    added = run.table("antidote_ratings").to_table().select(["antidote_user", "item_id", "rating"])
    added = added.rename_columns(["user_id", "item_id", "rating"])
    both = real | {"interactions": pa.concat_tables([real["interactions"], added])}
    mixed = load_dataset(write_shop(tmp_path / "after", both, without="users"), seed=0)
    before = load_dataset(shop, seed=0)
    assert mixed.n_users == before.n_users + 3
    assert unfairness(mixed, before) == pytest.approx(row["after"], rel=0.02)
    is_real = pa.array([user not in set(added["user_id"].to_pylist()) for user in mixed.user_ids.to_pylist()])
    assert mixed.user_ids.filter(is_real).equals(before.user_ids)
    first, last = (row[f"{end}_antidote_user"] for end in ("first", "last"))
    assert mixed.user_ids.filter(pc.invert(is_real)).to_pylist() == sorted([first, last, *between(added)])


def test_a_case_is_exported_into_the_interactions_and_taken_out_again(base: Run, shop: str, tmp_path: Path) -> None:
    def export(**options: Any) -> int:
        return exporting.run(AntidoteConfig(data=shop, out=base.url, **options))

    both, without = str(tmp_path / "both.parquet"), str(tmp_path / "without.parquet")
    assert export(export="gd_fixed:10%:1", to=both) == 0
    given, combined = pq.read_table(Path(shop) / "interactions.parquet"), pq.read_table(both)
    assert combined.slice(0, len(given)).equals(given)
    listed = json.loads(Path(f"{both}.antidote.json").read_text())
    row = next(row for row in rows_of(base, "antidote_as_used") if case_of(row) == ("gd_fixed", "10%", 1))
    assert (listed["n_ratings"], len(listed["users"])) == (6 * 40, 6)
    assert (listed["verdict"], listed["change"]) == (row["verdict"], row["change"])
    now = str(shutil.copytree(shop, tmp_path / "now"))
    shutil.copy(both, f"{now}/interactions.parquet")
    assert exporting.run(AntidoteConfig(data=now, take_out=f"{both}.antidote.json", to=without)) == 0
    assert pq.read_table(without).equals(given)
    twice = AntidoteConfig(data=now, out=base.url, export="gd_fixed:10%:1", to=f"{both}.parquet")
    with pytest.raises(InputError, match="has users with these ids already"):
        exporting.run(twice)
    for options, message in (
        ({"export": "gd_fixed:10%:1"}, "one of them, needs --to FILE"),
        ({"export": "gd_fixed:10%:1", "to": both}, "exists already"),
        ({"export": "gd_fixed:10%:1", "to": "x.csv"}, "expected a file of the same kind as interactions.parquet"),
        ({"export": "magic:1:0", "to": "x.parquet"}, "has no such case .found heuristic1:2:0, "),
    ):
        with pytest.raises(ConfigError, match=message):
            export(**options)


def with_ids(tables: Tables, ids: Any) -> Tables:
    def renamed(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index("user_id")
        return table.set_column(position, "user_id", pa.array([ids(user) for user in table["user_id"].to_pylist()]))

    return tables | {name: renamed(tables[name]) for name in ("interactions", "users")}


def between(added: pa.Table) -> list[Any]:
    return sorted(set(added["user_id"].to_pylist()))[1:-1]


def unfairness(mixed: Dataset, before: Dataset) -> float:
    """Of the real users, with the recommender fitted to the interactions as they are."""
    fit = fit_als(LocalRows(mixed.ratings), AlsSettings(rank=2, regularisation=2.0, seed=5, tolerance=1e-9))
    real = np.isin(mixed.user_ids.to_pylist(), before.user_ids.to_pylist())
    factors = type(fit.factors)(fit.factors.users[real], fit.factors.items)
    return IndividualUnfairness().value(measure(LocalRows(before.ratings), factors))


@pytest.mark.parametrize(
    "changes",
    [{"shards": 1}, {"shards": 8}, {"shards": 3, "workers": 1}],
)
def test_other_shards_give_the_same_rows(base: Run, shop: str, tmp_path: Path, changes: dict[str, Any]) -> None:
    run = run_job(shop, tmp_path, runs=2, **changes)
    for table in TABLES:
        assert run.table(table).to_table().equals(base.table(table).to_table())


@pytest.mark.benchmark  # tests/jobs/runtime/test_ray_rows.py has it of blocks
def test_cases_spread_over_all_workers_give_the_same_rows(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = QUICK | {"regularisation": 20.0, "rank": 1}  # settles in few iterations, each of which is many tasks
    here = run_job(shop, tmp_path, "here", **changes)
    monkeypatch.setattr(antidote, "spread_blocks", lambda n_ratings: 450)
    spread = run_job(shop, tmp_path, "spread", **changes)
    for table in TABLES:
        assert spread.table(table).to_table().equals(here.table(table).to_table())


def test_cases_are_spread_where_several_would_not_fit_into_memory() -> None:
    assert antidote.spread_blocks(antidote.MANY_RATINGS - 1) is None
    assert antidote.spread_blocks(antidote.MANY_RATINGS) == antidote.MANY_RATINGS // 8
    assert antidote.spread_blocks(10**9) == 10**6


def test_a_limit_on_ratings_and_whole_stars_are_kept(shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, **(QUICK | {"algorithm": "random", "max_ratings": 7, "whole_ratings": True}))
    ratings = rows_of(run, "antidote_ratings")
    assert [row["n_ratings"] for row in rows_of(run, "antidote_users")] == [7, 7, 7]
    assert {row["rating"] for row in ratings} <= {1.0, 2.0, 3.0, 4.0, 5.0}


def test_without_a_hold_out_there_is_no_test_split(shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, **(QUICK | {"hold_out": 0.0}))
    assert [row["split"] for row in rows_of(run)] == ["train"]
    assert {row["split"] for row in rows_of(run, "antidote_losses")} == {"train"}


def test_where_the_limit_on_the_rmse_lets_nobody_in_the_case_says_so(
    shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"algorithm": "heuristic1", "max_rmse_loss": 1e-9, "budget": "50%"}
    run = run_job(shop, tmp_path, **(QUICK | changes))
    rows = rows_of(run)
    assert [row["split"] for row in rows] == ["train", "test"]
    for row in rows:
        assert row["status"] == Status.FEASIBLE
        assert row["reason"] == "of the artificial users tried, none keeps within --max-rmse-loss"
        assert (row["change"], row["n_antidote_users"], row["first_antidote_user"]) == (0, 0, None)
    assert rows_of(run, "antidote_ratings") == []
    printed = capsys.readouterr().out
    assert "1 cases: feasible, of the artificial users tried, none keeps within --max-rmse-loss." in printed
    assert "Nothing is advised" in printed


def test_where_no_user_can_spare_a_rating_there_is_no_test_split_and_that_is_said(
    tables: Tables, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    users = tables["interactions"]["user_id"].to_pylist()
    nth = [users[:row].count(user) for row, user in enumerate(users)]
    few = tables["interactions"].filter(pa.array([place < 2 for place in nth]))
    shop = write_shop(tmp_path / "few", tables | {"interactions": few})
    with caplog.at_level("WARNING"):
        run = run_job(shop, tmp_path, **(QUICK | {"algorithm": "baseline_min,gd_fixed", "max_rmse_loss": 1e-9}))
    assert "no user has enough ratings for --hold-out 0.2" in caplog.text
    assert {row["split"] for row in rows_of(run)} == {"train"}
    assert "nan" not in capsys.readouterr().out


@pytest.mark.parametrize("block_ratings", [None, 400])
def test_a_recommender_that_cannot_be_fitted_ends_its_cases_as_errors(
    shop: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    block_ratings: int | None,
) -> None:
    monkeypatch.setattr(antidote, "spread_blocks", lambda n_ratings: block_ratings)
    run = run_job(shop, tmp_path, code=1, **(QUICK | {"regularisation": 1e-300, "rank": 60}))  # singular systems
    assert {row["status"] for row in rows_of(run)} == {Status.ERROR}
    assert {row["reason"].partition(":")[0] for row in rows_of(run)} == {"FloatingPointError"}
    printed = capsys.readouterr().out
    assert "1 cases: error, FloatingPointError: " in printed
    assert "1 of 1 cases failed" in printed


def test_the_unfairness_of_user_groups_is_the_variance_of_their_losses(shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, **(QUICK | {"objective": "group", "groups": "users:n_ratings:3"}))
    losses = [row for row in rows_of(run, "antidote_group_losses") if row["split"] == "train"]
    assert len(losses) == 3
    assert np.var([row["loss_after"] for row in losses]) == pytest.approx(rows_of(run)[0]["after"])


def test_a_weighted_sum_adds_its_terms(shop: str, tmp_path: Path) -> None:
    values = {}
    for objective in ("exposure", "individual", "individual:2,exposure:0.5"):
        run = run_job(
            shop, tmp_path, objective.replace(":", "-").replace(",", "-"), **(QUICK | {"objective": objective})
        )
        values[objective] = rows_of(run)[0]["before"]
    expected = 2 * values["individual"] + 0.5 * values["exposure"]
    assert values["individual:2,exposure:0.5"] == pytest.approx(expected)


def test_the_direction_turns_the_objective_round(shop: str, tmp_path: Path) -> None:
    after = {}
    for direction in ("min", "max"):
        changes = {"objective": "polarisation", "direction": direction, "algorithm": "gd_fixed"}
        after[direction] = rows_of(run_job(shop, tmp_path, direction, **(QUICK | changes)))[0]["after"]
    assert after["min"] < after["max"]


def test_only_the_most_active_part_can_be_selected(shop: str, tmp_path: Path) -> None:
    run = run_job(shop, tmp_path, **(QUICK | {"top_users": 20, "top_items": 15, "budget": "10%"}))
    row = rows_of(run)[0]
    assert (row["n_users"], row["n_items"], row["n_antidote_users"]) == (20, 15, 2)
    assert row["first_antidote_user"] == 61
    assert len({row["item_id"] for row in rows_of(run, "antidote_ratings")}) == 15


def test_users_without_ratings_are_not_polarised(tables: Tables, tmp_path: Path) -> None:
    changes = QUICK | {"objective": "polarisation", "hold_out": 0.0, "budget": "1"}
    rating = [user for user in range(1, 61) if user % 3]
    kept = tables["interactions"].filter(pc.is_in(tables["interactions"]["user_id"], pa.array(rating, pa.int64())))
    some = run_job(write_shop(tmp_path / "some", tables | {"interactions": kept}), tmp_path, "some", **changes)
    users = tables["users"].filter(pc.is_in(tables["users"]["user_id"], pa.array(rating, pa.int64())))
    only = {"interactions": kept, "users": users}
    without = run_job(write_shop(tmp_path / "only", tables | only), tmp_path, "only", **changes)
    (row,), (wanted,) = rows_of(some), rows_of(without)
    assert row["n_users"] == len(rating)
    assert (row["before"], row["after"]) == (wanted["before"], wanted["after"])


def test_fairness_can_be_sought_for_unseen_ratings(shop: str, tmp_path: Path) -> None:
    runs = [run_job(shop, tmp_path, name, **(QUICK | {"judged_on": name})) for name in ("given", "unseen")]
    given, unseen = ([row["rating"] for row in rows_of(run, "antidote_ratings")] for run in runs)
    assert len(given) == len(unseen)
    assert given != unseen


def used_row(algorithm: str, run: int, change: float, **other: Any) -> dict[str, Any]:
    case = {"algorithm": algorithm, "budget": "1", "run": run, "direction": "min"}
    return case | {"change": change, "verdict": "helps", "within_limits": True} | other


def effect_row(algorithm: str, run: int, after: float, random: float = 1.0) -> dict[str, Any]:
    case = {"algorithm": algorithm, "budget": "1", "run": run, "split": "test", "n_antidote_users": 1}
    return case | {"before": 1.0, "after": after, "random": random}


def test_the_run_that_is_reported_is_the_one_in_the_middle() -> None:
    used = [used_row("search", 0, -0.1), used_row("search", 1, -0.3), used_row("search", 2, -0.2)]
    (group,) = group_cases(used, [], 0.2, on_unseen=False)
    assert group.typical == used[2]
    assert group.verdict == "helps"


@pytest.mark.parametrize(
    ("after", "random", "verdict"),
    [
        ((0.7, 0.71, 0.72), 1.0, "helps"),
        ((0.7, 0.9, 1.2), 1.0, "uncertain"),
        ((1.3, 1.31, 1.32), 1.0, "harms"),
        ((0.7, 0.71, 0.72), 0.71, "as random"),
        ((0.7,), 1.0, "uncertain"),
    ],
)
def test_what_is_to_hold_for_unseen_ratings_is_decided_by_the_splits(
    after: tuple[float, ...], random: float, verdict: str
) -> None:
    used = [used_row("search", run, 0.1, verdict="harms") for run in range(len(after))]
    rows = [effect_row("search", run, value, random) for run, value in enumerate(after)]
    (group,) = group_cases(used, rows, 0.2, on_unseen=True)
    assert group.verdict == verdict
    assert (advised([group]) is None) == (verdict != "helps")


def test_baselines_are_never_advised_however_much_they_do() -> None:
    used = [used_row("random", run, -0.5, verdict="comparison") for run in range(3)]
    rows = [effect_row("random", run, 0.5) for run in range(3)]
    groups = group_cases(used, rows, 0.2, on_unseen=True)
    assert [group.verdict for group in groups] == ["comparison"]
    assert advised(groups) is None


@pytest.mark.parametrize(("objective", "words"), [("individual", "unfairness"), ("individual:10", "10 x unfairness")])
def test_a_weight_is_in_words(objective: str, words: str) -> None:
    assert objective_in_words(objective) == f"{words} to single users"


def test_the_summary_shows_effects_by_budget_and_says_what_to_append(
    shop: str, tmp_path: Path, command_line: CommandLine
) -> None:
    options = [text for name, value in SETTINGS.items() for text in (option(name), str(value))]
    done = command_line("antidote", "--data", shop, "--out", str(tmp_path), "--run-id", "r", *options)
    assert done.code == 0, done.stderr
    assert "To lower unfairness to single users" in done.stdout
    used = rows_of(open_run(str(tmp_path / "runs/r")), "antidote_as_used")
    for row in used:
        line = next(line for line in done.stdout.splitlines() if has_cells(line, row["algorithm"], row["budget"]))
        assert f"{100 * row['change']:+.1f}%" in line
        assert f"{row['rmse_change']:+.4f}" in line
        assert row["verdict"].split()[0] in line
    assert "Noise floor: another start alone changes it by up to" in done.stdout
    helping = [row for row in used if row["verdict"] == "helps"]
    if helping:
        best = min(helping, key=lambda row: row["change"])
        assert f"({best['algorithm']}, budget {best['budget']}, run 0)" in done.stdout
        assert "take them out again where user_id is above 60." in done.stdout
    else:
        assert "Nothing is advised" in done.stdout


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def has_cells(line: str, *cells: str) -> bool:
    return [cell.strip() for cell in line.split("│")[1 : len(cells) + 1]] == list(cells)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "2.5"], "--budget 2.5: expected a whole number of users or a share. Use 20 or 2%, for example."),
        (["--budget", ","], "--budget: names nothing. Use 20 or 2%, for example."),
        (["--algorithm", "magic"], "--algorithm magic: expected some of search, gd_random, gd_fixed, "),
        (
            ["--objective", "joy"],
            "--objective joy: 'joy' is unknown or named twice. Use polarisation, individual, group, exposure",
        ),
        (["--objective", "group,group"], "--objective group,group: 'group' is unknown or named twice. "),
        (["--objective", "individual:-1"], "--objective individual:-1: weight '-1' is not a positive number. "),
        (["--objective", "individual:much"], "--objective individual:much: weight 'much' is not a positive number. "),
        (["--groups", "colour"], "--groups colour: the items have no such column (found item_id, seller_id, title, "),
        (["--groups", "users:colour"], "--groups users:colour: users have no column 'colour' that forms groups"),
        (["--groups", "users:n_ratings:1"], "--groups users:n_ratings:1: there are fewer than two groups to compare. "),
        (["--rank", "0"], "--rank 0: "),
        (["--hold-out", "1"], "--hold-out 1.0: "),
        (["--budget", "1e18"], "--budget 1e18: 1000000000000000000 artificial users are more than the 60 real ones. "),
        (["--regularisation", "inf"], "--regularisation inf: "),
        (["--seed", str(2**63)], f"--seed {2**63}: "),
        (["--top-users", "1"], "--top-users 1: "),
    ],
)
def test_a_bad_setting_is_one_message_before_any_work(
    shop: str, tmp_path: Path, command_line: CommandLine, options: list[str], message: str
) -> None:
    done = command_line("antidote", "--data", shop, "--out", str(tmp_path), *options)
    assert done.code == 2
    assert done.stderr.splitlines()[-1].startswith(f"recsys-ops: {message}")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
