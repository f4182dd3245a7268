"""Figures of papers, drawn from what their experiments give here."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import compute as pc
from recsys_ops.report.svg import MARK, SOFT, as_shares, inline_plot, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"), ("-", "v"), ("--", "P"))


def sampling_plots(cells: pa.Table, figure: str) -> dict[str, dict[str, str]]:
    """RecRec's figures: success by share of the group that is searched, and the share of features that change.

    Parameters
    ----------
    cells : pyarrow.Table
        Schema ``CELLS`` of ``recsys_ops.recourse.replication``.
    figure : str
        Of the paper, about this data set; in the title and, with a dash, the name of the file.

    Returns
    -------
    dict of str to dict
        Name of the file without ending -> plot, as of ``inline_plot``: success with all changes, success after
        reverting, and changes. A line per rank: means over groups and draws.
    """
    wanted = (
        (figure, "success_all_changes", f"Success by sampling, {figure}", "Share of the group that sees the item"),
        (
            f"{figure} reverted",
            "success_after",
            f"Success after reverting, {figure}",
            "Share of the group that sees it",
        ),
        ("figure 4", "share_changed", "Features changed by sampling, figure 4", "Share of the features changed"),
    )
    return {name.replace(" ", "-"): _by_share(cells, column, title, up) for name, column, title, up in wanted}


def _by_share(cells: pa.Table, column: str, title: str, up: str) -> dict[str, str]:
    figure, axes = make_axes("Share of the group that is searched", up)
    shares = np.unique(cells["share_searched"].to_numpy())
    said = []
    for (dashes, marker), rank in zip(_LINES, np.unique(cells["rank"].to_numpy()), strict=False):
        of_rank = cells.filter(pc.field("rank") == int(rank))
        at, values = of_rank["share_searched"].to_numpy(), of_rank[column].to_numpy()
        means = np.array([values[at == share].mean() for share in shares])
        axes.plot(shares, means, dashes, marker=marker, markersize=4, color=MARK, label=f"rank {rank}")
        said.append(f"rank {rank}: {means[0]:.2%} to {means[-1]:.2%}")
    axes.set_xscale("log")
    axes.set_xticks(shares, [f"{100 * share:g} %" for share in shares], minor=False)
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    as_shares(axes, "y")
    text = f"From {shares[0]:.1%} of the group searched to {shares[-1]:.1%}: {'; '.join(said)}."
    return inline_plot(figure, title, text)


def study_plots(curves: pa.Table, distances: pa.Table) -> dict[str, dict[str, str]]:
    """Figures 1 and 3 of the study of recourse: how far recourses are, and how willingness depends on it.

    Parameters
    ----------
    curves, distances : pyarrow.Table
        Of ``recsys_ops.acceptance.replication.replicate``, with ``seed``.

    Returns
    -------
    dict of str to dict
        Name of the file without ending -> plot, as of ``inline_plot``.
    """
    plots = {}
    for distance in ("sparsity", "proximity"):
        plots[f"figure-1-{distance}"] = _distances(distances.filter(pc.field("distance") == distance), distance)
        for response in ("accept", "act"):
            is_this = (pc.field("distance") == distance) & (pc.field("response") == response)
            plots[f"figure-3-{response}-{distance}"] = _curves(curves.filter(is_this), response, distance)
    return plots


def _distances(rows: pa.Table, distance: str) -> dict[str, str]:
    figure, axes = make_axes(distance.capitalize(), "Share of the recourses")
    at, n = rows["at"].to_numpy(), rows["n"].to_numpy()
    values = np.unique(at)
    share = np.array([n[at == value].sum() for value in values]) / n.sum()
    axes.vlines(values, 0, share, color=MARK, linewidth=4, label="all simulated studies")
    axes.set_ylim(bottom=0)
    as_shares(axes, "y")
    mean = float(at @ n / n.sum())
    text = f"The mean {distance} is {mean:.2f}, from {values[0]:g} to {values[-1]:g}."
    return inline_plot(figure, f"Distances, {distance}, figure 1", text)


def _curves(rows: pa.Table, response: str, distance: str) -> dict[str, str]:
    figure, axes = make_axes(distance.capitalize(), "Rating, from its mean")
    seeds = np.unique(rows["seed"].to_numpy())
    for number, seed in enumerate(seeds):
        one = rows.filter(pc.field("seed") == int(seed))
        at, smooth, low, high = (_column(one, name) for name in ("at", "smooth", "low", "high"))
        if number == 0:
            _band(axes, at, low, high)
        axes.plot(at, smooth, color=MARK if number == 0 else SOFT, linewidth=2 if number == 0 else 0.7,
                  label=("one study", "the others")[number] if number < 2 else None)  # fmt: skip
    first = rows.filter(pc.field("seed") == int(seeds[0]))
    smooth = _column(first, "smooth")
    text = f"In one study from {smooth[0]:+.2f} at the least distance to {smooth[-1]:+.2f} at the greatest."
    return inline_plot(figure, f"Willingness to {response} by {distance}, figure 3", text)


def _band(axes: "Axes", at: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    axes.fill_between(at, low, high, color=MARK, alpha=0.2, linewidth=0, label="its 95 % band")


def _column(rows: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = rows[name].to_numpy().astype(np.float64)
    return values
