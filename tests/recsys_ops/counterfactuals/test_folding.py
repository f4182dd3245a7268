"""The folded network against the whole one, node by node."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals.folding import fold
from recsys_ops.counterfactuals.inputs import network_inputs
from recsys_ops.counterfactuals.settings import Mixture
from tests.questions import KINDS, random_likelihood, random_question
from tests.twins import counterfactuals as twin
from tests.twins import networks

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("mixture", ["exact", "best"])
@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=15)
@given(SEEDS)
def test_folding_changes_no_value_within_its_distance(kind: str, mixture: Mixture, seed: int) -> None:
    rng = np.random.default_rng(seed)
    question = random_question(rng, has_costs=bool(rng.random() < 0.5))
    likelihood = random_likelihood(rng, question, kind)
    inputs = network_inputs(question, likelihood)
    ways = twin.all_removals(question)
    for distance in (0.0, 1.0, 2.5, float(question.costs @ question.limits)):
        folded = fold(question, inputs, mixture, distance)
        within = ways[ways @ question.costs <= distance + 1e-9]
        for taken in within[rng.permutation(len(within))[:40]]:
            amounts = np.zeros((1, len(question.scores)))
            amounts[0, question.history] = question.amounts - taken
            values = likelihood.aggregation.aggregate(sp.csr_array(amounts))[0]
            wanted = networks.log_likelihood(likelihood.network, values, best_child=mixture == "best")
            value, differences = folded.evaluate(taken)
            assert value == pytest.approx(wanted, abs=1e-9)
            assert value <= folded.most + 1e-9
            for pair in folded.pairs:
                assert pair.lowest - 1e-9 <= differences[pair.key] <= pair.highest + 1e-9


def test_without_anything_to_spend_the_network_is_a_constant() -> None:
    rng = np.random.default_rng(1)
    question = random_question(rng)
    folded = fold(question, network_inputs(question, random_likelihood(rng, question, "sum")), "exact", 0.0)
    assert (len(folded.cells), len(folded.pairs)) == (0, 0)
    assert folded.most == folded.root.constant
