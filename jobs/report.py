"""Write the pages of a committed run: the night's report, sellers' cards, a user's why."""

import logging
import time
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from jobs.cards import NO_CARDS, Cards, Wanted, card_path, file_name, forget_records, write_cards
from jobs.config import MODEL_CONFIG, RunConfig
from jobs.console import make_console
from jobs.errors import ExitCode
from jobs.overnight import FIGURES, overnight
from jobs.store.pages import write_pages
from recsys_ops.drift.bands import Band
from recsys_ops.errors import ConfigError, InputError, StorageError
from recsys_ops.report.night import night_page
from recsys_ops.report.parameters import parameters_page
from recsys_ops.report.seller import seller_pages
from recsys_ops.report.user import user_page
from recsys_ops.runs import Run, open_run
from recsys_ops.storage import BUCKET_DEFAULT, Encryption

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
    workers: int | None = Field(default=None, ge=1)
    """With --all: processes of a local Ray; by default one per CPU. A few cards need no Ray."""
    address: str | None = None
    """With --all: Ray cluster, host:port; by default RAY_ADDRESS, else a local one."""

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
    wanted = ReportConfig(
        out=config.out, run_id=run_id, all=of_sellers, feedback_url=feedback_url, workers=config.workers,
        address=config.address,
    )  # fmt: skip
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
    folder = f"{out}/pages/{of_run.run_id}"
    cards = _cards(of_run, config, folder, encryption) if config.all else NO_CARDS
    pages = {path: text.encode() for path, text in _pages(of_run, config, cards).items()}
    write_pages(folder, pages, encryption=encryption, written=cards.files)
    if config.all:
        forget_records(folder)
    seconds, size = time.monotonic() - started, sum(map(len, pages.values())) + cards.n_bytes
    n = len(pages) + cards.n_cards
    console = make_console(is_wide=True)
    console.print(f"{n:,} pages, {size / 1e3:,.0f} kB, {n / seconds:.0f} a second.", markup=False)
    console.print(f"{folder}/{next(iter(pages))}", markup=False, soft_wrap=True)


def _cards(of_run: Run, config: ReportConfig, folder: str, encryption: Encryption) -> Cards:
    check_job(of_run, "recourse", "--all")
    wanted = Wanted(of_run.url, folder, _language(of_run, config), config.feedback_url, encryption)
    return write_cards(of_run, wanted, address=config.address, workers=config.workers)


def _language(of_run: Run, config: ReportConfig) -> str:
    return config.language or of_run.manifest["configuration"].get("language") or "en"


def _job_of(config: ReportConfig) -> str | None:
    if config.job is not None or config.run_id is not None:
        return config.job
    if config.user is not None:
        return "counterfactuals"
    return "recourse" if config.seller is not None or config.all or config.parameters else None


def _pages(of_run: Run, config: ReportConfig, cards: Cards) -> dict[str, str]:
    """Pages by path, all but the cards that are written already; the first is where to begin."""
    language = _language(of_run, config)
    if config.user is not None:
        check_job(of_run, "counterfactuals", "--user")
        return {f"user-{file_name(config.user)}.html": user_page(of_run, config.user, language)}
    if config.parameters:
        check_job(of_run, ("recourse", "counterfactuals"), "--parameters")
        return {"parameters.html": parameters_page(of_run, language)}
    if config.seller is None:
        return {"index.html": night_page(of_run, cards.listed, overnight=_overnight(of_run))}
    check_job(of_run, "recourse", "--seller")
    found = dict(seller_pages(of_run, [config.seller], language, config.feedback_url))
    if not found:
        raise InputError(f"--seller {config.seller}: run {of_run.run_id} has no row of this seller. Correct the id.")
    return {card_path(seller): page for seller, (_, page) in found.items()}


def _overnight(of_run: Run) -> Sequence[Band]:
    """The figures beside those of the nights before; none of a run that has none."""
    return overnight(of_run).bands if FIGURES in of_run.tables else ()


def check_job(of_run: Run, jobs: str | Sequence[str], option: str) -> None:
    """Refuse a run of another job than ``option`` needs."""
    known = [jobs] if isinstance(jobs, str) else list(jobs)
    if of_run.manifest["job"] not in known:
        raise ConfigError(f"{option}: run {of_run.run_id} is of {of_run.manifest['job']}, not of {' or '.join(known)}.")
