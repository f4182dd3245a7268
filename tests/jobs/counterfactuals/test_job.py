"""The counterfactuals job on a small shop: which cases, which rows, and every claim run through the recommender."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jobs.counterfactuals.job
import jobs.counterfactuals.work
from jobs.counterfactuals import ask
from jobs.counterfactuals import job as counterfactuals
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.counterfactuals.summary import likelihood_sentence, sentence
from jobs.counterfactuals.work import run_shard, seconds_before_search
from jobs.runtime import job as runtime
from jobs.runtime.shards import Shard
from recsys_ops.counterfactuals.solve import Explanation
from recsys_ops.datasets import load_dataset
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.ease import RIDGE, fit_ease
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.held_out_likelihood import HeldOut
from recsys_ops.models.linear import LinearRecommender, history_matrix
from recsys_ops.runs import Run, open_run
from recsys_ops.status import Status
from tests.suites.cli import CommandLine
from tests.suites.shops import shop_tables, write_shop

pytestmark = pytest.mark.usefixtures("ray_session")

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """72 items, 40 users with about 12 ratings."""
    tables = shop_tables(sellers=6, items_per_seller=12, users=40, ratings_per_user=12)
    return write_shop(tmp_path_factory.mktemp("shop"), tables)


@pytest.fixture(scope="module")
def base(shop: str, ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three items of each user, k = 5."""
    return run_job(shop, tmp_path_factory.mktemp("base"), shards=3)


def run_job(shop: str, out: Path, run_id: str = "r", **changes: Any) -> Run:
    config = CounterfactualsConfig(
        data=shop, out=str(out), run_id=run_id, **(({} if "drop" in changes else {"k": 5}) | changes)
    )
    assert runtime.run_job(config, counterfactuals.JOB) == 0
    return open_run(str(out / "runs" / run_id), verify=True)


def rows_of(run: Run, table: str = "counterfactuals") -> Rows:
    rows: Rows = run.table(table).to_table().to_pylist()
    return rows


def explained(rows: Rows) -> Rows:
    return [row for row in rows if row["n_removed"]]


class Recommender:
    """EASE on the shop, with ranks computed the slow way."""

    def __init__(self, shop: str, *, ratings: bool = False) -> None:
        self.dataset = load_dataset(shop, seed=0)
        self.inputs = history_matrix(self.dataset.ratings, binary=not ratings, scale=5.0)
        self.weights = np.asarray(fit_ease(self.inputs, ridge=RIDGE).weights, dtype=np.float64)
        self.users = self.dataset.user_ids.to_pylist()
        self.items = self.dataset.item_ids.to_pylist()

    def history(self, user_id: object) -> np.ndarray:
        history: np.ndarray = self.inputs[[self.users.index(user_id)]].toarray()[0]
        return history

    def scores(self, history: np.ndarray, without: np.ndarray) -> np.ndarray:
        """Scores of the candidates, -inf for what the factual history holds."""
        scores: np.ndarray = np.where(history != 0, -np.inf, (history - without) @ self.weights)
        return scores

    def rank(self, row: dict[str, Any], without: np.ndarray) -> int:
        scores = self.scores(self.history(row["user_id"]), without)
        return 1 + int((scores > scores[self.items.index(row["item_id"])]).sum())


def test_every_user_has_the_best_items_in_order_of_user_and_item(base: Run, shop: str) -> None:
    recommender = Recommender(shop)
    expected = []
    for user_id in recommender.users:
        history = recommender.history(user_id)
        scores = recommender.scores(history, np.zeros_like(history))
        best = np.sort(np.argsort(-scores, kind="stable")[:3])
        expected += [(user_id, recommender.items[item]) for item in best]
    assert [(row["user_id"], row["item_id"]) for row in rows_of(base)] == expected


def test_each_explanation_is_what_the_recommender_says_and_nothing_less_does(base: Run, shop: str) -> None:
    recommender = Recommender(shop)
    found = explained(rows_of(base))
    assert len(found) >= 40
    for row in found:
        history = recommender.history(row["user_id"])
        removed = [recommender.items.index(item_id) for item_id in row["removed"]]
        assert np.all(history[removed] == 1)
        without = np.zeros_like(history)
        without[removed] = 1
        assert recommender.rank(row, 0 * without) == row["rank_before"] <= 3
        assert recommender.rank(row, without) == row["rank_after"] > 5
        assert row["n_removed"] == row["distance"] == len(removed)
        for item in removed:
            less = without.copy()
            less[item] = 0
            assert recommender.rank(row, less) <= 5


def test_every_row_without_an_explanation_has_its_reason(base: Run) -> None:
    for row in rows_of(base):
        assert row["status"] in set(Status)
        assert (row["n_removed"] is None) == (row["status"] in ("infeasible", "timeout", "error"))
        assert row["reason"] or row["n_removed"] is not None


def test_timings_are_of_the_same_rows(base: Run) -> None:
    timings = rows_of(base, "timings")
    keys = ("user_id", "item_id", "option")
    assert [[row[key] for key in keys] for row in timings] == [[row[key] for key in keys] for row in rows_of(base)]
    assert all(row["seconds"] >= 0 for row in timings)


def test_with_ratings_stars_are_taken_and_verified(shop: str, tmp_path: Path) -> None:
    recommender = Recommender(shop, ratings=True)
    found = explained(rows_of(run_job(shop, tmp_path, ratings=True, top=1)))
    assert found
    for row in found:
        history = recommender.history(row["user_id"])
        without = np.zeros_like(history)
        for part in row["removed"]:
            without[recommender.items.index(part["item_id"])] = part["stars"] / 5
        assert np.all(without <= history + 1e-12)
        assert recommender.rank(row, without) == row["rank_after"] > 5
        assert row["distance"] == pytest.approx(without.sum())


def test_caps_hold_in_every_row_and_what_is_longer_is_infeasible(shop: str, tmp_path: Path) -> None:
    free = rows_of(run_job(shop, tmp_path, "free", users="1,2,3,4,5,6"))
    capped = rows_of(run_job(shop, tmp_path, "capped", users="1,2,3,4,5,6", max_removed=2))
    near = rows_of(run_job(shop, tmp_path, "near", users="1,2,3,4,5,6", max_distance=2.0))
    for before, one, other in zip(free, capped, near, strict=True):
        too_long = (before["n_removed"] or 0) > 2
        assert (one["status"] == Status.INFEASIBLE) == (too_long or before["status"] == Status.INFEASIBLE)
        assert one["status"] == other["status"]
        assert (one["n_removed"] or 0) <= 2
        assert not too_long or "no removal of at most 2 interactions" in one["reason"]
    assert {row["status"] for row in capped} >= {Status.INFEASIBLE, Status.OPTIMAL}


def test_several_options_differ_and_do_not_get_better(shop: str, tmp_path: Path) -> None:
    rows = rows_of(run_job(shop, tmp_path, options=3, users="1,2,3,4,5"))
    by_case: dict[tuple[Any, Any], Rows] = {}
    for row in rows:
        by_case.setdefault((row["user_id"], row["item_id"]), []).append(row)
    assert len(by_case) == 15
    assert max(len(options) for options in by_case.values()) == 3
    for options in by_case.values():
        assert [row["option"] for row in options] == list(range(len(options)))
        some = explained(options)
        assert [row["distance"] for row in some] == sorted(row["distance"] for row in some)
        for n, row in enumerate(some):
            assert all(not set(earlier["removed"]) <= set(row["removed"]) for earlier in some[:n])


def test_the_textbook_engine_finds_the_same_distances(shop: str, tmp_path: Path) -> None:
    runs = [rows_of(run_job(shop, tmp_path, engine, engine=engine, users="1,2,3")) for engine in ("direct", "pyomo")]
    for one, other in zip(*runs, strict=True):
        assert one["status"] == other["status"]
        assert one["distance"] == other["distance"]


@pytest.mark.parametrize("aggregator", ["disjunction", "sum", "mean", "none"])
def test_the_threshold_is_kept_by_every_explanation(shop: str, tmp_path: Path, aggregator: str) -> None:
    run = run_job(
        shop, tmp_path, plausibility="threshold", threshold=-25.0, aggregator=aggregator, users="1,2,3", top=2,
        time_limit=1.0,
    )  # fmt: skip
    rows = rows_of(run)
    assert len(rows) == 6
    for row in explained(rows):
        assert row["log_likelihood_after"] >= -25.0 - 1e-6
        assert row["log_likelihood_before"] is not None


def test_the_likelihood_may_be_that_of_a_category(shop: str, tmp_path: Path) -> None:
    runs = {
        column: rows_of(run_job(shop, tmp_path, column, plausibility="optimise", categories=column, users="1", top=1))
        for column in ("tags", "category")
    }
    before = {column: [row["log_likelihood_before"] for row in rows] for column, rows in runs.items()}
    assert before["tags"] != before["category"]


def test_costs_and_interactions_that_must_stay_are_respected(base: Run, shop: str, tmp_path: Path) -> None:
    first = next(row for row in explained(rows_of(base)) if row["n_removed"] == 1)
    kept = first["removed"][0]
    costs = pa.table({"user_id": [first["user_id"]], "item_id": [kept], "cost": pa.array([None], pa.float64())})
    pq.write_table(costs, tmp_path / "costs.parquet")
    run = run_job(shop, tmp_path, removal_costs=str(tmp_path / "costs.parquet"), users=str(first["user_id"]))
    for row in rows_of(run):
        assert kept not in (row["removed"] or [])


def test_a_case_counts_as_timed_out_whichever_of_its_options_the_clock_ended(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterfactuals, "JOB", replace(counterfactuals.JOB, run_shard=_second_options_timed_out))
    run = run_job(shop, tmp_path, users="1,2", options=2, shards=1)
    statuses = [row["status"] for row in rows_of(run)]
    assert statuses.count(Status.TIMEOUT) == run.manifest["n_timeouts"] == 6


def _second_options_timed_out(shared: Any, shard: Shard, isolated: Any) -> Any:
    def explained(shared: Any, user: int, item: int, *_: Any) -> list[Explanation]:
        return [Explanation(item, 0, Status.OPTIMAL), Explanation(item, 1, Status.TIMEOUT, "nothing found")]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.counterfactuals.work, "_explain", explained)
        return run_shard(shared, shard, isolated)


def test_an_explanation_that_only_lowers_the_score_says_so(
    shop: str, tmp_path: Path, command_line: CommandLine
) -> None:
    arguments = ["--data", shop, "--out", str(tmp_path), "--k", "5", "--validity", "score"]
    ended = command_line("counterfactuals", *arguments, "--run-id", "r")
    found = explained(rows_of(open_run(str(tmp_path / "runs/r"))))
    still = [row for row in found if row["rank_after"] <= 5]
    assert f"{len(still)} of {len(found)} explanations lower the score and leave the item in the list" in ended.stdout
    words = sentence(still[0])
    assert words.endswith(
        f"its score would be below that of today's number 5 (rank {still[0]['rank_after']} all the same)."
    )


def write_weights(file: Path, shop: str, seed: int) -> None:
    weights = np.random.default_rng(seed).random((72, 72))
    np.fill_diagonal(weights, 0)
    np.save(file, weights)


def write_costs(file: Path, shop: str, cost: int) -> None:
    rated = pq.read_table(f"{shop}/interactions.parquet").slice(0, 1)
    table = {"user_id": rated["user_id"], "item_id": rated["item_id"], "cost": [float(cost)]}
    pq.write_table(pa.table(table), file)


@pytest.mark.parametrize(
    ("option", "name", "write"),
    [("model", "weights.npy", write_weights), ("removal_costs", "costs.parquet", write_costs)],
)
def test_a_file_that_was_replaced_is_not_resumed_with(
    shop: str, tmp_path: Path, command_line: CommandLine, option: str, name: str, write: Any
) -> None:
    file = tmp_path / name
    write(file, shop, 1)
    run = run_job(shop, tmp_path, users="1,2", shards=2, **{option: str(file)})
    assert set(run.manifest["inputs"]) == {"data", option.replace("_", " ")} | (
        {"ridge"} if option != "model" else set()
    )
    Path(run.url, "_manifest.json").unlink()
    before = file.read_bytes()
    write(file, shop, 2)
    arguments = ["--data", shop, "--out", str(tmp_path), "--run-id", "r", "--k", "5", "--users", "1,2", "--shards", "2"]
    given = ["--" + option.replace("_", "-"), str(file)]
    done = command_line("counterfactuals", *arguments, *given, "--resume")
    assert done.code == 2
    message = rf"run r: cannot be resumed, 1 of .* \(input {option.replace('_', ' ')} was \w{{64}}, now \w{{64}}\)"
    assert re.search(message, done.stderr)
    file.write_bytes(before)
    assert command_line("counterfactuals", *arguments, *given, "--resume").code == 0


def test_a_case_that_failed_keeps_its_row(
    shop: str, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterfactuals, "JOB", replace(counterfactuals.JOB, run_shard=_first_case_killed))
    options = ("--users", "1,2", "--shards", "1", "--run-id", "r")
    ended = command_line("counterfactuals", "--data", shop, "--out", str(tmp_path), *options)
    assert ended.code == 1
    assert "1 of 6 cases failed, more than --allowed-errors 0" in ended.stdout
    rows = rows_of(open_run(str(tmp_path / "runs/r")))
    assert [row["option"] for row in rows] == [0] * 6
    assert rows[0]["status"] == Status.ERROR
    assert rows[0]["reason"] == "killed its worker twice: signal 9"
    assert rows[0]["removed"] is rows[0]["rank_after"] is rows[0]["distance"] is None


def _first_case_killed(shared: Any, shard: Shard, isolated: Any) -> Any:
    killed = {0: (Status.ERROR, "killed its worker twice: signal 9")} if shard.first_unit == 0 else {}
    return run_shard(shared, shard, killed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--users", "1,nobody"], "--users: 1 ids are not in the data (first: nobody)"),
        (["--model", "magic"], "magic"),
        (
            ["--plausibility", "optimise", "--categories", "colour"],
            "--categories colour: the items have no such column",
        ),
        (["--top", "0"], "--top 0"),
        (["--removal-costs", "nowhere.csv"], "nowhere.csv: there is no such file"),
    ],
)
def test_a_wrong_setting_ends_with_code_2_before_any_work(
    shop: str, tmp_path: Path, command_line: CommandLine, arguments: list[str], message: str
) -> None:
    ended = command_line("counterfactuals", "--data", shop, "--out", str(tmp_path / "out"), *arguments)
    assert ended.code == 2
    assert message in ended.stderr
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_row_of_costs_that_belongs_to_nothing_is_refused(
    shop: str, tmp_path: Path, command_line: CommandLine
) -> None:
    url = str(tmp_path / "costs.csv")
    Path(url).write_text("user_id,item_id,cost\n1,i9999,2\n")
    ended = command_line("counterfactuals", "--data", shop, "--out", str(tmp_path / "out"), "--removal-costs", url)
    assert ended.code == 2
    assert "1 rows are no interactions of the data (first: row 0)" in ended.stderr


def test_the_summary_tells_why_in_words(shop: str, tmp_path: Path, command_line: CommandLine) -> None:
    ended = command_line("counterfactuals", "--data", shop, "--out", str(tmp_path), "--users", "1,2,3", "--k", "5")
    assert ended.code == 0
    assert "you were recommended" in ended.stdout
    assert "because you rated" in ended.stdout
    assert "decided by bounds alone" in ended.stdout


def test_factors_give_the_same_rows_in_any_shards_and_when_one_user_asks(shop: str, tmp_path: Path) -> None:
    whole, cut = (
        run_job(shop, tmp_path, run_id=f"s{n}", model="pure-svd", shards=n, removed_items="eligible") for n in (1, 4)
    )
    assert rows_of(whole) == rows_of(cut)
    assert explained(rows_of(whole))
    user = rows_of(whole)[-1]["user_id"]
    found = ask.rows(whole, ask.settings_of(whole), load_dataset(shop, seed=0), user=user)
    assert found == [row for row in rows_of(whole) if row["user_id"] == user]


def test_items_of_the_history_are_explained_without_their_own_interaction(shop: str, tmp_path: Path) -> None:
    recommender = Recommender(shop)
    run = run_job(shop, tmp_path, users="1,2,3,4,5,6", candidates="all", keep_selected=True, drop=2, lists=True)
    rows, again = rows_of(run), 0
    assert explained(rows)
    for row in rows:
        history, item = recommender.history(row["user_id"]), recommender.items.index(row["item_id"])
        again += bool(history[item])
        assert row["item_id"] not in (row["removed"] or [])
        for rank, removed in ((row["rank_before"], []), (row["rank_after"], row["removed"])):
            if rank is None or removed is None:
                continue
            left = history.copy()
            left[[recommender.items.index(item_id) for item_id in removed]] = 0
            scores = left @ recommender.weights
            assert rank == 1 + int((scores > scores[item]).sum())
        assert row["k"] == row["rank_before"] + 1
        if row["removed"]:  # scores are those without what is removed
            best = np.argsort(-scores, kind="stable")[:10]
            assert row["list_after"] == [recommender.items[one] for one in best]
        else:
            assert row["list_after"] is None
        assert row["rank_after"] is None or row["rank_after"] >= row["rank_before"] + 2
    assert again
    found = ask.rows(run, ask.settings_of(run), load_dataset(shop, seed=0), user="1")
    assert found == [row for row in rows if row["user_id"] == rows[0]["user_id"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drop": 2, "k": 5}, "--drop 2 --k 5"),
        ({"keep_selected": True}, "Add --candidates all"),
        ({"folds": 2}, "no network is learned with --plausibility none"),
    ],
)
def test_options_that_contradict_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        counterfactuals.check(CounterfactualsConfig(data="shop", out="out", **changes))


def test_a_model_of_other_items_is_refused_with_what_was_expected(shop: str, tmp_path: Path) -> None:
    np.save(tmp_path / "item_factors.npy", np.ones((40, 16)))
    with pytest.raises(
        InputError, match=r"item_factors\.npy: expected .* \(found shape \(40, 16\)\)\. There are 40 users"
    ):
        run_job(shop, tmp_path / "out", model=f"embeddings:{tmp_path / 'item_factors.npy'}")


def test_the_summary_says_what_the_network_is_worth() -> None:
    better = likelihood_sentence(HeldOut(188, -21.25, -24.0))
    assert better.startswith(
        "Network: log-likelihood -21.25 per user of 188 left out of a fit like it, 2.75 better than "
    )
    assert "no better (-0.50) than independent categories." in likelihood_sentence(HeldOut(188, -24.5, -24.0))


def test_a_case_of_a_large_catalogue_may_take_longer_before_its_search() -> None:
    factors = np.broadcast_to(np.float32(0), (1_000_000, 128))
    assert seconds_before_search(FactoredRecommender(factors, factors)) == pytest.approx(25.6)
    assert seconds_before_search(LinearRecommender(np.zeros((4, 4)))) == 0
