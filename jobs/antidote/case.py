"""A case of the antidote job: the question, what was found, and what its rows are called."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.as_used import AsUsed
from recsys_ops.antidote.detection import Detection
from recsys_ops.antidote.evaluate import Effect, Evaluation
from recsys_ops.antidote.ids import ArtificialIds
from recsys_ops.arrow import Array
from recsys_ops.status import Status


@dataclass(frozen=True)
class Case:
    """One experiment: an algorithm, and what it may spend; every ``run`` has a split and starts of its own.

    ``n_artificial`` users are the budget; ``first_artificial`` is the place of the first among those of all cases.
    """

    algorithm: str
    budget: str
    run: int
    seed: int
    n_artificial: int
    first_artificial: int


@dataclass(frozen=True)
class AntidoteResult:
    """Artificial ratings and what they do.

    ``ratings (n_artificial, n_items)``; ``jaccard (depth,)``; ``contributions`` (None where not computed) and
    ``gradient_contributions``, both ``(n_artificial,)``; ``used`` when added to all ratings, None where there are none;
    ``random`` the objective with as many random rows instead, on each split; ``detection`` how easily the artificial
    users are told from real ones, None where there are none.
    """

    ratings: sp.csr_array
    evaluation: Evaluation
    jaccard: NDArray[np.float64]
    contributions: NDArray[np.float64] | None
    gradient_contributions: NDArray[np.float64]
    used: AsUsed | None
    random: tuple[float, ...]
    detection: Detection | None

    @property
    def splits(self) -> list[tuple[str, Effect]]:
        """The effect on the train ratings, and on the test ratings if there are any."""
        held_out = self.evaluation.held_out
        return [("train", self.evaluation.train), *([] if held_out is None else [("test", held_out)])]


@dataclass(frozen=True)
class CaseResult:
    """The status of a case and what was found for it."""

    case: Case
    status: Status
    reason: str | None
    found: AntidoteResult | None = None


@dataclass(frozen=True)
class Names:
    """What the rows of all cases share: the objective, the recommender, the limits, and the ids of users and items."""

    objective: str
    direction: str
    rank: int
    regularisation: float
    max_rmse_loss: float | None
    min_overlap: float | None
    splits: tuple[str, ...]
    user_ids: Array
    item_ids: Array
    artificial: ArtificialIds

    def columns_of(self, case: Case, n: int) -> dict[str, Any]:
        """The columns that say which case n rows are of."""
        texts = {
            "objective": self.objective, "direction": self.direction,
            "algorithm": case.algorithm, "budget": case.budget,
        }  # fmt: skip
        return {name: [text] * n for name, text in texts.items()} | {"run": np.full(n, case.run, np.int32)}

    def ids_of(self, case: Case, found: AntidoteResult) -> Array:
        """Ids of the artificial users of a case."""
        return self.artificial.take(case.first_artificial, int(found.ratings.shape[0]))
