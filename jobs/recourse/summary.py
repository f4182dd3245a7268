"""What a person sees at the end of a recourse run, read back from the committed tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from jobs.console import escape, print_footer, print_recommender, status_table, with_ridge
from jobs.overnight import overnight_in_words
from jobs.recourse.inputs import RecourseData
from recsys_ops.arrow import compute as pc
from recsys_ops.features.sentences import DEFAULT, LANGUAGES, plan_in_words
from recsys_ops.runs import Run
from recsys_ops.status import Status

_MEASURES = [
    "option", "status", "reason", "success_before", "success_after", "success_bound", "n_changes", "proximity",
    "lower_bound", "rbo", "rank_before", "rank_after", "success_if_others_act", "success_new_users",
]  # fmt: skip
_SHOWN = 3
_CONSEQUENCE = (
    "What users see by it says little about their taste, so the recourses below say little about what would sell: show "
    "providers none of them, and take another --model."
)
_SERVES = (pc.field("n_changes") > 0) & pc.field("reason").is_null()
"""Rows that do what was wanted: one that does not has a reason."""


def print_summary(console: Console, run: Run, data: RecourseData) -> None:
    """Print the summary of a committed run."""
    rows = run.table("recourse").to_table(columns=_MEASURES)
    measures = rows.filter(pc.equal(rows["option"], 0))
    print_recommender(console, run, with_ridge(data.model_name, data.ridge), _CONSEQUENCE)
    console.print(status_table(measures["status"]))
    for sentence in [*_short_in_words(measures), *_other_aim_in_words(run, measures)]:
        console.print(sentence, soft_wrap=True)
    console.print(_measure_table(measures))
    for sentence in [*_cost_of_rule_in_words(run), *_promises_in_words(run), *_best_in_words(run, data.language)]:
        console.print(sentence, soft_wrap=True)
    n_options = f" with {len(rows)} options" if len(rows) > len(measures) else ""
    for line in overnight_in_words(run):
        console.print(line, markup=False, soft_wrap=True)
    print_footer(console, run, f"cases{n_options}")


def _short_in_words(measures: pa.Table) -> list[str]:
    """How many of the feasible cases are no help, neither proven impossible nor done."""
    is_short = (pc.field("status") == str(Status.FEASIBLE)) & pc.field("reason").is_valid()
    n_short = len(measures.filter(is_short))
    if not n_short:
        return []
    return [
        f"{n_short} of the feasible cases reach less than wanted, or nobody more; column 'reason' says what was "
        "reached and what is possible at most."
    ]


def _other_aim_in_words(run: Run, measures: pa.Table) -> list[str]:
    """What else can be aimed at, where lists of k are out of reach of most cases."""
    n_infeasible = len(measures.filter(pc.field("status") == str(Status.INFEASIBLE)))
    settings = run.manifest["configuration"]
    if settings.get("aim", "top-k") != "top-k" or 2 * n_infeasible <= len(measures):
        return []
    return [
        f"Lists of {settings['k']} are out of reach of most of these items. --aim rank asks what would halve their "
        "mean rank instead."
    ]


def _measure_table(measures: pa.Table) -> Table:
    table = Table("measure", "mean", "median", title="Over all cases with a recourse", title_justify="left")
    solved = measures.filter(_SERVES)
    rows = {
        "share of the group that sees the item, before": ("success_before", 100, "%"),
        "share of the group that sees the item, after": ("success_after", 100, "%"),
        "the same among users whom the search did not see": ("success_new_users", 100, "%"),
        "the same if one provider in twenty acts": ("success_if_others_act", 100, "%"),
        "mean rank before": ("rank_before", 1, ""),
        "mean rank after": ("rank_after", 1, ""),
        "upper bound on that share within the limits": ("success_bound", 100, "%"),
        "changes": ("n_changes", 1, ""),
        "proximity": ("proximity", 1, ""),
        "lower bound on the changes": ("lower_bound", 1, ""),
        "overlap of the lists before and after (RBO)": ("rbo", 100, "%"),
    }
    for name, (column, scale, unit) in rows.items():
        values = solved[column]
        if len(values) - values.null_count:
            mean, median = pc.mean(values).as_py(), pc.quantile(values, 0.5)[0].as_py()
            table.add_row(name, f"{scale * mean:.2f}{unit}", f"{scale * median:.2f}{unit}")
    return table


def _cost_of_rule_in_words(run: Run) -> list[str]:
    """What plausibility costs, over the cases in which it was measured."""
    measured = (
        (pc.field("option") == 0) & pc.field("success_any_change").is_valid() & pc.field("success_after").is_valid()
    )
    rows = run.table("recourse").to_table(columns=["success_after", "success_any_change"], filter=measured)
    if not len(rows):
        return []
    of_rule, of_any = pc.mean(rows["success_after"]).as_py(), pc.mean(rows["success_any_change"]).as_py()
    drawn = f"the mean of {len(rows)} cases that were drawn"
    if of_any <= of_rule:
        return [f"What plausibility costs: nothing; without it no more of the group was reached ({drawn})."]
    return [
        f"What plausibility costs: without it {100 * (of_any - of_rule):.2g} % more of the group "
        f"({100 * of_any:.2g} % instead of {100 * of_rule:.2g} %, {drawn})."
    ]


def _promises_in_words(run: Run) -> list[str]:
    """What is promised on average, and what is left of it if other providers act as well."""
    if "together" not in run.manifest["tables"] or not run.manifest["tables"]["together"]["rows"]:
        return []
    rows = run.table("together").to_table(columns=["share_acting", "promised", "kept"])
    means = rows.group_by("share_acting").aggregate([("promised", "mean"), ("kept", "mean")]).sort_by("share_acting")
    promised = means["promised_mean"][0].as_py()
    kept = [
        f"{100 * one['kept_mean']:.2g} % if {100 * one['share_acting']:g} %" if one["share_acting"] < 1
        else f"{100 * one['kept_mean']:.2g} % if all of them do"
        for one in means.to_pylist()
    ]  # fmt: skip
    first, *others = kept
    listed = ", ".join([f"{first} of the providers act", *others])
    joint = run.manifest["configuration"].get("joint", "none") != "none"
    scope = f" by the {rows.num_rows // len(means):,} recourses of the joint plan" if joint else ""
    return [f"Promised{scope}: {100 * promised:.2g} % of the group on average. Kept: {listed}."]


def _best_in_words(run: Run, language: str) -> list[str]:
    """The recourses that gain most, of different items."""
    columns = [
        "item_id", "title", "group", "success_before", "success_after", "success_if_others_act", "n_changes", "changes",
        "rank_before", "rank_after", "rank_bound", "by_group",
    ]  # fmt: skip
    table = run.table("recourse").to_table(columns=columns, filter=_SERVES & (pc.field("option") == 0))
    if not len(table):
        return ["No case has a recourse that does what was wanted."]
    by_rank = pc.subtract(1.0, pc.divide(table["rank_after"], table["rank_before"]))
    by_success = pc.subtract(table["success_after"], table["success_before"])
    gained = pc.if_else(pc.is_valid(table["rank_bound"]), by_rank, by_success)
    table = table.append_column("gained", gained)
    order = pc.sort_indices(
        table, sort_keys=[("gained", "descending"), ("n_changes", "ascending"), ("item_id", "ascending")]
    )
    sentences: dict[object, str] = {}
    for row in table.take(order[: 100 * _SHOWN]).to_pylist():
        if row["item_id"] in sentences or len(sentences) == _SHOWN:
            continue
        sentences[row["item_id"]] = sentence(row, language)
    return list(sentences.values())


def sentence(row: Mapping[str, Any], language: str = DEFAULT) -> str:
    """One recourse in words, as rich prints them."""
    todo = plan_in_words(row["changes"], language)
    spoken, kept, by_group = LANGUAGES[language], row.get("success_if_others_act"), row.get("by_group")
    group = spoken.all_groups if by_group else row["group"]
    ends = {"title": f"[bold]{escape(row['title'])}[/bold]", "group": escape(group), "todo": escape(todo)}
    if row.get("rank_bound") is not None and row["rank_before"] is not None:  # its rank is what was aimed at
        ranks = ranks_in_words(row["rank_before"], row["rank_after"], spoken.decimal)
        return "\n" + spoken.advice_of_rank.format(**ends, before=ranks[0], after=ranks[1])
    shares = [row["success_before"], row["success_after"], *([] if kept is None else [kept])]
    before, after, *others = per_cents(shares, spoken.decimal)
    advice = spoken.advice_for_all if by_group else spoken.advice
    said = advice.format(**ends, before=before, after=after, groups=escape(_in_each(by_group or [], spoken.decimal)))
    if others:
        said += " " + spoken.together.format(kept=others[0])
    return f"\n{said}"


def _in_each(by_group: Sequence[Mapping[str, Any]], decimal: str) -> str:
    """What each group sees after a recourse for all of them."""
    return "; ".join(
        f"{one['group']}: {per_cents([one['success_before'], one['success_after']], decimal)[1]}"
        for one in by_group if one["success_after"] is not None
    )  # fmt: skip


def ranks_in_words(before: float, after: float, decimal: str) -> list[str]:
    """Mean ranks as whole places; with a decimal where one is below ten."""
    digits = 1 if min(before, after) < 10 else 0
    return [f"{rank:.{digits}f}".replace(".", decimal) for rank in (before, after)]


def per_cents(shares: Sequence[float], decimal: str) -> list[str]:
    """Shares before, after and perhaps further, in whole per cent; with decimals where the first two would look equal.

    Of less than one per cent the first digit, so that a small gain does not read as none.
    """

    def said(share: float, digits: int) -> str:
        is_small = digits == 0 and 0 < share < 0.01
        return (f"{100 * share:.1g} %" if is_small else f"{100 * share:.{digits}f} %").replace(".", decimal)

    before, after = shares[:2]
    enough = 0 if before == after else next((n for n in (0, 1, 2) if said(before, n) != said(after, n)), 2)
    return [said(share, enough) for share in shares]
