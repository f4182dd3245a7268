"""The questionnaire of the study of recourse, from a run: whom it shows which plans, in which order, and its pages.

Everybody sees the options of some cases one by one and answers two questions about each, from 1 to 7. Source: Tominaga,
Yamashita and Kurashima 2024, section 3 and appendix B.3. Departs from it: "why?" is put once for both answers, and
one question tests attention.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys_ops.acceptance.feedback import GREATEST_RATING, LEAST_RATING, case_ids
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.report.page import origin_of, render
from recsys_ops.report.words import words
from recsys_ops.runs import Run


@dataclass(frozen=True)
class Person:
    """Whom a questionnaire is for: ``plans``, ids of recourses in the order in which they are shown.

    The question that tests attention comes with plan ``attention_at``, counted from 0, and wants ``attention_answer``.
    """

    person_id: str
    plans: tuple[str, ...]
    attention_at: int
    attention_answer: int


@dataclass(frozen=True)
class Study:
    """Who answers what: ``people``, and the row of the run behind each plan that is shown, by its id."""

    run: Run
    people: tuple[Person, ...]
    rows: Mapping[str, Mapping[str, Any]]


def design_study(run: Run, *, persons: int, options: int, cases: int, seed: int) -> Study:
    """Assign cases to people, and draw the order of what each person sees.

    Parameters
    ----------
    run : Run
        Of recourse.
    persons : int
        How many people; their cases are dealt in turn from all cases in random order.
    options : int
        How many options of a case everybody sees; cases with fewer are left out.
    cases : int
        How many cases each person rates.
    seed : int
        Of every draw. Each person's draws depend on it and on the person's number alone.

    Returns
    -------
    Study
        In which the numbers of people by case differ by at most one.

    Raises
    ------
    InputError
        The run has no more than ``cases`` - 1 cases with so many options.
    """
    table = run.table("recourse").to_table(filter=pc.field("n_changes") > 0)
    table = table.append_column("case_id", case_ids(run.run_id, table))
    by_case: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        by_case[str(row["item_id"]), row["group"]].append(row)
    pool = [sorted(rows, key=lambda row: row["option"])[:options] for rows in by_case.values() if len(rows) >= options]
    if len(pool) < cases:
        raise InputError(
            f"run {run.run_id}: {len(pool)} cases have {options} options or more, and everybody is to rate {cases}. "
            f"Run recourse with --options {options} on more items, or ask for fewer --options or --cases."
        )
    dealt = np.random.default_rng([seed, 0]).permutation(len(pool))
    people = []
    for number in range(persons):
        mine = dealt[np.arange(number * cases, (number + 1) * cases) % len(pool)]
        people.append(_person(number, [[row["case_id"] for row in pool[case]] for case in mine], seed))
    return Study(run, tuple(people), {row["case_id"]: row for rows in pool for row in rows})


def _person(number: int, cases: Sequence[Sequence[str]], seed: int) -> Person:
    rng = np.random.default_rng([seed, 1, number])
    plans = [case[option] for case in cases for option in rng.permutation(len(case))]
    at, answer = int(rng.integers(len(plans))), int(rng.integers(LEAST_RATING, GREATEST_RATING + 1))
    return Person(f"p{number + 1:04}", tuple(plans), at, answer)


def study_page(
    study: Study, person: Person, language: str, *, consent: str | None = None, feedback_url: str | None = None
) -> str:
    """The questionnaire of one person.

    Parameters
    ----------
    study : Study
    person : Person
        Of the study.
    language : "en" or "de"
        Of the page; the sentences about changes are as the run has stored them.
    consent : str, optional
        What people read before they take part, a paragraph a line; by default a text that says the least.
    feedback_url : str, optional
        Where the page sends the answers; by default they are only downloaded.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        ``feedback_url`` is no address of the web.
    """
    say, n = words(language), len(person.plans)
    rows = [study.rows[plan] for plan in person.plans]
    plans = [
        {
            "case_id": row["case_id"],
            "title": say.study_plan.format(n=number + 1, of=n),
            "scenario": say.study_scenario.format(title=row["title"], group=row["group"]),
            "changes": row["changes"],
            "attention": say.study_attention.format(n=person.attention_answer) if number == person.attention_at else "",
        }
        for number, row in enumerate(rows)
    ]
    return render(
        "study.html",
        {
            "language": language, "title": say.study_title, "say": say, "plans": plans, "person": person,
            "consent": (consent or say.study_consent.format(n=n, person=person.person_id)).splitlines(),
            "run_id": study.run.run_id, "committed": study.run.manifest["finished"][:10], "feedback_url": feedback_url,
        },
        scripts=("answers.js", "study.js"), connect="'none'" if feedback_url is None else origin_of(feedback_url),
    )  # fmt: skip
