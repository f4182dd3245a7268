"""Random questions about recommenders that are not linear, small enough to try everything that can be taken away."""

import itertools
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.scored import ScoredQuestion, make_scored_question
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.relu_network import Layer, ReluNetwork

Floats = NDArray[np.float64]


class Network:
    """A small network of ReLUs that knows its own layers, or of tanh that has none."""

    def __init__(self, rng: np.random.Generator, n_items: int, *, is_relu: bool, is_single: bool = False) -> None:
        sizes = [n_items, *rng.integers(3, 12, int(rng.integers(1, 3))), n_items]
        scale = 10 ** rng.uniform(-2, 2)
        self.n_items, self.is_single = n_items, is_single
        self.layers = tuple(
            Layer(
                rng.normal(0, scale / np.sqrt(min(n_in, 4)), (n_in, n_out)), rng.normal(0, scale / 3, n_out),
                n < len(sizes) - 2,
            )
            for n, (n_in, n_out) in enumerate(itertools.pairwise(sizes))
        )  # fmt: skip
        self.network = ReluNetwork(self.layers, False) if is_relu else None

    def scores(self, histories: sp.csr_array) -> Floats:
        if self.network is not None:
            return self.network.scores(histories.toarray())
        values = histories.toarray()
        for layer in self.layers:
            values = values @ layer.weights + layer.offsets
            values = np.tanh(values) if layer.is_relu else values
        return np.asarray(values)


def random_model(rng: np.random.Generator, n_items: int, kind: str) -> Any:
    if kind == "als":
        factors = rng.normal(0, 1, (n_items, int(rng.integers(2, 9)))) * 10 ** rng.uniform(-2, 2)
        penalty, alpha = float(10 ** rng.uniform(-2, 2)), float(rng.choice([0.5, 1.0, 3.0, 20.0]))
        return FoldInRecommender(factors, penalty, alpha, grows=bool(rng.random() < 0.3))
    return Network(rng, n_items, is_relu=kind == "relu")


def random_question(rng: np.random.Generator, kind: str, *, most: int = 8) -> ScoredQuestion:
    """About an item at the head of the list, with any settings."""
    n_items, n, k = int(rng.integers(14, 30)), int(rng.integers(2, most + 1)), int(rng.integers(1, 5))
    scale = 3 if rng.random() < 0.2 else 1
    n = min(n, 4) if scale > 1 else n
    amounts, history = rng.integers(1, scale + 1, n), np.sort(rng.choice(n_items, n, replace=False))
    model = random_model(rng, n_items, kind)
    scores = model.scores(sp.csr_array((amounts / scale, history, [0, n]), shape=(1, n_items)))[0]
    scores[history] = -np.inf
    costs = [None, rng.integers(1, 4, n).astype(float), rng.uniform(0.5, 2, n)][rng.choice(3, p=[0.6, 0.2, 0.2])]
    return make_scored_question(
        model, history, amounts, int(np.argsort(-scores)[rng.integers(k)]), k=k, scale=float(scale),
        validity="score" if rng.random() < 0.2 else "kth",
        removed_items="eligible" if rng.random() < 0.3 else "excluded", weights=costs,
        removable=None if rng.random() < 0.7 else rng.random(n) < 0.8,
        max_removed=2 if rng.random() < 0.2 else None,
    )  # fmt: skip


def all_removals(question: ScoredQuestion) -> NDArray[np.int64]:
    return np.array(list(itertools.product(*(range(limit + 1) for limit in question.limits))))


def least_distance(question: ScoredQuestion) -> float:
    """By running the recommender on what each removal leaves, one by one."""
    valid = [
        question.distance(taken)
        for taken in all_removals(question)
        if is_out(question, taken) and question.is_within(taken[None])[0]
    ]
    return min(valid, default=np.inf)


def is_out(question: ScoredQuestion, taken: NDArray[np.int64]) -> bool:
    """The definition, item by item."""
    left = np.zeros(len(question.scores))
    left[question.history] = (question.amounts - taken) / question.scale
    scores = question.recommender.scores(sp.csr_array(left[None]))[0]
    own, margin = scores[question.item], question.margin
    if question.validity == "score":
        return bool(question.kth - own > margin * (abs(question.kth) + abs(own)))
    gone = set(question.history[(taken > 0) & (taken == question.amounts)].tolist())
    barred = set(question.history.tolist()) - (gone if question.removed_items == "eligible" else set())
    if question.candidates == "all":
        barred = set()
    above = [
        z for z in range(len(scores))
        if z not in barred and z != question.item and scores[z] - own > margin * (abs(scores[z]) + abs(own))
    ]  # fmt: skip
    return len(above) >= question.k
