"""A paper's experiment once more: every stated number beside ours, and why they differ where they do."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field, model_validator
from rich.table import Table

from jobs import human_centred, recrec
from jobs.config import MODEL_CONFIG
from jobs.console import make_console
from jobs.store.table_files import table_bytes
from recsys_ops.acceptance.loop import range_of_one
from recsys_ops.acceptance.propensity import LEVEL
from recsys_ops.acceptance.replication import MODELS, STATISTICS, StudySize, replicate
from recsys_ops.errors import ConfigError
from recsys_ops.report.paper_plots import sampling_plots, study_plots
from recsys_ops.report.svg import has_matplotlib, svg_file
from recsys_ops.storage import open_store, storage_errors

QUICK_SEEDS = 3
LEAST_LEFT = 100

_COLUMNS: list[tuple[str, pa.DataType]] = [
    *((name, pa.string()) for name in ("response", "distance", "statistic")),
    ("stated", pa.float64()),
    ("stated_below", pa.bool_()),
    *((name, pa.float64()) for name in ("mean", "low", "high")),
    ("agrees", pa.bool_()),
    ("why", pa.string()),
]
COMPARED = pa.schema(_COLUMNS)
"""A row per stated number. ``stated_below``: the paper says "less than"; ``low`` to ``high`` holds 95 % of studies (of
p-values: all that were run). A number ``agrees`` if it lies there, a p-value if it is on the same side of 5 %."""


class ReproduceConfig(BaseModel):
    """Which paper, with the settings of its experiment."""

    model_config = MODEL_CONFIG

    paper: Literal["human-centred", "recrec"] = Field(json_schema_extra={"is_positional": True})
    """human-centred: the study of people's willingness to accept and to act on recourses (Tominaga et al. 2024). recrec: recourse by how much of a group is searched (Verma et al. 2023)."""  # noqa: E501
    data: str = "synthetic"
    """Of recrec: as for the jobs. MovieLens (movielens-100k:DIR) is beside figure 1, ads beside figure 2, others beside figure 3."""  # noqa: E501
    out: str = "out"
    """Folder or object-store URL; tables and figures are written into reproduce/PAPER there."""
    seeds: int = Field(default=20, ge=3)
    """How many times the experiment is run; numbers have a range over them."""
    seed: int = Field(default=0, ge=0)
    """Of the first of them."""
    quick: bool = False
    """Three runs only; of recrec, with two groups of users and four shares."""
    people: int = Field(default=362, ge=40, le=3000)
    """People of the study; this and the next two of human-centred only."""
    ratings_each: int = Field(default=5, ge=2)
    """Recourses that each of them rates."""
    set_aside: int = Field(default=72, ge=0)
    """Ratings set aside, because their recourse changes what the person cannot change."""

    @model_validator(mode="after")
    def _nothing_that_the_paper_ignores(self) -> "ReproduceConfig":
        others = ("data",) if self.paper == "human-centred" else ("people", "ratings_each", "set_aside")
        ignored = [name for name in others if getattr(self, name) != ReproduceConfig.model_fields[name].default]
        if ignored:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in ignored)
            raise ValueError(f"reproduce {self.paper} does not take {named}. Leave it out")
        return self


def run(config: ReproduceConfig) -> int:
    """Run the experiment, write its tables and print the numbers side by side; return exit code 0.

    Raises
    ------
    ConfigError, StorageError
        Each with a message for the user.
    """
    n_seeds = QUICK_SEEDS if config.quick else config.seeds
    seeds = range(config.seed, config.seed + n_seeds)
    folder = f"{config.out.rstrip('/')}/reproduce/{config.paper}"
    if config.paper == "recrec":
        tables = recrec.experiment(config.data, seeds, quick=config.quick)
        plots = sampling_plots(tables["cells"], recrec.catalogue_for(config.data).figure) if has_matplotlib() else {}
        _write(folder, tables, plots)
        _print_recrec(tables["compared"].to_pylist(), config.data, n_seeds, folder)
    else:
        tables = _studies(config, seeds)
        plots = study_plots(tables["curves"], tables["distances"]) if has_matplotlib() else {}
        _write(folder, tables, plots)
        _print(tables["compared"].to_pylist(), n_seeds, folder)
    if not plots:
        make_console().print("Figures are left out, as matplotlib is not installed: pip install 'recsys-ops[plots]'.")
    return 0


def _studies(config: ReproduceConfig, seeds: range) -> dict[str, pa.Table]:
    size = StudySize(config.people, config.ratings_each, config.set_aside)
    left = size.n_people * (size.n_each - 1) - size.n_impossible
    if left < LEAST_LEFT:
        raise ConfigError(
            f"--set-aside {config.set_aside}: {left} ratings beyond each person's first would be left, at least "
            f"{LEAST_LEFT} needed. Set fewer aside, or have more people rate more."
        )
    done = [replicate(size, seed=seed) for seed in seeds]
    tables = {name: _of_all([one[name] for one in done], config.seed) for name in done[0]}
    return {"compared": pa.Table.from_pylist(list(_compared(tables["numbers"])), schema=COMPARED), **tables}


def _of_all(tables: list[pa.Table], first: int) -> pa.Table:
    """The tables of all runs, with their seed."""
    columns = [pa.array([first + n] * len(table), pa.int64()) for n, table in enumerate(tables)]
    return pa.concat_tables([one.add_column(0, "seed", seed) for one, seed in zip(tables, columns, strict=True)])


def _compared(numbers: pa.Table) -> Iterator[dict[str, Any]]:
    ours: dict[tuple[str, str, str], list[float]] = {}
    for row in numbers.to_pylist():
        ours.setdefault((row["response"], row["distance"], row["statistic"]), []).append(row["value"])
    for model in MODELS:
        for name in STATISTICS:
            stated = human_centred.STATED[model][name]
            about = {"response": model[0], "distance": model[1], "statistic": name, "stated": stated}
            about |= _beside(stated, ours[*model, name], is_p=name == "p" or name.startswith("p_"))
            yield about | {"why": "" if about["agrees"] else human_centred.WHY[name]}


def _beside(stated: float, values: list[float], *, is_p: bool) -> dict[str, Any]:
    """Our numbers, and whether they agree with the one that is stated; none of them can be negative."""
    low, high = (min(values), max(values)) if is_p else range_of_one(values)
    same_side = (stated < LEVEL) == (float(np.median(values)) < LEVEL)
    return {
        "stated_below": is_p and stated <= human_centred.BELOW,
        "mean": float(np.mean(values)),
        "low": max(low, 0.0),
        "high": high,
        "agrees": same_side if is_p else low <= stated <= high,
    }


def _write(folder: str, tables: dict[str, pa.Table], plots: dict[str, dict[str, str]]) -> None:
    filesystem, root = open_store(folder)
    with storage_errors(folder, "writing tables and figures"):
        filesystem.makedirs(root, exist_ok=True)
        for name, table in tables.items():
            filesystem.pipe_file(f"{root}/{name}.parquet", table_bytes(table, "parquet"))
        for name, plot in plots.items():
            filesystem.pipe_file(f"{root}/{name}.svg", svg_file(plot))


def _print(rows: list[dict[str, Any]], n_seeds: int, folder: str) -> None:
    console = make_console()
    for model in MODELS:
        title = f"{' by '.join(model)}: {human_centred.PAPER}, and {n_seeds} simulated studies"
        table = Table("statistic", "paper", "ours", "95 % of studies", "", title=title, title_justify="left")
        for row in rows:
            if (row["response"], row["distance"]) == model:
                table.add_row(*_cells(row))
        console.print(table)
    n_agree = sum(row["agrees"] for row in rows)
    said = [
        *_differences(rows),
        *human_centred.NOT_HAD,
        f"{n_agree} of {len(rows)} numbers agree. Tables and figures: {folder}",
    ]
    for sentence in said:
        console.print(sentence, markup=False, soft_wrap=True)


def _cells(row: dict[str, Any]) -> list[str]:
    stated = f"{'< ' if row['stated_below'] else ''}{row['stated']:.4g}"
    span = f"{row['low']:.4g} to {row['high']:.4g}"
    return [row["statistic"], stated, f"{row['mean']:.4g}", span, "" if row["agrees"] else "differs"]


def _differences(rows: list[dict[str, Any]]) -> list[str]:
    """A sentence for each statistic that differs: where, and why."""
    said = []
    for name in STATISTICS:
        mine = [row for row in rows if row["statistic"] == name and not row["agrees"]]
        if mine:
            where = ", ".join(f"{row['response']} by {row['distance']}" for row in mine)
            said.append(f"{name} differs ({where}): {human_centred.WHY[name]}.")
    return said


def _print_recrec(rows: list[dict[str, Any]], data: str, n_seeds: int, folder: str) -> None:
    console = make_console()
    catalogue = recrec.catalogue_for(data)
    title = f"{catalogue.name}: {recrec.PAPER}, and {n_seeds} draws of users of {data}"
    table = Table("", "statistic", "searched", "paper", "ours", "95 % of draws", "", title=title, title_justify="left")
    for row in rows:
        share = "all" if row["share_searched"] is None else f"{row['share_searched']:.1%}"
        stated = f"{'' if row['claim'] == 'is' else row['claim'] + ' '}{row['stated']:.2%}"
        span = f"{row['low']:.2%} to {row['high']:.2%}"
        agrees = "" if row["agrees"] else "differs"
        table.add_row(row["where"], row["statistic"], share, stated, f"{row['mean']:.2%}", span, agrees)
    console.print(table)
    reasons = {row["statistic"]: row["why"] for row in rows if not row["agrees"]}
    n_agree = sum(row["agrees"] for row in rows)
    said = [f"{name} differs: {why}." for name, why in reasons.items()]
    said += [*recrec.not_had(data), f"{n_agree} of {len(rows)} numbers agree. Tables and figures: {folder}"]
    for sentence in said:
        console.print(sentence, markup=False, soft_wrap=True)
