"""What RecRec states (Verma et al. 2023), beside what its experiment gives here, and why they differ where they do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from recsys_ops.acceptance.loop import range_of_one
from recsys_ops.datasets import load_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.recourse.replication import prepare, replicate

PAPER = "Verma et al. 2023"

SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Of a group that is searched: figures 1 to 4."""

QUICK_SHARES, QUICK_GROUPS = (0.005, 0.01, 0.05, 0.2), (0, 4)

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("where", pa.string()), ("statistic", pa.string()), ("share_searched", pa.float64()), ("claim", pa.string()),
    *((name, pa.float64()) for name in ("stated", "mean", "low", "high")),
    ("agrees", pa.bool_()), ("why", pa.string()),
]  # fmt: skip
COMPARED = pa.schema(_COLUMNS)
"""A row per stated number. ``claim``: is (agrees if it lies from ``low`` to ``high``, which holds 95 % of draws), above
or below (agrees if ``mean`` is, rounding aside)."""

_ROUNDING = 5e-5
"""The paper prints hundredths of a per cent."""

SEARCHED, REVERTED, LEAST = "success, all changes", "success, after reverting", "least success, all changes"
OVERLAP, SLOPE = "mean RBO", "share of features changed, most sampling less least"


@dataclass(frozen=True)
class Stated:
    """A number of the paper. ``share`` is that of the group which is searched, None for all of them."""

    where: str
    statistic: str
    share: float | None
    claim: Literal["is", "above", "below"]
    value: float


@dataclass(frozen=True)
class Catalogue:
    """A data set of the paper, the figure about it, and the column of users that groups are made of."""

    name: str
    figure: str
    groups: str
    stated: tuple[Stated, ...]


def _with_reverting(where: str, share: float, claim: Literal["is", "above"], value: float) -> tuple[Stated, ...]:
    """A success of which the paper does not say whether changes were reverted before it was counted."""
    return tuple(Stated(where, name, share, claim, value) for name in (SEARCHED, REVERTED))


_CHANGES = Stated("figure 4", SLOPE, None, "below", 0.0)

MOVIES = Catalogue("MovieLens-100K", "figure 1", "age", (
    *_with_reverting("figure 1", 0.01, "is", 1.0), Stated("figure 1", LEAST, 0.01, "is", 1.0),
    *_with_reverting("appendix A", 0.2, "is", 1.0), Stated("appendix A", OVERLAP, None, "is", 0.9943), _CHANGES,
))  # fmt: skip
ADS = Catalogue("AliEC Ads", "figure 2", "age_level", (
    *_with_reverting("figure 2", 0.01, "above", 0.8), *_with_reverting("figure 2", 0.2, "is", 1.0),
    Stated("appendix A", OVERLAP, None, "is", 0.9999), _CHANGES,
))  # fmt: skip
BOOKS = Catalogue("Goodreads", "figure 3", "n_ratings", (
    *_with_reverting("figure 3", 0.005, "above", 0.9), Stated("figure 3", LEAST, 0.005, "above", 0.9),
    *_with_reverting("figure 3", 0.05, "is", 1.0), Stated("appendix A", OVERLAP, None, "is", 0.9992), _CHANGES,
))  # fmt: skip

WHY = {
    SEARCHED: "a sample of so few users does not show what all of the group like, or a provider's limits (one "
    "category, a price within 30 %, a tag once) leave users out of reach that values without limits would win",
    LEAST: "the paper's plots have one line per rank; here it is the least of all groups, ranks and items",
    REVERTED: "it is at most what all changes reach, and reverting may lose a fifth of the users won (section 3)",
    OVERLAP: "the search stops at a mean overlap of 99.5 % of a group's lists where features have no limits, and does "
    "not care where they have; the paper's is that of all users",
    SLOPE: "few changes are looked for at any sampling, up to a cap; the paper's descent has no cap, only a penalty",
}
"""Where the paper's number is outside of what single draws give."""


def catalogue_for(data: str) -> Catalogue:
    """The paper's data set that ``--data`` is or stands in for."""
    kind = data.partition(":")[0]
    return MOVIES if kind.startswith("movielens-") else ADS if kind == "ads" else BOOKS


def not_had(data: str) -> tuple[str, ...]:
    """What the reader has to know of the data."""
    if data.startswith("movielens-100k"):
        return ("The paper featurises summaries that it does not publish; here they are those of the folder.",)
    if data.partition(":")[0] in ("ads", "synthetic", "bank"):
        return (f"{data} is made by seed and stands in for {catalogue_for(data).name}, which is not distributed.",)
    return (f"{data} stands in for {catalogue_for(data).name}: numbers are the paper's for that, not for these data.",)


def ranks_had(cells: pa.Table) -> str:
    """Which mean ranks the items have that stand for those of the paper."""
    ranks, means = cells["rank"].to_numpy(), cells["mean_rank"].to_numpy()
    wanted = np.unique(ranks)
    had = ", ".join(f"{means[ranks == rank].mean():.0f}" for rank in wanted)
    return (
        f"The items for ranks {', '.join(map(str, wanted))} have mean ranks of {had}: they are the nearest that at "
        "most 1 % of a group has in the top 10, and an item may be nearest to two."
    )


def experiment(data: str, seeds: Sequence[int], *, quick: bool) -> dict[str, pa.Table]:
    """Run it for every seed.

    Parameters
    ----------
    data : str
        As of ``--data``.
    seeds : sequence of int
        Of the draws of users; data that are made by seed have the first.
    quick : bool
        Two groups and four shares only.

    Returns
    -------
    dict of str to pyarrow.Table
        ``cells``: every recourse (figures 1 to 4); ``compared``: schema ``COMPARED``.

    Raises
    ------
    ConfigError, InputError
        Of the data.
    """
    catalogue = catalogue_for(data)
    dataset = load_dataset(data, seed=seeds[0])
    if not any(rule.mutable for rule in dataset.rules):
        raise ConfigError(f"--data {data}: no feature may be changed. Take data with a mutable feature.")
    ready = prepare(dataset, catalogue.groups)
    shares, groups = (QUICK_SHARES, QUICK_GROUPS) if quick else (SHARES, range(5))
    cells = pa.concat_tables([replicate(ready, shares, seed=seed, groups=groups) for seed in seeds])
    rows = list(_compared(catalogue, cells.to_pylist()))
    return {"cells": cells, "compared": pa.Table.from_pylist(rows, schema=COMPARED)}


def _compared(catalogue: Catalogue, cells: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seeds = sorted({row["seed"] for row in cells})
    for one in catalogue.stated:
        ours = [_value(one, [row for row in cells if row["seed"] == seed]) for seed in seeds]
        low, high = range_of_one(ours)
        if one.statistic != SLOPE:  # shares and overlaps
            low, high = max(low, 0.0), min(high, 1.0)
        mean = float(np.mean(ours))
        agrees = {
            "is": low - _ROUNDING <= one.value <= high + _ROUNDING,
            "above": mean > one.value - _ROUNDING,
            "below": mean < one.value,
        }[one.claim]
        yield {
            "where": one.where, "statistic": one.statistic, "share_searched": one.share, "claim": one.claim,
            "stated": one.value, "mean": mean, "low": low, "high": high, "agrees": agrees,
            "why": "" if agrees else WHY[one.statistic],
        }  # fmt: skip


def _value(stated: Stated, cells: list[dict[str, Any]]) -> float:
    """Our number, of one seed."""
    if stated.statistic == OVERLAP:
        return float(np.mean([row["rbo"] for row in cells]))
    if stated.statistic == SLOPE:
        shares = [row["share_searched"] for row in cells]
        least, most = (
            np.mean([row["share_changed"] for row in cells if row["share_searched"] == share])
            for share in (min(shares), max(shares))
        )
        return float(most - least)
    column = "success_after" if stated.statistic == REVERTED else "success_all_changes"
    values = [row[column] for row in cells if row["share_searched"] == stated.share]
    return float(min(values) if stated.statistic == LEAST else np.mean(values))
