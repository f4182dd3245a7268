"""Bands of earlier nights: a broken feed is outside, an ordinary night is not, and nights that agree do no harm."""

import statistics

import numpy as np
import pytest

from recsys_ops.drift.bands import DEVIATIONS, Band, compare_nights, outside
from recsys_ops.drift.figures import Figure, Figures, Kind, figures_table, read_figures


def nights(kind: Kind, values: list[float], spread: float = 0.0) -> list[Figures]:
    return [{"it": Figure(kind, value, spread)} for value in values]


def band(kind: Kind, value: float, before: list[float], spread: float = 0.0) -> Band:
    return compare_nights({"it": Figure(kind, value, spread)}, nights(kind, before, spread))[0]


def test_half_of_the_rows_is_outside_and_a_growing_shop_is_not() -> None:
    growing = [1000 * 1.02**day for day in range(7)]
    assert not band("count", 1000 * 1.02**7, growing).is_outside
    assert band("count", 500, growing).is_outside
    assert band("count", 2000, growing).is_outside


@pytest.mark.parametrize(
    ("kind", "usual", "inside", "beyond"),
    [
        ("count", 1000, 1099, 1111), ("count", 0, 1, 2), ("share", 0.3, 0.34, 0.36), ("rate", 0.0, 0.04, 0.06),
        ("churn", 0.0, 0.19, 0.21), ("mean", 3.5, 3.7, 3.8), 
        ("measure", 0.4, 4.3, 4.5), ("seconds", 10, 69, 71), ("seconds", 1000, 1499, 1501),
    ],
)  # fmt: skip
def test_nights_that_agree_leave_the_least_band(kind: Kind, usual: float, inside: float, beyond: float) -> None:
    before, spread = [float(usual)] * 5, 1.0 if kind in ("mean", "measure") else 0.0
    assert not band(kind, inside, before, spread).is_outside
    assert band(kind, beyond, before, spread).is_outside


def test_a_mean_that_was_always_0_may_begin_to_vary() -> None:
    before = nights("mean", [0.0] * 5, spread=0.0)
    one_item_of_ten_thousand = {"it": Figure("mean", 1e-4, 1e-2)}
    assert not compare_nights(one_item_of_ten_thousand, before)[0].is_outside


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
def test_a_band_is_that_of_the_textbook_at_any_scale(scale: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        values = (scale * rng.normal(100, 30, rng.integers(3, 12))).tolist()
        found = band("mean", 0.0, values)
        median = statistics.median(values)
        half = DEVIATIONS * 1.4826 * statistics.median(abs(value - median) for value in values)
        assert (found.low, found.high) == (pytest.approx(median - half), pytest.approx(median + half))


def test_with_fewer_than_three_nights_nothing_is_outside() -> None:
    found = band("count", 0, [1000, 1000])
    assert (found.low, found.is_outside, found.usual_in_words) == (None, False, "unknown (2 of 3 nights)")


def test_a_value_that_is_gone_or_new_is_outside() -> None:
    before: list[Figures] = [{"colour: red": Figure("share", 0.5)}] * 3
    found = compare_nights({"colour: blue": Figure("share", 0.5)}, before)
    assert [(one.name, one.value, one.is_outside) for one in found] == [
        ("colour: blue", 0.5, True), ("colour: red", 0.0, True)
    ]  # fmt: skip
    assert found[1].sentence == "colour: red 0.0 %, usual 45.0 % to 55.0 %"


def test_a_rate_that_a_night_does_not_know_is_no_0() -> None:
    before: list[Figures] = [{"success": Figure("rate", 0.5)}] * 3 + [{}] * 4
    assert compare_nights({"success": Figure("rate", 0.5)}, before)[0].n_nights == 3
    assert compare_nights({}, before) == []


def test_a_share_of_few_cases_may_move_by_its_error() -> None:
    few, many = ({"it": Figure("rate", 0.5, float(np.sqrt(0.25 / n)))} for n in (25, 10_000))
    assert not compare_nights({"it": Figure("rate", 0.8, 0.08)}, [few] * 4)[0].is_outside
    assert compare_nights({"it": Figure("rate", 0.56, 0.005)}, [many] * 4)[0].is_outside


def test_seconds_are_shown_and_refuse_no_night() -> None:
    slow = band("seconds", 5000, [100.0] * 5)
    assert slow.is_outside
    assert outside([slow]) == []


def test_figures_come_back_as_they_were_stored() -> None:
    figures = {"price: mean": Figure("mean", 1 / 3, 2.5), "users": Figure("count", 7)}
    assert read_figures(figures_table(figures)) == figures
