"""What ``--model`` may say of files: ``KIND:FILE``, several files or named tensors after commas, or a file alone."""

from dataclasses import dataclass, field
from math import isfinite

from recsys_ops.datasets.table_file import SUFFIXES as TABLES
from recsys_ops.datasets.table_file import SUFFIXES_IN_WORDS
from recsys_ops.errors import ConfigError

KINDS = ("weights", "elsa", "sansa", "embeddings", "factors", "als")
"""How the numbers of a file make scores; without a kind the file itself must tell."""

CONTAINERS = (".npz", ".safetensors", ".pt", ".pth")
"""Files of several arrays, each with a name."""

SUFFIXES = (".npy", *CONTAINERS, *TABLES)

TENSORS = ("history", "items", "bias", "history_bias", "item_bias")
"""Roles of named arrays: score = (x history + history_bias) (items + item_bias)' + bias."""

PER_INTERACTION = "regularization_per_interaction"
"""Spark's penalty, which is multiplied by the length of the history, in place of ``regularization``."""

SETTINGS = ("regularization", "alpha", PER_INTERACTION)
"""What factors of ALS were fitted with, where the file does not say it."""


@dataclass(frozen=True)
class ModelSpec:
    """``kind`` or None, the ``files``, ``tensors``: role -> name of the array in the file, and ``settings`` of ALS."""

    kind: str | None
    files: tuple[str, ...]
    tensors: dict[str, str] = field(default_factory=dict)
    settings: dict[str, float] = field(default_factory=dict)


def parse_spec(text: str) -> ModelSpec:
    """Take ``KIND:FILE[,FILE...][,ROLE=NAME...][,SETTING=NUMBER...]`` apart.

    Parameters
    ----------
    text : str
        As given with ``--model``.

    Returns
    -------
    ModelSpec

    Raises
    ------
    ConfigError
        It is no file that can be read, or a part of it is not understood.
    """
    kind, colon, rest = text.partition(":")
    kinds = kind if colon and kind in KINDS else None
    parts = [part.strip() for part in (rest if kinds else text).split(",")]
    named = {name: value for name, equals, value in (part.partition("=") for part in parts) if equals}
    files = tuple(part for part in parts if part.partition("=")[0] not in (*TENSORS, *SETTINGS))
    odd = [file for file in files if not file.rstrip("/").endswith(SUFFIXES)]
    if kinds == "als":
        odd = [file for file in odd if not _may_be_folder(file)]
    if odd or not files:
        raise ConfigError(
            f"--model {text}: expected ease, knn, slim, als, pure-svd, hybrid, onnx:FILE, or a file that ends in one "
            f"of .npy, {', '.join(CONTAINERS)}, {SUFFIXES_IN_WORDS}, alone or after one of "
            f"{', '.join(f'{name}:' for name in KINDS)}"
            f"{f' (found {odd[0]!r})' if odd else ''}."
        )
    settings = {name: _positive(text, name, value) for name, value in named.items() if name in SETTINGS}
    spec = ModelSpec(kinds, files, {role: name for role, name in named.items() if role in TENSORS}, settings)
    _check_files(spec)
    return spec


def _positive(text: str, name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not (isfinite(number) and number > 0):
        raise ConfigError(f"--model {text}: {name} is {value!r}. Use a positive number, such as {name}=1.")
    return number


def _check_files(spec: ModelSpec) -> None:
    least, most = {"sansa": (2, 2), "factors": (1, 3)}.get(spec.kind or "", (1, 1))
    if not least <= len(spec.files) <= most:
        what = {"sansa": "two files, weights[0] and weights[1]", "factors": "one to three files"}
        raise ConfigError(
            f"--model {spec.kind or spec.files[0]}: takes {what.get(spec.kind or '', 'one file')} (found "
            f"{len(spec.files)})."
        )
    if spec.settings and spec.kind != "als":
        raise ConfigError(f"--model: {' and '.join(spec.settings)} can be given with als:FILE only. Leave it out.")
    if PER_INTERACTION in spec.settings and "regularization" in spec.settings:
        raise ConfigError(
            f"--model als: regularization and {PER_INTERACTION} are both given. Use the second for factors of Spark, "
            "else the first."
        )
    if len(spec.files) > 1:
        suffix = ".npz" if spec.kind == "sansa" else ".npy"
        if not all(file.endswith(suffix) for file in spec.files):
            raise ConfigError(f"--model {spec.kind}: takes {suffix} files (found {', '.join(spec.files)}).")
    if spec.tensors and (spec.kind not in (None, "factors") or not spec.files[0].endswith(CONTAINERS)):
        raise ConfigError(
            f"--model: {', '.join(spec.tensors)} are named for factors:FILE, a {', '.join(CONTAINERS)} file."
        )


def _may_be_folder(file: str) -> bool:
    """A folder of part files, as Spark writes it."""
    return bool(file) and "." not in file.rstrip("/").rpartition("/")[2]
