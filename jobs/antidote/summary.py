"""What a person sees at the end of an antidote run, read back from the committed tables."""

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.antidote.advice import Group, advised, group_cases
from jobs.antidote.inputs import AntidoteData
from jobs.console import escape, print_footer, print_recommender
from recsys_ops.antidote.as_used import Interval
from recsys_ops.runs import Run
from recsys_ops.status import Status

_OBJECTIVES = {
    "polarisation": "polarisation",
    "individual": "unfairness to single users",
    "group": "unfairness to groups",
}
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
    known = [group.typical for group in groups if group.typical is not None]
    rank = run.manifest["configuration"]["rank"]
    print_recommender(console, run, f"matrix factorisation of rank {rank}", _CONSEQUENCE)
    console.print(_effect_table(groups, rows))
    sentences = [*_failures(rows), *(_noise_in_words(known) if known else [])]
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
            *([_unseen_in_words(group.unseen)] if has_unseen else []),
            f"{row['rmse_change']:+.4f}", f"{100 * row['top10_kept']:.0f}%", group.verdict,
        )  # fmt: skip
    return table


def interval_in_words(mean: float, low: float, high: float) -> str:
    """A relative change with its interval, in per cent."""
    return f"{100 * mean:+.1f}% ({100 * low:+.1f} to {100 * high:+.1f})"


def _unseen_in_words(unseen: Interval | None) -> str:
    if unseen is None:
        return ""
    if not np.isfinite(unseen.low):
        return f"{100 * unseen.mean:+.1f}% (one split)"
    return interval_in_words(unseen.mean, unseen.low, unseen.high)


def _title(groups: list[Group], rows: list[Row]) -> str:
    way = "lower" if rows[0]["direction"] == "min" else "raise"
    title = f"To {way} {objective_in_words(rows[0]['objective'])}"
    row = next((group.typical for group in groups if group.typical is not None), None)
    return title if row is None else f"{title}, {row['before']:.4g} on all ratings without antidote"


def _noise_in_words(known: list[Row]) -> list[str]:
    """What another start and random rows change by themselves."""
    row = known[0]
    start = (
        f"Noise floor: another start alone changes it by up to {100 * row['start_change']:.1f} % and keeps "
        f"{100 * row['start_top10_kept']:.0f} % of the users' top 10; random rows of the same size change it by "
    )
    floors = {(one["budget"], one["random_change"]): one for one in known}
    random = [
        f"{interval_in_words(one['random_change'], one['random_change_low'], one['random_change_high'])} and keep "
        f"{100 * one['random_top10_kept']:.0f} % (budget {one['budget']})"
        for one in floors.values()
    ]
    return [start + ", ".join(random) + "."]


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
        return _no_advice(groups)
    row = best.typical
    n = _n_users(row, rows)
    ratings = _row_of(row, rows)["n_antidote_ratings"] / n
    unseen = "" if best.unseen is None else f" (on unseen ratings {_unseen_in_words(best.unseen)})"
    return (
        f"[bold]{n} artificial user{'s' if n > 1 else ''}[/bold] with {ratings:.0f} ratings each "
        f"({best.algorithm}, budget {best.budget}, run {row['run']}), added to all ratings, change "
        f"{objective_in_words(row['objective'])} by "
        f"{interval_in_words(row['change'], row['change_low'], row['change_high'])}{unseen}, from {row['before']:.4g} "
        f"to {row['after']:.4g}, and the RMSE by {row['rmse_change']:+.3f}. Append that case's rows of "
        "'antidote_ratings' to the interactions, antidote_user as user_id (and these ids to the users, if you have "
        f"that table); take them out again where user_id {escape(rule)}."
    )


def _no_advice(groups: list[Group]) -> str:
    text = "Nothing is advised: no case changes the objective as wanted, beyond what starts and random rows do."
    single = any(group.unseen is not None and not np.isfinite(group.unseen.low) for group in groups)
    return text + (" One split is no interval for unseen ratings: use --runs 5." if single else "")


def _row_of(used: Row, rows: list[Row]) -> Row:
    case = [used[name] for name in ("algorithm", "budget", "run")]
    return next(row for row in rows if [row["algorithm"], row["budget"], row["run"]] == case)


def _n_users(used: Row, rows: list[Row]) -> int:
    n: int = _row_of(used, rows)["n_antidote_users"]
    return n


def objective_in_words(text: str) -> str:
    """What ``--objective`` says, in words."""
    parts = [part.strip().partition(":") for part in text.split(",")]
    if len(parts) == 1 and float(parts[0][2] or 1) == 1:
        return _OBJECTIVES[parts[0][0]]
    return " + ".join(f"{weight or 1} x {_OBJECTIVES[name]}" for name, _, weight in parts)
