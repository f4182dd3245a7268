"""Write the questionnaires of a study of recourse, one page for each person, and the design beside them."""

from typing import Literal

from pydantic import BaseModel, Field

from jobs.config import MODEL_CONFIG
from jobs.console import make_console
from jobs.errors import ExitCode
from jobs.report import check_job
from jobs.store.pages import write_pages
from recsys_ops.errors import ConfigError
from recsys_ops.report.study import Study, design_study, study_page
from recsys_ops.runs import open_run
from recsys_ops.storage import is_missing_file, open_file, storage_errors


class StudyConfig(BaseModel):
    """Who rates what, of which run."""

    model_config = MODEL_CONFIG

    out: str = "out"
    """As in the jobs: the folder or object-store URL with the results."""
    run_id: str | None = None
    """Id of the run of recourse; by default the last whole one."""
    persons: int = Field(default=40, ge=1, le=100_000)
    """How many people, a questionnaire each."""
    cases: int = Field(default=1, ge=1, le=20)
    """How many cases (an item and a group) each person rates."""
    options: int = Field(default=5, ge=1, le=5)
    """How many plans of a case, in random order; the run must have as many."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Of who rates what, of the order of the plans, and of the question that tests attention."""
    consent: str | None = None
    """Text file (its URL) that people read and agree to first; by default a short text."""
    feedback_url: str | None = None
    """Address that the pages post answers to, with the download where that fails; by default only the download."""
    language: Literal["en", "de"] | None = None
    """Of the questions; by default that of the run's sentences."""


def run(config: StudyConfig) -> int:
    """Write the pages into ``<out>/pages/<run id>/study`` and say where they are; return exit code 0.

    Raises
    ------
    ConfigError, InputError, StorageError
        Each with a message for the user.
    """
    out = config.out.rstrip("/")
    of_run = open_run(out, job="recourse") if config.run_id is None else open_run(f"{out}/runs/{config.run_id}")
    check_job(of_run, "recourse", "study")
    study = design_study(of_run, persons=config.persons, options=config.options, cases=config.cases, seed=config.seed)
    language = config.language or of_run.manifest["configuration"].get("language") or "en"
    consent = None if config.consent is None else _text_of(config.consent)
    pages = {
        f"{person.person_id}.html": study_page(
            study, person, language, consent=consent, feedback_url=config.feedback_url
        ).encode()
        for person in study.people
    }
    folder = f"{out}/pages/{of_run.run_id}/study"
    write_pages(folder, pages, about={"design": _design(study, config)})
    console = make_console(is_wide=True)
    n_cases = len({plan.rpartition("/")[0] for person in study.people for plan in person.plans})
    console.print(f"{len(pages)} questionnaires on {n_cases} cases, {config.options * config.cases} plans each.")
    console.print(f"{folder}/{next(iter(pages))}", markup=False, soft_wrap=True)
    return ExitCode.COMPLETE


def _design(study: Study, config: StudyConfig) -> dict[str, object]:
    """Everything that was drawn, so that the answers can be checked against what was shown."""
    return {
        "run": study.run.run_id,
        "run_fingerprint": study.run.fingerprint,
        "seed": config.seed,
        "options": config.options,
        "cases": config.cases,
        "people": [
            {
                "person_id": person.person_id,
                "plans": list(person.plans),
                "attention": {"plan": person.plans[person.attention_at], "answer": person.attention_answer},
            }
            for person in study.people
        ],
    }


def _text_of(url: str) -> str:
    with storage_errors(url, "reading"):
        try:
            with open_file(url, "rt", encoding="utf-8") as stream:
                text: str = stream.read().strip()
        except UnicodeDecodeError as error:
            raise ConfigError(f"--consent {url}: not UTF-8 ({error.reason}). Save it as UTF-8.") from None
        except OSError as error:
            if not is_missing_file(error):
                raise
            raise ConfigError(f"--consent {url}: cannot be read ({error}).") from None
    if not text:
        raise ConfigError(f"--consent {url}: is empty. Say in it what people agree to.")
    return text
