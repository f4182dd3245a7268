"""A team's own catalogue, mapped by YAML alone, from its files to recourses for its authors."""

from pathlib import Path

import pytest

from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime import job as runtime
from recsys_ops.runs import open_run
from tests.suites.goodbooks import goodbooks

AUTHORS = "J.K. Rowling, Mary GrandPré"


@pytest.mark.usefixtures("ray_session")
def test_an_author_whose_name_holds_a_comma_gets_recourses_in_shelves_and_languages(tmp_path: Path) -> None:
    config = RecourseConfig(
        data=goodbooks(tmp_path),
        out=str(tmp_path / "out"),
        run_id="r",
        sellers=AUTHORS,
        groups="n_ratings:5",
        model="content",
        plausibility="none",
        quality=False,
        together=False,
        folds=0,
    )
    assert runtime.run_job(config, recourse.JOB) == 0
    rows = open_run(str(tmp_path / "out/runs/r")).table("recourse").to_table().to_pylist()
    assert {row["seller_id"] for row in rows} == {AUTHORS}
    assert len({row["group"] for row in rows}) == 5
    changes = [change for row in rows for change in row["changes"] or []]
    assert changes
    assert all(change["feature"].startswith(("shelf: ", "language")) for change in changes)
    assert all(row["success_after"] > row["success_before"] for row in rows if row["n_changes"])
