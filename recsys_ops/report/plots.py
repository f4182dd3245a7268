"""Plots of runs of recourse and antidote data."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.report.svg import MARK, SOFT, as_shares, has_matplotlib, inline_plot, make_axes
from recsys_ops.runs import Run

_MARKERS = "os^vDPX*"


def plots_of(run: Run) -> list[dict[str, str]]:
    """Title, SVG and its text alternative of each plot; none for runs of other jobs, or without matplotlib.

    Parameters
    ----------
    run : Run

    Returns
    -------
    list of dict
        ``title``, ``svg`` (markup; only numbers and fixed words of ours are in it) and ``text``.
    """
    if "recourse" not in run.tables or not has_matplotlib():
        return []
    drawn = (_before_and_after(run), _frontier(run), _promised_and_kept(run))
    return [plot for plot in drawn if plot is not None]


def _before_and_after(run: Run) -> dict[str, str] | None:
    table = run.table("recourse").to_table(columns=["success_before", "success_after"])
    before, after = (np.asarray(table[name].drop_null().to_numpy(), dtype=np.float64) for name in table.column_names)
    if not len(before) or not len(after):
        return None
    figure, axes = make_axes("More than this share of the group sees the item", "Share of cases")
    levels = np.linspace(0, max(before.max(), after.max(), 0.01), 101)
    for values, colour, name, dashes in ((before, SOFT, "before", "--"), (after, MARK, "after", "-")):
        axes.step(levels, [(values > level).mean() for level in levels], dashes, where="post", color=colour, label=name)
    axes.set_ylim(bottom=0)
    as_shares(axes, "xy")
    text = f"On average {before.mean():.1%} of a group see the item before, and {after.mean():.1%} after."
    return inline_plot(figure, "What was reached", text)


def _frontier(run: Run) -> dict[str, str] | None:
    if "frontier" not in run.tables:
        return None
    paths: dict[tuple[Any, ...], list[tuple[int, float]]] = defaultdict(list)
    for row in run.table("frontier").to_table().to_pylist():
        paths[row["item_id"], row["group"], row["option"]].append((row["n_changes"], row["success"]))
    if not paths:
        return None
    most = max(n for path in paths.values() for n, _ in path)
    reached = np.array([_best_of_at_most(path, most) for path in paths.values()])
    figure, axes = make_axes("Changes, at most", "Share that sees the item")
    low, high = np.quantile(reached, [0.25, 0.75], axis=0)
    numbers = np.arange(most + 1)
    axes.fill_between(numbers, low, high, color=MARK, alpha=0.2, linewidth=0, label="middle half of the cases")
    mean = reached.mean(axis=0)
    axes.plot(numbers, mean, color=MARK, marker="o", markersize=3, label="mean")
    as_shares(axes, "y")
    axes.locator_params("x", integer=True)
    text = f"Mean over {len(paths):,} cases: {mean[0]:.1%} without a change"
    text += "." if most == 0 else f", {mean[1]:.1%} with one, {mean[-1]:.1%} with up to {most}."
    return inline_plot(figure, "What more changes bring", text)


def _best_of_at_most(path: list[tuple[int, float]], most: int) -> NDArray[np.float64]:
    """What a path reaches with at most 0, 1, ... ``most`` changes."""
    reached = np.zeros(most + 1)
    for n, success in path:
        reached[n:] = np.maximum(reached[n:], success)
    return reached


def _promised_and_kept(run: Run) -> dict[str, str] | None:
    if "together" not in run.tables:
        return None
    table = run.table("together").to_table(columns=["share_acting", "is_taken", "promised", "kept"])
    taken = [row for row in table.to_pylist() if row["is_taken"] and row["kept"] is not None]
    shares = sorted({row["share_acting"] for row in taken})
    if not shares:
        return None
    means = [
        [float(np.mean([row[name] for row in taken if row["share_acting"] == share])) for share in shares]
        for name in ("promised", "kept")
    ]
    figure, axes = make_axes("Share of the providers that act", "Share that sees the item")
    for values, colour, name, dashes in zip(means, (SOFT, MARK), ("promised", "kept"), ("--", "-"), strict=True):
        axes.plot(range(len(shares)), values, dashes, color=colour, marker="o", markersize=3, label=name)
    axes.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
    axes.set_ylim(bottom=0)
    as_shares(axes, "y")
    promised, kept = means
    parts = [f"{p:.2%} promised, {k:.2%} kept if {s:.0%} act" for s, p, k in zip(shares, promised, kept, strict=True)]
    return inline_plot(figure, "Promised, and kept if others act as well", "; ".join(parts) + ".")


@dataclass(frozen=True)
class Effect:
    """An algorithm, the number of artificial users, and the row of ``antidote_as_used`` that stands for it."""

    algorithm: str
    n_users: int
    row: Mapping[str, Any]


def effect_plot(effects: Sequence[Effect]) -> dict[str, str] | None:
    """Change of the objective by the number of artificial users, with intervals; None without any, or matplotlib.

    Parameters
    ----------
    effects : sequence of Effect

    Returns
    -------
    dict or None
        As in ``plots_of``.
    """
    if not effects or not has_matplotlib():
        return None
    figure, axes = make_axes("Artificial users", "Change of the objective")
    axes.axhline(0, color=SOFT, linewidth=0.8)
    names = list(dict.fromkeys(effect.algorithm for effect in effects))
    for place, name in enumerate(names):
        mine = sorted((effect for effect in effects if effect.algorithm == name), key=lambda effect: effect.n_users)
        change, low, high = (np.array([e.row[key] for e in mine]) for key in ("change", "change_low", "change_high"))
        shifted = np.array([effect.n_users for effect in mine]) * (1 + 0.02 * (place - (len(names) - 1) / 2))
        is_advisable = any(effect.row["verdict"] != "comparison" for effect in mine)
        axes.errorbar(
            shifted, change, yerr=(change - low, high - change), label=name, capsize=3, markersize=4,
            color=MARK if is_advisable else SOFT, marker=_MARKERS[place % len(_MARKERS)],
            linestyle="-" if is_advisable else "--",
        )  # fmt: skip
    as_shares(axes, "y")
    axes.locator_params("x", integer=True)
    parts = [f"{e.algorithm} with {e.n_users}: {100 * e.row['change']:+.1f} %" for e in effects]
    return inline_plot(figure, "What artificial users change, as used", "; ".join(parts) + ".")
