"""The shilling detector against loops over users and pairs; who is like the others is hidden, who rates all is not."""

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.antidote.detection import NEIGHBOURS, detect

N_ITEMS = 30


def users(seed: int, n: int, share: float = 0.4) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    known = np.nonzero(rng.random((n, N_ITEMS)) < share)
    return sp.csr_array((rng.integers(1, 6, len(known[0])).astype(np.float64), known), shape=(n, N_ITEMS))


def attributes(ratings: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """Length, deviation and similarity, user by user; 0 is not rated."""
    lengths, deviations, similarities = [], [], []
    unit = []
    for mine in ratings:
        rated = mine > 0
        lengths.append(float(np.log(1 + rated.sum())))
        parts = []
        for item in np.flatnonzero(rated):
            given = ratings[ratings[:, item] > 0, item]
            parts.append(abs(mine[item] - given.mean()) / len(given))
        deviations.append(float(np.mean(parts)) if parts else 0.0)
        centred = np.where(rated, mine - mine[rated].mean(), 0.0) if rated.any() else np.zeros(len(mine))
        unit.append(centred / max(float(np.linalg.norm(centred)), 1e-12))
    for one in range(len(unit)):
        with_others = sorted(
            (float(unit[one] @ unit[other]) for other in range(len(unit)) if other != one), reverse=True
        )
        similarities.append(float(np.mean(with_others[:NEIGHBOURS])))
    return lengths, deviations, similarities


def auc(oddness: np.ndarray, n_real: int) -> float:
    real, artificial = oddness[:n_real], oddness[n_real:]
    wins = [(one > other) + 0.5 * (one == other) for one in artificial for other in real]
    return float(np.mean(wins))


@pytest.mark.parametrize("seed", range(4))
def test_detection_equals_loops_over_users_and_pairs(seed: int) -> None:
    real, artificial = users(seed, 40), users(100 + seed, 5, share=(0.3, 0.5, 0.7, 1.0)[seed])
    found = detect(real, artificial, seed=0)
    parts = []
    for values in attributes(np.vstack([real.toarray(), artificial.toarray()])):
        apart = np.abs(np.array(values) - np.median(values))
        parts.append((apart / (np.median(apart) or apart.mean() or 1.0)) ** 2)
    wanted = [auc(np.sum(parts, axis=0), 40), *(auc(part, 40) for part in parts)]
    np.testing.assert_allclose([found.auc, found.length, found.deviation, found.similarity], wanted)
    shares = [[np.mean(part.data == star) for star in range(1, 6)] for part in (real, artificial)]
    assert found.rating_distance == pytest.approx(sum(abs(one - two) for one, two in zip(*shares, strict=True)) / 2)


def test_more_of_the_same_users_are_hidden_and_those_who_rate_all_with_extremes_are_found() -> None:
    real = users(0, 200)
    hidden = np.mean([detect(real, users(seed, 10), seed=0).auc for seed in range(1, 11)])
    assert hidden == pytest.approx(0.5, abs=0.07)
    loud = detect(real, sp.csr_array(np.full((3, N_ITEMS), 5.0)), seed=0)
    assert (loud.auc, loud.length) == (1.0, 1.0)
    assert loud.rating_distance > 0.7


def test_of_many_real_users_a_seeded_draw_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys_ops.antidote.detection.MOST_USERS", 50)
    real, artificial = users(0, 120), users(1, 4, share=0.9)
    assert detect(real, artificial, seed=3) == detect(real, artificial, seed=3)
    assert detect(real, artificial, seed=3).auc > 0.9
