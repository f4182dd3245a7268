"""What a person sees at the end of an antidote run, read back from the committed tables."""

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.antidote.inputs import AntidoteData
from jobs.console import escape, print_footer, print_recommender
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
_DEPTH = 10
"""Length of the lists whose overlap is shown."""
_COLUMNS = [
    "objective", "direction", "algorithm", "budget", "run", "split", "status", "reason", "before", "after", "change",
    "rmse_before", "rmse_after", "n_antidote_users", "n_antidote_ratings", "jaccard",
]  # fmt: skip

Row = dict[str, Any]


def print_summary(console: Console, run: Run, data: AntidoteData) -> None:
    """Print the summary of a committed run."""
    rows: list[Row] = run.table("antidote_effect").to_table(columns=_COLUMNS).to_pylist()
    rank = run.manifest["configuration"]["rank"]
    print_recommender(console, run, f"matrix factorisation of rank {rank}", _CONSEQUENCE)
    console.print(_effect_table(rows))
    for sentence in [*_failures(rows), _best_in_words(rows, data.names.artificial.rule)]:
        console.print(f"\n{sentence}", soft_wrap=True)
    print_footer(console, run, "cases")


def _effect_table(rows: list[Row]) -> Table:
    """A line for each algorithm and budget, means over the runs."""
    splits = list(dict.fromkeys(row["split"] for row in rows))
    table = Table(title=_title(rows, splits), title_justify="left")
    table.add_column("algorithm", no_wrap=True)
    changes = [name for split in splits for name in (split, "change")]
    for name in ("budget", "users", *changes, *(f"RMSE\n{split}" for split in splits), f"top {_DEPTH}\nkept"):
        table.add_column(name, justify="right", overflow="fold")
    for (algorithm, budget), runs in _by_case(rows).items():
        some = [row for row in runs if row["after"] is not None]
        if not some:
            table.add_row(algorithm, budget)
            continue
        by_split = [[row for row in some if row["split"] == split] for split in splits]
        values = [text for part in by_split for text in (f"{_mean(part, 'after'):.4g}", _change(part))]
        losses = [f"{_mean(part, 'rmse_after') - _mean(part, 'rmse_before'):+.4f}" for part in by_split]
        kept = np.mean([row["jaccard"][_DEPTH - 1] for row in some])
        table.add_row(
            algorithm, budget, f"{_mean(some, 'n_antidote_users'):.0f}", *values, *losses, f"{100 * kept:.0f}%"
        )  # fmt: skip
    return table


def _title(rows: list[Row], splits: list[str]) -> str:
    way = "lower" if rows[0]["direction"] == "min" else "raise"
    title = f"To {way} {objective_in_words(rows[0]['objective'])}"
    known = [[row for row in rows if row["split"] == split and row["before"] is not None] for split in splits]
    if not all(known):
        return title
    before = ", ".join(
        f"{split} {_mean(part, 'before'):.4g} (RMSE {_mean(part, 'rmse_before'):.3f})"
        for split, part in zip(splits, known, strict=True)
    )
    return f"{title}; without antidote: {before}"


def _by_case(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    cases: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        cases.setdefault((row["algorithm"], row["budget"]), []).append(row)
    return cases


def _change(rows: list[Row]) -> str:
    """Mean relative change with its standard deviation over the runs; empty where it was 0 before."""
    changes = [100 * row["change"] for row in rows if row["change"] is not None]
    if not changes:
        return ""
    return f"{np.mean(changes):+.1f}" + (f"±{np.std(changes):.1f}%" if len(changes) > 1 else "%")


def _mean(rows: list[Row], column: str) -> float:
    return float(np.mean([row[column] for row in rows]))


def _failures(rows: list[Row]) -> list[str]:
    """Cases without artificial users, and why."""
    cases_of: dict[tuple[str, str], set[tuple[str, str, int]]] = {}
    for row in rows:
        if row["status"] != Status.FEASIBLE or not row["n_antidote_users"]:
            cases_of.setdefault((row["status"], row["reason"]), set()).add(
                (row["algorithm"], row["budget"], row["run"])
            )
    return [f"{len(cases)} cases: {status}, {escape(reason)}." for (status, reason), cases in cases_of.items()]


def _best_in_words(rows: list[Row], rule: str) -> str:
    """The algorithm and budget that help most where nothing was fitted, if there is a test split, and a run of them."""
    split = "test" if any(row["split"] == "test" for row in rows) else "train"
    best = typical_of_best([row for row in rows if row["split"] == split], 1 if rows[0]["direction"] == "min" else -1)
    if best is None:
        return "No case changes the objective as wanted: there is nothing to add."
    where = " on ratings held out" if split == "test" else " on the ratings fitted"
    if best["objective"].split(":")[0] == "polarisation" and "," not in best["objective"]:  # of all predictions
        where = ""
    n = best["n_antidote_users"]
    ratings = best["n_antidote_ratings"] / n
    return (
        f"[bold]{n} artificial user{'s' if n > 1 else ''}[/bold] with {ratings:.0f} ratings each "
        f"({best['algorithm']}, budget {best['budget']}, run {best['run']}) change "
        f"{objective_in_words(best['objective'])}{where} by "
        f"{100 * best['change']:+.0f} %, from {best['before']:.4g} to {best['after']:.4g}, and the RMSE by "
        f"{best['rmse_after'] - best['rmse_before']:+.3f}. Append that case's rows of 'antidote_ratings' to the "
        "interactions, antidote_user as user_id (and these ids to the users, if you have that table); take them out "
        f"again where user_id {escape(rule)}."
    )


def typical_of_best(rows: list[Row], sign: int) -> Row | None:
    """Of the algorithm and budget with the best mean change, the run in the middle: the best run had luck.

    ``sign`` is 1 where the objective is to fall, -1 where it is to rise; None where it does not.
    """
    known = [row for row in rows if row["change"] is not None and row["n_antidote_users"]]
    if not known:
        return None
    best = min(_by_case(known).values(), key=lambda runs: sign * np.mean([row["change"] for row in runs]))
    typical = sorted(best, key=lambda row: sign * row["change"])[len(best) // 2]
    return typical if sign * typical["change"] < 0 else None


def objective_in_words(text: str) -> str:
    """What ``--objective`` says, in words."""
    parts = [part.strip().partition(":") for part in text.split(",")]
    if len(parts) == 1 and float(parts[0][2] or 1) == 1:
        return _OBJECTIVES[parts[0][0]]
    return " + ".join(f"{weight or 1} x {_OBJECTIVES[name]}" for name, _, weight in parts)
