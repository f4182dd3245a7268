"""What became of advice from one recourse run to another, in sentences by provider."""

from collections.abc import Iterable, Iterator

from rich.console import Console

from jobs.console import escape
from jobs.recourse.summary import per_cents
from recsys_ops.features.sentences import DEFAULT, LANGUAGES
from recsys_ops.recourse.advice_changes import NEEDED, AdviceChange, Kind, compare_advice, count_rows
from recsys_ops.runs import Run

MOST_SENTENCES = 60
"""Two screens."""

_FIRST: tuple[Kind, ...] = ("new", "changed", "withdrawn", "worth")


def print_advice(console: Console, before: Run, after: Run) -> bool:
    """Print what became of the advice; False where the runs hold none that can be compared."""
    if any("recourse" not in run.tables or not set(NEEDED) <= _columns(run) for run in (before, after)):
        return False
    language = after.manifest["configuration"].get("language", DEFAULT)
    old, new = (run.table("recourse").to_table() for run in (before, after))
    changes = compare_advice(old, new, language)
    console.print(_totals(changes, language), soft_wrap=True)
    said = [one for kind in _FIRST for one in changes if one.kind == kind]
    shown = {id(one) for one in said[:MOST_SENTENCES]}
    for line in _by_seller([one for one in changes if id(one) in shown], language):
        console.print(line, soft_wrap=True)
    if len(said) > len(shown):
        console.print(
            f"\n... and {len(said) - len(shown)} more. Row by row: recsys-ops runs --diff "
            f"{before.run_id},{after.run_id} --rows",
            soft_wrap=True,
        )
    return True


def _columns(run: Run) -> set[str]:
    return set(run.table("recourse").schema.names)


def _totals(changes: Iterable[AdviceChange], language: str) -> str:
    counts = {kind: count_rows(changes, kind) for kind in _FIRST}
    standing = count_rows(changes, "stands") + counts["worth"]
    n_all = standing + counts["new"] + counts["changed"] + counts["withdrawn"]
    return LANGUAGES[language].totals.format(**counts, standing=standing, all=n_all)


def _by_seller(changes: Iterable[AdviceChange], language: str) -> Iterator[str]:
    spoken, last = LANGUAGES[language], object()
    for one in changes:
        if one.seller != last:
            yield f"\n[bold]{escape(str(one.seller))}[/bold]"
        last = one.seller
        templates = spoken.advice_changes_of_rank if one.is_of_rank else spoken.advice_changes
        brings = _ranks(one) if one.is_of_rank else _shares(one, spoken.decimal)
        yield "  " + templates[one.kind].format(
            title=escape(" ".join(one.title.split())), group=escape(", ".join(one.groups)),
            before=escape(one.before), after=escape(one.after), **brings,
        )  # fmt: skip


def _shares(one: AdviceChange, decimal: str) -> dict[str, str]:
    return dict(zip(("share_before", "share_after"), per_cents(one.seen, decimal), strict=True))


def _ranks(one: AdviceChange) -> dict[str, str]:
    return dict(zip(("rank_before", "rank_after"), (f"{rank:.0f}" for rank in one.seen), strict=True))
