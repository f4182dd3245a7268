"""Starts of the evaluation: three distributions in turn, and what follows where optima differ."""

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.antidote.advice import Group
from recsys_ops.antidote.as_used import another_value
from recsys_ops.antidote.evaluation_starts import FEW_RATINGS, KINDS, kind_of, n_starts_for, start_items
from recsys_ops.antidote.objectives import Polarisation
from recsys_ops.antidote.sentences import noise_in_words
from recsys_ops.antidote.standing import standing
from recsys_ops.models.mf import AlsSettings, random_start
from recsys_ops.models.mf_rows import LocalRows


def test_kinds_take_turns_and_each_is_what_it_says() -> None:
    als = AlsSettings(3, 1.0, seed=7)
    assert [kind_of(number) for number in range(4)] == ["usual", "small", "large", "usual"]
    usual, small, large = (start_items(4000, als, kind) for kind in KINDS)
    np.testing.assert_array_equal(usual, random_start(4000, als))
    for drawn, spread in ((small, 0.1), (large, 1.0)):
        assert drawn.std() == pytest.approx(spread, rel=0.03)
        assert drawn.mean() == pytest.approx(0.0, abs=0.03 * spread)
    assert n_starts_for(FEW_RATINGS - 1) > n_starts_for(FEW_RATINGS) >= len(KINDS)


def test_where_there_is_one_optimum_every_kind_of_start_ends_in_it() -> None:
    users, items = np.linspace(1, 2, 12), np.linspace(1, 2.4, 9)
    rows = LocalRows(sp.csr_array(np.outer(users, items)))
    found = [standing(rows, Polarisation(), AlsSettings(1, 0.5, seed=3), kind=kind).value for kind in KINDS]
    np.testing.assert_allclose(found, found[0], rtol=2e-3)


def test_no_interval_is_narrower_than_what_the_starts_found() -> None:
    values = np.array([0.0] * 11 + [1.0])
    interval = another_value(values, slack=0.01)
    assert interval.high == pytest.approx(1.01)
    assert interval.low < 0


@pytest.mark.parametrize(("start_change", "says"), [(0.002, False), (0.2, True)])
def test_several_optima_are_said(start_change: float, says: bool) -> None:
    row = {
        "budget": "2", "start_change": start_change, "start_top10_kept": 0.9, "random_change": 0.0,
        "random_change_low": -0.1, "random_change_high": 0.1, "random_top10_kept": 0.8,
    }  # fmt: skip
    sentences = noise_in_words([Group("gd_fixed", "2", row, None, "helps")])
    assert any("several optima" in sentence for sentence in sentences) == says
