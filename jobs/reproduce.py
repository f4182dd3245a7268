"""A paper's experiment once more: every stated number beside ours, and why they differ where they do."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field
from rich.table import Table

from jobs import human_centred
from jobs.config import MODEL_CONFIG
from jobs.console import make_console
from jobs.store.table_files import table_bytes
from recsys_ops.acceptance.loop import range_of_one
from recsys_ops.acceptance.propensity import LEVEL
from recsys_ops.acceptance.replication import MODELS, STATISTICS, StudySize, replicate
from recsys_ops.errors import ConfigError
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

    paper: Literal["human-centred"] = Field(json_schema_extra={"is_positional": True})
    """human-centred: the study of people's willingness to accept and to act on recourses (Tominaga et al. 2024)."""
    out: str = "out"
    """Folder or object-store URL; the tables are written into reproduce/PAPER there."""
    seeds: int = Field(default=20, ge=3)
    """How many times the experiment is run; numbers have a range over them."""
    seed: int = Field(default=0, ge=0)
    """Of the first of them."""
    quick: bool = False
    """Three runs only."""
    people: int = Field(default=362, ge=40, le=3000)
    """People of the study."""
    ratings_each: int = Field(default=5, ge=2)
    """Recourses that each of them rates."""
    set_aside: int = Field(default=72, ge=0)
    """Ratings set aside, because their recourse changes what the person cannot change."""


def run(config: ReproduceConfig) -> int:
    """Run the experiment, write its tables and print the numbers side by side; return exit code 0.

    Raises
    ------
    ConfigError, StorageError
        Each with a message for the user.
    """
    size = StudySize(config.people, config.ratings_each, config.set_aside)
    left = size.n_people * (size.n_each - 1) - size.n_impossible
    if left < LEAST_LEFT:
        raise ConfigError(
            f"--set-aside {config.set_aside}: {left} ratings beyond each person's first would be left, at least "
            f"{LEAST_LEFT} needed. Set fewer aside, or have more people rate more."
        )
    n_seeds = QUICK_SEEDS if config.quick else config.seeds
    done = [replicate(size, seed=seed) for seed in range(config.seed, config.seed + n_seeds)]
    tables = {name: _of_all([one[name] for one in done], config.seed) for name in done[0]}
    compared = pa.Table.from_pylist(list(_compared(tables["numbers"])), schema=COMPARED)
    folder = f"{config.out.rstrip('/')}/reproduce/{config.paper}"
    _write(folder, {"compared": compared, **tables})
    _print(compared.to_pylist(), n_seeds, folder)
    return 0


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


def _write(folder: str, tables: dict[str, pa.Table]) -> None:
    filesystem, root = open_store(folder)
    with storage_errors(folder, "writing tables"):
        filesystem.makedirs(root, exist_ok=True)
        for name, table in tables.items():
            filesystem.pipe_file(f"{root}/{name}.parquet", table_bytes(table, "parquet"))


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
    said = [*_differences(rows), *human_centred.NOT_HAD, f"{n_agree} of {len(rows)} numbers agree. Tables: {folder}"]
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
