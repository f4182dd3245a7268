"""What a person sees at the end of an antidote run, read back from the committed tables."""

from typing import Any

from rich.console import Console
from rich.table import Table

from jobs.antidote.inputs import AntidoteData
from jobs.console import escape, print_footer, print_recommender
from recsys_ops.antidote.advice import Group, advised, group_cases
from recsys_ops.antidote.sentences import (
    detection_in_words,
    interval_in_words,
    no_advice,
    noise_in_words,
    objective_in_words,
    unseen_in_words,
)
from recsys_ops.runs import Run
from recsys_ops.status import Status

_CONSEQUENCE = (
    "It predicts ratings no better than a list of averages, so what is changed below is hardly what users would rate: "
    "try another --rank and --regularisation."
)
_COLUMNS = [
    "objective", "direction", "algorithm", "budget", "run", "split", "status", "reason", "before", "after", "random",
    "n_antidote_users", "n_antidote_ratings",
]  # fmt: skip

Row = dict[str, Any]


def print_summary(console: Console, run: Run, data: AntidoteData) -> None:
    """Print the summary of a committed run."""
    rows: list[Row] = run.table("antidote_effect").to_table(columns=_COLUMNS).to_pylist()
    used: list[Row] = run.table("antidote_as_used").to_table().to_pylist()
    groups = group_cases(used, rows, data.hold_out, on_unseen=data.on_unseen)
    rank = run.manifest["configuration"]["rank"]
    print_recommender(console, run, f"matrix factorisation of rank {rank}", _CONSEQUENCE)
    console.print(_effect_table(groups, rows))
    sentences = [*_failures(rows), *noise_in_words(groups), *detection_in_words(groups)]
    for sentence in [*sentences, _advice_in_words(groups, rows, data.names.artificial.rule)]:
        console.print(f"\n{sentence}", soft_wrap=True)
    print_footer(console, run, "cases")


def _effect_table(groups: list[Group], rows: list[Row]) -> Table:
    """A line for each algorithm and budget: the run in the middle, and the splits together."""
    table = Table(title=_title(groups, rows), title_justify="left")
    table.add_column("algorithm", no_wrap=True)
    has_unseen = any(group.unseen is not None for group in groups)
    unseen = ["unseen\nratings"] if has_unseen else []
    for name in ("budget", "users", "as used", "worst\nstart", *unseen, "RMSE", "top 10\nkept"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for group in groups:
        row = group.typical
        if row is None:
            table.add_row(group.algorithm, group.budget)
            continue
        table.add_row(
            group.algorithm, group.budget, str(_n_users(row, rows)),
            interval_in_words(row["change"], row["change_low"], row["change_high"]),
            f"{100 * row['change_worst']:+.1f}%",
            *([unseen_in_words(group.unseen)] if has_unseen else []),
            f"{row['rmse_change']:+.4f}", f"{100 * row['top10_kept']:.0f}%", group.verdict,
        )  # fmt: skip
    return table


def _title(groups: list[Group], rows: list[Row]) -> str:
    way = "lower" if rows[0]["direction"] == "min" else "raise"
    title = f"To {way} {objective_in_words(rows[0]['objective'])}"
    row = next((group.typical for group in groups if group.typical is not None), None)
    return title if row is None else f"{title}, {row['before']:.4g} on all ratings without antidote"


def _failures(rows: list[Row]) -> list[str]:
    """Cases without artificial users, and why."""
    cases_of: dict[tuple[str, str], set[tuple[str, str, int]]] = {}
    for row in rows:
        if row["status"] != Status.FEASIBLE or not row["n_antidote_users"]:
            cases_of.setdefault((row["status"], row["reason"]), set()).add(
                (row["algorithm"], row["budget"], row["run"])
            )
    return [f"{len(cases)} cases: {status}, {escape(reason)}." for (status, reason), cases in cases_of.items()]


def _advice_in_words(groups: list[Group], rows: list[Row], rule: str) -> str:
    """What to append, or that nothing is advised."""
    best = advised(groups)
    if best is None or best.typical is None:
        return no_advice(groups)
    row = best.typical
    n = _n_users(row, rows)
    ratings = _row_of(row, rows)["n_antidote_ratings"] / n
    unseen = "" if best.unseen is None else f" (on unseen ratings {unseen_in_words(best.unseen)})"
    return (
        f"[bold]{n} artificial user{'s' if n > 1 else ''}[/bold] with {ratings:.0f} ratings each "
        f"({best.algorithm}, budget {best.budget}, run {row['run']}), added to all ratings, change "
        f"{objective_in_words(row['objective'])} by "
        f"{interval_in_words(row['change'], row['change_low'], row['change_high'])}{unseen}, from {row['before']:.4g} "
        f"to {row['after']:.4g}, and the RMSE by {row['rmse_change']:+.3f}. Append that case's rows of "
        "'antidote_ratings' to the interactions, antidote_user as user_id (and these ids to the users, if you have "
        f"that table); take them out again where user_id {escape(rule)}."
    )


def _row_of(used: Row, rows: list[Row]) -> Row:
    case = [used[name] for name in ("algorithm", "budget", "run")]
    return next(row for row in rows if [row["algorithm"], row["budget"], row["run"]] == case)


def _n_users(used: Row, rows: list[Row]) -> int:
    n: int = _row_of(used, rows)["n_antidote_users"]
    return n
