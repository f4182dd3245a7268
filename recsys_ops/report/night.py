"""The report of a run: did it work, how did its cases end, and what needs a person."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.arrow import compute as pc
from recsys_ops.drift.bands import Band
from recsys_ops.report.acceptance import acceptance_content
from recsys_ops.report.antidote import antidote_content
from recsys_ops.report.page import render
from recsys_ops.report.plots import plots_of
from recsys_ops.report.recommender import recommender_in_words
from recsys_ops.report.svg import has_matplotlib
from recsys_ops.report.words import words
from recsys_ops.runs import Run
from recsys_ops.status import Status

_CONTENT = {"acceptance": acceptance_content, "antidote": antidote_content}
"""By job: what its own template shows."""
_MOST_FAILED = 20
_MEASURES: Mapping[str, Sequence[tuple[str, str, bool]]] = {
    "recourse": (
        ("success_before", "Share of the group that sees the item, before", True),
        ("success_after", "Share of the group that sees the item, after", True),
        ("n_changes", "Changes", False),
    ),
    "counterfactuals": (("n_removed", "Interactions that an explanation removes", False),),
}
"""By table: column, what it is, and whether it is a share."""

Pages = Sequence[Mapping[str, str]]


def night_page(run: Run, pages: Pages = (), *, overnight: Sequence[Band] = ()) -> str:
    """The page of a whole run.

    Parameters
    ----------
    run : Run
        Of any job.
    pages : sequence of mapping
        Of sellers: ``path``, ``name`` and ``what`` each.
    overnight : sequence of Band
        Figures of the run beside those of the nights before.
    """
    manifest, say = run.manifest, words("en")
    counts: dict[str, int] = manifest["counts"]
    n_cases = max(sum(counts.values()), 1)
    errors = counts.get(Status.ERROR, 0)
    unfinished = errors + counts.get(Status.TIMEOUT, 0)
    content_of = _CONTENT.get(manifest["job"])
    return render(
        "night.html" if content_of is None else f"{manifest['job']}.html",
        {
            **({} if content_of is None else content_of(run)),
            "language": "en", "say": say, "run_id": run.run_id, "committed": manifest["finished"][:16],
            "title": say.night_title.format(job=manifest["job"].capitalize(), date=manifest["started"][:10]),
            "is_well": unfinished == 0, "verdict": _verdict(run, unfinished),
            "statuses": [
                {
                    "name": name, "count": count, "share": count / n_cases,
                    "remedy": Status(name).remedy if name in set(Status) else "",
                }
                for name, count in sorted(counts.items(), key=lambda pair: -pair[1])
            ],
            "overnight": _overnight(overnight),
            "distributions": _distributions(run), "plots": plots_of(run), "has_plots": has_matplotlib(),
            "pages": list(pages), "failed": _failed(run) if errors else [],
            "settings": [(name, value) for name, value in manifest["configuration"].items() if value is not None],
        },
    )  # fmt: skip


def _overnight(bands: Sequence[Band]) -> list[Band]:
    """Those that have a band, those outside first; shares of single values only if they are outside."""
    known = [band for band in bands if band.low is not None and (band.is_outside or band.kind != "share")]
    return sorted(known, key=lambda band: not band.is_outside)


def _verdict(run: Run, unfinished: int) -> list[str]:
    manifest = run.manifest
    seconds = float(manifest["timings"]["wall_seconds"])
    lines = [f"Complete: {manifest['n_cases']:,} cases in {seconds / 60:.1f} minutes."]
    if unfinished:
        lines.append(f"{unfinished:,} cases failed or ran out of time: see below what to do about them.")
    else:
        lines.append("No case failed, and none ran out of time.")
    waiting = manifest["counts"].get(Status.NOT_STARTED, 0)
    if waiting:
        lines.append(f"{waiting:,} cases were not started before the deadline; they are first in line in the next run.")
    lines.extend(recommender_in_words(manifest))
    rejected = manifest["tables"].get("rejected", {}).get("rows", 0)
    if rejected:
        lines.append(f"{rejected:,} rows of the input were set aside; see the table rejected.")
    return lines


def _distributions(run: Run) -> list[dict[str, Any]]:
    found = []
    for name, measures in _MEASURES.items():
        if name not in run.tables:
            continue
        table = run.table(name).to_table(columns=[column for column, _, _ in measures])
        for column, title, is_share in measures:
            values = np.asarray(table[column].drop_null().to_numpy(), dtype=np.float64)
            values = values[np.isfinite(values)]
            if len(values):
                found.append({"title": title, "first": "Range", "rows": _bins(values, is_share=is_share)})
    return found


def _bins(values: NDArray[np.float64], *, is_share: bool) -> list[dict[str, Any]]:
    """Whole numbers up to ten one by one, other values in ranges; empty ranges at the ends are left out."""
    if is_share:
        edges = np.array([0, 1e-9, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0000001])
        names = ["none", "below 1 %", "1 to 5 %", "5 to 10 %", "10 to 25 %", "25 to 50 %", "50 to 75 %", "75 to 100 %"]
    else:
        edges = np.append(np.arange(11, dtype=np.float64), np.inf)
        names = [*map(str, range(10)), "10 or more"]
    counts, _ = np.histogram(values, bins=edges)
    last = int(np.flatnonzero(counts)[-1]) + 1
    return [
        {"name": name, "count": int(count), "share": float(count / len(values))}
        for name, count in zip(names[:last], counts[:last], strict=True)
    ]


def _failed(run: Run) -> list[str]:
    name = next((table for table in _MEASURES if table in run.tables), None)
    if name is None:
        return []
    table = run.table(name).to_table(columns=["title", "status", "reason"])
    rows = table.filter(pc.equal(table["status"], str(Status.ERROR))).slice(0, _MOST_FAILED).to_pylist()
    return [f"{row['title']}: {row['reason']}" for row in rows]
