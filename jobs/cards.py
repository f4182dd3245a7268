"""The cards of all sellers of a run: cut into shards by the run alone, written by workers, resumable.

A shard is a range of sellers whose plans are one task. Each shard leaves a record when its cards are written; who
repeats a call that was interrupted writes only the shards without one. Memory: a worker holds the rows of its shard's
sellers and one page (an archive compressed); the driver a number per seller. Each shard reads through the tables once.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

from jobs.runtime.cluster import connect
from jobs.runtime.each import each_in_a_task
from jobs.store.code_version import this_code
from jobs.store.files import absolute, json_bytes, remove_folder, write_bytes
from jobs.store.pages import Entry, archive, write_page
from recsys_ops.report.page import origin_of
from recsys_ops.report.seller import seller_pages
from recsys_ops.runs import Run, open_run
from recsys_ops.storage import BUCKET_DEFAULT, Encryption, open_store, read_json, storage_errors

MOST_FILES = 5_000
"""More cards than this are written into an archive per shard."""
ROWS_PER_SHARD = 10_000
"""About 20 seconds of work."""
_RECORDS = "_shards"
Pages = Iterator[tuple[str, tuple[str, str]]]
_log = logging.getLogger("recsys_ops.jobs")


@dataclass(frozen=True)
class Wanted:
    """What all cards have in common: URLs of the run and of the folder of its pages, and how cards are written."""

    run: str
    folder: str
    language: str
    feedback_url: str | None
    encryption: Encryption = BUCKET_DEFAULT


@dataclass(frozen=True)
class Shard:
    """Sellers whose cards are written by one task; ``digest`` says what its files are made of."""

    number: int
    sellers: tuple[Any, ...]
    is_archived: bool
    digest: str


@dataclass(frozen=True)
class Cards:
    """What was written: ``files`` for the manifest, and ``listed`` for the report that leads to them."""

    n_cards: int
    n_bytes: int
    files: Sequence[Entry]
    listed: Sequence[dict[str, str]]


NO_CARDS = Cards(0, 0, (), ())


def write_cards(of_run: Run, wanted: Wanted, *, address: str | None = None, workers: int | None = None) -> Cards:
    """Write the card of every seller of a run of recourse, by workers where that is more than one shard.

    Raises
    ------
    ConfigError, InputError, StorageError
        Each with a message for the user.
    """
    if wanted.feedback_url is not None:
        origin_of(wanted.feedback_url)
    shards = plan_cards(of_run, wanted)
    records = _intact_records(wanted, shards)
    if records:
        _log.info("cards: %d of %d shards are written already", len(records), len(shards))
    left = [shard for shard in shards if shard.number not in records]
    write = partial(write_shard, replace(wanted, run=absolute(wanted.run), folder=absolute(wanted.folder)))
    if len(left) > 1:
        with connect(address, workers, out=wanted.folder):
            new = each_in_a_task(write, left)
    else:
        new = [write(shard) for shard in left]
    records |= {shard.number: record for shard, record in zip(left, new, strict=True)}
    of_all = [records[shard.number] for shard in shards]
    return Cards(
        sum(record["n_cards"] for record in of_all),
        sum(record["n_bytes"] for record in of_all),
        [entry for record in of_all for entry in record["files"]],
        [listed for record in of_all for listed in record["listed"]],
    )


def plan_cards(of_run: Run, wanted: Wanted) -> list[Shard]:
    """The sellers of a run in order of their ids, cut where enough rows are together: the same for any workers."""
    n_rows: Counter[Any] = Counter()
    for batch in of_run.table("recourse", checked=False).to_batches(columns=["seller_id"]):
        n_rows.update(batch["seller_id"].to_pylist())
    shards: list[list[Any]] = []
    rows = ROWS_PER_SHARD
    for seller in sorted(n_rows):
        if rows >= ROWS_PER_SHARD:
            shards.append([])
            rows = 0
        shards[-1].append(seller)
        rows += n_rows[seller]
    is_archived = len(n_rows) > MOST_FILES
    common = [of_run.fingerprint, wanted.language, wanted.feedback_url, is_archived, this_code()]
    return [
        Shard(number, tuple(sellers), is_archived, hashlib.sha256(json.dumps([*common, sellers]).encode()).hexdigest())
        for number, sellers in enumerate(shards)
    ]


def write_shard(wanted: Wanted, shard: Shard) -> dict[str, Any]:
    """Write the cards of a shard, and then a record that says so; the record."""
    filesystem, root = open_store(wanted.folder, encryption=wanted.encryption)
    pages = seller_pages(open_run(wanted.run), shard.sellers, wanted.language, wanted.feedback_url)
    write = _write_archive if shard.is_archived else _write_files
    record = {"digest": shard.digest, "n_cards": len(shard.sellers), **write(filesystem, root, shard, pages)}
    write_bytes(filesystem, f"{root}/{_record_path(shard)}", json_bytes(record))
    return record


def _write_files(filesystem: Any, root: str, _: Shard, pages: Pages) -> dict[str, Any]:
    files, listed = [], []
    for seller, (summary, page) in pages:
        files.append(write_page(filesystem, root, card_path(seller), page.encode()))
        listed.append({"path": quote(card_path(seller)), "name": seller, "what": summary})
    return {"n_bytes": sum(file["bytes"] for file in files), "files": files, "listed": listed}


def _write_archive(filesystem: Any, root: str, shard: Shard, pages: Pages) -> dict[str, Any]:
    packed, n_bytes = archive((card_path(seller), page.encode()) for seller, (_, page) in pages)
    path, n = f"sellers/cards-{shard.number:05}.zip", len(shard.sellers)
    first, last = (str(shard.sellers[end]) for end in (0, -1))
    file = {**write_page(filesystem, root, path, packed), "cards": n, "first": first, "last": last}
    listed = {"path": path, "name": f"{first} \N{EN DASH} {last}", "what": f"{n:,} cards, an archive"}
    return {"n_bytes": n_bytes, "files": [file], "listed": [listed]}


def forget_records(folder: str) -> None:
    """Remove the records of shards: the manifest lists their files."""
    filesystem, root = open_store(folder)
    remove_folder(filesystem, f"{root}/{_RECORDS}")


def card_path(seller: str) -> str:
    """Where the card of a seller is in the folder of pages, or in an archive."""
    return f"sellers/{file_name(seller)}.html"


def file_name(name: str) -> str:
    """A name for a file that no other id has: letters and digits as they are, the rest as a digest says."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:60]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _intact_records(wanted: Wanted, shards: Sequence[Shard]) -> dict[int, dict[str, Any]]:
    """Records of an interrupted call that wanted the same of the same run, whose files are all there."""
    filesystem, root = open_store(wanted.folder)
    remedy = "Remove the file, and write the pages again."
    stored = {shard: read_json(filesystem, f"{root}/{_record_path(shard)}", remedy=remedy) for shard in shards}
    same = {shard.number: record for shard, record in stored.items() if record and record["digest"] == shard.digest}
    if not same:
        return {}
    with storage_errors(f"{root}/sellers", "listing"):
        sizes = {
            path.rpartition("/")[2]: about["size"]
            for path, about in filesystem.find(f"{root}/sellers", detail=True).items()
        }
    return {
        number: record
        for number, record in same.items()
        if all(sizes.get(file["path"].rpartition("/")[2]) == file["bytes"] for file in record["files"])
    }


def _record_path(shard: Shard) -> str:
    return f"{_RECORDS}/{shard.number:05}.json"
