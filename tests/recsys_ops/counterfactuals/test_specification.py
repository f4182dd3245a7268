"""The reduced program against the textbook program in Pyomo, which shares nothing with it but what was put."""

import ast
import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.counterfactuals import specification
from recsys_ops.counterfactuals.settings import Engine, Plausibility, Settings
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
    options = {"plausibility": plausibility, "threshold": factual - rng.random(), "alpha": 0.5, "n_options": 2}
    direct = explain(question, likelihood, Settings(mixture="best", **options))
    textbook = explain(question, likelihood, Settings(engine="pyomo", **options))
    assert [e.status for e in direct] == [e.status for e in textbook]
    if direct[0].status == Status.OPTIMAL:
        wanted = [explanation.objective for explanation in textbook]
        assert [explanation.objective for explanation in direct] == pytest.approx(wanted, abs=1e-6)


def test_the_textbook_program_imports_nothing_of_the_direct_engine() -> None:
    imports = [
        node for node in ast.walk(ast.parse(inspect.getsource(specification))) if isinstance(node, ast.ImportFrom)
    ]
    ours = {str(node.module).removeprefix("recsys_ops.") for node in imports if "recsys_ops" in str(node.module)}
    assert ours == {
        "counterfactuals.question",
        "counterfactuals.search",
        "counterfactuals.tolerances",
        "models.network",
    }


@settings(deadline=None, max_examples=6)
@given(SEEDS)
def test_the_textbook_program_reads_nothing_that_the_question_has_prepared(seed: int) -> None:
    question = random_question(np.random.default_rng(seed), has_costs=True)
    nothing = np.full(0, np.nan)
    bare = replace(question, scores=nothing, gains=nothing, gaps=nothing, requires=nothing, margins=nothing, needed=-1)
    found, expected = (specification.find_by_specification(either, None, [], np.inf) for either in (bare, question))
    assert repr(found) == repr(expected)


def test_the_engines_disagree_where_the_prepared_inequalities_are_wrong() -> None:
    seed = next(seed for seed in range(100) if _objective(seed, "direct") is not None)
    assert _objective(seed, "direct") == pytest.approx(_objective(seed, "pyomo"))
    assert _objective(seed, "direct", missing=100.0) is None
    assert _objective(seed, "pyomo", missing=100.0) is not None


def _objective(seed: int, engine: Engine, missing: float = 0.0) -> float | None:
    """Of the shortest explanation, where that is not trivial; every gap made larger by what is missing."""
    question = random_question(np.random.default_rng(seed), has_costs=True)
    question = replace(question, gaps=question.gaps + missing)
    (found,) = explain(question, None, Settings(engine=engine))
    return found.objective or None
