"""Tables of the contract in a folder at any fsspec URL, described by a ``features.yaml`` there or elsewhere."""

import pyarrow as pa

from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import table_of
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.delimited import Dialect
from recsys_ops.datasets.interpret import interpreted
from recsys_ops.datasets.mapping import Mapping, TableName, parse_mapping
from recsys_ops.datasets.part_files import is_folder
from recsys_ops.datasets.problems import Problems, did_you_mean
from recsys_ops.datasets.table_file import SUFFIXES, SUFFIXES_IN_WORDS, WRITABLE, is_table, is_text, read_as_written
from recsys_ops.datasets.times import Period
from recsys_ops.datasets.validate import ALL_TIME, OnBadRows, validate
from recsys_ops.errors import InputError
from recsys_ops.storage import is_missing_file, open_file, open_store, storage_errors
from recsys_ops.tables import INTERACTIONS, ITEMS, USERS, TableContract

MAPPING_FILE = "features.yaml"

_TABLES: dict[TableName, TableContract] = {"interactions": INTERACTIONS, "items": ITEMS, "users": USERS}


def read_folder(url: str, *, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME) -> Dataset:
    """Read a data set from its tables.

    Parameters
    ----------
    url : str
        Folder with ``features.yaml`` and the tables ``interactions.*``, ``items.*`` and perhaps ``users.*``
        (Parquet, Arrow IPC, CSV or TSV, the last two possibly gzipped), or the YAML file itself, which may name
        tables elsewhere. Any fsspec URL: a path, ``s3://``, ``memory://``.
    on_bad_rows : "stop" or "quarantine"
        What happens to rows that break the contract.
    period : Period
        Of the interactions that are read.

    Returns
    -------
    Dataset
        Without a users table the users are those who rated.

    Raises
    ------
    InputError
        A file is missing or cannot be read, or its rows break the contract.
    """
    root = url.rstrip("/")
    is_yaml = root.endswith((".yaml", ".yml"))
    folder, _, file = root.rpartition("/") if is_yaml else (root, "/", MAPPING_FILE)
    mapping = _read_mapping(folder if is_yaml else root, file)
    name = _file_name(root).removesuffix(".yaml").removesuffix(".yml")
    return read_described(folder if is_yaml else root, mapping, name, on_bad_rows=on_bad_rows, period=period)


def read_described(
    folder: str, mapping: Mapping, name: str, *, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME
) -> Dataset:
    """Read a data set whose description is known.

    Parameters
    ----------
    folder : str
        URL of the folder of the tables.
    mapping : Mapping
        What is in it.
    name : str
        Of the data set.
    on_bad_rows, period
        As for ``read_folder``.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        As ``read_folder``.
    """
    problems = Problems()
    locations: dict[TableName, str | None] = dict.fromkeys(_TABLES)
    tables: dict[TableName, pa.Table | None] = dict.fromkeys(_TABLES)
    for table in _TABLES:
        with problems.noted():
            locations[table] = location = _locate(folder, table, mapping)
            if location is not None:
                tables[table] = _read(location, table, mapping)
            elif table != "users":
                raise InputError(
                    f"{folder or '.'}: no table {table}.* (found {_listed(folder)}). "
                    f"Add it, or name its file under tables.{table}.file in {MAPPING_FILE}."
                )
    _settle_id_types(tables, locations)
    sources: dict[str, str] = {
        table: _file_name(location) for table, location in locations.items() if location is not None
    }
    clean = validate(
        tables["interactions"],
        tables["items"],
        tables["users"],
        sources=sources,
        rating_range=mapping.rating_range,
        rules=mapping.features,
        on_bad_rows=on_bad_rows,
        duplicates=mapping.source("interactions").duplicates,
        period=period,
        names={table: mapping.source(table).columns for table in _TABLES},
        found=problems.found,
    )
    return build_dataset(
        name,
        clean.interactions,
        clean.items,
        clean.users,
        rules=mapping.features,
        rating_range=clean.rating_range,
        rejected=clean.rejected,
        values=clean.values,
        verb=mapping.verb,
    )


def table_files(folder: str) -> list[str]:
    """Names of the files in a folder that can be tables, sorted.

    Raises
    ------
    InputError
        There are none.
    """
    files = [entry for entry in _entries(folder) if is_table(_join(folder, entry)) and not entry.startswith((".", "_"))]
    if not files:
        raise InputError(
            f"{folder}: no table is there (found {_listed(folder)}). Tables are files that end in {SUFFIXES_IN_WORDS}."
        )
    return files


def folder_bytes(url: str) -> int:
    """Size of the tables' files, as they are stored.

    Raises
    ------
    InputError
        As ``read_folder``, if there are none.
    """
    root = url.rstrip("/")
    is_yaml = root.endswith((".yaml", ".yml"))
    folder, _, file = root.rpartition("/") if is_yaml else (root, "/", MAPPING_FILE)
    mapping = _read_mapping(folder, file)
    total = 0
    for name in _TABLES:
        location = _locate(folder, name, mapping)
        if location is not None:
            filesystem, path = open_store(location)
            with storage_errors(location, "listing"):
                total += int(filesystem.du(path))
    return total


def given_table(url: str, name: TableName) -> tuple[str, pa.Table, dict[str, str]]:
    """A table of a data set as it is written, with the name of its file and its own names for the contract's columns.

    Raises
    ------
    InputError
        The table is missing, cannot be read, or is text in another form than the usual one.
    """
    root = url.rstrip("/")
    is_yaml = root.endswith((".yaml", ".yml"))
    folder, _, file = root.rpartition("/") if is_yaml else (root, "/", MAPPING_FILE)
    return given_described(folder, _read_mapping(folder, file), name)


def given_described(folder: str, mapping: Mapping, name: TableName) -> tuple[str, pa.Table, dict[str, str]]:
    """``given_table`` of a folder whose description is known."""
    location, source = _locate(folder, name, mapping), mapping.source(name)
    if location is None:
        raise InputError(f"{folder or '.'}: no table {name}.* (found {_listed(folder)}).")
    if is_folder(location) or not location.endswith(WRITABLE):
        raise InputError(
            f"{_file_name(location)}: rows are written only into a file that ends in {', '.join(WRITABLE)}. Save it so."
        )
    if source.dialect != Dialect() or source.decimal != ".":
        raise InputError(
            f"{_file_name(location)}: is written with a delimiter, decimals or an encoding of its own, in which "
            "nothing is written here. Save it as UTF-8 with commas between fields and points before decimals."
        )
    return _file_name(location), read_as_written(location, _file_name(location)), dict(source.columns)


def _read_mapping(folder: str, file: str) -> Mapping:
    url = _join(folder, file)
    with storage_errors(url, "reading"):
        try:
            with open_file(url, "rt", encoding="utf-8") as stream:
                return parse_mapping(stream.read(), file)
        except UnicodeDecodeError as error:
            raise InputError(f"{file}: not UTF-8 ({error.reason}). Save it as UTF-8.") from None
        except OSError as error:
            if not is_missing_file(error):
                raise
    found = _listed(folder)
    where = "there is no such folder" if found == "nothing" else f"{file} is missing (found {found})"
    raise InputError(
        f"{folder or '.'}: {where}. Give --data movielens-100k:DIR (also -1m, -latest), amazon-2023:DIR, "
        "book-crossing:DIR, synthetic, ads, or a folder "
        f"with {MAPPING_FILE} and the tables."
    )


def _locate(folder: str, name: TableName, mapping: Mapping) -> str | None:
    """URL of a table's file: what the mapping names, else the file next to it that is named after the table."""
    named = mapping.source(name).file
    if named is not None:
        return named if named.startswith("/") or "://" in named else _join(folder, named)
    usual = {name, *(f"{name}{suffix}" for suffix in SUFFIXES)}  # a folder may have no suffix
    found = [file for file in _entries(folder) if file in usual and is_table(_join(folder, file))]
    if len(found) > 1:
        raise InputError(
            f"{folder or '.'}: {name} is there {len(found)} times ({', '.join(found)}). "
            f"Keep one, or name it under tables.{name}.file."
        )
    if not found and name in mapping.tables and name == "users":
        raise InputError(
            f"{folder or '.'}: no table users.* (found {_listed(folder)}). Add it, or name its file under "
            "tables.users.file, or remove tables.users."
        )
    return _join(folder, found[0]) if found else None


def _read(location: str, name: TableName, mapping: Mapping) -> pa.Table:
    """The table with the contract's names for its columns, besides its own."""
    columns = mapping.source(name).columns
    source = mapping.source(name)
    table = read_as_written(location, _file_name(location), source.dialect)
    missing = [theirs for theirs in columns.values() if theirs not in table.column_names]
    if missing:
        raise InputError(
            *(
                f"{_file_name(location)}: column '{theirs}' that tables.{name}.columns names is missing "
                f"(found {', '.join(table.column_names)}).{did_you_mean(theirs, table.column_names)} "
                f"Correct {MAPPING_FILE}."
                for theirs in dict.fromkeys(missing)
            )
        )
    own = {column: table.column(column) for column in table.column_names}
    named = table_of(own | {ours: table.column(theirs) for ours, theirs in columns.items()})
    if not is_text(location, _file_name(location)):
        return named
    contract = _TABLES[name]
    features: dict[str, str] = {rule.column: rule.kind for rule in mapping.features} if name == "items" else {}
    kinds = contract.optional | features | contract.columns
    return interpreted(named, kinds, with_others=name != "interactions", decimal=source.decimal)


def _settle_id_types(tables: dict[TableName, pa.Table | None], locations: dict[TableName, str | None]) -> None:
    """Turn integer ids of text files back into the strings they were where another table has ids that are strings."""
    for column in ("user_id", "item_id"):
        having = {name: table for name, table in tables.items() if table is not None and column in table.column_names}
        if all(pa.types.is_integer(table.schema.field(column).type) for table in having.values()):
            continue
        for name, table in having.items():
            position, location = table.column_names.index(column), locations[name]
            if location is not None and is_text(location, _file_name(location)):
                tables[name] = table.set_column(position, column, pc.cast(table.column(column), pa.string()))


def _entries(folder: str) -> list[str]:
    filesystem, path = open_store(folder or ".")
    with storage_errors(folder or ".", "listing"):
        try:
            return sorted(_file_name(entry) for entry in filesystem.ls(path, detail=False))
        except (FileNotFoundError, NotADirectoryError) as error:
            if not is_missing_file(error):
                raise
            return []


def _listed(folder: str) -> str:
    return ", ".join(_entries(folder)) or "nothing"


def _join(folder: str, file: str) -> str:
    return f"{folder}/{file}" if folder else file


def _file_name(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]
