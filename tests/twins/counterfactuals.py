"""Explanations by trying everything that can be taken away, on questions small enough for that."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import Question
from recsys_ops.models.factored import FactoredRecommender


def all_removals(question: Question) -> NDArray[np.int64]:
    """Every way to take units from the interactions, ``(n_ways, n)``."""
    choices = [range(int(limit) + 1) for limit in question.limits]
    return np.array(list(itertools.product(*choices)), dtype=np.int64).reshape(-1, len(choices))


def ranking(question: Question, taken: NDArray[np.int64]) -> list[tuple[float, int]]:
    """Scores and items of the candidates of the counterfactual history, the explained item among them, best first."""
    left = question.amounts - taken
    scores = np.array([_offset(question, z) for z in range(len(question.scores))])
    for item, amount in zip(question.history, left, strict=True):
        # In the order of the items, as the recommender adds, so that ties stay ties.
        scores += amount / question.scale * _weights(question)[item]
    hidden = set(question.history.tolist()) if question.candidates == "unseen" else set()
    if question.removed_items == "eligible":
        hidden -= {
            int(z) for z, before, now in zip(question.history, question.amounts, left, strict=True) if before > now == 0
        }
    return sorted(
        ((score, z) for z, score in enumerate(scores.tolist()) if z not in hidden and score > -np.inf), reverse=True
    )


def rank(question: Question, taken: NDArray[np.int64]) -> int:
    """1 + the number of candidates that stand above it."""
    ranked = ranking(question, taken)
    return 1 + sum(stands_above(question, taken, z) for _, z in ranked if z != question.item)


def is_valid(question: Question, taken: NDArray[np.int64]) -> bool:
    """Whether the item has left the top k, by the definition of the validity."""
    ranked = ranking(question, taken)
    own = next(score for score, z in ranked if z == question.item)
    if question.validity == "kth":
        return sum(stands_above(question, taken, z) for _, z in ranked if z != question.item) >= question.k
    factual = [(score, z) for score, z in ranking(question, np.zeros_like(taken)) if z != question.item]
    if len(factual) < question.k:
        return False
    threshold, kth = factual[question.k - 1]
    terms = [abs(_weight(question, item, question.item)) for item in question.history]
    margin = _share(question, taken, terms, abs(_offset(question, question.item))) + 1e-6 * abs(threshold)
    rounding = 1e-14 * sum(
        a / question.scale * abs(_weight(question, j, kth))
        for j, a in zip(question.history, question.amounts, strict=True)
    )
    return own + margin + rounding <= threshold


def _weight(question: Question, source: int, target: int) -> float:
    return float(_weights(question)[source, target])


def _weights(question: Question) -> NDArray[np.float64]:
    """What every interaction adds to every item, nothing to a hidden one of its own; made once per recommender."""
    recommender = question.recommender
    name = f"_twin_{question.candidates}"
    if name not in recommender.__dict__:
        if isinstance(recommender, FactoredRecommender):
            weights = _as_dense(recommender.history_factors) @ _as_dense(recommender.item_factors).T
        else:
            weights = _as_dense(recommender.weights)
        recommender.__dict__[name] = weights * (1 - np.eye(len(weights)) * (question.candidates == "unseen"))
    dense: NDArray[np.float64] = recommender.__dict__[name]
    return dense


def _as_dense(matrix: Any) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix, dtype=np.float64)


def _offset(question: Question, item: int) -> float:
    offsets = question.recommender.offsets
    return 0.0 if offsets is None else float(offsets[item])


def _share(question: Question, taken: NDArray[np.int64], terms: list[float], offset: float) -> float:
    """A millionth of what is left of some terms, of the offset, and of the smallest of all that is not zero."""
    left = question.amounts - taken
    rest = sum(amount / question.scale * term for amount, term in zip(left, terms, strict=True))
    sizes = [*(term / question.scale for term in terms), offset]
    return 1e-6 * (rest + offset + min((size for size in sizes if size > 0), default=1.0))


def stands_above(question: Question, taken: NDArray[np.int64], rival: int) -> bool:
    """Whether what is left of the history favours a rival by more than a margin; term by term, as ties are equal."""
    left = question.amounts - taken
    terms = [_weight(question, j, rival) - _weight(question, j, question.item) for j in question.history]
    sizes = [abs(_weight(question, j, rival)) + abs(_weight(question, j, question.item)) for j in question.history]
    lead = sum(amount / question.scale * term for amount, term in zip(left, terms, strict=True))
    rounding = 1e-14 * sum(amount / question.scale * size for amount, size in zip(left, sizes, strict=True))
    ahead = _offset(question, rival) - _offset(question, question.item)
    rounding += 1e-14 * (abs(_offset(question, rival)) + abs(_offset(question, question.item)))
    return lead + ahead >= _share(question, taken, [abs(term) for term in terms], abs(ahead)) + rounding


def distance(question: Question, taken: NDArray[np.int64]) -> float:
    """Weighted L1 distance of the model inputs."""
    return float(sum(w * d / question.scale for w, d in zip(question.weights, taken, strict=True)))


def best_explanations(
    question: Question,
    *,
    n_options: int = 1,
    alpha: float = 0.0,
    threshold: float = -np.inf,
    log_likelihood: Callable[[NDArray[np.int64]], float] = lambda left: 0.0,
) -> list[float]:
    """Objectives of the best explanation, the best other one, and so on; fewer where there are no more.

    ``log_likelihood`` is of the amounts that are left of the history, ``(n,)``. Of equally good explanations the next
    options can depend on which was chosen, so ask for several only with weights that tell them apart.
    """
    ways = []
    for taken in all_removals(question):
        if is_valid(question, taken):
            value = log_likelihood(question.amounts - taken)
            if value >= threshold:
                ways.append((distance(question, taken) - alpha * value, taken))
    ways.sort(key=lambda way: way[0])
    chosen: list[tuple[float, NDArray[np.int64]]] = []
    while len(chosen) < n_options:
        others = [way for way in ways if _differs(way[1], (taken for _, taken in chosen))]
        if not others:
            break
        chosen.append(others[0])
    return [objective for objective, _ in chosen]


def _differs(taken: NDArray[np.int64], earlier: Iterable[NDArray[np.int64]]) -> bool:
    return all(any(taken[j] == 0 for j in np.flatnonzero(other)) for other in earlier)
