"""Simulated studies whose curves are known: what is found in them, in one word, and where it ends."""

import numpy as np
import pytest

from recsys_ops.acceptance.propensity import Finding, Propensity, fit_propensity
from recsys_ops.acceptance.simulator import Behaviour, Response, simulate_study
from recsys_ops.acceptance.threshold import find_threshold


def found(response: Response, behaviour: Behaviour, seed: int, n_people: int = 362) -> Propensity:
    study = simulate_study(seed=seed, behaviour=behaviour, n_people=n_people)
    distance, rating = getattr(study, behaviour.distance), getattr(study, response)
    return fit_propensity(distance, rating.astype(float), study.person, seed=seed)


@pytest.mark.parametrize("seed", range(4))
def test_acceptance_is_flat_and_action_falls_to_its_threshold(seed: int) -> None:
    assert found("accept", Behaviour(), seed).finding == Finding.FLAT
    act = found("act", Behaviour(), seed)
    assert act.finding == Finding.FALLS_THEN_FLAT
    assert act.threshold is not None
    assert abs(act.threshold.at - 5) < 1.1
    assert act.threshold.low < act.threshold.at < act.threshold.high


def test_proximity_has_its_threshold_too() -> None:
    act = found("act", Behaviour(distance="proximity", nearest=0.0, threshold=3.0), 1)
    assert act.threshold is not None
    assert abs(act.threshold.at - 3) < 0.9
    assert act.cap(whole=False) == act.threshold.at


def test_a_curve_that_falls_to_the_end_has_no_threshold_and_gives_no_cap() -> None:
    act = found("act", Behaviour(threshold=12.0, fall=2.0), 0)
    assert act.finding == Finding.FALLS
    assert act.cap(whole=True) is None


def test_a_curve_that_rises_is_not_said_to_fall() -> None:
    assert found("act", Behaviour(fall=-1.2), 0).finding == Finding.RISES


def test_the_cap_of_a_count_is_a_whole_number_within_the_threshold() -> None:
    act = found("act", Behaviour(), 0)
    assert act.threshold is not None
    assert act.cap(whole=True) == np.floor(act.threshold.at)


def test_the_threshold_depends_on_the_seed_of_its_draws_only() -> None:
    study = simulate_study(seed=0)
    fit = found("act", Behaviour(), 0).fit
    assert fit is not None
    first, second, other = (find_threshold(fit, study.sparsity, seed=seed) for seed in (3, 3, 4))
    assert first == second
    assert first != other


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        (lambda x, y, u: (x[:60], y[:60], u[:60]), "60 ratings, at least 100 needed"),
        (lambda x, y, u: (x, y, u // 8), "5 people, at least 20 needed"),
        (lambda x, y, u: (x, y, np.arange(len(u))), "0 ratings beyond each person's first, at least 40 needed"),
        (lambda x, y, u: (np.minimum(x, 3), y, u), "3 different distances, at least 4 needed"),
        (lambda x, y, u: (x, np.full(len(y), 4.0), u), "all ratings are 4"),
        (lambda x, y, u: (x[:0], y[:0], u[:0]), "0 ratings, at least 100 needed"),
    ],
)
def test_with_too_few_data_it_says_of_what_there_is_too_little(change, lacking) -> None:
    study = simulate_study(seed=0, n_people=40)
    result = fit_propensity(*change(study.sparsity, study.act.astype(float), study.person), seed=0)
    assert result.finding == Finding.TOO_FEW
    assert lacking in result.reason
    assert result.fit is None
    assert result.cap(whole=True) is None


def test_every_finding_says_what_follows_from_it() -> None:
    assert all(finding.meaning for finding in Finding)
