"""Delta tables: the rows of the latest version, without those that deletion vectors take out."""

from importlib.util import find_spec

import pyarrow as pa

from recsys_ops.errors import ConfigError, InputError


def read_delta(url: str, file: str, *, rows: int | None = None) -> pa.Table:
    """Read the latest version of a Delta table; needs the extra ``delta``.

    Parameters
    ----------
    url : str
        The folder of the table; credentials come from the environment.
    file : str
        Its name for messages.
    rows : int, optional
        Only so many.

    Returns
    -------
    pyarrow.Table
        In an order that is the same at every reading of this version; a Delta table itself has none.

    Raises
    ------
    ConfigError
        The package deltalake is missing.
    InputError
        The log or a file of the table cannot be read.
    """
    if find_spec("deltalake") is None:
        raise ConfigError(
            f"{file}: is a Delta table, and the package deltalake is missing. Install it with: "
            "pip install 'recsys-ops[delta]'"
        )
    from deltalake import DeltaTable, QueryBuilder
    from deltalake.exceptions import DeltaError

    limit = "" if rows is None else f" limit {int(rows)}"
    try:
        # DeltaTable.to_pyarrow_table refuses deletion vectors; the query engine respects them.
        query = QueryBuilder().register("given", DeltaTable(url))
        query.execute("set datafusion.execution.target_partitions = 1").read_all()  # the same order each time
        table: pa.Table = pa.table(query.execute(f"select * from given{limit}").read_all())
    except (DeltaError, OSError, ValueError) as error:
        reason = " ".join(str(error).partition("\n")[0].split()).partition(" 0: <")[0]
        raise InputError(f"{file}: the Delta table cannot be read ({reason}). Write it again.") from error
    return table.cast(pa.schema([field.with_type(_plain(field.type)) for field in table.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_string_view(kind) else kind
