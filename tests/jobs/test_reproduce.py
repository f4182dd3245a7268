"""The command that repeats a paper's experiment: every stated number beside ours."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from jobs import human_centred, recrec, reproduce
from jobs.config import make_config
from jobs.reproduce import ReproduceConfig
from recsys_ops.acceptance.loop import range_of_one
from recsys_ops.acceptance.replication import MODELS, STATISTICS, StudySize, replicate
from recsys_ops.errors import ConfigError
from recsys_ops.report.svg import has_matplotlib
from tests.suites.cli import CommandLine

PAPERS = Path(__file__).parents[2] / "examples" / "papers"
PRESET = PAPERS / "human-centred.yaml"


def assert_pictures(folder: Path, *names: str) -> None:
    """Each is a picture with a title and its numbers in words, in colours that need no page."""
    for name in names:
        text = (folder / f"{name}.svg").read_text(encoding="utf-8")
        root = ET.fromstring(text)
        assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
        assert "var(" not in text
        assert "currentColor" not in text


def test_the_preset_has_the_papers_settings_which_are_the_defaults() -> None:
    settings = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
    given = make_config(ReproduceConfig, {}, str(PRESET))
    assert given == ReproduceConfig(paper="human-centred")
    assert set(settings) == {"paper", "people", "ratings-each", "set-aside", "seeds"}


def test_every_number_of_the_papers_table_is_stated() -> None:
    assert list(human_centred.STATED) == list(MODELS)
    assert all(set(numbers) == set(STATISTICS) for numbers in human_centred.STATED.values())
    assert set(human_centred.WHY) == set(STATISTICS)


def test_a_small_study_is_repeated_and_its_tables_hold_every_number(command_line: CommandLine, tmp_path: Path) -> None:
    sizes = ("--people", "60", "--ratings-each", "5", "--set-aside", "10", "--quick")
    done = command_line("reproduce", "human-centred", *sizes, "--out", str(tmp_path))
    assert done.code == 0
    folder = tmp_path / "reproduce" / "human-centred"
    compared = pq.read_table(folder / "compared.parquet").to_pylist()
    assert len(compared) == len(MODELS) * len(STATISTICS)
    assert all((row["why"] == "") == row["agrees"] for row in compared)
    assert all(row["low"] <= row["mean"] <= row["high"] for row in compared)
    numbers = pq.read_table(folder / "numbers.parquet").to_pylist()
    name = ("act", "sparsity", "f")
    of_one = [row["value"] for row in numbers if (row["response"], row["distance"], row["statistic"]) == name]
    assert [row["mean"] for row in compared if row["statistic"] == "f"][2] == pytest.approx(np.mean(of_one))
    said = " ".join(done.stdout.split())
    assert "The answers of the study were never published" in said
    assert f"of {len(compared)} numbers agree" in said
    assert {"curves.parquet", "distances.parquet"} <= {file.name for file in folder.iterdir()}
    if has_matplotlib():
        assert_pictures(folder, "figure-1-sparsity", "figure-1-proximity", "figure-3-act-proximity")


def test_the_same_seed_repeats_the_same_study_and_what_is_set_aside_is_left_out() -> None:
    size = StudySize(40, 5, 20)
    one, again, other = (replicate(size, seed=seed)["numbers"] for seed in (3, 3, 4))
    assert one.equals(again)
    assert not one.equals(other)
    assert sum(replicate(size, seed=3)["distances"]["n"].to_pylist()) == 2 * 200


def test_setting_nearly_everything_aside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="99 ratings beyond each person's first would be left, at least 100"):
        reproduce.run(ReproduceConfig(paper="human-centred", people=50, set_aside=101, out=str(tmp_path)))


def test_the_range_of_one_more_value_holds_it_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).standard_normal((2000, 6))
    held = [low <= row[5] <= high for row in draws for low, high in [range_of_one(row[:5].tolist())]]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_recrec_is_repeated_and_its_numbers_follow_from_the_recourses_in_its_table(
    command_line: CommandLine, tmp_path: Path
) -> None:
    data = "synthetic:items=150,users=60,ratings_per_user=8"
    done = command_line("reproduce", "recrec", "--data", data, "--quick", "--out", str(tmp_path))
    assert done.code == 0
    folder = tmp_path / "reproduce" / "recrec"
    cells = pq.read_table(folder / "cells.parquet").to_pylist()
    compared = pq.read_table(folder / "compared.parquet").to_pylist()
    assert [row["stated"] for row in compared] == [one.value for one in recrec.BOOKS.stated]
    assert all((row["why"] == "") == row["agrees"] for row in compared)
    by_name = {(row["statistic"], row["share_searched"]): row["mean"] for row in compared}
    at_5 = [row["success_after"] for row in cells if row["share_searched"] == 0.05]
    assert by_name[recrec.REVERTED, 0.05] == pytest.approx(np.mean(at_5))
    assert by_name[recrec.OVERLAP, None] == pytest.approx(np.mean([row["rbo"] for row in cells]))
    assert "stands in for Goodreads" in " ".join(done.stdout.split())
    if has_matplotlib():
        assert_pictures(folder, "figure-3", "figure-3-reverted", "figure-4")


def test_recrecs_preset_is_its_figure_2_and_every_statistic_that_may_differ_has_a_reason() -> None:
    given = make_config(ReproduceConfig, {}, str(PAPERS / "recrec.yaml"))
    assert recrec.catalogue_for(given.data) == recrec.ADS
    stated = [one for catalogue in (recrec.MOVIES, recrec.ADS, recrec.BOOKS) for one in catalogue.stated]
    assert {one.statistic for one in stated} == recrec.WHY.keys()
    shares = {one.share for one in stated} - {None}
    assert shares <= set(recrec.QUICK_SHARES) <= set(recrec.SHARES)


def test_an_option_that_the_paper_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="reproduce human-centred does not take --data"):
        make_config(ReproduceConfig, {"paper": "human-centred", "data": "ads"}, None)
    with pytest.raises(ConfigError, match="reproduce recrec does not take --people, --set-aside"):
        make_config(ReproduceConfig, {"paper": "recrec", "people": 50, "set_aside": 1}, None)
