"""A questionnaire shows what its design says, and its answers are read as feedback."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recsys_ops.acceptance.feedback import read_cases, read_feedback
from recsys_ops.runs import open_run
from tests.suites.browser import Browser, browser, needs_chromium
from tests.suites.cli import CommandLine


@pytest.fixture(scope="module")
def out(reported: Path) -> Path:
    return reported


def study(out: Path, command_line: CommandLine, *options: str) -> Path:
    arguments = ("--out", str(out), "--run-id", "recourse", "--options", "2", "--persons", "5", *options)
    done = command_line("study", *arguments)
    assert done.code == 0, done.stderr
    return out / "pages/recourse/study"


def design_of(folder: Path) -> dict[str, Any]:
    design: dict[str, Any] = json.loads((folder / "_pages.json").read_text())["design"]
    return design


def test_everybody_rates_all_options_of_as_many_cases_in_an_order_that_the_seed_draws(
    out: Path, command_line: CommandLine
) -> None:
    rows = open_run(f"{out}/runs/recourse").table("recourse").to_table().to_pylist()
    n_cases = Counter(row["item_id"] for row in rows if row["changes"])
    pool = sum(n == 2 for n in n_cases.values())
    folder = study(out, command_line, "--persons", str(2 * pool + 1), "--cases", "2", "--seed", "3")
    design = design_of(folder)
    shown: Counter[str] = Counter()
    orders = set()
    for person in design["people"]:
        cases = [plan.rpartition("/")[0] for plan in person["plans"]]
        assert cases[0] == cases[1] != cases[2] == cases[3]
        orders.add(tuple(plan.rpartition("/")[2] for plan in person["plans"]))
        assert all({"0", "1"} == {plan[-1] for plan in person["plans"][two : two + 2]} for two in (0, 2))
        shown.update(set(cases))
        assert person["attention"]["plan"] in person["plans"]
        page = (folder / f"{person['person_id']}.html").read_text()
        assert page.count("data-wanted=") == 1
    assert len(orders) == 4, "the order of the options is not random"
    assert len(shown) == pool
    assert max(shown.values()) - min(shown.values()) <= 1
    pages = {path.name: path.read_bytes() for path in folder.iterdir()}
    study(out, command_line, "--persons", str(2 * pool + 1), "--cases", "2", "--seed", "3")
    assert pages == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert design_of(study(out, command_line, "--cases", "2", "--seed", "4"))["people"] != design["people"][:5]


def answer(tab: Browser, accept: int, act: int, *, attention: int, why: str) -> None:
    """Answer the plan that is shown, by keyboard."""
    shown = "[data-step]:not([hidden])"
    for name, value in (("accept", accept), ("act", act)):
        tab.tab_to(f'{shown} [data-scale="{name}"] input')
        tab.press("Space", *["ArrowRight"] * (value - 1))
        if name == "accept":
            tab.tab_to(f"{shown} [data-impossible]")
            if why:
                tab.press("Space")
    tab.tab_to(f"{shown} [data-comment]")
    tab.press(why)
    if tab.value(f"document.querySelector('{shown} [data-wanted]') !== null"):
        tab.tab_to(f'{shown} [data-scale="attention"] input')
        tab.press("Space", *["ArrowRight"] * (attention - 1))
    tab.tab_to(f"{shown} [data-next]")
    tab.press("Enter")


@needs_chromium
@pytest.mark.parametrize("is_attentive", [True, False])
def test_what_people_answer_is_read_as_feedback(
    out: Path, command_line: CommandLine, tmp_path: Path, is_attentive: bool
) -> None:
    folder = study(out, command_line, "--language", "de")
    person = design_of(folder)["people"][3]
    page = folder / f"{person['person_id']}.html"
    wanted = person["attention"]["answer"]
    with browser(tmp_path) as tab:
        tab.check(page.as_uri())
        tab.open(page.as_uri(), width=375)
        tab.tab_to("[data-next]")
        tab.press("Enter")
        assert tab.value("document.querySelector('[data-case]:not([hidden])')") is None, "begun without consent"
        tab.value("document.querySelector('[data-agree]').focus()")
        tab.press("Space")
        tab.tab_to("[data-next]")
        tab.press("Enter")
        tab.check_accessible()
        for number, why in enumerate(("", "=1+1; “no”")):
            answer(tab, 2 + number, 6, attention=wanted if is_attentive else wanted % 7 + 1, why=why)
        tab.tab_to("[data-download]")
        tab.press("Enter")
        path = tab.downloaded(f"feedback-{person['person_id']}.csv")
        assert not tab.complaints
        assert tab.value("document.documentElement.scrollWidth") <= 375
    feedback = read_feedback(str(path), read_cases([open_run(f"{out}/runs/recourse")]))
    rows = {row["case_id"]: row for row in feedback.table.to_pylist()}
    first, second = (rows[plan] for plan in person["plans"])
    assert (first["accept"], first["act"], first["comment"], first["impossible_features"]) == (2, 6, None, [])
    assert (second["accept"], second["act"], second["comment"]) == (3, 6, "=1+1; “no”")
    assert second["impossible_features"] == second["features"][:1]
    assert {row["attention"] for row in rows.values()} == {"passed" if is_attentive else "failed"}
    assert feedback.possible.num_rows == (1 if is_attentive else 0)


def test_a_text_of_consent_is_shown_and_the_address_allowed(
    out: Path, command_line: CommandLine, tmp_path: Path
) -> None:
    text = tmp_path / "consent.txt"
    text.write_text("We are <b>the</b> lab.\nWrite to us.")
    options = ("--consent", str(text), "--feedback-url", "https://lab.example/in?a=1")
    page = (study(out, command_line, *options) / "p0001.html").read_text()
    assert "<p>We are &lt;b&gt;the&lt;/b&gt; lab.</p>\n<p>Write to us.</p>" in page
    assert "connect-src https://lab.example;" in page
    assert 'data-send="https://lab.example/in?a=1"' in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run-id", "why"), "study: run why is of counterfactuals, not of recourse"),
        (("--run-id", "recourse", "--options", "3"), "run recourse: 0 cases have 3 options or more"),
        (
            ("--run-id", "recourse", "--options", "2", "--consent", "nowhere.txt"),
            "--consent nowhere.txt: cannot be read",
        ),
        (("--run-id", "recourse", "--persons", "0"), "--persons 0"),
    ],
)
def test_a_study_that_cannot_be_is_refused(
    out: Path, command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    refused = command_line("study", "--out", str(out), *arguments)
    assert refused.code == 2
    assert message in refused.stderr
