"""The simulated people behave as their behaviour says."""

import numpy as np

from recsys_ops.acceptance.simulator import Behaviour, simulate_people, simulate_study


def test_the_mean_of_many_answers_is_the_expected_rating() -> None:
    people = simulate_people(200_000, seed=0)
    everybody = np.arange(200_000)
    for response in ("accept", "act"):
        for distance in (1.0, 3.0, 12.0):
            at = np.full(len(everybody), distance)
            answers = people.rate(response, everybody, at, np.random.default_rng(1))
            expected = people.behaviour.expected_rating(response, at[:1])[0]
            assert abs(answers.mean() - expected) < 0.012


def test_willingness_falls_to_the_threshold_and_is_flat_beyond_it() -> None:
    behaviour = Behaviour()
    felt = behaviour.mean("act", np.array([1.0, 3.0, 5.0, 9.0]))
    assert np.allclose(felt, behaviour.act_level + behaviour.fall * np.array([1, 0.5, 0, 0]))
    assert np.ptp(behaviour.mean("accept", np.arange(1.0, 12.0))) == 0


def test_a_study_has_the_papers_size_and_whole_ratings_in_range() -> None:
    study = simulate_study(seed=1)
    assert np.bincount(study.person).tolist() == [5] * 362
    assert set(study.sparsity) == set(range(1, 13))
    assert np.all((study.proximity >= 0.14 * study.sparsity) & (study.proximity <= study.sparsity))
    assert set(study.accept) | set(study.act) <= set(range(1, 8))


def test_the_seed_decides_everything() -> None:
    one, again, other = (simulate_study(seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(one.act, again.act)
    assert not np.array_equal(one.act, other.act)


def test_more_people_do_not_change_the_first_ones() -> None:
    few, many = (simulate_people(n, seed=2).effects["act"] for n in (10, 50))
    assert np.array_equal(few, many[:10])
