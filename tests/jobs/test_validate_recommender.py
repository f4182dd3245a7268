"""``recsys-ops validate --model`` as a user has it."""

from pathlib import Path

import numpy as np
import pytest

from tests.suites.cli import CommandLine

DATA = ("--data", "synthetic:items=120,users=400,ratings_per_user=30")


@pytest.mark.parametrize("name", ["ease", "knn", "slim"])
def test_quality_and_verdict_stand_below_what_is_in_the_data(command_line: CommandLine, name: str) -> None:
    outcome = command_line("validate", *DATA, "--model", name)
    assert outcome.code == 0, outcome.stderr
    names = [line.split("  ")[0] for line in outcome.stdout.splitlines()]
    assert names[0] == "data"
    assert names[-5:] == ["recommender", "held-out users", "recall@20", "nDCG@100", "verdict"]
    assert "better than popularity" in outcome.stdout.splitlines()[-1]


def test_without_the_option_no_recommender_is_fitted(command_line: CommandLine) -> None:
    assert "verdict" not in command_line("validate", *DATA).stdout


@pytest.mark.parametrize("option", [("--ratings",), ("--ridge", "20"), ("--seed", "1")])
def test_each_option_changes_what_is_measured(command_line: CommandLine, option: tuple[str, ...]) -> None:
    plain = command_line("validate", *DATA, "--model", "ease").stdout.splitlines()[-3:-1]
    changed = command_line("validate", *DATA, "--model", "ease", *option).stdout.splitlines()[-3:-1]
    assert plain != changed


def test_a_model_that_knows_nothing_is_not_to_be_explained(command_line: CommandLine, tmp_path: Path) -> None:
    np.save(tmp_path / "nothing.npy", np.zeros((120, 120), np.float32))
    outcome = command_line("validate", *DATA, "--model", str(tmp_path / "nothing.npy"))
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.splitlines()[-1].endswith("not better than popularity: do not explain this model")
    assert "fitted elsewhere, perhaps on these users" in outcome.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--model", "nobody"),
            "--model nobody: expected ease, knn, slim, als, pure-svd, hybrid, onnx:FILE, or a file",
        ),
        (("--model", "ease", "--ridge", "0"), "--ridge 0: expected a positive number"),
        (("--model", "none.npz"), "none.npz: there is no such file"),
    ],
)
def test_bad_settings_end_with_one_message_and_code_2(
    command_line: CommandLine, options: tuple[str, ...], message: str
) -> None:
    outcome = command_line("validate", *DATA, *options)
    assert outcome.code == 2
    assert outcome.stderr.startswith(f"recsys-ops: {message}")
    assert len(outcome.stderr.splitlines()) == 1
