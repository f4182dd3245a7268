"""Plots of a run of acceptance: fitted curves with their bands and thresholds, and the effects of people."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.sentences import named_in_words
from recsys_ops.report.svg import MARK, SOFT, has_matplotlib, inline_plot, make_axes

_ACROSS = {"sparsity": "Sparsity: number of changes", "proximity": "Proximity: size of the changes"}

Row = Mapping[str, Any]


def curve_plot(fit: Row, curve: Sequence[Row]) -> dict[str, str] | None:
    """The curve of a fit in rating points, with band and threshold; None without a curve, or matplotlib.

    Parameters
    ----------
    fit : mapping
        Row of ``acceptance_fits``.
    curve : sequence of mapping
        Its rows of ``acceptance_curves``.

    Returns
    -------
    dict or None
        As of ``inline_plot``.
    """
    if not curve or not has_matplotlib():
        return None
    at = np.array([row["at"] for row in curve])
    mean, low, high = (fit["intercept"] + np.array([row[name] for row in curve]) for name in ("smooth", "low", "high"))
    figure, axes = make_axes(_ACROSS[fit["distance"]], "Rating, from 1 to 7")
    axes.fill_between(at, low, high, color=MARK, alpha=0.2, linewidth=0, label="95 % band")
    axes.plot(at, mean, color=MARK, label="fitted mean")
    text = "; ".join(f"{mean[n]:.2f} ({low[n]:.2f} to {high[n]:.2f}) at {at[n]:.3g}" for n in (0, len(at) // 2, -1))
    if fit["threshold"] is not None:
        axes.axvspan(fit["threshold_low"], fit["threshold_high"], color=SOFT, alpha=0.15, linewidth=0)
        axes.axvline(fit["threshold"], color=SOFT, linestyle="--", label="threshold, with its interval")
        text += (
            f". Flat past {fit['threshold']:.2f} (95 % interval {fit['threshold_low']:.2f} to "
            f"{fit['threshold_high']:.2f})"
        )
    axes.set_ylim(min(1, low.min()), max(7, high.max()))
    return inline_plot(figure, named_in_words(fit), f"Fitted rating {text}.")


def people_plot(fit: Row, people: Sequence[Row]) -> dict[str, str] | None:
    """People from the least to the most willing, with intervals; None without any, or matplotlib.

    Parameters
    ----------
    fit : mapping
        Row of ``acceptance_fits``.
    people : sequence of mapping
        Its rows of ``acceptance_people``.

    Returns
    -------
    dict or None
        As of ``inline_plot``.
    """
    if not people or not has_matplotlib():
        return None
    by_level = sorted(people, key=lambda row: float(row["intercept"]))
    level, half = np.array([[row["intercept"], NORMAL_95 * row["intercept_se"]] for row in by_level]).T
    numbers = np.arange(1, len(level) + 1)
    figure, axes = make_axes("People, from the least to the most willing", "Rating points above the curve")
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.fill_between(numbers, level - half, level + half, color=MARK, alpha=0.2, linewidth=0, label="95 % intervals")
    axes.plot(numbers, level, color=MARK, label="level of each person")
    axes.locator_params("x", integer=True)
    low, middle, high = np.quantile(level, [0.25, 0.5, 0.75])
    text = (
        f"The middle half of {len(level):,} people lies from {low:+.2f} to {high:+.2f} rating points, half of them "
        f"below {middle:+.2f}; the least willing at {level[0]:+.2f}, the most willing at {level[-1]:+.2f}."
    )
    return inline_plot(figure, f"{named_in_words(fit)}: people", text)
