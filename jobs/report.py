"""Write the pages of a committed run: the night's report, sellers' cards, a user's why."""

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, model_validator

from jobs.config import MODEL_CONFIG, RunConfig
from jobs.console import make_console
from jobs.errors import ExitCode
from jobs.overnight import FIGURES, overnight
from jobs.store.files import json_bytes
from recsys_ops.drift.bands import Band
from recsys_ops.errors import ConfigError, InputError, StorageError
from recsys_ops.report.night import night_page
from recsys_ops.report.parameters import parameters_page
from recsys_ops.report.seller import seller_pages
from recsys_ops.report.user import user_page
from recsys_ops.runs import Run, open_run
from recsys_ops.storage import BUCKET_DEFAULT, Encryption, open_store, storage_errors

MANIFEST = "_pages.json"
_log = logging.getLogger("recsys_ops.jobs")


class ReportConfig(BaseModel):
    """Which pages of which run."""

    model_config = MODEL_CONFIG

    out: str = "out"
    """As in the jobs: the folder or object-store URL with the results."""
    run_id: str | None = None
    """Id of the run; by default the last whole run, of --job where that is given."""
    job: str | None = None
    """Whose last whole run: recourse, counterfactuals, antidote or acceptance."""
    seller: str | None = None
    """Only the card of this seller."""
    user: str | None = None
    """Only why this user was recommended what is in the run."""
    all: bool = Field(default=False)
    """The card of every seller, and a report that leads to them."""
    parameters: bool = Field(default=False)
    """Only what decides who sees which item, in plain language: of recourse by group, or of counterfactuals."""
    feedback_url: str | None = None
    """Address that sellers' cards post their answers to, with the download where that fails; by default only the download."""  # noqa: E501
    language: Literal["en", "de"] | None = None
    """Of sellers' and users' pages; by default that of the run's sentences."""

    @model_validator(mode="after")
    def _one_kind_of_page(self) -> "ReportConfig":
        if sum((self.seller is not None, self.user is not None, self.all, self.parameters)) > 1:
            raise ValueError("--seller, --user, --all and --parameters: give one of them")
        if self.feedback_url is not None and self.seller is None and not self.all:
            raise ValueError("--feedback-url is where sellers' cards post to: give --seller or --all as well")
        return self


def write_pages_of(config: RunConfig, run_id: str, job: str) -> None:
    """Write the pages of a run that a job has just committed; whatever fails here, the run stays as it is.

    Raises
    ------
    InputError, ConfigError, StorageError
        With a message that says so.
    """
    is_refused = bool(open_run(f"{config.out.rstrip('/')}/runs/{run_id}").refused)  # then its advice is for nobody yet
    of_sellers = job == "recourse" and not is_refused
    feedback_url = getattr(config, "feedback_url", None)
    wanted = ReportConfig(out=config.out, run_id=run_id, all=of_sellers, feedback_url=feedback_url)
    what = f"run {run_id} is complete and committed, but its pages are not written"
    remedy = f"Write them with: recsys-ops report --out {config.out} --run-id {run_id}{' --all' * wanted.all}"
    try:
        _run(wanted, config.encryption)
    except (InputError, ConfigError, StorageError) as error:
        raise type(error)(f"{what}: {error} {remedy}") from error
    except Exception:  # a defect, which goes on: but first it is said that the run is safe, as no traceback says it
        _log.error("%s. %s", what, remedy)
        raise


def run(config: ReportConfig) -> int:
    """Write the pages into ``<out>/pages/<run id>`` and say where they are; return exit code 0.

    Raises
    ------
    ConfigError, InputError, StorageError
        Each with a message for the user.
    """
    _run(config)
    return ExitCode.COMPLETE


def _run(config: ReportConfig, encryption: Encryption = BUCKET_DEFAULT) -> None:
    started = time.monotonic()
    out = config.out.rstrip("/")
    of_run = open_run(out if config.run_id is None else f"{out}/runs/{config.run_id}", job=_job_of(config))
    pages = _pages(of_run, config)
    folder = f"{out}/pages/{of_run.run_id}"
    write_pages(folder, {path: text.encode() for path, text in pages.items()}, encryption=encryption)
    seconds, size = time.monotonic() - started, sum(len(text.encode()) for text in pages.values())
    console = make_console(is_wide=True)
    console.print(f"{len(pages)} pages, {size / 1e3:,.0f} kB, {len(pages) / seconds:.0f} a second.", markup=False)
    console.print(f"{folder}/{next(iter(pages))}", markup=False, soft_wrap=True)


def _job_of(config: ReportConfig) -> str | None:
    if config.job is not None or config.run_id is not None:
        return config.job
    if config.user is not None:
        return "counterfactuals"
    return "recourse" if config.seller is not None or config.all or config.parameters else None


def _pages(of_run: Run, config: ReportConfig) -> dict[str, str]:
    """Pages by path; the first is where to begin."""
    language = config.language or of_run.manifest["configuration"].get("language") or "en"
    if config.user is not None:
        check_job(of_run, "counterfactuals", "--user")
        return {f"user-{_file_name(config.user)}.html": user_page(of_run, config.user, language)}
    if config.parameters:
        check_job(of_run, ("recourse", "counterfactuals"), "--parameters")
        return {"parameters.html": parameters_page(of_run, language)}
    if config.seller is None and not config.all:
        return {"index.html": night_page(of_run, overnight=_overnight(of_run))}
    check_job(of_run, "recourse", "--all" if config.all else "--seller")
    cards = seller_pages(of_run, None if config.all else [str(config.seller)], language, config.feedback_url)
    if not cards and not config.all:
        raise InputError(f"--seller {config.seller}: run {of_run.run_id} has no row of this seller. Correct the id.")
    files = {seller: f"sellers/{_file_name(seller)}.html" for seller in cards}
    by_file = {files[seller]: page for seller, (_, page) in cards.items()}
    if not config.all:
        return by_file
    listed = [{"path": quote(files[seller]), "name": seller, "what": what} for seller, (what, _) in cards.items()]
    return {"index.html": night_page(of_run, listed, overnight=_overnight(of_run)), **by_file}


def _overnight(of_run: Run) -> Sequence[Band]:
    """The figures beside those of the nights before; none of a run that has none."""
    return overnight(of_run).bands if FIGURES in of_run.tables else ()


def check_job(of_run: Run, jobs: str | Sequence[str], option: str) -> None:
    """Refuse a run of another job than ``option`` needs."""
    known = [jobs] if isinstance(jobs, str) else list(jobs)
    if of_run.manifest["job"] not in known:
        raise ConfigError(f"{option}: run {of_run.run_id} is of {of_run.manifest['job']}, not of {' or '.join(known)}.")


def _file_name(name: str) -> str:
    """A name for a file that no other id has: letters and digits as they are, the rest as a digest says."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:60]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def write_pages(
    folder: str,
    files: Mapping[str, bytes],
    *,
    encryption: Encryption = BUCKET_DEFAULT,
    about: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Write pages by path, then a manifest of theirs, so that whoever reads it finds them all.

    Raises
    ------
    StorageError
        The store refused.
    """
    filesystem, root = open_store(folder, encryption=encryption)
    with storage_errors(folder, "writing pages"):
        for path, content in files.items():
            filesystem.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
            filesystem.pipe_file(f"{root}/{path}", content)
        listed = [
            {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path, content in files.items()
        ]
        filesystem.pipe_file(f"{root}/{MANIFEST}", json_bytes({**about, "pages": listed}))
