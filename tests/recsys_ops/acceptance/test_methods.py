"""Points of explanations by method: the tests from their definitions, and what is refused."""

from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys_ops.acceptance.methods import MethodRatings, compare_methods, rank_biserial, read_method_ratings
from recsys_ops.errors import InputError
from recsys_ops.tables import rejected_schema


def rated(points: np.ndarray, **attributes: np.ndarray) -> MethodRatings:
    n_people, n_methods = points.shape
    person, method = np.repeat(np.arange(n_people), n_methods), np.tile(np.arange(n_methods), n_people)
    names = tuple("abcdef"[:n_methods])
    empty = rejected_schema().empty_table()
    return MethodRatings(pa.array(range(n_people)), names, person, method, points.ravel(), attributes, empty)


def test_friedman_is_the_sum_of_squared_mean_ranks_where_nobody_ties() -> None:
    points = np.array([row[:3] for row in np.random.default_rng(0).random((12, 6)).argsort(axis=1)]).astype(float)
    found = compare_methods(rated(points))
    ranks = points.argsort(axis=1).argsort(axis=1) + 1.0
    assert found.chi2 == pytest.approx(12 * 12 / (3 * 4) * ((ranks.mean(axis=0) - 2) ** 2).sum())
    assert found.agreement == pytest.approx(found.chi2 / 24)


def test_signed_ranks_have_the_p_value_of_all_signs() -> None:
    gaps = np.array([1.0, -2, 3, 4, 5, 6, 7])
    found = compare_methods(rated(np.column_stack([10 + gaps, np.full(7, 10.0)])))
    sums = [sum(rank for rank, up in zip(range(1, 8), signs, strict=True) if up) for signs in product((0, 1), repeat=7)]
    pair = found.pairs[0]
    assert pair.p == pytest.approx(2 * np.mean(np.array(sums) <= 2))
    assert (pair.difference, pair.p_adjusted) == (pytest.approx(gaps.mean()), pair.p)
    assert found.chi2 is None


def test_p_values_of_pairs_are_times_their_number_and_at_most_1() -> None:
    points = np.clip(np.rint(np.random.default_rng(1).normal([4, 4, 3], 1, (30, 3))), 1, 6)
    pairs = compare_methods(rated(points)).pairs
    assert [one.p_adjusted for one in pairs] == [pytest.approx(min(1.0, 3 * one.p)) for one in pairs]


def test_equal_methods_do_not_differ() -> None:
    found = compare_methods(rated(np.tile([[3.0, 3.0, 3.0]], (8, 1))))
    assert (found.chi2, found.p, found.pairs[0].p, found.pairs[0].effect) == (0.0, 1.0, 1.0, 0.0)


def test_the_effect_is_1_where_everybody_prefers_the_first() -> None:
    assert rank_biserial(np.array([1.0, 2, 0])) == 1
    assert rank_biserial(np.array([1.0, -2, 3])) == pytest.approx((1 + 3 - 2) / 6)


def test_points_that_fall_with_size_are_found() -> None:
    rng = np.random.default_rng(3)
    size = rng.integers(1, 8, (60, 3)).astype(float)
    points = np.clip(np.rint(5 - 0.4 * size + rng.normal(0, 0.8, (60, 1)) + rng.normal(0, 0.6, (60, 3))), 1, 6)
    fit = compare_methods(rated(points, size=size.ravel())).attributes["size"].fit
    assert fit is not None
    assert fit.p < 1e-6


def write(path: Path, **columns: list[object]) -> str:
    people = [n // 2 for n in range(16)]
    table = {"person_id": people, "method": ["x", "y"] * 8, "rating": [n % 6 + 1 for n in range(16)]} | columns
    pq.write_table(pa.table(table), path / "points.parquet")
    return str(path / "points.parquet")


def test_several_explanations_of_a_method_count_by_their_mean_and_lacking_people_are_left_out(tmp_path: Path) -> None:
    people = [0, 0, 0, *[n // 2 for n in range(2, 14)], 9]
    methods = ["x", "x", "y", *["x", "y"] * 6, "x"]
    url = write(tmp_path, person_id=people, method=methods, rating=[1, 4, 2, *[3, 5] * 6, 6])
    found = compare_methods(read_method_ratings(url))
    assert (found.n_people, found.n_left_out) == (7, 1)
    assert found.methods[0].mean == pytest.approx((2.5 + 6 * 3) / 7)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rating": [7, *[1] * 15]}, "column 'rating' has 1 value that is no whole number 1 to 6"),
        ({"method": [None, *["y"] * 15]}, "column 'method' has 1 value missing"),
        ({"method": ["x"] * 16}, "all ratings are of method 'x'"),
        ({"size": [float("inf"), *[1.0] * 15]}, "column 'size' has 1 value that is no number"),
    ],
)
def test_bad_ratings_are_said(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_method_ratings(write(tmp_path, **columns))


def test_five_people_are_too_few() -> None:
    with pytest.raises(InputError, match="5 people rated every method"):
        compare_methods(rated(np.ones((5, 2))))
