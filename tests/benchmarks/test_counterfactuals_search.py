"""Recommenders that are not linear, against brute force on thousands of small histories.

How often the search alone finds the smallest explanation, and that no proof about a ReLU network is false.
"""

import numpy as np
import pytest

from recsys_ops.counterfactuals import by_search, tried
from recsys_ops.counterfactuals.by_search import find_by_search
from tests.scored_questions import least_distance, random_question

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("kind", ["als", "tanh", "relu"])
def test_the_search_alone_finds_the_smallest(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_search, "try_smaller", lambda question, earlier, found, deadline: found)
    monkeypatch.setattr(by_search, "prove_by_program", lambda question, earlier, found, deadline: found)
    rng = np.random.default_rng(0)
    same = []
    while len(same) < 300:
        question = random_question(rng, kind, most=12)
        truth = least_distance(question)
        if np.isfinite(truth) and truth > 0:
            same.append(find_by_search(question, [], np.inf).objective <= truth * (1 + 1e-12))
    print(f"{kind}: the smallest explanation is found in {np.mean(same):.1%} of {len(same)} cases")
    assert np.mean(same) >= 0.95


def test_no_proof_about_a_relu_network_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "MOST_TRIED", 0)
    rng = np.random.default_rng(1)
    proven = []
    for _ in range(5000):
        question = random_question(rng, "relu")
        found, truth = find_by_search(question, [], np.inf), least_distance(question)
        assert found.bound <= truth * (1 + 1e-9)
        assert not found.is_proven or found.objective == pytest.approx(truth, rel=1e-9)
        proven.append(found.is_proven)
    print(f"relu: {np.mean(proven):.1%} of {len(proven)} cases are proven, none of them falsely")
