"""All sellers' cards are the same however they are cut, packed, spread and interrupted."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jobs import cards
from jobs.cards import Wanted, plan_cards, write_shard
from recsys_ops.runs import open_run
from tests.suites.cli import CommandLine


@pytest.fixture
def out(reported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(reported, tmp_path / "out", ignore=shutil.ignore_patterns("pages"))


def pages_of_all(out: Path, command_line: CommandLine, *options: str) -> dict[str, bytes]:
    """What one call with --all leaves in the folder of pages, the manifest apart."""
    folder = out / "pages/recourse"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert command_line("report", "--out", str(out), "--run-id", "recourse", "--all", *options).code == 0
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and before.get(path) != path.stat().st_mtime_ns and path.name != "_pages.json"
    }


def manifest_of(out: Path) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = json.loads((out / "pages/recourse/_pages.json").read_text())["pages"]
    return pages


def test_cards_are_the_same_bytes_from_one_task_and_from_many(
    out: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pages_of_all(out, command_line)
    assert len(whole) > 3
    monkeypatch.setattr(cards, "ROWS_PER_SHARD", 1)
    assert len(plan_cards(open_run(f"{out}/runs/recourse"), wanted(out))) == len(whole) - 1
    assert pages_of_all(out, command_line) == whole
    assert not (out / "pages/recourse/_shards").exists()


def test_too_many_cards_are_archives_that_the_manifest_and_the_report_lead_to(
    out: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pages_of_all(out, command_line)
    monkeypatch.setattr(cards, "MOST_FILES", 2)
    packed = pages_of_all(out, command_line)
    assert set(packed) == {"index.html", "sellers/cards-00000.zip"}
    path = out / "pages/recourse/sellers/cards-00000.zip"
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() is None
        found = {name: zipped.read(name) for name in zipped.namelist()}
    assert found == {name: page for name, page in files.items() if name != "index.html"}
    (entry,) = (entry for entry in manifest_of(out) if entry["path"] == "sellers/cards-00000.zip")
    assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    sellers = sorted(open_run(f"{out}/runs/recourse").table("recourse").to_table()["seller_id"].unique().to_pylist())
    assert (entry["cards"], entry["first"], entry["last"]) == (len(sellers), sellers[0], sellers[-1])
    assert b'<a href="sellers/cards-00000.zip">' in packed["index.html"]
    assert pages_of_all(out, command_line) == packed, "not the same bytes"


def wanted(out: Path) -> Wanted:
    return Wanted(f"{out}/runs/recourse", f"{out}/pages/recourse", "en", None)


def test_an_interrupted_call_is_continued_and_other_pages_are_written_anew(
    out: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pages_of_all(out, command_line)
    run = open_run(f"{out}/runs/recourse")
    rows = run.table("recourse").to_table().num_rows
    monkeypatch.setattr(cards, "ROWS_PER_SHARD", rows // 2)
    first, second = plan_cards(run, wanted(out))
    write_shard(wanted(out), first)
    written: list[int] = []
    monkeypatch.setattr(cards, "write_shard", lambda *about: written.append(about[1].number) or write_shard(*about))
    rest = pages_of_all(out, command_line)
    assert written == [second.number]
    assert rest["index.html"] == whole["index.html"]
    assert rest.items() <= whole.items()
    for change in ("language", "size"):
        record = write_shard(wanted(out), second)
        write_shard(wanted(out), first)
        if change == "size":
            (out / "pages/recourse" / record["files"][0]["path"]).write_text("half")
        written.clear()
        pages_of_all(out, command_line, *(("--language", "de") if change == "language" else ()))
        assert written == ([second.number] if change == "size" else [])  # both by Ray, where nothing is counted


def test_the_manifest_lists_the_pages_of_all_calls(out: Path, command_line: CommandLine) -> None:
    everything = set(pages_of_all(out, command_line)) | {"parameters.html"}
    for option in (("--parameters",), ("--seller", "s01"), ()):
        assert command_line("report", "--out", str(out), "--run-id", "recourse", *option).code == 0
    listed = manifest_of(out)
    paths = [entry["path"] for entry in listed]
    assert paths == sorted(set(paths))
    assert everything <= set(paths)
    for entry in listed:
        content = (out / "pages/recourse" / entry["path"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
