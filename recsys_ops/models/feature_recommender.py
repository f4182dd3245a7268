"""One word that says which recommender recourse is about: fitted here, or factors of one that was fitted elsewhere."""

import hashlib
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.fingerprint import fingerprint_of_matrix
from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.brought_factors import Factors, read_lightfm, read_towers
from recsys_ops.models.ease import RIDGE, ease_bytes
from recsys_ops.models.feature_linear import FeatureLinearModel, content_model, learned_model
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.linear import history_matrix
from recsys_ops.models.memory import available_bytes

FITTED = ("content", "hybrid")
"""Recommenders that are fitted here; the second is the better one on every data set measured, see docs/recourse.md."""

COSINE = "content-cosine"
"""Content by cosine, which is measured and not explained: an added word lengthens the item, by which its score is
divided. On MovieLens-100K recourses that neglect this promised 44 % of a group, and kept nothing of it."""

BROUGHT: dict[str, Callable[[str, Dataset, EncodedItems], Factors]] = {"lightfm": read_lightfm, "towers": read_towers}
"""Readers of factors by the word before the colon."""


def check_feature_model(name: str) -> None:
    """Refuse a name that is no recommender, before any data are read; raises ConfigError."""
    word, colon, url = name.partition(":")
    if name == COSINE:
        raise ConfigError(
            f"--model {name}: only validate takes it. A change of an item changes its length, by which cosine divides "
            "its score, and recourse needs scores that are linear in features. Use content or hybrid."
        )
    if name not in FITTED and not (word in BROUGHT and colon and url):
        raise ConfigError(
            f"--model {name}: expected {' or '.join(FITTED)}, or {' or '.join(f'{word}:FILE' for word in BROUGHT)}."
        )


def default_feature_model(n_items: int) -> tuple[str, str | None]:
    """The best recommender fitted here that fits into memory, and why it is not the best one, if it is not.

    Parameters
    ----------
    n_items : int

    Returns
    -------
    name : str
    reason : str or None
    """
    needed, available = ease_bytes(n_items, np.float32), available_bytes()
    if needed <= available:
        return "hybrid", None
    return "content", (
        f"hybrid, the better recommender, needs {needed / 1e9:.1f} GB of memory to fit for {n_items:,} items, and "
        f"{available / 1e9:.1f} GB are free: content is used. Use a machine with more memory, or bring a model "
        "(--model towers:FILE)."
    )


def make_feature_model(
    name: str, dataset: Dataset, items: EncodedItems, *, ridge: float = RIDGE, seed: int = 0
) -> FeatureLinearModel:
    """Fit or read the recommender of that name.

    Parameters
    ----------
    name : str
        ``content``, ``hybrid``, ``lightfm:URL`` or ``towers:URL``.
    dataset : Dataset
    items : EncodedItems
        Of the data set.
    ridge : float
        Penalty of the EASE that ``hybrid`` starts from.
    seed : int
        Of what is fitted.

    Returns
    -------
    FeatureLinearModel

    Raises
    ------
    ConfigError
        ``name`` is none of these, or what is fitted does not fit into memory.
    InputError
        A file does not hold what it should.
    """
    check_feature_model(name)
    if name == "content":
        return content_model(items.matrix, sp.csr_array(dataset.ratings.astype(np.float64)))
    word, _, url = name.partition(":")
    factors = _fitted(dataset, items, ridge, seed) if word == "hybrid" else BROUGHT[word](url, dataset, items)
    return learned_model(
        items.matrix, dataset.ratings, users=factors.users, feature_map=factors.feature_map, own=factors.own
    )


def histories_of(dataset: Dataset) -> sp.csr_array:
    """What ``hybrid`` learns from: ones, on held-out users better than scaled ratings (docs/recourse.md)."""
    return history_matrix(dataset.ratings, binary=True, scale=1.0)


def _fitted(dataset: Dataset, items: EncodedItems, ridge: float, seed: int) -> Factors:
    histories = histories_of(dataset)
    model = fit_hybrid(histories, items.matrix, ridge=ridge, seed=seed)
    return Factors(histories @ model.fold_in, model.own, model.feature_map)


def fingerprint_of_model(model: FeatureLinearModel) -> str:
    """SHA-256 of a recommender's vectors, 64 hexadecimal digits."""
    parts = [part for part in (model.vectors, model.feature_map, model.own) if part is not None]
    return hashlib.sha256("".join(fingerprint_of_matrix(part) for part in parts).encode()).hexdigest()
