"""One word that says which recommender is meant: fitted here, or brought in a file."""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from recsys_ops.arrow import Array
from recsys_ops.errors import ConfigError
from recsys_ops.models.als import fit_als
from recsys_ops.models.ease import RIDGE, FloatType, fit_ease
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.fold_in import ALPHA, REGULARIZATION, FoldInRecommender, linear_form, make_fold_in
from recsys_ops.models.hybrid import fit_hybrid
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.models.onnx_model import PREFIX as ONNX
from recsys_ops.models.onnx_model import OnnxRecommender, load_onnx
from recsys_ops.models.pure_svd import fit_pure_svd
from recsys_ops.models.readers.catalogue import Catalogue
from recsys_ops.models.readers.item_factors import ItemFactors
from recsys_ops.models.readers.read import read_model
from recsys_ops.models.readers.spec import PER_INTERACTION, parse_spec
from recsys_ops.models.slim import fit_slim

FITTED = ("ease", "knn", "slim", "als", "pure-svd")
"""Recommenders that are fitted here on histories alone."""

FROM_FEATURES = ("hybrid",)
"""Recommenders that are fitted here on histories and features of items."""

LINEAR = (LinearRecommender, FactoredRecommender)
"""Recommenders that are linear in the history, so that all that is about them can be proven."""

Recommender = LinearRecommender | FactoredRecommender | FoldInRecommender | OnnxRecommender


def make_recommender(
    name: str,
    histories: sp.csr_array,
    *,
    ridge: float = RIDGE,
    dtype: FloatType = np.float32,
    item_ids: Array,
    model_ids: Array | None = None,
    features: sp.csr_array | None = None,
) -> Recommender:
    """Fit or read the recommender of that name.

    Parameters
    ----------
    name : str
        ``ease``, ``knn``, ``slim``, ``als``, ``pure-svd``, ``hybrid``, ``onnx:`` and the URL of an ONNX file, or what
        ``parse_spec`` takes.
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings of the users to learn from.
    ridge : float
        Penalty of EASE, also of the one that ``hybrid`` starts from.
    dtype : float32 or float64
        Of the weights of EASE.
    item_ids : pyarrow.Array, shape (n_items,)
        Ids that a file belongs to.
    model_ids : pyarrow.Array, optional
        Ids of the rows of the file, where it names none.
    features : csr_array, shape (n_items, n_features), optional
        For ``hybrid``.

    Returns
    -------
    Recommender

    Raises
    ------
    ConfigError
        ``name`` is neither, or the settings cannot be honoured.
    InputError
        The file does not hold what it should.
    """
    check_recommender(name)
    if name == "hybrid":
        fitted = fit_hybrid(histories, _given(features), ridge=ridge)
        return FactoredRecommender(fitted.fold_in, fitted.item_vectors)
    if name == "ease":
        return fit_ease(histories, ridge=ridge, dtype=dtype)
    if name == "knn":
        return fit_item_knn(histories)
    if name == "slim":
        return fit_slim(histories)
    if name == "als":
        return fit_als(histories)
    if name == "pure-svd":
        return fit_pure_svd(histories)
    if name.startswith(ONNX):
        return load_onnx(name, item_ids)
    spec = parse_spec(name)
    model = read_model(spec, Catalogue(item_ids, histories.shape[0], model_ids))
    return _folding_in(name, spec.settings, model, histories) if isinstance(model, ItemFactors) else model


def _folding_in(
    name: str, given: Mapping[str, float], model: ItemFactors, histories: sp.csr_array
) -> FoldInRecommender | FactoredRecommender:
    """ALS from its item factors, and from what they were fitted with as the file or the caller says."""
    stored = {"regularization": model.regularization, "alpha": model.alpha}
    grows = PER_INTERACTION in given
    if grows and model.regularization is not None:
        raise ConfigError(
            f"--model {name}: the file says regularization={model.regularization:g}, the same for all histories. Leave "
            f"{PER_INTERACTION} out."
        )
    given = {"regularization" if setting == PER_INTERACTION else setting: value for setting, value in given.items()}
    for setting, value in stored.items():
        if value is not None and given.get(setting, value) != value:
            raise ConfigError(
                f"--model {name}: the file says {setting}={value:g}. Leave {setting} out, or correct the file."
            )
    settings = {name: value for name, value in {**stored, **given}.items() if value is not None}
    missing = [setting for setting in stored if setting not in settings]
    if missing:
        raise ConfigError(
            f"--model {name}: the file does not say which {' and '.join(missing)} its factors were fitted with. Say it "
            f"after the file, as in als:FILE,regularization={REGULARIZATION:g},alpha={ALPHA:g} (the defaults of "
            f"implicit), or {PER_INTERACTION}=.. for Spark's penalty; "
            "alpha is the confidence of an interaction, where that of everything else is 1."
        )
    made = make_fold_in(
        model.factors, offsets=model.bias, source=name,
        regularization=settings["regularization"], alpha=settings["alpha"], grows=grows,
    )  # fmt: skip
    return linear_form(made, histories) or made


def _given(features: sp.csr_array | None) -> sp.csr_array:
    if features is None or not features.shape[1]:
        raise ConfigError("recommender hybrid: the items have no features. Add features, or use ease.")
    return features


def check_recommender(name: str) -> None:
    """Refuse a name that is no recommender, before any data are read.

    Parameters
    ----------
    name : str

    Raises
    ------
    ConfigError
        ``name`` is neither a recommender nor a file of one.
    """
    if name not in (*FITTED, *FROM_FEATURES) and not name.startswith(ONNX):
        parse_spec(name)


def is_linear(name: str) -> bool:
    """Whether the recommender of that name may be linear in the history; what is in a file only the file says."""
    return name != "als" and not name.startswith(ONNX)
