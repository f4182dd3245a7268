"""Properties of people in the mixed model: against the model written out, and read from a file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys_ops.acceptance.covariates import Covariate, Covariates, read_covariates
from recsys_ops.acceptance.differences import find_differences, holm
from recsys_ops.acceptance.gamm import fit_gamm
from recsys_ops.errors import InputError
from recsys_ops.tables import rejected_schema
from tests.reactions import Vector
from tests.twins import gamm as twin

PEOPLE = pa.array([f"p{n:02}" for n in range(40)])


def a_study(seed: int, *, effect: float = 0.0, by: float = 0.0) -> tuple[Vector, Vector, np.ndarray, Vector]:
    """40 people rate 6 recourses each; a property moves their level and their slope."""
    rng = np.random.default_rng(seed)
    person, x = np.repeat(np.arange(40), 6), rng.standard_normal(40)
    distance = rng.integers(1, 9, len(person)).astype(float)
    level = 4 + rng.normal(0, 0.7, 40) + effect * x
    rating = level[person] - (0.2 - by * x[person]) * distance + rng.normal(0, 0.8, len(person))
    return distance, rating, person, x


def known(x: Vector, *, unit: float = 1.0) -> Covariates:
    one = Covariate("x", x[:, None] / unit, np.array([unit]), ("",), "")
    return Covariates((one,), np.ones(len(x), dtype=bool), rejected_schema().empty_table())


@pytest.mark.parametrize("seed", range(3))
def test_added_columns_have_the_coefficients_and_errors_of_generalised_least_squares(seed: int) -> None:
    distance, rating, person, x = a_study(seed, effect=0.5, by=0.1)
    extra = np.column_stack([x[person], x[person] * (distance - distance.mean())])
    extra -= extra.mean(axis=0)
    fit = fit_gamm(distance, rating, person, 40, extra)
    bends = fit.spline(distance)
    fixed = np.column_stack([np.ones_like(distance), extra, bends[:, 0]])
    member = (person[:, None] == np.arange(40)).astype(float)
    shares = 1 / fit.solution.penalties
    model = twin.Covariance(fixed, bends[:, 1:], member, member * distance[:, None], rating, shares)
    inverse = np.linalg.inv(model.v)
    covariance = np.linalg.inv(fixed.T @ inverse @ fixed)
    coefficients = covariance @ fixed.T @ inverse @ rating
    assert fit.extra_coefficients == pytest.approx(coefficients[1:3], rel=1e-5, abs=1e-7)
    assert fit.extra_covariance == pytest.approx(fit.residual_sd**2 * covariance[1:3, 1:3], rel=1e-4)
    loss, variance = twin.restricted_loss(model)
    assert fit.reml == pytest.approx(loss, rel=1e-7)
    assert fit.residual_sd**2 == pytest.approx(variance, rel=1e-7)


def test_a_property_that_moves_levels_and_slopes_is_found_with_both() -> None:
    distance, rating, person, x = a_study(1, effect=0.8, by=0.15)
    level, slope = find_differences(distance, rating, person, known(x)).found
    assert (level.effect, slope.effect) == ("intercept", "slope")
    assert max(level.p_adjusted, slope.p_adjusted) < 0.01
    at_mean = 0.8 + 0.15 * distance.mean()
    assert level.low[0] < at_mean < level.high[0]
    assert slope.low[0] < 0.15 < slope.high[0]


def test_the_unit_of_a_property_scales_its_coefficient_and_nothing_else() -> None:
    distance, rating, person, x = a_study(2, effect=0.4)
    one, other = (find_differences(distance, rating, person, known(x, unit=unit)).found[0] for unit in (1.0, 1e4))
    assert one.coefficients == pytest.approx(other.coefficients, rel=1e-4)
    assert one.p == pytest.approx(other.p, rel=1e-3)


def test_too_few_people_for_the_columns_are_said() -> None:
    distance, rating, person, _ = a_study(0)
    columns = np.random.default_rng(0).standard_normal((40, 5))
    one = Covariate("city", columns, np.ones(5), tuple("abcde"), "f")
    found = find_differences(distance, rating, person, Covariates((one,), np.ones(40, bool), pa.table({})))
    assert found.reason == "40 people, at least 60 needed for 5 columns"


def test_holms_p_values_are_those_of_the_step_down_rule() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def write(path: Path, **columns: list[object]) -> str:
    pq.write_table(pa.table({"person_id": PEOPLE, **columns}), path / "people.parquet")
    return str(path / "people.parquet")


def test_numbers_are_in_standard_deviations_and_categories_against_the_commonest(tmp_path: Path) -> None:
    kinds = ["b"] * 20 + ["a"] * 12 + ["c"] * 8
    url = write(tmp_path, age=list(range(40)), kind=kinds, owns=[n % 3 == 0 for n in range(40)])
    age, kind, owns = read_covariates(url, PEOPLE).covariates
    assert age.columns.std() == pytest.approx(1)
    assert age.units[0] == pytest.approx(np.std(range(40)))
    assert (kind.reference, kind.levels) == ("b", ("a", "c"))
    assert kind.columns.sum(axis=0).tolist() == [12, 8]
    assert (owns.reference, owns.levels) == ("false", ("true",))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "no column beside person_id"),
        ({"age": [1] * 40}, "column 'age' is the same for everybody"),
        ({"age": list(range(40)), "born": [2000 - n for n in range(40)]}, "column 'born' follows from the columns"),
        ({"age": [None, *range(39)]}, "column 'age' has 1 value missing"),
        ({"age": [float("nan"), *range(39)]}, "column 'age' has 1 value that is no number"),
        ({"likes": [["a"]] * 40}, "column 'likes' is list"),
    ],
)
def test_what_no_property_can_be_is_refused_by_name(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_covariates(write(tmp_path, **columns), PEOPLE)


def test_people_without_a_row_stop_or_are_left_out(tmp_path: Path) -> None:
    url = write(tmp_path, age=list(range(40)))
    people = pa.array([*PEOPLE.to_pylist(), "new"])
    with pytest.raises(InputError, match=r"1 of 41 people who rated have no row \(first: new\)"):
        read_covariates(url, people)
    known = read_covariates(url, people, on_bad_rows="quarantine")
    assert known.is_known.tolist() == [True] * 40 + [False]


def test_ids_of_another_type_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="person_id is string, in the feedback int64"):
        read_covariates(write(tmp_path, age=list(range(40))), pa.array(range(40)))
