"""``--data``: one word that says which data set is meant."""

from collections.abc import Callable
from functools import partial

from recsys_ops.datasets.amazon import read_amazon_2023
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.folder import folder_bytes, read_folder
from recsys_ops.datasets.known import DESCRIBED, read_known
from recsys_ops.datasets.movielens import read_movielens_1m, read_movielens_100k
from recsys_ops.datasets.synthetic import make_marketplace
from recsys_ops.datasets.synthetic_ads import make_ads
from recsys_ops.datasets.synthetic_bank import make_bank
from recsys_ops.datasets.times import Period
from recsys_ops.datasets.validate import ALL_TIME, OnBadRows
from recsys_ops.errors import ConfigError
from recsys_ops.storage import open_store, storage_errors

_PUBLIC: dict[str, Callable[..., Dataset]] = {
    "movielens-100k": read_movielens_100k,
    "movielens-1m": read_movielens_1m,
    **{word: partial(read_known, word) for word in DESCRIBED},
    "amazon-2023": read_amazon_2023,
}
_MADE: dict[str, tuple[Callable[..., Dataset], tuple[str, ...]]] = {
    "synthetic": (make_marketplace, ("items", "users", "sellers", "features", "ratings_per_user")),
    "ads": (make_ads, ("items", "users", "brands", "clicks_per_user")),
    "bank": (make_bank, ("items", "users", "visits_per_user")),
}
"""What makes each data set that is made by seed, and the sizes that it takes."""


def load_dataset(data: str, *, seed: int, on_bad_rows: OnBadRows = "stop", period: Period = ALL_TIME) -> Dataset:
    """Load what ``--data`` names.

    Parameters
    ----------
    data : str
        ``WORD:DIR`` for a public data set, such as ``movielens-1m:DIR`` (also 100k, 20m, 25m, 32m and latest),
        ``amazon-2023:DIR`` or ``book-crossing:DIR``; ``synthetic``, ``ads`` or ``bank``, each with
        ``:items=..,users=..`` if another size is wanted; or the URL of a folder with the contract's tables and
        ``features.yaml`` (or of such a YAML file).
    seed : int
        Of data that are made by seed.
    on_bad_rows : "stop" or "quarantine"
        Stop at rows that break the contract, or set them aside in ``Dataset.rejected``.
    period : Period
        Interactions outside of it are not read.

    Returns
    -------
    Dataset

    Raises
    ------
    ConfigError
        ``data`` names no data set, a size that data made by seed do not have, or a period of data without times.
    InputError
        The data break the contract.
    """
    kind, _, rest = data.partition(":")
    if kind in _PUBLIC:
        if not rest:
            raise ConfigError(f"--data {data}: no folder. Use --data {kind}:DIR.")
        return _PUBLIC[kind](rest, on_bad_rows=on_bad_rows, period=period)
    if kind in _MADE:
        if period.needs_times:
            raise ConfigError(f"--since, --until and --fresh-within: {kind} data have no times. Leave them out.")
        make, names = _MADE[kind]
        return make(**_parameters(kind, names, rest), seed=seed)
    return read_folder(data, on_bad_rows=on_bad_rows, period=period)


def is_public(data: str) -> bool:
    """Whether ``--data`` names a folder of a public data set, as its word and the folder."""
    return data.partition(":")[0] in _PUBLIC


def is_made(data: str) -> bool:
    """Whether ``--data`` names data that are made by seed, and no place."""
    return data.partition(":")[0] in _MADE


def bytes_to_read(data: str) -> int:
    """Size of the files that ``--data`` names, as they are stored; 0 for data made by seed.

    Parameters
    ----------
    data : str
        As in ``load_dataset``.
    """
    kind, _, rest = data.partition(":")
    if kind in _PUBLIC:
        filesystem, path = open_store(rest)
        with storage_errors(rest, "listing"):
            return int(filesystem.du(path))
    return 0 if is_made(data) else folder_bytes(data)


def _parameters(kind: str, names: tuple[str, ...], text: str) -> dict[str, int]:
    parameters = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in names:
            raise ConfigError(f"--data {kind}: no parameter '{name}' (available: {', '.join(names)}).")
        if not value.isdecimal():
            raise ConfigError(f"--data {kind}: {name} is '{value}', not a whole number. Use {name}=1000, for example.")
        parameters[name] = int(value)
    return parameters
