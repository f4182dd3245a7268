"""The page of a run of antidote data: may anything be appended, what does it do, and at whose cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.antidote.advice import Group, advised, group_cases, held_out_share, is_about_ratings
from recsys_ops.antidote.sentences import (
    detection_in_words,
    interval_in_words,
    no_advice,
    noise_in_words,
    objective_in_words,
    unseen_in_words,
)
from recsys_ops.arrow import compute as pc
from recsys_ops.report.plots import Effect, effect_plot
from recsys_ops.runs import Run

_VERDICTS = {
    "helps": "helps: beyond what another start and random rows do",
    "uncertain": "uncertain: it may do nothing, or the opposite",
    "harms": "harms: it does the opposite of what is wanted",
    "as random": "no better than as many random rows",
    "beyond limits": "costs more accuracy, or more of the lists, than is allowed",
    "comparison": "for comparison only",
    "none": "no artificial users were found",
}
_FEW_USERS = 2
_MOST_GROUPS = 12
_WORST_OFF = 0.1
"""Share of the users who fare worst without artificial users; they are who fairness is about."""

Row = dict[str, Any]


def antidote_content(run: Run) -> dict[str, Any]:
    """What the template ``antidote.html`` shows beside what every run has.

    Parameters
    ----------
    run : Run
        Of the antidote job.
    """
    settings: Mapping[str, Any] = run.manifest["configuration"]
    effects: list[Row] = run.table("antidote_effect").to_table().drop_columns(["jaccard"]).to_pylist()
    used: list[Row] = run.table("antidote_as_used").to_table().to_pylist()
    objective = str(settings["objective"])
    on_unseen = settings["judged_on"] == "unseen" and is_about_ratings(objective)
    groups = group_cases(used, effects, held_out_share(objective, settings["hold_out"]), on_unseen=on_unseen)
    n_users = {(row["algorithm"], row["budget"]): row["n_antidote_users"] for row in effects if row["n_antidote_users"]}
    best = advised(groups)
    shown = best or _strongest(groups, settings["direction"])
    plot = effect_plot([Effect(g.algorithm, n_users[g.algorithm, g.budget], g.typical) for g in groups if g.typical])
    return {
        "aim": f"To {'lower' if settings['direction'] == 'min' else 'raise'} {objective_in_words(objective)}.",
        "advice": _advice(best, groups, n_users), "is_advised": best is not None,
        "noise": [*noise_in_words(groups), *detection_in_words(groups)],
        "effect_rows": [_effect_row(group, n_users) for group in groups],
        "has_unseen": any(group.unseen is not None for group in groups), "effect_plot": plot,
        "shown": None if shown is None else f"{shown.algorithm}, budget {shown.budget}",
        "people": [] if shown is None else _people(run, shown),
        "group_rows": [] if shown is None else _losses(run, shown),
        "commands": None if best is None else _commands(run, best),
    }  # fmt: skip


def _strongest(groups: Sequence[Group], direction: str) -> Group | None:
    """The case that changes the objective most as wanted, comparisons left out."""
    sign = 1.0 if direction == "min" else -1.0
    cases = [group for group in groups if group.typical is not None and group.verdict != "comparison"]
    return min(cases, key=lambda group: sign * group.typical["change"] if group.typical else 0.0, default=None)


def _advice(best: Group | None, groups: Sequence[Group], n_users: Mapping[tuple[str, str], int]) -> list[str]:
    if best is None or best.typical is None:
        return [no_advice(groups)]
    row, n = best.typical, n_users[best.algorithm, best.budget]
    lines = [
        f"{n} artificial user{'s' if n > 1 else ''} ({best.algorithm}, budget {best.budget}), added to all ratings, "
        f"change the objective by {interval_in_words(row['change'], row['change_low'], row['change_high'])}, from "
        f"{row['before']:.4g} to "
        f"{row['after']:.4g}.",
        f"The price: the error of predictions (RMSE) moves by {row['rmse_change']:+.3f} stars, and "
        f"{row['top10_kept']:.0%} of the users' top 10 stay, where another fit of the same data alone leaves "
        f"{row['start_top10_kept']:.0%}.",
    ]
    if best.unseen is not None:
        lines.insert(1, f"On ratings that no fit has seen: {unseen_in_words(best.unseen)}.")
    if n <= _FEW_USERS:
        lines.append("So few rows lose their hold as ratings come in: run again when the data have changed.")
    return lines


def _effect_row(group: Group, n_users: Mapping[tuple[str, str], int]) -> dict[str, str]:
    row, named = group.typical, {"algorithm": group.algorithm, "budget": group.budget}
    verdict = _VERDICTS.get(group.verdict, group.verdict)
    if row is None:
        return named | {
            "n_users": "",
            "used": "",
            "worst": "",
            "unseen": "",
            "rmse": "",
            "kept": "",
            "verdict": verdict,
        }
    return named | {
        "n_users": f"{n_users[group.algorithm, group.budget]:,}",
        "used": interval_in_words(row["change"], row["change_low"], row["change_high"]),
        "worst": f"{100 * row['change_worst']:+.1f}%", "unseen": unseen_in_words(group.unseen),
        "rmse": f"{row['rmse_change']:+.4f}", "kept": f"{row['top10_kept']:.0%}", "verdict": verdict,
    }  # fmt: skip


def _of_case(run: Run, table: str, group: Group) -> list[Row]:
    """Rows of the repetition that is shown; of held-out ratings where there are any."""
    number = 0 if group.typical is None else group.typical["run"]
    case = (pc.field("algorithm") == group.algorithm) & (pc.field("budget") == group.budget)
    rows = run.table(table).to_table(filter=case & (pc.field("run") == number)).to_pylist()
    tests = [row for row in rows if row["split"] == "test"]
    return [row for row in tests or rows if row["loss_before"] is not None and row["loss_after"] is not None]


def _people(run: Run, group: Group) -> list[str]:
    rows = _of_case(run, "antidote_losses", group)
    if not rows:
        return []
    before, after = (np.array([row[name] for row in rows]) for name in ("loss_before", "loss_after"))
    better, worse = float(np.mean(after < before)), float(np.mean(after > before))
    worst = np.argsort(-before, kind="stable")[: max(int(np.ceil(_WORST_OFF * len(before))), 1)]
    split = "held-out" if rows[0]["split"] == "test" else "given"
    return [
        f"Of {len(rows):,} users, the {split} ratings of {better:.0%} are predicted better with the artificial users, "
        f"those of {worse:.0%} worse.",
        f"Mean squared error: {_moved(before, after)} over all of them, {_moved(before[worst], after[worst])} for the "
        f"tenth that fares worst today.",
    ]


def _losses(run: Run, group: Group) -> list[dict[str, str]]:
    """Groups by how much their error moves."""
    rows = sorted(
        _of_case(run, "antidote_group_losses", group), key=lambda row: -abs(row["loss_after"] - row["loss_before"])
    )
    return [
        {
            "name": row["group"], "n": f"{row['n_ratings']:,}", "before": f"{row['loss_before']:.3f}",
            "after": f"{row['loss_after']:.3f}", "change": f"{row['loss_after'] - row['loss_before']:+.3f}",
        }
        for row in rows[:_MOST_GROUPS]
    ]  # fmt: skip


def _moved(before: NDArray[np.float64], after: NDArray[np.float64]) -> str:
    return f"{before.mean():.3f} to {after.mean():.3f}"


def _commands(run: Run, best: Group) -> dict[str, str]:
    settings, row = run.manifest["configuration"], best.typical
    case = f"{best.algorithm}:{best.budget}:{0 if row is None else row['run']}"
    common = f"recsys-ops antidote --data {settings['data']}"
    return {
        "append": f"{common} --out {settings['out']} --run-id {run.run_id} --export {case} --to with.parquet",
        "take_out": f"{common} --take-out with.parquet.antidote.json --to without.parquet",
    }
