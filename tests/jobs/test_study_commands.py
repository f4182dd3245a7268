"""The commands for whoever plans or evaluates a study: power and methods."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from jobs import methods
from jobs import power as power_command
from jobs.methods import MethodsConfig
from jobs.power import PowerConfig


def test_power_says_how_many_people_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert power_command.run(PowerConfig(question="intercept", effect=0.3)) == 0
    said = capsys.readouterr().out
    assert "99 people, 5 ratings each." in said
    assert "99 people: power 0.80" in said


def test_what_people_are_like_and_what_they_rate_change_the_number(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ({}, {"intercept_sd": 2.0}, {"tests": 4}, {"level": 0.2}, {"wanted": 0.5}, {"distances": "1,2"}):
        power_command.run(PowerConfig.model_validate({"question": "intercept"} | given))
    needed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "ratings each" in line]
    assert len(set(needed)) == 6


@pytest.mark.parametrize("distances", ["1,1", "near,far", "1", "-1,2"])
def test_distances_that_show_no_slope_are_refused(distances: str) -> None:
    with pytest.raises(ValidationError, match=r"Use 1,2,4 for example"):
        PowerConfig(distances=distances)


@pytest.fixture
def url(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    person, method = np.repeat(np.arange(40), 3), np.tile(["ours", "popular", "random"], 40)
    size = rng.integers(1, 7, 120)
    points = np.clip(np.rint(4.5 - 1.5 * (method == "random") + rng.normal(0, 0.8, 120)), 1, 6)
    table = pa.table({"person_id": person, "method": method, "rating": points, "size": size})
    pq.write_table(table, tmp_path / "points.parquet")
    return str(tmp_path / "points.parquet")


def test_methods_are_compared_in_words(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert methods.run(MethodsConfig(ratings=url)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Methods differ: Friedman's chi-square" in said
    assert "Points by size: flat" in said


def test_every_test_of_methods_is_a_row_for_other_programs(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    methods.run(MethodsConfig(ratings=url, format="json"))
    rows = json.loads(capsys.readouterr().out)
    assert [row["test"] for row in rows] == ["friedman", *["wilcoxon"] * 3, "curve"]
    found = {(row["first"], row["second"]): row["p_adjusted"] for row in rows}
    assert found["ours", "popular"] > 0.05 > found["ours", "random"]
