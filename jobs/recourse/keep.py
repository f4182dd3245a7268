"""Which run's advice is kept, and that advice for the items and groups of today."""

from collections.abc import Mapping

import pyarrow as pa

from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import Catalogue
from jobs.store.earlier import knows_until, runs_before
from jobs.store.start import begun_settings
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.errors import InputError
from recsys_ops.recourse.standing import Standing, columns_by_name, targets_of
from recsys_ops.runs import Run, open_run

_JOB = "recourse"
_READ = ["item_id", "group", "option", "reason", "changes"]


def kept_run(config: RecourseConfig) -> str | None:
    """The run that ``--keep`` means: ``latest`` becomes an id, that of a run which is begun stays as it was.

    Raises
    ------
    InputError
        There is no such run of this job.
    """
    if config.keep in (None, "none"):
        return None
    begun = begun_settings(config.out, config.run_id) if config.resume and config.run_id else None
    if config.keep == "latest" and begun is not None:
        kept: str | None = begun.get("keep")
        return kept
    if config.keep != "latest":
        open_kept(config.out, str(config.keep))
        return config.keep
    latest = latest_before(config)
    if latest is None:
        raise InputError("--keep latest: no whole run of recourse is here that knows no later data. Leave --keep out.")
    return latest


def latest_before(config: RecourseConfig) -> str | None:
    """Id of the run that readers have, or of the last whole one before, if that knows later data than this run."""
    until = config.period.until
    try:
        named = open_run(config.out, job=_JOB)
    except InputError:
        return None
    if named.run_id != config.run_id and (until is None or knows_until(named.manifest) <= until):
        return named.run_id
    earlier = runs_before(config.out, _JOB, until, besides=config.run_id, most=1)
    return earlier[0].run_id if earlier else None


def open_kept(out: str, keep: str) -> Run:
    """The run of an id below ``out``, or of a URL.

    Raises
    ------
    InputError
    """
    return open_run(keep if "/" in keep else f"{out.rstrip('/')}/runs/{keep}", job=_JOB)


def standing_advice(catalogue: Catalogue, run: Run) -> dict[tuple[int, int], Standing]:
    """Advice of a run by item and group of today, the first option of each; what is gone today is left out."""
    dataset = run.table(_JOB)
    has_since = "since" in dataset.schema.names
    serves = (pc.field("option") == 0) & (pc.field("n_changes") > 0) & pc.field("reason").is_null()
    rows = dataset.to_table(columns=_READ + ["since"] * has_since, filter=serves)
    return advice_of(catalogue, rows, run.run_id)


def advice_of(catalogue: Catalogue, rows: pa.Table, run_id: str) -> dict[tuple[int, int], Standing]:
    """The same of rows of ``recourse`` that are known to serve."""
    groups: Mapping[str, int] = {label: number for number, label in enumerate(catalogue.labels)}
    ids = catalogue.dataset.item_ids
    if rows.schema.field("item_id").type != ids.type:
        return {}
    is_here = pc.is_in(rows["item_id"], value_set=ids)
    rows = rows.filter(is_here)
    named = columns_by_name(catalogue.encoded)
    found = {}
    for item, row in zip(positions_of(rows["item_id"], ids).tolist(), rows.to_pylist(), strict=True):
        targets = targets_of(catalogue.encoded, named, row["changes"])
        if row["group"] in groups and targets is not None:
            found[item, groups[row["group"]]] = Standing(targets, row.get("since") or run_id)
    return found
