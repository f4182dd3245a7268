"""Settings that hold for every case."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from recsys_ops.counterfactuals.question import Candidates, RemovedItems, Validity
from recsys_ops.errors import ConfigError

Plausibility = Literal["none", "optimise", "threshold"]
Mixture = Literal["exact", "best"]
Engine = Literal["direct", "pyomo"]


@dataclass(frozen=True)
class Settings:
    """Settings of a run; those of a question (k to caps) are for ``make_question``."""

    k: int = 10
    """Length of the lists that users see."""
    validity: Validity = "kth"
    """"kth": k rivals stand above the item. "score": it falls below the factual score of the k-th best rival."""
    removed_items: RemovedItems = "excluded"
    """Whether an item whose interaction is taken away entirely becomes a candidate."""
    candidates: Candidates = "unseen"
    """"all": items of the history may be recommended, and selected."""
    drop: int | None = None
    """Positions that the item falls below its rank, instead of leaving the first k."""
    keep_selected: bool = False
    """Whether the interaction with the item itself, if there is one, is barred from its explanation."""
    max_removed: int | None = None
    """Most interactions that an explanation touches; None for any number."""
    max_distance: float | None = None
    """Greatest distance of an explanation; None for any."""
    lists: bool = False
    """Whether the list without what is removed, its first k items, is reported."""
    plausibility: Plausibility = "none"
    """"optimise": minimise distance - alpha * log-likelihood. "threshold": log-likelihood of at least ``threshold``."""
    alpha: float = 0.1
    """Distance that one nat of log-likelihood is worth."""
    threshold: float | None = None
    """Least log-likelihood; None for the median of the training histories."""
    mixture: Mixture = "exact"
    """"exact": the log-likelihood itself. "best": its bound by the best child of every sum node, as LiCE has it."""
    n_options: int = 1
    """Different explanations per case: each keeps whole at least one interaction that each earlier one touches."""
    time_limit: float = 10.0
    """Seconds per case, all options together."""
    engine: Engine = "direct"
    """"direct": bounds, then the reduced program. "pyomo": the textbook program, always with mixture "best"."""


def check_settings(settings: Settings) -> None:
    """Refuse values that mean nothing, by the names of the settings.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ConfigError
        A choice is unknown, or a number out of its range.
    """
    choices = {
        "validity": Validity, "removed_items": RemovedItems, "candidates": Candidates, "plausibility": Plausibility,
        "mixture": Mixture,
        "engine": Engine,
    }  # fmt: skip
    for name, kind in choices.items():
        value = getattr(settings, name)
        if value not in get_args(kind):
            raise ConfigError(f"{name}={value!r}: expected {' or '.join(map(repr, get_args(kind)))}.")
    for name in ("k", "drop", "max_removed"):
        value = getattr(settings, name)
        if value is not None and not (isinstance(value, int | np.integer) and value >= 1):
            raise ConfigError(f"{name}={value!r}: expected a whole number of at least 1.")
    for name in ("max_distance", "time_limit"):
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise ConfigError(f"{name}={value!r}: expected a positive number.")
    if not settings.alpha >= 0:
        raise ConfigError(f"alpha={settings.alpha!r}: expected a number of at least 0.")


def check_search_settings(settings: Settings) -> None:
    """Refuse what only linear recommenders have, for one that is explained by search.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ConfigError
        Plausibility or the textbook program is wanted.
    """
    if settings.plausibility != "none":
        raise ConfigError(
            f"--plausibility {settings.plausibility}: plausible explanations need a recommender that is linear in the "
            "history, and this one is not. Use --plausibility none, or a linear --model such as ease."
        )
    if settings.engine != "direct":
        raise ConfigError(
            f"--engine {settings.engine}: the textbook program needs a recommender that is linear in the history, "
            "and this one is not. Use --engine direct."
        )
