"""The reduced program against the textbook program in Pyomo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals.settings import Plausibility, Settings
from recsys_ops.counterfactuals.solve import explain
from recsys_ops.status import Status
from tests.questions import KINDS, random_likelihood, random_question

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("plausibility", ["none", "optimise", "threshold"])
@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=5)
@given(SEEDS)
def test_both_engines_agree(kind: str, plausibility: Plausibility, seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_question(rng, has_costs=True)
    likelihood = random_likelihood(rng, question, kind)
    factual = float(likelihood.log_likelihood(question.histories(np.zeros_like(question.amounts)))[0])
    asked = {"plausibility": plausibility, "threshold": factual - rng.random(), "alpha": 0.5, "n_options": 2}
    direct = explain(question, likelihood, Settings(mixture="best", **asked))
    textbook = explain(question, likelihood, Settings(engine="pyomo", **asked))
    assert [e.status for e in direct] == [e.status for e in textbook]
    if direct[0].status == Status.OPTIMAL:
        wanted = [explanation.objective for explanation in textbook]
        assert [explanation.objective for explanation in direct] == pytest.approx(wanted, abs=1e-6)
