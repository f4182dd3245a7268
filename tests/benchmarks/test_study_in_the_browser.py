"""362 simulated people fill in their questionnaires in a browser: the analysis is that of the tables made directly."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.acceptance import job as acceptance
from jobs.acceptance.config import AcceptanceConfig
from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime import job as runtime
from jobs.study import StudyConfig
from jobs.study import run as write_study
from recsys_ops.acceptance.feedback import read_cases
from recsys_ops.acceptance.simulator import simulate_people
from recsys_ops.runs import open_run
from tests.suites.browser import Browser, browser, needs_chromium

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800), needs_chromium]

PERSONS = 362
TABLES = ("acceptance_fits", "acceptance_curves", "acceptance_people", "impossible_features", "remarks")
_FILL_IN = """
(answers) => {
  const step = () => document.querySelector("[data-step]:not([hidden])");
  step().querySelector("[data-agree]").click();
  step().querySelector("[data-next]").click();
  for (let one; one = step(), one.dataset.case;) {
    const {accept, act, impossible, comment, attention} = answers[one.dataset.case];
    for (const [name, value] of Object.entries({accept, act, attention})) {
      one.querySelector(`[data-scale="${name}"] input[value="${value}"]`)?.click();
    }
    for (const box of one.querySelectorAll("[data-impossible]")) if (impossible.includes(box.value)) box.click();
    one.querySelector("[data-comment]").value = comment;
    one.querySelector("[data-next]").click();
  }
  return csv(rows());
}
"""


def test_a_study_in_the_browser_is_analysed_as_its_tables_are(machine: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = RecourseConfig(
        data="synthetic:items=120,users=200,sellers=30", out=str(out), run_id="night", groups="n_ratings:1",
        seen_by=0.1, options=5, max_changes=10,
    )  # fmt: skip
    assert runtime.run_job(settings, recourse.JOB) == 0
    started = time.perf_counter()
    assert write_study(StudyConfig(out=str(out), persons=PERSONS, seed=1)) == 0
    print(f"{PERSONS} questionnaires in {time.perf_counter() - started:.1f} s")
    folder = out / "pages/night/study"
    people = json.loads((folder / "_pages.json").read_text())["design"]["people"]
    rows = simulated_answers(out, people)
    started = time.perf_counter()
    (tmp_path / "answers.csv").mkdir()
    with browser(tmp_path) as tab:
        for person in people:
            name = person["person_id"]
            text = filled_in(tab, folder / f"{name}.html", rows[name], person["attention"]["answer"])
            (tmp_path / "answers.csv" / f"{name}.csv").write_text(text)
        assert not tab.complaints
    print(f"filled in in {time.perf_counter() - started:.1f} s")
    direct = [row for of_person in rows.values() for row in of_person]
    pq.write_table(pa.Table.from_pylist(direct), tmp_path / "direct.parquet")
    found = [analysed(out, tmp_path / name) for name in ("answers.csv", "direct.parquet")]
    for name in TABLES:
        assert found[0][name].equals(found[1][name]), name
    print(found[0]["acceptance_fits"].select(["response", "distance", "status", "n", "n_people"]).to_pylist())
    assert len(found[0]["remarks"]) > 0


def simulated_answers(out: Path, people: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What simulated people say; one in twenty fails the attention question, some find a change impossible."""
    cases = {row["case_id"]: row for row in read_cases([open_run(f"{out}/runs/night")]).table.to_pylist()}
    simulated = simulate_people(len(people), seed=2)
    rng = np.random.default_rng(5)
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, person in enumerate(people):
        plans = person["plans"]
        who, distance = np.full(len(plans), number), np.array([cases[plan]["sparsity"] for plan in plans])
        accept, act = (simulated.rate(response, who, distance, rng).tolist() for response in ("accept", "act"))
        is_attentive = bool(rng.random() > 0.05)
        rows[person["person_id"]] = [
            {
                "case_id": plan, "person_id": person["person_id"], "accept": accept[n], "act": act[n],
                "impossible_features": sorted({c["feature"] for c in cases[plan]["changes"] if rng.random() < 0.03}),
                "comment": f'"{accept[n]}",\nbecause; {number}' if rng.random() < 0.2 else "",
                "attention": "passed" if is_attentive else "failed",
            }
            for n, plan in enumerate(plans)
        ]  # fmt: skip
    return rows


def filled_in(tab: Browser, page: Path, rows: list[dict[str, Any]], wanted: int) -> str:
    """The file that a person downloads; who is not attentive chooses what is next to the number that is wanted."""
    names = {"accept": "accept", "act": "act", "impossible": "impossible_features", "comment": "comment"}
    answers = {
        row["case_id"]: {name: row[column] for name, column in names.items()}
        | {"attention": wanted if row["attention"] == "passed" else wanted % 7 + 1}
        for row in rows
    }
    tab.open(page.as_uri())
    text: str = tab.value(f"({_FILL_IN})({json.dumps(answers)})")
    return text


def analysed(out: Path, feedback: Path) -> dict[str, pa.Table]:
    """The tables of an acceptance run."""
    run_id = feedback.stem
    config = AcceptanceConfig(out=str(out), run=f"{out}/runs/night", feedback=str(feedback), run_id=run_id)
    assert runtime.run_job(config, acceptance.JOB) == 0
    run = open_run(f"{out}/runs/{run_id}")
    return {name: run.table(name).to_table() for name in TABLES}
