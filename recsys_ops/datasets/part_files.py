"""A folder that is one table: part files as Spark writes them, also below folders such as ``year=2026/month=01``."""

from collections.abc import Callable
from urllib.parse import unquote

import pyarrow as pa

from recsys_ops.arrow import table_of
from recsys_ops.datasets.interpret import interpreted
from recsys_ops.errors import InputError
from recsys_ops.storage import is_missing_file, open_store, storage_errors

DELTA_LOG = "_delta_log"

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and Spark call the folder of rows without a value."""

Reader = Callable[[str, str], pa.Table]
"""The table in one file: of its URL and its name for messages."""


def is_folder(url: str) -> bool:
    """Whether there is a folder at this URL."""
    filesystem, path = open_store(url)
    with storage_errors(url, "listing"):
        return bool(filesystem.isdir(path))


def is_delta(url: str) -> bool:
    """Whether the folder at this URL is a Delta table."""
    return is_folder(f"{url.rstrip('/')}/{DELTA_LOG}")


def read_parts(folder: str, file: str, reader: Reader) -> pa.Table:
    """The tables in the files of a folder, one below the other.

    Parameters
    ----------
    folder : str
        Its URL.
    file : str
        Its name for messages.
    reader : function of (str, str)
        What reads one file.

    Returns
    -------
    pyarrow.Table
        The columns of all files: where a file lacks one, it is null. Folders named ``column=value`` give columns, too:
        integers where every value is written as its integer is, else text.

    Raises
    ------
    InputError
        There is no file, one is not of the kind of the others, or their columns have types that do not go together.
    """
    parts = part_names(folder, file)
    tables = [_with_folders(reader(f"{folder}/{part}", f"{file}/{part}"), part, file) for part in parts]
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: its part files differ in their columns ({reason}). Write them again.") from error
    of_folders = dict.fromkeys(name for part in parts for name, _ in _pairs(part))
    read = interpreted(table.select(list(of_folders)), {}) if of_folders else table
    return table_of({name: (read if name in of_folders else table).column(name) for name in table.column_names})


def part_names(folder: str, file: str) -> list[str]:
    """Names of the part files below a folder, in order; what begins with . or _ is not of the table.

    Raises
    ------
    InputError
        There is none, or a folder is in it whose name is not ``column=value``.
    """
    filesystem, path = open_store(folder)
    with storage_errors(folder, "listing"):
        try:
            found = sorted(str(entry).rpartition(f"{path}/")[2] for entry in filesystem.find(path))
        except OSError as error:
            if not is_missing_file(error):
                raise
            found = []
    names = [name for name in found if not any(step.startswith((".", "_")) for step in name.split("/"))]
    if not names and not found:
        raise InputError(f"{file}: there is no such file ({folder}).")
    if not names:
        raise InputError(f"{file}: is a folder without part files (found {', '.join(found[:3])}). Write it again.")
    odd = [name for name in names if any("=" not in step for step in name.split("/")[:-1])]
    if odd:
        raise InputError(
            f"{file}: is a folder with the folder {odd[0].partition('/')[0]} in it, expected part files, or "
            "folders named column=value. Name the file that holds the table under tables in features.yaml."
        )
    return names


def _pairs(part: str) -> list[tuple[str, str | None]]:
    """Column and value of each folder above a part file."""
    steps = [step.partition("=") for step in part.split("/")[:-1]]
    return [(unquote(name), None if value == _NO_VALUE else unquote(value)) for name, _, value in steps]


def _with_folders(table: pa.Table, part: str, file: str) -> pa.Table:
    for name, value in _pairs(part):
        if name in table.column_names:
            raise InputError(
                f"{file}/{part}: column '{name}' is in the file and in the name of its folder. Rename one of them."
            )
        table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
    return table
