"""Pages say what the tables say, load nothing, and run nothing that data hold."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from recsys_ops.acceptance.feedback import case_ids
from recsys_ops.report.plots import _best_of_at_most, plots_of
from recsys_ops.report.words import LANGUAGES
from recsys_ops.runs import Run, open_run
from tests.suites.cli import CommandLine, exit_code_here
from tests.suites.shops import shop_tables, with_value, write_shop

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)> \u202eabc {{ 7 * 7 }} ' + "x" * 300
SELLER = "s/<b>"


@pytest.fixture(scope="module")
def out(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of recourse and one of counterfactuals on a shop with a title and a seller that are no good."""
    folder = tmp_path_factory.mktemp("report")
    tables = shop_tables(sellers=3, items_per_seller=14, users=40, ratings_per_user=10)
    items = with_value(tables["items"], "title", 0, HOSTILE)
    shop = write_shop(folder / "shop", tables | {"items": with_value(items, "seller_id", 0, SELLER)})
    common = ("--data", shop, "--out", str(folder / "out"), "--k", "5")
    recourse = ("recourse", *common, "--groups", "n_ratings:1", "--seen-by", "1", "--run-id", "recourse")
    assert exit_code_here(*recourse, "--plausibility", "none", "--model", "content") == 0
    assert exit_code_here("counterfactuals", *common, "--users", "1,2", "--run-id", "why") == 0
    return folder / "out"


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


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


def best_of_seller(run: Run, seller: str) -> dict[str, float]:
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
    assert len(pages) == 1 + len(sellers)
    links = [a["href"] for name, a in check_page(pages["index.html"]).found if name == "a"]
    assert len(links) == len(sellers)
    for seller in sellers - {SELLER}:
        elements = check_page(pages[f"sellers/{seller}.html"])
        cases = [str(a["data-case"]) for _, a in elements.found if "data-case" in a]
        gained = best_of_seller(run, seller)
        assert [gained[case] for case in cases] == sorted((gained[case] for case in cases), reverse=True)
        assert set(cases) == {case for case, people in gained.items() if people > 0}


def test_hostile_text_stays_text(out: Path, command_line: CommandLine) -> None:
    done = command_line("report", "--out", str(out), "--run-id", "recourse", "--seller", SELLER)
    assert done.code == 0, done.stderr
    (page,) = pages_of(out, "recourse").values()
    text = "".join(check_page(page).text)
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


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here: apt install chromium")
def test_a_browser_runs_every_page_without_a_complaint(out: Path, command_line: CommandLine, tmp_path: Path) -> None:
    assert command_line("report", "--out", str(out), "--run-id", "recourse", "--all").code == 0
    assert command_line("report", "--out", str(out), "--run-id", "why", "--user", "2").code == 0
    card = max(pages_of(out, "recourse").items(), key=lambda page: page[1].count("data-steps="))[1]
    pages = {
        "report": pages_of(out, "recourse")["index.html"],
        "card": card,
        "why": pages_of(out, "why")["user-2.html"],
    }
    for name, page in pages.items():
        shown, complaints = in_browser(tmp_path / f"{name}.html", page)
        assert not complaints
        assert shown.count('aria-valuetext="') == page.count('data-steps="'), "the script of the page did not run"
    _, complaints = in_browser(tmp_path / "changed.html", card.replace("</script>", "//</script>"))
    assert any("Content Security Policy" in line for line in complaints), "complaints are not seen"


def in_browser(path: Path, page: str) -> tuple[str, list[str]]:
    """The document after its script has run, and what the browser's console says."""
    path.write_text(page)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--user-data-dir={path}.d")
    done = subprocess.run(
        ["chromium", *options, "--dump-dom", f"file://{path}"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


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
        (("--all", "--user", "1"), "--seller, --user and --all: give one of them"),
        (("--run-id", "never"), "no complete run here"),
    ],
)
def test_pages_that_cannot_be_are_refused(
    out: Path, command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    done = command_line("report", "--out", str(out), *arguments)
    assert done.code == 2
    assert message in done.stderr


def test_the_shop_is_as_hostile_as_it_should_be(out: Path) -> None:
    items = pq.read_table(out.parent / "shop/items.parquet")
    assert items["title"][0].as_py() == HOSTILE
