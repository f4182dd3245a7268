"""Caps on sparsity, proximity and cost."""

import numpy as np

from recsys_ops.features.caps import Caps
from recsys_ops.features.distances import Distances

DISTANCES = Distances(np.array([1, 2, 3]), np.array([0.9, 0.5, 3.0]), np.array([4.0, 2.0, 3.0]))


def test_a_recourse_must_keep_every_cap() -> None:
    assert Caps().allow(DISTANCES).tolist() == [True, True, True]
    assert Caps(sparsity=2).allow(DISTANCES).tolist() == [True, True, False]
    assert Caps(proximity=0.5).allow(DISTANCES).tolist() == [False, True, False]
    assert Caps(cost=3).allow(DISTANCES).tolist() == [False, True, True]
    assert Caps(2, 0.9, 3).allow(DISTANCES).tolist() == [False, True, False]


def test_rounding_does_not_exceed_a_cap() -> None:
    tenths = np.array([0.1]) + np.array([0.2])
    assert tenths[0] > 0.3
    assert Caps(proximity=0.3).allow(Distances(np.array([2]), tenths, np.array([2.0])))[0]


def test_caps_are_described_in_words() -> None:
    assert str(Caps(3, 1.5, 10)) == "3 changes, proximity 1.5, cost 10"
    assert str(Caps()) == "no cap"
