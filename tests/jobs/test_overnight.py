"""What changed overnight: which nights are compared, what is said of it, and what is refused before the commit."""

from pathlib import Path

import pytest

from jobs.nightly import NightlyConfig
from jobs.overnight import drift_of, overnight, overnight_in_words
from recsys_ops.datasets.times import parse_time
from recsys_ops.drift.figures import Figure, Figures, figures_table
from recsys_ops.errors import InputError
from recsys_ops.runs import Run, open_run
from tests.jobs.store.test_latest import computed
from tests.suites.cli import CommandLine


def sizes(n_interactions: int) -> Figures:
    return {"interactions": Figure("count", n_interactions), "users": Figure("count", 50)}


def night(out: Path, day: int, n_interactions: int = 1000, *, name: str = "", **changes: object) -> Run:
    run_id = name or f"night-{day:02}"
    table = figures_table(sizes(n_interactions))
    computed(
        str(out), run_id, job="recourse", until=f"2026-11-{day + 1:02}", driver_tables={"figures": table}, **changes
    )()
    return open_run(f"{out}/runs/{run_id}")


def drift(out: Path, n_interactions: int, day: int, **settings: object) -> list[str]:
    config = NightlyConfig(out=str(out), run_id="tonight", fail_on="drift", **settings)  # type: ignore[arg-type]
    until = parse_time(f"2026-11-{day + 1:02}", "--until")
    return [band.sentence for band in drift_of(config, sizes(n_interactions), until)]


def test_half_a_feed_is_drift_from_the_fourth_night_on(tmp_path: Path) -> None:
    for day in (1, 2):
        night(tmp_path, day)
    assert drift(tmp_path, 500, day=3) == []
    night(tmp_path, 3)
    assert drift(tmp_path, 500, day=4) == ["interactions 500, usual 900 to 1,100"]
    assert drift(tmp_path, 1000, day=4) == []
    assert drift(tmp_path, 500, day=2) == []  # of which two nights are known, however many were done since
    assert drift(tmp_path, 500, day=4, k=20) == []  # other settings, another thing


def test_nights_that_were_cut_or_refused_or_are_of_other_jobs_are_not_compared(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        night(tmp_path, day)
    night(tmp_path, 4, 10, status="not_started")
    night(tmp_path, 5, 10, refused=["interactions"])
    computed(str(tmp_path), "other", job="doubling")()
    computed(str(tmp_path), "old", job="recourse", until="2026-11-02")()
    tonight = night(tmp_path, 6)
    assert overnight(tonight).nights == ["night-03", "night-02", "night-01"]
    assert overnight(tonight, most=2).nights == ["night-03", "night-02"]
    with pytest.raises(InputError, match=r"run other: has no figures to compare \(found .*t\)"):
        overnight(open_run(f"{tmp_path}/runs/other"))


def test_it_is_said_in_two_lines_and_shown_in_a_table(tmp_path: Path, command_line: CommandLine) -> None:
    assert overnight_in_words(night(tmp_path, 1)) == []
    assert overnight_in_words(night(tmp_path, 2))[0].startswith("Overnight: 1 of the 3 comparable nights")
    night(tmp_path, 3)
    usual = overnight_in_words(night(tmp_path, 4))
    assert usual == [
        "Overnight, against the last 3 comparable nights: all 3 figures are as usual. All: recsys-ops runs --out "
        f"{tmp_path} --drift night-04"
    ]
    half = night(tmp_path, 5, 500, refused=["interactions 500, usual 900 to 1,100"])
    first, second = overnight_in_words(half)
    assert first.startswith("Overnight, against the last 4 comparable nights: 1 of 3 figures not as usual.")
    assert second == "interactions 500, usual 900 to 1,100"
    out = str(tmp_path)
    shown = command_line("runs", "--out", out, "--drift", "night-05").stdout.splitlines()
    assert next(line for line in shown if "interactions" in line).split() == [
        "│", "interactions", "│", "500", "│", "900", "to", "1,100", "│", "not", "as", "usual", "│"
    ]  # fmt: skip
    assert "Run night-05 against night-04, night-03, night-02, night-01." in shown
    listed = command_line("runs", "--out", out, "--show", "night-05").stdout
    assert "refused for    interactions 500, usual 900 to 1,100" in listed
    assert f"recsys-ops runs --out {out} --accept night-05" in listed
    accepted = command_line("runs", "--out", out, "--accept", "night-05")
    assert (accepted.code, accepted.stdout) == (0, "Run night-05 is accepted. Readers get night-05.\n")
