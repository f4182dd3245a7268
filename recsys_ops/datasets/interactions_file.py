"""The interactions as their owner stores them, so that rows can be added or taken out and nothing else changes."""

import gzip
import io
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet

from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import table_of
from recsys_ops.datasets.folder import given_table
from recsys_ops.datasets.known import DESCRIBED, given_interactions_of
from recsys_ops.datasets.load import is_made, load_dataset
from recsys_ops.datasets.movielens import interaction_lines
from recsys_ops.errors import InputError

_MOVIELENS = {"movielens-100k": ("u.data", "\t"), "movielens-1m": ("ratings.dat", "::")}


@dataclass(frozen=True)
class GivenInteractions:
    """``table`` as it is in the ``file``; ``user``, ``item`` and ``rating`` are its own names for these columns.

    ``separator`` is that of MovieLens' lines, None for tables.
    """

    file: str
    table: pa.Table
    user: str = "user_id"
    item: str = "item_id"
    rating: str = "rating"
    separator: str | None = None

    def with_rows(self, users: list[Any], items: list[Any], ratings: list[float]) -> "GivenInteractions":
        """The same with rows appended; other columns are empty there, and 0 in MovieLens' lines.

        Raises
        ------
        InputError
            The column of the ratings holds whole numbers only, and these are not.
        """
        n = len(users)
        values = {self.user: users, self.item: items, self.rating: ratings}
        columns = {}
        for field in self.table.schema:
            column = values.get(field.name, ["0" if self.separator else None] * n)
            columns[field.name] = self._cast(column, field)
        return replace(self, table=pa.concat_tables([self.table, table_of(columns, self.table.schema)]))

    def without_users(self, users: list[Any]) -> "GivenInteractions":
        """The same without the rows of these users."""
        field = self.table.schema.field(self.user)
        gone = pc.is_in(self.table[self.user], value_set=self._cast(users, field))
        return replace(self, table=self.table.filter(pc.invert(gone)))

    def encoded(self) -> bytes:
        """Bytes of a file of the same kind."""
        if self.separator is not None:
            columns = [column.to_pylist() for column in self.table.columns]
            return "".join(f"{self.separator.join(row)}\n" for row in zip(*columns, strict=True)).encode("latin-1")
        buffer = io.BytesIO()
        if self.file.endswith(".parquet"):
            pa_parquet.write_table(self.table, buffer)
        elif self.file.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
            options = pa_csv.WriteOptions(delimiter="\t" if ".tsv" in self.file else ",", quoting_style="needed")
            pa_csv.write_csv(self.table, buffer, options)
        else:
            pa_feather.write_feather(self.table, buffer)
        return gzip.compress(buffer.getvalue(), mtime=0) if self.file.endswith(".gz") else buffer.getvalue()

    def _cast(self, values: list[Any], field: Any) -> Any:
        if self.separator and field.name == self.rating and any(value != round(value) for value in values):
            raise InputError(f"{self.file}: MovieLens knows whole stars only. Make them with --whole-ratings.")
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            return pa.array([None if value is None else _text(value) for value in values], field.type)
        try:
            return pa.array(values).cast(field.type)
        except pa.ArrowInvalid:
            raise InputError(
                f"{self.file}: column '{field.name}' is {field.type}, and {values[0]!r} and others do not fit. "
                "Use --whole-ratings for ratings that are whole numbers."
            ) from None


def given_interactions(data: str, *, seed: int) -> GivenInteractions:
    """The interactions that ``--data`` names, as written.

    Parameters
    ----------
    data : str
        As for ``load_dataset``; data made by seed get a Parquet table.
    seed : int
        Of data made by seed.

    Raises
    ------
    InputError, ConfigError, StorageError
        As ``load_dataset``.
    """
    kind, _, folder = data.partition(":")
    if kind in _MOVIELENS:
        file, separator = _MOVIELENS[kind]
        names = ["user_id", "item_id", "rating", "timestamp"]
        columns = zip(*interaction_lines(folder, file, separator), strict=True)
        table = table_of({name: pa.array(list(column)) for name, column in zip(names, columns, strict=True)})
        return GivenInteractions(file, table, separator=separator)
    if is_made(data):
        dataset = load_dataset(data, seed=seed)
        entries = dataset.ratings.tocoo()
        columns_of = {
            "user_id": pc.take(dataset.user_ids, entries.row),
            "item_id": pc.take(dataset.item_ids, entries.col),
            "rating": pa.array(entries.data.astype(float)),
        }
        return GivenInteractions("interactions.parquet", table_of(columns_of))
    if kind == "amazon-2023":
        raise InputError(f"--data {data}: rows are not written into JSON lines. Convert the reviews to Parquet or CSV.")
    given = given_interactions_of(kind, folder) if kind in DESCRIBED else given_table(data, "interactions")
    file, table, names_of = given
    return GivenInteractions(file, table, *(names_of.get(name, name) for name in ("user_id", "item_id", "rating")))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and value == round(value, 5) else str(value)
