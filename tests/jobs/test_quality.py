"""What a run says of its recommender: the figures in its tables, the first line of its summary, and a warning."""

from pathlib import Path

import pytest

from jobs.quality import measured
from recsys_ops.evaluation import TooFewUsersError
from recsys_ops.runs import open_run
from tests.suites.cli import CommandLine

DATA = ("--data", "synthetic:items=120,users=200,ratings_per_user=15")


@pytest.mark.usefixtures("ray_session")
def test_a_run_stores_the_figures_says_them_first_and_warns_of_a_recommender_no_better_than_popularity(
    command_line: CommandLine, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path), "--run-id", "r")
    done = command_line("recourse", *DATA, "--model", "content", "--groups", "group", "--items", "7", *out)
    assert done.code == 0, done.stderr
    run = open_run(f"{tmp_path}/runs/r")
    (row,) = run.table("runs").to_table().to_pylist()
    assert (row["recommender"], row["quality_baseline"], row["better_than_baseline"]) == (
        "content", "popularity", False,
    )  # fmt: skip
    assert row["quality"] == run.manifest["quality"]["figures"]
    recall = row["quality"][0]
    first, second = done.stdout.splitlines()[:2]
    assert first == f"Recommender: content, recall@20 {recall['value']:.2f}, popularity {recall['baseline']:.2f}"
    assert second.startswith("Warning: not better than popularity. ")
    assert second.endswith("take another --model.")
    assert run.manifest["timings"]["quality_seconds"] > 0


@pytest.mark.usefixtures("ray_session")
def test_what_was_not_measured_has_no_figures(command_line: CommandLine, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path), "--run-id", "r")
    done = command_line("counterfactuals", *DATA, "--users", "5", "--no-quality", *out)
    assert done.code == 0, done.stderr
    run = open_run(f"{tmp_path}/runs/r")
    assert run.manifest["quality"] is None
    assert run.table("runs").to_table()["quality"].to_pylist() == [None]
    assert done.stdout.splitlines()[0] == "Recommender: ease, ridge 500 (not measured)."


def test_data_without_users_to_hold_out_do_not_stop_a_run(caplog: pytest.LogCaptureFixture) -> None:
    def too_few() -> None:
        raise TooFewUsersError("interactions: 0 of 3 users")

    assert measured("recourse", too_few, is_wanted=True)[0] is None
    assert "recourse: the recommender is not measured: interactions: 0 of 3 users" in caplog.text
