"""Which method's explanations people rate higher, from a table of points."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field
from rich.table import Table

from jobs.config import MODEL_CONFIG
from jobs.console import escape, make_console
from jobs.written_rows import write_rows
from recsys_ops.acceptance.methods import Comparison, compare_methods, read_method_ratings
from recsys_ops.acceptance.propensity import LEVEL, Propensity


class MethodsConfig(BaseModel):
    """Settings of the comparison; it writes nothing but what it prints."""

    model_config = MODEL_CONFIG

    ratings: str
    """URL of a table of person_id, method and rating, with size and plausibility of the explanation where known."""
    greatest: int = Field(default=6, ge=2)
    """Ratings are whole numbers from 1 to this."""
    on_bad_rows: Literal["stop", "quarantine"] = "stop"
    """Rows that break the contract stop the comparison, or are left out."""
    format: Literal["text", "json", "csv", "md"] = "text"
    """Tables and sentences, or the tests as rows and nothing else on stdout."""


def run(config: MethodsConfig) -> int:
    """Print the comparison; return exit code 0.

    Raises
    ------
    InputError
        With a message for the user.
    """
    ratings = read_method_ratings(config.ratings, greatest=config.greatest, on_bad_rows=config.on_bad_rows)
    found = compare_methods(ratings)
    if config.format != "text":
        write_rows(_rows(found), config.format)
        return 0
    console = make_console()
    console.print(_method_table(found))
    for sentence in _sentences(found, len(ratings.rejected)):
        console.print(f"\n{sentence}", soft_wrap=True)
    console.print(_pair_table(found))
    for name, fit in found.attributes.items():
        console.print(_attribute_in_words(name, fit), soft_wrap=True)
    return 0


def _rows(found: Comparison) -> list[dict[str, Any]]:
    """Every test as a row."""
    names = ("test", "first", "second", "n_people", "statistic", "p", "p_adjusted", "difference", "effect")
    rows: list[tuple[Any, ...]] = []
    if found.chi2 is not None:
        rows.append(("friedman", None, None, found.n_people, found.chi2, found.p, found.p, None, found.agreement))
    for one in found.pairs:
        tested = (one.statistic, one.p, one.p_adjusted, one.difference, one.effect)
        rows.append(("wilcoxon", one.first, one.second, found.n_people, *tested))
    for name, propensity in found.attributes.items():
        fit = propensity.fit
        f, p = (None, None) if fit is None else (fit.f, fit.p)
        rows.append(("curve", name, None, propensity.n_people, f, p, p, None, None))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _method_table(found: Comparison) -> Table:
    table = _table("Points by method", ("method", "explanations", "mean", "median", "mean rank"))
    for one in found.methods:
        table.add_row(escape(one.name), str(one.n), *(f"{v:.2f}" for v in (one.mean, one.median, one.mean_rank)))
    return table


def _pair_table(found: Comparison) -> Table:
    columns = ("first", "second", "difference", "W", "p", "p adjusted", "effect")
    table = _table("Pairs of methods (Wilcoxon, Bonferroni)", columns)
    for one in found.pairs:
        table.add_row(
            escape(one.first), escape(one.second), f"{one.difference:+.2f}", f"{one.statistic:.0f}", f"{one.p:.2g}",
            f"{one.p_adjusted:.2g}", f"{one.effect:+.2f}",
        )  # fmt: skip
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    return Table(*columns, title=title, title_justify="left")


def _sentences(found: Comparison, n_rejected: int) -> list[str]:
    said = []
    if n_rejected:
        said.append(f"{n_rejected} bad rows are left out.")
    if found.n_left_out:
        said.append(f"{found.n_left_out} people did not rate every method; they are left out of the tests of methods.")
    if found.chi2 is None or found.p is None:
        return [*said, "Two methods: Friedman's test needs three."]
    differ = "differ" if found.p < LEVEL else "do not clearly differ"
    dof = len(found.methods) - 1
    tested = f"Friedman's chi-square {found.chi2:.2f} with {dof} degrees of freedom, p {found.p:.2g}"
    return [
        *said,
        f"Methods {differ}: {tested}, agreement of {found.n_people} people {found.agreement:.2f} (Kendall's W).",
    ]


def _attribute_in_words(name: str, found: Propensity) -> str:
    finding, fit = str(found.finding).replace("_", " "), found.fit
    if fit is None:
        return f"Points by {name}: {finding} ({found.reason})."
    return f"Points by {name}: {finding} (edf {fit.edf:.2f}, F {fit.f:.2f}, p {fit.p:.2g})."
