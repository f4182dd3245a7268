"""Pages say what the tables say, load nothing, and run nothing that data hold."""

import base64
import hashlib
import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs import report
from jobs.cards import card_path
from jobs.config import RunConfig
from recsys_ops.acceptance.feedback import case_ids
from recsys_ops.errors import StorageError
from recsys_ops.report.plots import _best_of_at_most, plots_of
from recsys_ops.report.seller import seller_pages
from recsys_ops.report.user import user_page
from recsys_ops.report.words import LANGUAGES
from recsys_ops.runs import Run, open_run
from tests.suites.browser import browser, needs_chromium
from tests.suites.cli import CommandLine
from tests.suites.reported import HOSTILE, SELLER


@pytest.fixture(scope="module")
def out(reported: Path) -> Path:
    return reported


class Elements(HTMLParser):
    """Names of elements with their attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def pages_of(out: Path, run_id: str) -> dict[str, str]:
    folder = out / "pages" / run_id
    listed = json.loads((folder / "_pages.json").read_text())["pages"]
    pages = {page["path"]: (folder / page["path"]).read_bytes() for page in listed}
    assert [hashlib.sha256(pages[page["path"]]).hexdigest() for page in listed] == [page["sha256"] for page in listed]
    return {path: content.decode() for path, content in pages.items()}


def check_page(page: str) -> Elements:
    """Nothing is loaded, and the policy allows exactly the style and the script of the page."""
    elements = Elements(page)
    names = [name for name, _ in elements.found]
    assert not {"img", "iframe", "link", "object", "form", "base"} & set(names)
    assert names.count("script") == names.count("style") == 1
    assert not [attribute for _, attributes in elements.found for attribute in attributes if attribute.startswith("on")]
    assert not [attributes for _, attributes in elements.found if "style" in attributes or "src" in attributes]
    policy = next(a["content"] for name, a in elements.found if name == "meta" and "http-equiv" in a) or ""
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    return elements


def people_gained(run: Run, seller: str) -> dict[str, float]:
    """By case that changes something: how many more people see the item."""
    table = run.table("recourse").to_table()
    rows = table.append_column("case", case_ids(run.run_id, table)).to_pylist()
    return {
        row["case"]: (row["success_after"] - row["success_before"]) * row["n_targets"]
        for row in rows
        if str(row["seller_id"]) == seller and row["changes"]
    }


def test_every_seller_has_a_card_with_the_plans_of_the_table_by_impact(out: Path, command_line: CommandLine) -> None:
    done = command_line("report", "--out", str(out), "--all", "--job", "recourse")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{out}/pages/recourse/index.html"
    pages = pages_of(out, "recourse")
    run = open_run(str(out / "runs/recourse"))
    sellers = set(map(str, run.table("recourse").to_table()["seller_id"].to_pylist()))
    assert sum(path.startswith("sellers/") for path in pages) == len(sellers)
    links = [a["href"] for name, a in check_page(pages["index.html"]).found if name == "a"]
    assert len(links) == len(sellers)
    for seller in sellers - {SELLER}:
        elements = check_page(pages[f"sellers/{seller}.html"])
        gained = people_gained(run, seller)
        by_item: list[list[float]] = []
        for _, attributes in elements.found:
            if "data-entry" in attributes:
                by_item.append([])
            elif "data-case" in attributes:
                by_item[-1].append(gained.pop(str(attributes["data-case"])))
        assert by_item == sorted(by_item, key=lambda people: -people[0])
        assert [str(a["data-case"])[-1] for _, a in elements.found if "data-case" in a] == [
            str(option) for people in by_item for option in range(len(people))
        ]
        assert max(gained.values(), default=0) <= 0, "a plan is not on the card"


def test_hostile_text_stays_text(out: Path, command_line: CommandLine) -> None:
    done = command_line("report", "--out", str(out), "--run-id", "recourse", "--seller", SELLER)
    assert done.code == 0, done.stderr
    text = "".join(check_page(pages_of(out, "recourse")[card_path(SELLER)]).text)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text


def test_the_report_says_how_the_cases_ended(out: Path, command_line: CommandLine) -> None:
    for run_id in ("recourse", "why"):
        assert command_line("report", "--out", str(out), "--run-id", run_id).code == 0
        text = " ".join(" ".join(check_page(pages_of(out, run_id)["index.html"]).text).split())
        manifest = open_run(str(out / "runs" / run_id)).manifest
        assert f"Complete: {manifest['n_cases']:,} cases" in text
        for status, count in manifest["counts"].items():
            assert f"{status} {count:,}" in text


def test_the_report_of_recourse_has_plots_with_their_numbers_in_words(out: Path, command_line: CommandLine) -> None:
    pytest.importorskip("matplotlib", reason="the extra plots is not installed")
    assert command_line("report", "--out", str(out), "--run-id", "recourse").code == 0
    page = pages_of(out, "recourse")["index.html"]
    elements = check_page(page)
    assert [name for name, _ in elements.found].count("svg") == len(plots_of(open_run(str(out / "runs/recourse")))) >= 2
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {used[1:] for _, a in elements.found for used in [a.get("xlink:href")] if used} <= set(ids)
    table = open_run(str(out / "runs/recourse")).table("recourse").to_table().to_pandas()
    before, after = table["success_before"].mean(), table["success_after"].mean()
    assert f"On average {before:.1%} of a group see the item before, and {after:.1%} after." in " ".join(elements.text)
    assert command_line("report", "--out", str(out), "--run-id", "recourse").code == 0
    assert pages_of(out, "recourse")["index.html"] == page, "not the same bytes"


def test_a_path_reaches_the_best_of_at_most_so_many_changes() -> None:
    assert _best_of_at_most([(0, 0.0), (2, 0.3), (3, 0.2)], 5).tolist() == [0.0, 0.0, 0.3, 0.3, 0.3, 0.3]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over HTTP on the loopback interface."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@needs_chromium
def test_a_browser_runs_every_page_without_a_complaint(out: Path, command_line: CommandLine, tmp_path: Path) -> None:
    assert command_line("report", "--out", str(out), "--run-id", "recourse", "--all").code == 0
    card = max(pages_of(out, "recourse").items(), key=lambda page: page[1].count("data-steps="))[0]
    assert command_line("report", "--out", str(out), "--run-id", "why", "--user", "2").code == 0
    assert command_line("report", "--out", str(out), "--run-id", "recourse", "--parameters").code == 0
    files = ("recourse/index.html", f"recourse/{card}", "why/user-2.html", "recourse/parameters.html")
    pages = [out / "pages" / path for path in files]
    with browser(tmp_path) as tab, served(out / "pages") as address:
        tab.check(f"{address}/{files[0]}")
        for page in pages:
            tab.check(page.as_uri())
            n_steps = page.read_text().count('data-steps="')
            assert tab.value("document.querySelectorAll('[aria-valuetext]').length") == n_steps
            assert tab.value("[...document.querySelectorAll('[data-says]')].map((one) => one.textContent)") == [
                said for each in steps_said(page.read_text()) for said in each
            ]
        changed = tmp_path / "changed.html"
        changed.write_text(pages[1].read_text().replace("</script>", "//</script>"))
        tab.open(changed.as_uri())
        assert any("Content Security Policy" in line for line in tab.complaints), "complaints are not seen"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_user_reads_why_in_their_language(out: Path, command_line: CommandLine, language: str) -> None:
    done = command_line("report", "--out", str(out), "--run-id", "why", "--user", "2", "--language", language)
    assert done.code == 0, done.stderr
    page = pages_of(out, "why")["user-2.html"]
    text = " ".join(check_page(page).text)
    rows = [row for row in open_run(str(out / "runs/why")).table("counterfactuals").to_table().to_pylist()
            if row["user_id"] == 2]  # fmt: skip
    assert len(rows) == 3
    for row in rows:
        assert (row["text"] or LANGUAGES[language]["user_anyway"]) in text
    assert LANGUAGES[language]["user_title"] in text
    assert f'<html lang="{language}">' in page


def steps_said(page: str) -> list[list[str]]:
    """By plan with a slider: the sentences of its steps, put together from the phrases of the page."""
    found = re.search(r'<ol id="phrases".*?</ol>', page, flags=re.DOTALL)
    phrases = [html.unescape(said) for said in re.findall("<li>(.*?)</li>", found[0], flags=re.DOTALL)] if found else []
    said = []
    for steps in re.findall(r'<div id="list-.*?</div>', page, flags=re.DOTALL):
        numbers = [list(map(int, each.split())) for each in re.findall('data-says="(.*?)"', steps)]
        said.append([phrases[n].replace("{text}", "; ".join(phrases[m] for m in rest)) for n, *rest in numbers])
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_steps_of_every_plan_are_said_in_full(out: Path, language: str) -> None:
    run, say = open_run(str(out / "runs/recourse")), LANGUAGES[language]
    expected: dict[tuple[object, ...], list[str]] = {}
    for row in run.table("frontier").to_table().sort_by("n_changes").to_pylist():
        if (n := row["n_changes"]) and row["text"]:
            counted = say["one_change"] if n == 1 else say["n_changes"].format(n=n)
            text = row["text"][0].upper() + row["text"][1:]
            sentence = say["step"].format(n=counted, after=f"{row['success']:.0%}", text=text)
            expected.setdefault((row["item_id"], row["group"], row["option"]), []).append(sentence)
    rows = run.table("recourse").to_table().to_pylist()
    helpful = [row for row in rows if row["changes"] and row["success_after"] > row["success_before"]]
    shown = [expected.get((row["item_id"], row["group"], row["option"]), []) for row in helpful]
    found = [steps for _, (_, page) in seller_pages(run, None, language) for steps in steps_said(page)]
    assert sorted(found) == sorted(steps for steps in shown if len(steps) > 1)
    assert len(found) > 3


def with_settings(run: Run, **changes: object) -> Run:
    """The run as if it had been made with other settings."""
    return replace(run, manifest=run.manifest | {"configuration": run.manifest["configuration"] | changes})


def test_a_card_says_no_more_than_what_is_proven(out: Path) -> None:
    run, say = open_run(str(out / "runs/recourse")), LANGUAGES["en"]
    table = run.table("recourse").to_table().to_pylist()
    rows = [row for row in table if row["changes"] and row["success_after"] > row["success_before"]]
    cards = "".join(page for _, page in dict(seller_pages(run, None, "en")).values())
    assert cards.count(say["proven"]) == sum(row["status"] == "optimal" for row in rows)
    assert cards.count("no better plan was found.") == sum(row["status"] == "feasible" for row in rows) > 0
    examples = "".join(
        page for _, page in dict(seller_pages(with_settings(run, method="examples"), None, "en")).values()
    )
    assert say["proven"] not in examples
    assert say["no_change_helps"] not in examples
    assert not any(say["weighted"] in each for each in (cards, examples))
    weighted = "".join(
        page for _, page in dict(seller_pages(with_settings(run, group_weights="a=2"), None, "en")).values()
    )
    assert weighted.count(say["weighted"]) == len(rows)


@pytest.mark.parametrize("limit", [{"plausibility": "threshold"}, {"removal_costs": "costs.csv"}, {"max_removed": 2}])
def test_where_not_all_of_a_history_could_be_left_out_less_is_said(out: Path, limit: dict[str, object]) -> None:
    run, say = open_run(str(out / "runs/why")), LANGUAGES["en"]
    free = "".join(user_page(run, user, "en") for user in ("1", "2"))
    assert say["user_proven"] in free or say["user_anyway"] in free
    limited = "".join(user_page(with_settings(run, **limit), user, "en") for user in ("1", "2"))
    assert say["user_proven"] not in limited
    assert say["user_anyway"] not in limited
    assert limited.count(say["user_nothing_allowed"]) == free.count(say["user_anyway"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("run_id", ["recourse", "why"])
def test_the_main_parameters_are_said_in_every_language(
    out: Path, command_line: CommandLine, run_id: str, language: str
) -> None:
    done = command_line("report", "--out", str(out), "--run-id", run_id, "--parameters", "--language", language)
    assert done.code == 0, done.stderr
    elements = check_page(pages_of(out, run_id)["parameters.html"])
    assert LANGUAGES[language]["parameters_title"] in elements.text
    assert ("html", {"lang": language}) in elements.found
    assert [name for name, _ in elements.found].count("h1") == 1


def test_all_languages_say_the_same_things() -> None:
    english, *others = LANGUAGES.values()
    for other in others:
        assert other.keys() == english.keys()
        assert all(set(re.findall(r"{\w+}", other[name])) == set(re.findall(r"{\w+}", english[name])) for name in other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run-id", "recourse", "--user", "1"), "--user: run recourse is of recourse, not of counterfactuals"),
        (("--run-id", "why", "--seller", "s01"), "--seller: run why is of counterfactuals, not of recourse"),
        (("--run-id", "why", "--user", "99"), "--user 99: run why has no row of this user"),
        (("--run-id", "recourse", "--seller", "no"), "--seller no: run recourse has no row of this seller"),
        (("--all", "--user", "1"), "--seller, --user, --all and --parameters: give one of them"),
        (("--run-id", "never"), "no complete run here"),
        (("--run-id", "recourse", "--feedback-url", "https://a.example"), "give --seller or --all as well"),
    ],
)
def test_pages_that_cannot_be_are_refused(
    out: Path, command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    done = command_line("report", "--out", str(out), *arguments)
    assert done.code == 2
    assert message in done.stderr


def test_a_run_whose_pages_cannot_be_written_says_that_it_is_committed(
    out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails_with(error: Exception) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise error

        return fail

    said = "run why is complete and committed, but its pages are not written"
    remedy = f"Write them with: recsys-ops report --out {out} --run-id why"
    config = RunConfig(out=str(out))
    monkeypatch.setattr(report, "write_pages", fails_with(StorageError("disk: full.")))
    with pytest.raises(StorageError, match=re.escape(f"{said}: disk: full. {remedy}")):
        report.write_pages_of(config, "why", "counterfactuals")
    monkeypatch.setattr(report, "write_pages", fails_with(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError):
        report.write_pages_of(config, "why", "counterfactuals")
    assert f"{said}. {remedy}" in caplog.messages


def test_the_shop_is_as_hostile_as_it_should_be(out: Path) -> None:
    items = pq.read_table(out.parent / "shop/items.parquet")
    assert items["title"][0].as_py() == HOSTILE
