"""The mixed model against its definition on small studies, and against mgcv on the reference data where they are."""

import csv
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_ops.acceptance.akaike import _upper_dof, used_dof
from recsys_ops.acceptance.gamm import MixedFit, _curve_rank, fit_gamm
from recsys_ops.acceptance.moments import Moments, intercept_and_slope, moments_of
from recsys_ops.acceptance.reml import maximise, solve
from recsys_ops.acceptance.spline import make_spline
from tests.reactions import Vector, ratings_of
from tests.twins import gamm as twin

FOLDER = os.environ.get("RECSYS_OPS_DATA", "")
needs_data = pytest.mark.skipif(not FOLDER, reason="RECSYS_OPS_DATA is not set: the reference fits are not distributed")

seeds = st.integers(0, 10_000)
log_penalties = st.tuples(*[st.floats(-4, 6)] * 3).map(np.array)


def study(seed: int, at: Vector) -> tuple[Moments, twin.Covariance]:
    """One small study as the model sees it and written out."""
    distance, rating, person = ratings_of(seed)
    columns = np.column_stack([np.ones_like(distance), make_spline(distance)(distance)])
    moments = moments_of(columns, intercept_and_slope(distance), person, rating, int(person.max()) + 1)
    return moments, twin.write_out(columns, distance, person, rating, np.exp(-at))


@given(seed=seeds, at=log_penalties)
def test_the_restricted_likelihood_is_that_of_the_model_written_out(seed: int, at: Vector) -> None:
    moments, written = study(seed, at)
    solution = solve(moments, at)
    loss, variance = twin.restricted_loss(written)
    assert solution.loss == pytest.approx(loss, rel=1e-7, abs=1e-6)
    assert solution.variance == pytest.approx(variance, rel=1e-7)


@given(seed=seeds, at=log_penalties)
def test_coefficients_and_effects_are_the_best_linear_unbiased_predictions(seed: int, at: Vector) -> None:
    moments, written = study(seed, at)
    solution = solve(moments, at)
    fixed, bends, intercepts, slopes = twin.predictions(written)
    assert np.allclose(solution.coefficients, np.r_[fixed, bends], atol=1e-6)
    assert np.allclose(solution.effects, np.column_stack([intercepts, slopes]), atol=1e-6)


@given(seed=seeds, at=log_penalties)
def test_the_gradient_equals_finite_differences(seed: int, at: Vector) -> None:
    moments, _ = study(seed, at)
    step = 1e-5
    numeric = [
        (solve(moments, at + step * axis).loss - solve(moments, at - step * axis).loss) / (2 * step)
        for axis in np.eye(3)
    ]
    assert np.allclose(solve(moments, at).gradient, numeric, atol=1e-5)


@given(seed=seeds, at=log_penalties)
def test_degrees_of_freedom_are_traces_of_the_smoother(seed: int, at: Vector) -> None:
    moments, written = study(seed, at)
    solution = solve(moments, at)
    smoother, inverse = twin.smoother(written)
    n_columns, n_people = len(moments.xy), len(moments.zy)
    ends = np.cumsum([2, n_columns - 2, n_people, n_people])
    edf = [np.diag(smoother)[a:b].sum() for a, b in itertools.pairwise(ends)]
    twice = 2 * np.diag(smoother) - np.diag(smoother @ smoother)
    assert np.allclose(solution.edf, edf, atol=1e-6)
    assert _curve_rank(solution) == pytest.approx(twice[1:n_columns].sum(), abs=1e-6)
    assert _upper_dof(moments, solution) == pytest.approx(twice.sum(), abs=1e-6)
    assert np.allclose(solution.inverse, inverse[:n_columns, :n_columns], atol=1e-8)
    people = np.diag(inverse)[n_columns:].reshape(2, n_people).T
    assert np.allclose(np.einsum("ukk->uk", solution.effect_inverse), people, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_no_penalties_nearby_or_far_are_more_likely(seed: int) -> None:
    moments, _ = study(seed, np.zeros(3))
    best = maximise(moments)
    others = np.random.default_rng(seed).uniform(-6, 12, (200, 3))
    around = np.log(best.penalties) + np.random.default_rng(seed).normal(0, 0.1, (50, 3))
    assert best.loss <= min(solve(moments, at).loss for at in [*others, *around]) + 1e-6


def test_correcting_for_estimated_penalties_adds_degrees_of_freedom_up_to_a_bound() -> None:
    moments, _ = study(1, np.zeros(3))
    solution = maximise(moments)
    used = used_dof(moments, solution)
    assert 2 + solution.edf.sum() < used <= _upper_dof(moments, solution)


def test_a_step_of_the_ratings_scale_scales_the_fit() -> None:
    distance, rating, person = ratings_of(4, n_people=30)
    one, ten = (fit_gamm(distance, scale * rating, person, 30) for scale in (1.0, 10.0))
    assert np.allclose(ten.curve(distance), 10 * one.curve(distance), atol=1e-3)
    assert ten.p == pytest.approx(one.p, rel=1e-3)
    assert ten.edf == pytest.approx(one.edf, abs=1e-3)


def test_the_order_of_the_ratings_does_not_matter() -> None:
    distance, rating, person = ratings_of(6, n_people=30)
    shuffled = np.random.default_rng(0).permutation(len(rating))
    one = fit_gamm(distance, rating, person, 30)
    other = fit_gamm(distance[shuffled], rating[shuffled], person[shuffled], 30)
    assert np.allclose(one.curve(distance), other.curve(distance), atol=1e-6)
    assert np.allclose(one.effects, other.effects, atol=1e-6)


def read(name: str) -> list[dict[str, Any]]:
    path = Path(FOLDER) / "gamm-reference" / name
    with path.open(encoding="utf-8") as stream:
        return [{key: float(text) if key not in ("data", "term") else text for key, text in row.items()}
                for row in csv.DictReader(stream)]  # fmt: skip


def fit_reference(name: str) -> MixedFit:
    rows = read(f"{name}.csv")
    distance, rating, person = (np.array([row[column] for row in rows]) for column in ("distance", "rating", "person"))
    return fit_gamm(distance, rating, person.astype(np.int64), int(person.max()) + 1)


@needs_data
@pytest.mark.parametrize("name", ["flat", "threshold", "linear", "proximity"])
def test_the_fit_is_that_of_mgcv(name: str) -> None:
    fit = fit_reference(name)
    term, intercepts, slopes = (row for row in read("mgcv_terms.csv") if row["data"] == name)
    assert fit.edf == pytest.approx(term["edf"], abs=0.01)
    assert fit.edf_intercepts == pytest.approx(intercepts["edf"], abs=0.1)
    assert fit.edf_slopes == pytest.approx(slopes["edf"], abs=0.1)
    for (f, p), theirs in zip(fit.people_tests(), (intercepts, slopes), strict=True):
        if theirs["edf"] < 0.1:  # shrunk to nothing: mgcv stops a little before, where F is 0.00006
            assert (f, p) == (0.0, 1.0)
            continue
        assert f == pytest.approx(theirs["F"], rel=0.01)
        assert p == pytest.approx(theirs["p"], rel=0.01, abs=1e-9)
    assert fit.f == pytest.approx(term["F"], rel=0.005)
    assert fit.p == pytest.approx(term["p"], abs=0.001)
    assert fit.intercept == pytest.approx(term["intercept"], abs=1e-4)
    assert fit.intercept_se == pytest.approx(term["intercept_se"], abs=1e-4)
    assert fit.residual_sd == pytest.approx(term["sigma"], abs=1e-4)
    assert fit.r2_adjusted == pytest.approx(term["r2_adj"], abs=1e-4)
    assert fit.aic == pytest.approx(term["aic"], abs=0.1)
    points = [row for row in read("mgcv_curves.csv") if row["data"] == name]
    at, smooth, se = (np.array([row[column] for row in points]) for column in ("distance", "smooth", "se"))
    assert np.all(np.abs(fit.curve(at) - smooth) <= 0.02 * se)
    assert np.allclose(fit.curve_se(at), se, atol=2e-3)
