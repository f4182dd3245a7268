"""What a person sees at the end of a counterfactuals run, read back from the committed tables."""

from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from jobs.console import escape, print_footer, print_recommender, status_table, with_ridge
from jobs.counterfactuals.inputs import CounterfactualData
from recsys_ops.arrow import compute as pc
from recsys_ops.models.held_out_likelihood import HeldOut
from recsys_ops.runs import Run

_SHOWN = 3
_CONSEQUENCE = (
    "Its lists say little about the taste of users, and so do the explanations below: show them to nobody, and take "
    "another --model."
)


def print_summary(console: Console, run: Run, data: CounterfactualData) -> None:
    """Print the summary of a committed run."""
    table = run.table("counterfactuals").to_table()
    cases = table.filter(pc.equal(table["option"], 0))
    print_recommender(console, run, with_ridge(run.manifest["configuration"]["model"], data.ridge), _CONSEQUENCE)
    if data.held_out is not None:
        console.print(likelihood_sentence(data.held_out), soft_wrap=True)
    console.print(status_table(cases["status"]))
    console.print(_measure_table(cases, run.table("timings").to_table(columns=["seconds"])))
    for said in _in_words(cases, language_of(run)):
        console.print(said, soft_wrap=True)
    by_bounds = pc.sum(pc.equal(cases["method"], "bounds")).as_py() or 0
    share = f", {100 * by_bounds / len(cases):.0f} % decided by bounds alone" if len(cases) else ""
    print_footer(console, run, "cases", share)
    still = pc.sum(pc.less_equal(cases["rank_after"], cases["k"]).filter(_explained(cases))).as_py() or 0
    if still:
        console.print(
            f"{still} of {pc.sum(_explained(cases)).as_py()} explanations lower the score and leave the item in the "
            "list: --validity score compares with today's list; kth makes sure of the rank.",
            soft_wrap=True,
        )


def likelihood_sentence(held_out: HeldOut) -> str:
    """What the network is worth on users that were left out of a fit."""
    gain = held_out.network - held_out.independent
    worth = f"{gain:.2f} better than" if gain > 0 else f"no better ({gain:.2f}) than"
    return (
        f"Network: log-likelihood {held_out.network:.2f} per user of {held_out.n_users} left out of a fit like it, "
        f"{worth} independent categories."
    )


def _explained(cases: pa.Table) -> Any:
    """Whether something is removed."""
    return pc.greater(pc.fill_null(cases["n_removed"], 0), 0)


def _measure_table(cases: pa.Table, timings: pa.Table) -> Table:
    table = Table("measure", "median", "95th percentile", "greatest", title="Explanations", title_justify="left")
    found = cases.filter(_explained(cases))
    rows = [
        ("interactions removed", found["n_removed"], "{:.0f}"),
        ("distance", found["distance"], "{:.2f}"),
        ("gap to the proven bound", found["gap"], "{:.1%}"),
        ("rank before", found["rank_before"], "{:.0f}"),
        ("rank after", found["rank_after"], "{:.0f}"),
        ("log-likelihood before", found["log_likelihood_before"], "{:.2f}"),
        ("log-likelihood after", found["log_likelihood_after"], "{:.2f}"),
        ("percentile among users, before", found["percentile_before"], "{:.0%}"),
        ("percentile among users, after", found["percentile_after"], "{:.0%}"),
        ("seconds", timings["seconds"], "{:.3f}"),
    ]
    for name, values, form in rows:
        if len(values) > values.null_count:
            middle, high = pc.quantile(values, [0.5, 0.95]).to_pylist()
            table.add_row(name, form.format(middle), form.format(high), form.format(pc.max(values).as_py()))
    return table


def _in_words(cases: pa.Table, language: str) -> list[str]:
    """The first explanations of different users."""
    found = cases.filter(_explained(cases))
    if not len(found):
        return ["No case has an explanation."]
    sentences: dict[object, str] = {}
    for row in found.slice(0, 1000).to_pylist():
        sentences.setdefault(row["user_id"], sentence(row, language))
        if len(sentences) == _SHOWN:
            break
    return list(sentences.values())


def language_of(run: Run) -> str:
    """Of the run's sentences; those of earlier versions are English."""
    return str(run.manifest["configuration"].get("language", "en"))


def sentence(row: dict[str, Any], language: str = "en") -> str:
    """One explanation as rich prints it."""
    user, text = escape(str(row["user_id"])), row["text"]
    if language == "de":
        return f"\nNutzer {user}: {escape(text)}"
    begun = text[0].lower() + text[1:] if text.startswith("You ") else text
    return f"\nUser {user}: {escape(begun)}"
