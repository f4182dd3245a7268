"""The seller's card: their items by impact, each with its plans, what they bring and how sure that is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from recsys_ops.acceptance.feedback import case_ids
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.report.page import origin_of, render
from recsys_ops.report.words import words
from recsys_ops.runs import Run, open_run
from recsys_ops.status import Status

Rows = Sequence[Mapping[str, Any]]
Steps = Mapping[tuple[Any, ...], Rows]
"""By item, group and option."""

BETWEEN_CHANGES = "; "
"""As ``frontier`` joins the sentences of a step; wherever it stands in a text, cards split and join again."""


@dataclass(frozen=True)
class Card:
    """What all cards of a run have in common.

    ``decided`` says by item and features what was decided about a plan before; answers go to ``feedback_url``, if there
    is one, of ``origin``.
    """

    run: Run
    language: str
    decided: Mapping[tuple[str, frozenset[str]], str]
    feedback_url: str | None
    origin: str


def seller_pages(
    run: Run, sellers: Sequence[Any] | None, language: str, feedback_url: str | None = None
) -> Iterator[tuple[str, tuple[str, str]]]:
    """A page for each seller of a run of recourse, one after the other.

    Parameters
    ----------
    run : Run
    sellers : sequence, or None
        Whose pages, by their ids, also as text; None for all.
    language : "en" or "de"
    feedback_url : str, optional
        Where the pages send answers; by default they are only downloaded.

    Yields
    ------
    (str, (str, str))
        In the order of the run: seller, what the page says in short, and the page. Held are the rows of these sellers,
        as the tables have them, and one page.

    Raises
    ------
    ConfigError
        ``feedback_url`` is no address of the web.
    """
    origin = "'none'" if feedback_url is None else origin_of(feedback_url)
    card = Card(run, language, _decided(run), feedback_url, origin)
    table, frontier = (_of_sellers(run, name, sellers) for name in ("recourse", "frontier"))
    table = table.append_column("case_id", case_ids(run.run_id, table))
    rows, points = _by_seller(table), _by_seller(frontier)
    for seller, positions in rows.items():
        steps = _steps(frontier.take(points.get(seller, [])).to_pylist())
        yield seller, _page(card, seller, table.take(positions).to_pylist(), steps)


def _of_sellers(run: Run, name: str, sellers: Sequence[Any] | None) -> pa.Table:
    """The rows of a table that are about these sellers; the others are left out while the table is read."""
    if sellers is None:
        return run.table(name).to_table()
    chosen = pa.array(map(str, sellers), pa.string())
    return run.table(name).to_table(filter=pc.field("seller_id").cast(pa.string()).isin(chosen))


def _by_seller(table: pa.Table) -> dict[str, list[int]]:
    """Positions of the rows of each seller."""
    positions: dict[str, list[int]] = defaultdict(list)
    for position, seller in enumerate(table["seller_id"].to_pylist()):
        positions[str(seller)].append(position)
    return positions


def _page(card: Card, seller: str, rows: Rows, steps: Steps) -> tuple[str, str]:
    say = words(card.language)
    of_item: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        of_item[row["item_id"]].append(row)
    ways = [_in_order(each) for each in of_item.values()]
    plans = sorted((each for each in ways if each), key=lambda each: (-_impact(each[0]), str(each[0]["item_id"])))
    phrases: dict[str, int] = {}
    summary = say.seller_summary.format(plans=len(plans), items=len(of_item))
    page = render(
        "seller.html",
        {
            "language": card.language, "title": f"{say.seller_title} ({seller})", "say": say, "summary": summary,
            "seller": seller, "run_id": card.run.run_id, "committed": card.run.manifest["finished"][:10],
            "plans": [
                {
                    "title": each[0]["title"], "gained": _impact(each[0]),
                    "ways": [_plan(row, card, steps, phrases) for row in each],
                }
                for each in plans
            ],
            "without": [_without(each[0], card, say) for each in of_item.values() if not _in_order(each)],
            "feedback_url": card.feedback_url, "phrases": phrases, "between": BETWEEN_CHANGES,
        },
        scripts=("page.js", "answers.js", "feedback.js"), connect=card.origin,
    )  # fmt: skip
    return summary, page


def _in_order(rows: Rows) -> list[Mapping[str, Any]]:
    """The plans of an item that help: groups by the most that a plan brings, in each the options as in the run."""
    helping = [row for row in rows if _helps(row)]
    most: dict[str, float] = defaultdict(float)
    for row in helping:
        most[row["group"]] = max(most[row["group"]], _impact(row))
    return sorted(helping, key=lambda row: (-most[row["group"]], row["group"], row["option"]))


def _helps(row: Mapping[str, Any]) -> bool:
    if not row["changes"] or row["success_after"] is None:
        return False
    return row["reason"] is None if _is_of_rank(row) else _impact(row) > 0


def _is_of_rank(row: Mapping[str, Any]) -> bool:
    """Whether the plan is to halve the item's mean rank; lists of k are out of reach then."""
    return row.get("rank_bound") is not None


def _impact(row: Mapping[str, Any]) -> float:
    """How many more people see the item."""
    return float((row["success_after"] - row["success_before"]) * row["n_targets"])


def _plan(row: Mapping[str, Any], card: Card, steps: Steps, phrases: dict[str, int]) -> dict[str, Any]:
    say = words(card.language)
    of_case = steps.get((row["item_id"], row["group"], row["option"]), ())
    taken = [step for step in of_case if step["n_changes"] and step["text"]]
    return {
        "case_id": row["case_id"],
        "decided": _said_before(row, card, say),
        "audience": _audience(row, card, say),
        "effect": _effect(row, say),
        "certainty": _certainty(row, card, say),
        "promises": [
            sentence.format(share=f"{row[name]:.0%}")
            for name, sentence in (("success_new_users", say.new_users), ("success_if_others_act", say.if_others_act))
            if row.get(name) is not None
        ],
        "changes": row["changes"],
        "has_support": any(change.get("support") is not None for change in row["changes"]),
        "steps": [_step(step, phrases, say) for step in taken],
        "step": next((n for n, step in enumerate(taken) if step["n_changes"] == row["n_changes"]), len(taken) - 1),
    }  # fmt: skip


def _audience(row: Mapping[str, Any], card: Card, say: Any) -> str:
    said = str(say.audience.format(group=row["group"], n=f"{row['n_targets']:,}"))
    is_weighted = card.run.manifest["configuration"].get("group_weights") is not None
    return f"{said} {say.weighted}" if is_weighted else said


def _effect(row: Mapping[str, Any], say: Any) -> str:
    if _is_of_rank(row):
        before, after = (f"{row[name]:.0f}" for name in ("rank_before", "rank_after"))
        return str(say.effect_of_rank.format(before=before, after=after))
    seen, sees = (round(row[name] * row["n_targets"]) for name in ("success_before", "success_after"))
    more = sees - seen
    gained = say.more_person if more == 1 else say.more_people.format(n=f"{more:,}")
    return str(say.effect.format(before=f"{seen:,}", after=f"{sees:,}", gained=gained))


def _certainty(row: Mapping[str, Any], card: Card, say: Any) -> str:
    """What is proven of the plan; an example is only the nearest of real items, of which this says nothing."""
    if card.run.manifest["configuration"].get("method") == "examples":
        return ""
    if row["status"] == Status.OPTIMAL:
        return str(say.proven)
    bound = row["success_bound"]
    return "" if bound is None else str(say.not_proven.format(bound=f"{bound:.0%}"))


def _said_before(row: Mapping[str, Any], card: Card, say: Any) -> str:
    features = frozenset(change["feature"] for change in row["changes"])
    decision = card.decided.get((str(row["item_id"]), features))
    return str({"done": say.decided_done, "dismissed": say.decided_dismissed}[decision]) if decision else ""


def _decided(run: Run) -> dict[tuple[str, frozenset[str]], str]:
    """What people said in the feedback that the run has learned from, if that is still there."""
    learned = run.manifest["configuration"].get("learned")
    if learned is None:
        return {}
    try:
        of_feedback = open_run(learned, job="acceptance")
    except InputError:
        return {}
    if "remarks" not in of_feedback.tables:
        return {}
    rows = of_feedback.table("remarks").to_table(filter=pc.is_valid(pc.field("decision"))).to_pylist()
    return {(str(row["item_id"]), frozenset(row["features"])): row["decision"] for row in rows}


def _step(step: Mapping[str, Any], phrases: dict[str, int], say: Any) -> str:
    """A step of the way as numbers of phrases, that of the sentence first: a card says once what many steps repeat."""
    n = step["n_changes"]
    counted = say.one_change if n == 1 else say.n_changes.format(n=n)
    sentence = say.step.format(n=counted, text="{text}", after=f"{step['success']:.0%}")
    text = step["text"][0].upper() + step["text"][1:]
    said = [sentence, *text.split(BETWEEN_CHANGES)]
    return " ".join(str(phrases.setdefault(phrase, len(phrases))) for phrase in said)


def _without(row: Mapping[str, Any], card: Card, say: Any) -> str:
    """Why an item has no plan, in the words of its seller."""
    reasons = {Status.ALREADY_SATISFIED: say.seen_already}
    if card.run.manifest["configuration"].get("method") != "examples" and not _is_of_rank(row):
        reasons[Status.INFEASIBLE] = say.no_change_helps
    return f"{row['title']}: {reasons.get(row['status'], say.none_found)}"


def _steps(frontier: Rows) -> Steps:
    steps: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in frontier:
        steps[row["item_id"], row["group"], row["option"]].append(row)
    return {case: sorted(rows, key=lambda row: row["n_changes"]) for case, rows in steps.items()}
