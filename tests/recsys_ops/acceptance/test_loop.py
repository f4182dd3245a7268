"""Simulated providers: their ratings keep the contract, and they never act upon what they cannot change."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from recsys_ops.acceptance.feedback import RatedCases, read_cases, read_feedback
from recsys_ops.acceptance.loop import mean_with_interval, simulate_feedback, simulate_providers
from tests.reactions import recourse_run

NAMES = tuple(f"f{n}" for n in range(12))


@pytest.fixture
def cases() -> RatedCases:
    """300 recourses of 30 sellers, 1 to 12 changes."""
    changes = [NAMES[: 1 + n % 12] for n in range(300)]
    return read_cases([recourse_run(*changes, seller_id=[f"s{n % 30:02}" for n in range(300)])])


def test_simulated_feedback_keeps_the_contract(tmp_path: Path, cases: RatedCases) -> None:
    providers = simulate_providers(cases, seed=1)
    table = simulate_feedback(cases, providers, seed=1, n_each=4)
    pq.write_table(table, tmp_path / "feedback.parquet")
    feedback = read_feedback(str(tmp_path / "feedback.parquet"), cases)
    assert feedback.table["person_id"].to_pylist() == sorted(f"s{n % 30:02}" for n in range(120))
    assert feedback.table["person_id"].to_pylist() == feedback.table["seller_id"].to_pylist()
    assert 0 < feedback.table.num_rows - feedback.possible.num_rows < 120


def test_what_is_impossible_is_not_done(cases: RatedCases) -> None:
    providers = simulate_providers(cases, seed=1, share_impossible=0.1)
    acting = providers.act_probability(cases)
    is_blocked = np.array([len(names) > 0 for names in providers.impossible(cases)])
    assert np.all(acting[is_blocked] == 0)
    assert np.all((acting[~is_blocked] > 0) & (acting[~is_blocked] < 1))


def test_the_share_that_acts_is_that_of_answers_from_five_up(cases: RatedCases) -> None:
    providers = simulate_providers(cases, seed=2, share_impossible=0.0)
    person = np.array([int(seller[1:]) for seller in cases.table["seller_id"].to_pylist()])
    distance = cases.table["sparsity"].to_numpy()
    rng = np.random.default_rng(0)
    acted = np.mean([providers.people.rate("act", person, distance, rng) >= 5 for _ in range(4000)], axis=0)
    assert np.abs(acted - providers.act_probability(cases)).max() < 0.04


def test_the_interval_of_a_mean_is_students() -> None:
    assert mean_with_interval([1.0, 2.0, 3.0]) == pytest.approx(
        (2.0, 2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), abs=1e-4
    )
