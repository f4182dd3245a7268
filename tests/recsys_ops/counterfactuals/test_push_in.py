"""Why an item is not in a list: the fewest additions against trying every set, at any scale and sign."""

import itertools
import math

import numpy as np
import pytest

from recsys_ops.counterfactuals import push_in
from recsys_ops.counterfactuals.additions import linked_items, make_addition_question
from recsys_ops.counterfactuals.push_in import Additions, find_additions
from recsys_ops.counterfactuals.question import Candidates
from recsys_ops.errors import InputError
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.linear import LinearModel, LinearRecommender
from recsys_ops.status import Status


def fewest(scores_of: np.ndarray, left: np.ndarray, item: int, given: np.ndarray, k: int, is_unseen: bool) -> float:
    """The least number of additions by ranking the candidates of every new history; inf if there is none."""
    for size in range(len(given) + 1):
        for chosen in itertools.combinations(given.tolist(), size):
            if rank(scores_of, left, item, chosen, is_unseen) <= k:
                return size
    return math.inf


def rank(weights: np.ndarray, left: np.ndarray, item: int, chosen: tuple[int, ...], is_unseen: bool) -> int:
    """With ties against the item."""
    history = left.copy()
    history[list(chosen)] = 1.0
    scores = history @ (weights * (1 - np.eye(len(weights)) if is_unseen else 1))
    others = np.delete(np.arange(len(scores)), item)
    if is_unseen:
        others = others[history[others] == 0]
    tie = 1e-6 * (np.abs(history @ weights).max() if len(others) else 0.0) * 1e-6
    return 1 + int((scores[others] >= scores[item] - tie).sum())


def random_world(rng: np.random.Generator) -> tuple[LinearModel, np.ndarray]:
    """Of any size; weights may be over 4 decades, also by rows, and many of them 0; or factors."""
    n_items, size = int(rng.integers(12, 20)), 10.0 ** rng.uniform(-6, 6)
    if rng.random() < 0.6:
        weights = size * rng.normal(rng.choice([0.0, 0.4, -0.4]), 1, (n_items, n_items))
        weights *= 10.0 ** rng.uniform(-rng.choice([0, 2, 4]), 0, [(n_items, 1), (n_items, n_items)][rng.integers(2)])
        weights *= rng.random((n_items, n_items)) < rng.choice([0.4, 1.0])
        return LinearRecommender(weights), weights
    history, items = size * rng.normal(0.3, 1, (2, n_items, 4))
    return FactoredRecommender(history, items, None), history @ items.T


def random_answer(rng: np.random.Generator) -> tuple[Additions, float, int, int]:
    """An answer, the fewest additions by brute force, and the ranks before and after by brute force."""
    model, weights = random_world(rng)
    candidates: Candidates = "unseen" if rng.random() < 0.7 else "all"
    scale, is_unseen = float(rng.choice([1, 3])), candidates == "unseen"
    mixed = rng.permutation(len(weights))
    n, n_given, k = int(rng.integers(0, 5)), int(rng.integers(1, 7)), int(rng.integers(1, 4))
    history, given, item = np.sort(mixed[1 : 1 + n]), mixed[6 : 6 + n_given], int(mixed[0])
    amounts = rng.integers(1, int(scale) + 1, n)
    question = make_addition_question(model, history, amounts, item, given, k=k, scale=scale, candidates=candidates)
    found = find_additions(question, time_limit=60)
    left = np.zeros(len(weights))
    left[history] = amounts / scale
    added = () if found.added is None else tuple(found.added.tolist())
    return (
        found, fewest(weights, left, item, given, k, is_unseen), rank(weights, left, item, (), is_unseen),
        rank(weights, left, item, added, is_unseen),
    )  # fmt: skip


@pytest.mark.parametrize("most_tried", [push_in.MOST_TRIED, 0])
@pytest.mark.parametrize("nearest", [push_in.NEAREST, 1])
def test_the_additions_are_the_fewest_of_all(most_tried: int, nearest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_in, "MOST_TRIED", most_tried)
    monkeypatch.setattr(push_in, "_n_nearest", lambda question: nearest)
    rng = np.random.default_rng(8)
    statuses = []
    for _ in range(60):
        found, wanted, before, after = random_answer(rng)
        statuses.append(found.status)
        assert found.rank_before == before
        if math.isinf(wanted):
            assert (found.status, found.added) == (Status.INFEASIBLE, None)
            continue
        assert found.status is (Status.OPTIMAL if wanted else Status.ALREADY_SATISFIED)
        assert found.added is not None
        assert len(found.added) == found.bound == wanted
        assert found.rank_after == after
    assert min(statuses.count(one) for one in (Status.OPTIMAL, Status.INFEASIBLE)) >= 10


def test_what_is_tied_is_not_in_the_list() -> None:
    """The item and 3 others have a score of 0: it would be shown or not as the catalogue has it."""
    weights = np.zeros((6, 6))
    weights[4, 5] = 1e-9
    question = make_addition_question(LinearRecommender(weights), np.array([0]), np.ones(1), 5, np.array([4]), k=2)
    found = find_additions(question)
    assert (found.status, found.rank_before, found.rank_after) == (Status.OPTIMAL, 5, 1)
    nothing = make_addition_question(LinearRecommender(weights), np.array([0]), np.ones(1), 5, np.array([3]), k=2)
    assert find_additions(nothing).status is Status.INFEASIBLE


def test_no_time_is_a_timeout_and_never_a_claim() -> None:
    rng = np.random.default_rng(0)
    model = LinearRecommender(rng.normal(0, 1, (300, 300)))
    question = make_addition_question(model, np.arange(20), np.ones(20), 299, np.arange(20, 200), k=3)
    found = find_additions(question, time_limit=1e-9)
    assert (found.status, found.added) == (Status.TIMEOUT, None)
    assert found.bound is not None
    assert found.bound >= 1


def test_the_items_that_add_most_are_linked() -> None:
    weights = np.array([[0, 1, 3], [0, 0, 2], [0, 0, 0]], dtype=float)
    for model in (LinearRecommender(weights), FactoredRecommender(weights, np.eye(3), np.array([-np.inf, 0, 0]))):
        expected = [0, 1] if model.offsets is None else [1]
        assert linked_items(model, 2, np.array([], dtype=np.int64)).tolist() == expected
    assert linked_items(LinearRecommender(weights), 2, np.array([0])).tolist() == [1]
    assert linked_items(LinearRecommender(weights), 2, np.array([], dtype=np.int64), 1).tolist() == [0]


def test_what_is_in_the_history_cannot_be_added() -> None:
    model = LinearRecommender(np.zeros((5, 5)))
    with pytest.raises(InputError, match="must all differ"):
        make_addition_question(model, np.array([0, 1]), np.ones(2), 3, np.array([1, 2]), k=1)
    with pytest.raises(InputError, match="2 interactions with 1 amounts"):
        make_addition_question(model, np.array([0, 1]), np.ones(1), 3, np.array([2]), k=1)


def test_within_a_cap_the_answer_is_the_same_or_proven_to_be_longer() -> None:
    rng = np.random.default_rng(11)
    n_longer = 0
    for _ in range(60):
        model = LinearRecommender(rng.normal(0, 10.0 ** rng.uniform(-6, 6), (16, 16)))
        question = make_addition_question(model, np.arange(3), np.ones(3), 15, np.arange(4, 10), k=1)
        whole = find_additions(question)
        for cap in (1, 2, 6, 9):
            capped = find_additions(question, max_added=cap)
            if whole.added is not None and len(whole.added) > cap:
                n_longer += 1
                assert (capped.status, capped.added) == (Status.INFEASIBLE, None)
                assert capped.bound is not None
                assert cap < capped.bound <= len(whole.added)
                assert capped.reason == f"more than {cap} of the 6 that may be added would be needed"
            elif whole.added is None:
                assert capped.status is Status.INFEASIBLE
            else:
                assert (capped.status, capped.bound) == (whole.status, whole.bound)
                assert capped.added is not None
                assert len(capped.added) == len(whole.added)
    assert n_longer >= 10
