"""Catalogues in folders, as a user would bring them: string ids, sellers of one size, files that can be spoiled."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recsys_ops.datasets.synthetic import make_marketplace

FEATURES_YAML = """\
rating_range: [1, 5]
features:
  - {column: description, kind: text}
  - {column: tags, kind: tags, label: tag}
  - {column: category, kind: category}
  - {column: price, kind: number, direction: decrease, step: 0.5}
"""

Tables = dict[str, pa.Table]


def shop_tables(*, sellers: int, items_per_seller: int, users: int, ratings_per_user: int) -> Tables:
    """The synthetic marketplace with ids ``i0001`` and ``s01``, every seller with as many items.

    Sellers of 17 to 31 items fill a batch each, so that the number of sellers is the most shards there can be.
    """
    n_items = sellers * items_per_seller
    market = make_marketplace(items=n_items, users=users, ratings_per_user=ratings_per_user, features=200)
    item_ids = [f"i{n:04}" for n in range(n_items)]
    ratings = market.ratings.tocoo()
    items = market.items.drop_columns(["item_id", "seller_id", "origin"])
    return {
        "interactions": pa.table(
            {
                "user_id": pa.array(ratings.row + 1, pa.int64()),
                "item_id": [item_ids[n] for n in ratings.col],
                "rating": pa.array(ratings.data, pa.float64()),
            }
        ),
        "items": pa.table(
            {"item_id": item_ids, "seller_id": [f"s{n % sellers:02}" for n in range(n_items)]}
            | {name: items[name] for name in items.column_names}
        ),
        "users": market.users.set_column(0, "user_id", pa.array(range(1, users + 1), pa.int64())),
    }


def write_shop(folder: Path, tables: Tables, *, without: str | None = None) -> str:
    """Write the tables and ``features.yaml``; gives the folder for ``--data``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if name != without:
            pq.write_table(table, folder / f"{name}.parquet")
    (folder / "features.yaml").write_text(FEATURES_YAML, encoding="utf-8")
    return str(folder)


def with_value(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    """``table`` with one cell changed."""
    values = table[column].to_pylist()
    values[row] = value
    position = table.schema.get_field_index(column)
    return table.set_column(position, column, pa.array(values, table.schema.field(column).type))


def with_rows(table: pa.Table, rows: list[dict[str, object]]) -> pa.Table:
    """``table`` with rows added at its end."""
    return pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)])


Spoil = Callable[[Tables], Tables]
