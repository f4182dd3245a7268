"""A seller's answers on a card reach the acceptance job, by download or by post, and the next card knows them."""

import csv
import dataclasses
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recsys_ops.acceptance.learned import read_learned
from recsys_ops.report.seller import seller_pages
from recsys_ops.report.words import LANGUAGES
from recsys_ops.runs import open_run
from tests.suites.browser import Browser, browser, needs_chromium
from tests.suites.cli import CommandLine

pytestmark = needs_chromium
SAY = LANGUAGES["en"]


class Inbox(ThreadingHTTPServer):
    """Takes what is posted, or answers with ``status``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.posted = 200, list[str]()


class Handler(BaseHTTPRequestHandler):
    """Answers of an address that pages of other origins may post to."""

    server: Inbox

    def do_OPTIONS(self) -> None:
        self._answer(204)

    def do_POST(self) -> None:
        self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(self.server.status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "Content-Type")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def out(reported: Path) -> Path:
    return reported


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path) as opened:
        yield opened


def card_with_most_plans(out: Path, command_line: CommandLine, *options: str) -> Path:
    assert command_line("report", "--out", str(out), "--run-id", "recourse", "--all", *options).code == 0
    cards = (out / "pages/recourse/sellers").glob("*.html")
    return max(cards, key=lambda path: path.read_text().count("data-case="))


def answer_by_keyboard(tab: Browser) -> list[str]:
    """Rate a plan, dismiss another way for a reason, and say of the third item that a change is impossible."""
    tab.tab_to('[name="accept-0"]')
    tab.press("Space", "ArrowRight")
    tab.tab_to('[name="act-0"]')
    tab.press("ArrowLeft")
    tab.tab_to("summary")
    tab.press("Enter")
    tab.tab_to('[name="decision-1"]')
    tab.press("ArrowRight", "ArrowRight")
    tab.press("Tab", 'too "dear",\nand too late')
    tab.tab_to("[data-entry]:nth-child(3) [data-impossible]")
    tab.press("Space")
    cases: list[str] = tab.value("[...document.querySelectorAll('[data-case]')].map((one) => one.dataset.case)")
    return cases


def is_warned(tab: Browser) -> bool:
    """Whether the browser asks whoever leaves the page now."""
    tab.value("globalThis.leaving = new Event('beforeunload', {cancelable: true}); dispatchEvent(leaving); 0")
    return bool(tab.value("leaving.defaultPrevented"))


def test_what_is_clicked_on_a_card_is_read_by_acceptance_and_known_to_the_next_card(
    out: Path, command_line: CommandLine, tab: Browser
) -> None:
    card = card_with_most_plans(out, command_line)
    tab.open(card.as_uri())
    assert not is_warned(tab)
    cases = answer_by_keyboard(tab)
    feature = tab.value("document.querySelector('[data-entry]:nth-child(3) [data-impossible]').value")
    assert is_warned(tab)
    tab.tab_to("[data-download]")
    tab.press("Enter")
    assert not is_warned(tab)
    assert tab.value("document.querySelector('#feedback [role=status]').textContent") == (
        f"{SAY['downloaded']} {SAY['answered'].format(n=3)}"
    )
    path = tab.downloaded("feedback.csv")
    assert not tab.complaints
    assert [url for url in tab.requests if not url.startswith("blob:")] == [card.as_uri()]
    arguments = ("--out", str(out), "--run", f"{out}/runs/recourse", "--feedback", str(path), "--run-id", "learned")
    assert command_line("acceptance", *arguments).code == 0
    learned = open_run(f"{out}/runs/learned")
    (remark,) = learned.table("remarks").to_table().to_pylist()
    assert (remark["case_id"], remark["decision"]) == (cases[1], "dismissed")
    assert remark["comment"] == 'too "dear",\nand too late'
    fits = learned.table("acceptance_fits").to_table().to_pylist()
    assert {(fit["response"], fit["n"]) for fit in fits} == {("accept", 1), ("act", 1)}
    seller = remark["seller_id"]
    assert read_learned(f"{out}/runs/learned").impossible == {str(seller): {feature}}

    run = open_run(f"{out}/runs/recourse")
    manifest = {**run.manifest, "configuration": {**run.manifest["configuration"], "learned": learned.url}}
    following = dict(seller_pages(dataclasses.replace(run, manifest=manifest), [seller], "en"))[str(seller)][1]
    assert following.count(SAY["decided_dismissed"]) == 1
    assert SAY["decided_dismissed"] not in card.read_text()


def test_answers_are_posted_to_the_address_and_downloaded_where_they_do_not_arrive(
    out: Path, command_line: CommandLine, tab: Browser, inbox: Inbox
) -> None:
    url = f"http://127.0.0.1:{inbox.server_port}/feedback?of=night"
    tab.open(card_with_most_plans(out, command_line, "--feedback-url", url).as_uri())
    status = "document.querySelector('#feedback [role=status]').textContent"
    cases = answer_by_keyboard(tab)
    tab.tab_to("[data-send]")
    tab.press("Enter")
    said = tab.until(f"{status}.includes({json.dumps(SAY['sent'])}) && {status}")
    assert said == f"{SAY['sent']} {SAY['answered'].format(n=3)}"
    rows = list(csv.DictReader(io.StringIO(inbox.posted[0])))
    assert [(row["case_id"], row["accept"], row["act"], row["decision"]) for row in rows[:2]] == [
        (cases[0], "2", "7", ""),
        (cases[1], "", "", "dismissed"),
    ]
    assert not list(tab.downloads.iterdir())
    inbox.status = 503
    tab.press("Enter")
    tab.until(f"{status}.includes({json.dumps(SAY['not_sent'].format(why='HTTP 503'))})")
    assert tab.downloaded("feedback.csv").read_text() == inbox.posted[1] == inbox.posted[0]


@pytest.mark.parametrize("url", ["shop.example/x", "ftp://shop.example", "https://a;b/", "https://shop.example/#x y"])
def test_an_address_that_no_page_can_post_to_is_refused(out: Path, command_line: CommandLine, url: str) -> None:
    refused = command_line("report", "--out", str(out), "--run-id", "recourse", "--all", "--feedback-url", url)
    assert refused.code == 2
    assert f"--feedback-url {url}: expected an address" in refused.stderr
    night = ("recourse", "--out", str(out), "--feedback-url", url)
    assert command_line(*night).stderr.endswith(
        "--feedback-url is ignored without --report. Leave it out, or give both.\n"
    )
    assert f"--feedback-url {url}: expected an address" in command_line(*night, "--report").stderr


def test_a_card_is_sorted_and_searched(out: Path, command_line: CommandLine, tab: Browser) -> None:
    tab.open(card_with_most_plans(out, command_line).as_uri())
    shown = "[...document.querySelectorAll('[data-entry]:not([hidden])')].map((one) => Number(one.dataset.changes))"
    first = tab.value(shown)
    tab.tab_to("#sort")
    tab.press("ArrowDown")
    assert tab.value(shown) == sorted(first)
    title = tab.value("document.querySelector('[data-entry]:last-child h2').textContent")
    tab.value("document.getElementById('find').focus()")
    tab.press(title)
    assert title in tab.value("document.querySelector('[data-entry]:not([hidden]) h2').textContent")
    assert len(tab.value(shown)) < len(first)
