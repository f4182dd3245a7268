"""What changed overnight: a run beside the comparable nights before it, and whether it may reach readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from jobs.config import RunConfig
from jobs.console import plain
from jobs.store.earlier import knows_until, runs_before
from jobs.store.start import FREE_SETTINGS
from recsys_ops.drift.bands import LEAST_NIGHTS, NIGHTS, Band, compare_nights, outside
from recsys_ops.drift.figures import Figure, Figures, read_figures
from recsys_ops.errors import InputError
from recsys_ops.runs import Run
from recsys_ops.status import Status
from recsys_ops.storage import shown_url

FIGURES = "figures"
"""The table that a run which can be compared has."""

_LOOKED_AT = 30
"""Runs before a night among which comparable ones are looked for."""
_MAY_DIFFER = FREE_SETTINGS | {"data", "since", "until", "learned", "keep", "shards"}
"""Settings that are other ones every night, or change no row."""
_MOST_NAMED = 3


@dataclass(frozen=True)
class Overnight:
    """Figures of a night beside their bands, and the nights that these are of."""

    bands: Sequence[Band]
    nights: Sequence[str]

    @property
    def outside(self) -> list[Band]:
        """The figures unlike those of the nights before."""
        return [band for band in self.bands if band.is_outside]


def overnight(run: Run, *, most: int = NIGHTS) -> Overnight:
    """A committed run beside the nights before it.

    Raises
    ------
    InputError
        The run has no figures: it is of another job, or of an earlier version.
    """
    if FIGURES not in run.tables:
        raise InputError(
            f"run {run.run_id}: has no figures to compare (found {', '.join(run.tables)}). Whole runs of recourse and "
            "nightly have them, since they are written."
        )
    out, manifest = run.url.rpartition("/runs/")[0], run.manifest
    before = _nights(out, manifest["configuration"], knows_until(manifest), besides=run.run_id, most=most)
    return _compared(_figures_of(run), before)


def drift_of(config: RunConfig, figures: Figures, until: datetime | None) -> list[Band]:
    """Figures for which a run that is about to be committed is to be refused.

    Parameters
    ----------
    config : RunConfig
    figures : dict of Figure
        What is known of the run before its commit.
    until : datetime, optional
        Until when it knows the data; now by default.
    """
    before = _nights(config.out, config.model_dump(mode="json"), until, besides=config.run_id, most=NIGHTS)
    return outside(_compared(figures, before).bands)


def overnight_in_words(run: Run) -> list[str]:
    """One or two lines for a summary; none for a run that cannot be compared, or where there is no earlier night."""
    if run.manifest.get("partial") or FIGURES not in run.tables:
        return []
    try:
        found = overnight(run)
    except InputError as error:  # another run is damaged, for which this one, which is committed, does not fail
        return [f"Overnight: not compared. {error}"]
    n_nights = len(found.nights)
    if not n_nights:
        return []
    if n_nights < LEAST_NIGHTS:
        return [f"Overnight: {n_nights} of the {LEAST_NIGHTS} comparable nights that a comparison needs."]
    out = shown_url(run.url.rpartition("/runs/")[0])
    n_outside, all_of_it = len(found.outside), f"All: recsys-ops runs --out {out} --drift {run.run_id}"
    against = f"Overnight, against the last {n_nights} comparable nights:"
    if not n_outside:
        return [f"{against} all {len(found.bands)} figures are as usual. {all_of_it}"]
    named = [band.sentence for band in found.outside[:_MOST_NAMED]]
    more = f"; {n_outside - _MOST_NAMED} more" if n_outside > _MOST_NAMED else ""
    return [
        f"{against} {n_outside} of {len(found.bands)} figures not as usual. {all_of_it}",
        "; ".join(named) + more,
    ]


def refused_in_words(out: str, run: Run) -> str:
    """What a refusal means and what to do."""
    refused, run_id = run.refused, run.run_id
    named = "; ".join(refused[:5]) + (f"; {len(refused) - 5} more" if len(refused) > 5 else "")
    command = f"recsys-ops runs --out {shown_url(out)}"
    return (
        f"Refused by --fail-on drift: {named}.\nThe run is committed, and readers keep the one they have. Look at it: "
        f"{command} --drift {run_id}. If it is right: {command} --accept {run_id}. If the data are wrong, correct them "
        "and repeat with another --run-id."
    )


def print_overnight(console: Console, run: Run, *, nights: int, every_figure: bool) -> None:
    """Print the comparison as a table: figures outside of their bands first.

    Raises
    ------
    InputError
        As ``overnight``.
    """
    found = overnight(run, most=nights)
    shown = found.outside + [
        band for band in found.bands if not band.is_outside and (every_figure or band.kind != "share")
    ]
    table = Table("figure", "this night", "usual", "")
    for band in shown:
        note = "not as usual" if band.is_outside else ""
        table.add_row(plain(band.name), band.value_in_words, band.usual_in_words, note)
    console.print(table)
    against = ", ".join(found.nights) or "no comparable night"
    console.print(f"Run {run.run_id} against {against}.", markup=False, soft_wrap=True)
    left = len(found.bands) - len(shown)
    if left:
        console.print(f"{left} shares of single values are as usual: --rows shows them.", markup=False)


def _compared(figures: Figures, nights: Sequence[Run]) -> Overnight:
    return Overnight(compare_nights(figures, [_figures_of(run) for run in nights]), [run.run_id for run in nights])


def _nights(
    out: str, settings: Mapping[str, Any], until: datetime | None, *, besides: str | None, most: int
) -> list[Run]:
    """The last complete nights with these settings that no deadline cut, the latest first."""
    before = runs_before(out, "recourse", until, besides=besides, most=_LOOKED_AT)
    return [run for run in before if _is_comparable(run, settings)][:most]


def _is_comparable(run: Run, settings: Mapping[str, Any]) -> bool:
    theirs = run.manifest["configuration"]
    names = (theirs.keys() & settings.keys()) - _MAY_DIFFER
    is_whole = str(Status.NOT_STARTED) not in run.manifest["counts"]
    return is_whole and FIGURES in run.tables and all(theirs[name] == settings[name] for name in names)


def _figures_of(run: Run) -> Figures:
    seconds = Figure("seconds", float(run.manifest["timings"]["wall_seconds"]))
    return {"seconds": seconds} | read_figures(run.table(FIGURES).to_table())
