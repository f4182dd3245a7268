"""After the search: the recommender on what several providers do together, and what single promises are then worth."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import scipy.sparse as sp
from numpy.typing import NDArray

from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import Catalogue
from jobs.recourse.joint import joint_plan
from jobs.runtime.blocks import map_blocks
from jobs.runtime.job import BeforeCommit
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.user_summary import user_block_size
from recsys_ops.recourse.together import SHARES, Plans, Seen, acting, count_seen, sum_seen, with_plans
from recsys_ops.tables import together_schema

FEW_ACT = 0.05
"""Share of the others that act in the column ``success_if_others_act``."""

WEIGHED = ("rank_after", "success_if_others_act", "success_joint", "others_before", "others_after")
"""Columns of the table ``recourse`` that are filled here."""

FROM_THE_RUN = (*WEIGHED, "success_any_change")
"""Columns that need more than the case: ``ask`` takes them from the run."""

_READ = ["item_id", "seller_id", "group", "option", "reason", "n_targets", "success_before", "success_after", "changes"]


def count_blocks(model: FeatureLinearModel, blocks: Sequence[tuple[int, int]], arguments: dict[str, Any]) -> Seen:
    """Counts over consecutive blocks of users."""
    return sum_seen([count_seen(model, first, last, **arguments) for first, last in blocks])


def weigh_promises(
    catalogue: Catalogue, config: RecourseConfig, read: Callable[[str], Iterator[pa.Table]]
) -> BeforeCommit:
    """Run the recommender with nobody, and with ever more providers acting.

    Parameters
    ----------
    catalogue : Catalogue
    config : RecourseConfig
    read : callable
        ``read("recourse")`` yields the rows of the shards.

    Returns
    -------
    BeforeCommit
        The table ``together``, and what fills columns of ``recourse``.

    Notes
    -----
    One pass over all users for each share, in blocks spread over the workers. The driver holds the rows with a
    recourse: ids, numbers and encoded changes.
    """
    schema = catalogue.dataset.items.schema
    nothing = together_schema(schema.field("item_id").type, schema.field("seller_id").type).empty_table()
    found = [_serving(table) for table in read("recourse")]
    rows = pa.concat_tables(found) if found else None
    if rows is None or not len(rows):
        return BeforeCommit({"together": nothing})
    plans, n_targets = _plans(catalogue, rows), rows["n_targets"].to_numpy()
    sellers = catalogue.dataset.sellers
    alone = _run(catalogue, config, plans, np.array([], dtype=np.intp))
    tables, kept = [], {}
    offered, promised = _offered(catalogue, config, rows, plans)
    is_offered = pa.array(np.isin(np.arange(len(rows)), offered))
    for share in SHARES:
        taken = offered[acting(plans.only(offered), sellers, share, config.seed)]
        kept[share] = _run(catalogue, config, plans, taken).reached / n_targets
        is_taken = np.isin(np.arange(len(rows)), taken)
        of_share = _together_rows(rows, share, is_taken, promised, kept[share])
        tables.append(of_share.cast(nothing.schema).filter(is_offered))
    values = {
        "rank_after": alone.rank_sums / n_targets,
        "success_if_others_act": kept[FEW_ACT],
        "success_joint": promised if config.joint != "none" else np.full(len(rows), np.nan),
        "others_before": np.where(alone.others > 0, alone.others_before / np.maximum(alone.others, 1), np.nan),
        "others_after": np.where(alone.others > 0, alone.others_after / np.maximum(alone.others, 1), np.nan),
    }
    return BeforeCommit({"together": pa.concat_tables(tables)}, {"recourse": _filling(rows, values)})


def _offered(
    catalogue: Catalogue, config: RecourseConfig, rows: pa.Table, plans: Plans
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Rows that providers choose from, and what each of all rows promises: alone, or in the joint plan."""
    promised: NDArray[np.float64] = rows["success_after"].to_numpy()
    if config.joint == "none":
        return np.flatnonzero(rows["option"].to_numpy() == 0), promised
    n_targets = rows["n_targets"].to_numpy()
    before = np.rint(rows["success_before"].to_numpy() * n_targets).astype(np.int64)
    joint = joint_plan(catalogue, config, plans, before, n_targets)
    promised = np.full(len(rows), np.nan)
    promised[joint.chosen] = joint.reached / n_targets[joint.chosen]
    return joint.chosen, promised


def _serving(table: pa.Table) -> pa.Table:
    """Rows that do what was wanted."""
    return table.filter((pc.field("n_changes") > 0) & pc.field("reason").is_null()).select(_READ)


def _plans(catalogue: Catalogue, rows: pa.Table) -> Plans:
    dataset, labels = catalogue.dataset, {label: number for number, label in enumerate(catalogue.labels)}
    item = positions_of(rows["item_id"], dataset.item_ids)
    groups: list[Any] = rows["group"].to_pylist()
    changes: list[Any] = rows["changes"].to_pylist()
    return Plans(
        item=item,
        group=np.array([labels[label] for label in groups], dtype=np.int64),
        gained=(rows["success_after"].to_numpy() - rows["success_before"].to_numpy()) * rows["n_targets"].to_numpy(),
        features=changed_features(catalogue.encoded, item, changes),
    )


def changed_features(
    items: EncodedItems, item: NDArray[np.int64], changes: Sequence[Sequence[dict[str, Any]]]
) -> sp.csr_array:
    """Encoded features of items after the changes of the table ``recourse``, ``(n, n_features)``."""
    base, one_hot = sp.csr_array(items.matrix[item]), items.columns.one_hot
    row_of, column_of, added = [], [], []
    for row, of_row in enumerate(changes):
        ends = slice(base.indptr[row], base.indptr[row + 1])
        before = dict(zip(base.indices[ends].tolist(), base.data[ends].tolist(), strict=True))
        after = {change["column"]: change["encoded"] for change in of_row}
        moved = {one_hot[column] for column in after if one_hot[column] >= 0}
        gone = {column: 0.0 for column in before if one_hot[column] in moved}
        for column, value in {**gone, **after}.items():
            row_of.append(row)
            column_of.append(column)
            added.append(value - before.get(column, 0.0))
    changed = sp.csr_array(base + sp.csr_array((added, (row_of, column_of)), shape=base.shape))
    changed.sort_indices()
    return changed


def _run(catalogue: Catalogue, config: RecourseConfig, plans: Plans, taken: NDArray[np.intp]) -> Seen:
    n_users, size = catalogue.dataset.n_users, user_block_size(*catalogue.encoded.matrix.shape)
    blocks = [(first, min(first + size, n_users)) for first in range(0, n_users, size)]
    arguments = {"k": config.k, "groups": catalogue.group_of_user, "plans": plans, "times": catalogue.times}
    shared = (ray.put(with_plans(catalogue.model, plans, taken)), ray.put(arguments))
    title = f"ranking users, {len(taken)} items changed"
    return sum_seen(list(map_blocks(count_blocks, shared, blocks, title)))


def _together_rows(
    rows: pa.Table,
    share: float,
    is_taken: NDArray[np.bool_],
    promised: NDArray[np.float64],
    kept: NDArray[np.float64],
) -> pa.Table:
    ids = {name: rows[name] for name in ("item_id", "seller_id", "group")}
    return pa.table(
        {
            **ids,
            "share_acting": np.full(len(rows), share),
            "is_taken": is_taken,
            "promised": promised,
            "kept": kept,
        }
    )


def _filling(rows: pa.Table, values: dict[str, NDArray[np.float64]]) -> Callable[[pa.Table], pa.Table]:
    """A function that writes the values into the rows of the same item, group and option."""
    place = {key: number for number, key in enumerate(_keys(rows))}

    def fill(table: pa.Table) -> pa.Table:
        at = [place.get(key) for key in _keys(table)]
        for name, column in values.items():
            found = table[name].to_pylist()  # of a row that does not serve, what its search knows
            filled = [
                found[row] if n is None else None if np.isnan(column[n]) else float(column[n])
                for row, n in enumerate(at)
            ]
            table = table.set_column(
                table.column_names.index(name), table.schema.field(name), pa.array(filled, pa.float64())
            )
        return table

    return fill


def _keys(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in ("item_id", "group", "option")), strict=True))
