"""Settings that hold for every case."""

from dataclasses import dataclass
from typing import Literal

from recsys_ops.counterfactuals.question import RemovedItems, Validity

Plausibility = Literal["none", "optimise", "threshold"]
Mixture = Literal["exact", "best"]
Engine = Literal["direct", "pyomo"]


@dataclass(frozen=True)
class Settings:
    """Settings of a run; those of a question (k, validity, removed_items, caps) are for ``make_question``."""

    k: int = 10
    """Length of the lists that users see."""
    validity: Validity = "kth"
    """"kth": k rivals stand above the item. "score": it falls below the factual score of the k-th best rival."""
    removed_items: RemovedItems = "excluded"
    """Whether an item whose interaction is taken away entirely becomes a candidate."""
    max_removed: int | None = None
    """Most interactions that an explanation touches; None for any number."""
    max_distance: float | None = None
    """Greatest distance of an explanation; None for any."""
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
