"""Histories folded into factors: the textbook regression, the library implicit, and a minimum of the loss of ALS."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.als import fit_als
from recsys_ops.models.fold_in import FoldInRecommender, linear_form, make_fold_in


def random_histories(rng: np.random.Generator, shape: tuple[int, int]) -> sp.csr_array:
    histories = sp.csr_array((rng.random(shape) < 0.3) * rng.integers(1, 6, shape) / 5)
    histories.sort_indices()
    return histories


def textbook_vector(model: FoldInRecommender, history: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weighted least squares problem with a row for each item of the catalogue."""
    confidence = np.where(history > 0, model.alpha * history, 1.0)
    factors = model.item_factors
    penalty = model.regularization * (np.count_nonzero(history) if model.grows else 1)
    normal = factors.T @ np.diag(confidence) @ factors + penalty * np.eye(factors.shape[1])
    vector: NDArray[np.float64] = np.linalg.solve(normal, factors.T @ (confidence * (history > 0)))
    return vector


def test_scores_are_those_of_the_textbook_regression_whichever_users_are_scored_together() -> None:
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 1e3):
        histories = random_histories(rng, (6, 12))
        model = FoldInRecommender(rng.normal(0, scale, (12, 4)), 0.3 * scale**2, float(rng.choice([0.5, 1.0, 20.0])))
        scores = model.scores(histories)
        dense = histories.toarray()
        expected = np.array([model.item_factors @ textbook_vector(model, row) for row in dense])
        assert np.allclose(scores, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
        assert all(np.array_equal(model.scores(histories[[row]])[0], scores[row]) for row in range(6))


def test_a_penalty_that_grows_gives_the_users_that_spark_solves_for() -> None:
    """Spark's `NormalEquation`, implicit: Y'Y, then c y y' and (1 + c) y for each rating, and n times the penalty."""
    rng = np.random.default_rng(8)
    factors, penalty, alpha = rng.normal(0, 1, (12, 4)), 0.3, 40.0
    ones = sp.csr_array((rng.random((6, 12)) < 0.4) * 1.0)
    model = make_fold_in(factors, regularization=penalty, alpha=1 + alpha, grows=True)
    for history, vector in zip(ones.toarray(), model.user_vectors(ones), strict=True):
        own = factors[history > 0]
        normal = factors.T @ factors + alpha * own.T @ own + penalty * len(own) * np.eye(4)
        np.testing.assert_allclose(vector, np.linalg.solve(normal, (1 + alpha) * own.sum(axis=0)), rtol=1e-9)
        np.testing.assert_allclose(vector, textbook_vector(model, history), rtol=1e-9)
    assert not model.user_vectors(sp.csr_array((1, 12))).any()
    assert linear_form(make_fold_in(factors, regularization=penalty, grows=True), ones) is None


def test_with_a_confidence_of_one_the_model_is_linear() -> None:
    rng = np.random.default_rng(6)
    ones = sp.csr_array((rng.random((6, 12)) < 0.4) * 1.0)
    model = FoldInRecommender(rng.normal(0, 1, (12, 4)), 0.3, 1.0)
    linear = linear_form(model, ones)
    assert linear is not None
    assert np.allclose(linear.scores(ones), model.scores(ones), rtol=1e-9, atol=1e-12)
    assert linear_form(model, ones * 0.5) is None
    assert linear_form(FoldInRecommender(model.item_factors, 0.3, 2.0), ones) is None


def test_a_rating_of_zero_and_an_empty_history_are_no_interactions() -> None:
    model = FoldInRecommender(np.random.default_rng(1).normal(0, 1, (5, 2)))
    stored_zero = sp.csr_array((np.array([1.0, 0.0]), np.array([1, 3]), np.array([0, 2])), shape=(1, 5))
    assert np.array_equal(model.scores(stored_zero), model.scores(sp.csr_array([[0.0, 1, 0, 0, 0]])))
    assert not model.scores(sp.csr_array((1, 5))).any()


@pytest.mark.filterwarnings("ignore:OpenBLAS is configured:RuntimeWarning")
def test_user_vectors_are_those_of_implicit() -> None:
    als = pytest.importorskip("implicit.cpu.als", reason="implicit is not installed")
    rng = np.random.default_rng(2)
    histories = random_histories(rng, (20, 15))
    theirs = als.AlternatingLeastSquares(
        factors=4, regularization=0.1, alpha=7.0, use_cg=False, use_native=False, iterations=3, random_state=0,
        dtype=np.float64, num_threads=1,
    )  # fmt: skip
    theirs.fit(sp.csr_matrix(histories), show_progress=False)
    model = make_fold_in(theirs.item_factors, regularization=0.1, alpha=7.0)
    expected = theirs.recalculate_user(np.arange(20), sp.csr_matrix(histories * 1.0))
    assert np.allclose(model.user_vectors(histories), expected, rtol=1e-4, atol=1e-5)


def als_loss(histories: NDArray[np.float64], users: NDArray[np.float64], model: FoldInRecommender) -> float:
    """Hu, Koren and Volinsky 2008, eq. 3, over all pairs."""
    confidence = np.where(histories > 0, model.alpha * histories, 1.0)
    errors = (histories > 0) - users @ model.item_factors.T
    penalty = (users**2).sum() + (model.item_factors**2).sum()
    return float((confidence * errors**2).sum() + model.regularization * penalty)


def test_each_pass_of_als_lowers_the_loss_and_the_last_is_near_a_minimum() -> None:
    rng = np.random.default_rng(3)
    histories = random_histories(rng, (25, 18))
    losses = []
    for iterations in (1, 2, 4, 60):
        model = fit_als(histories, rank=3, iterations=iterations, regularization=2.0, alpha=4.0)
        losses.append(als_loss(histories.toarray(), model.user_vectors(histories), model))
    assert losses == sorted(losses, reverse=True)
    moved = FoldInRecommender(model.item_factors + rng.normal(0, 1e-4, model.item_factors.shape), 2.0, 4.0)
    assert als_loss(histories.toarray(), model.user_vectors(histories), moved) > losses[-1]


def test_the_same_seed_fits_the_same_bytes() -> None:
    histories = random_histories(np.random.default_rng(4), (30, 20))
    first, second = (fit_als(histories, rank=5, iterations=2, seed=7).item_factors for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, fit_als(histories, rank=5, iterations=2, seed=8).item_factors)


@pytest.mark.parametrize(
    ("factors", "options", "error", "message"),
    [
        (np.ones((3, 2)), {"regularization": 0.0}, ConfigError, r"regularization=0.0: expected a positive number"),
        (np.ones((3, 2)), {"alpha": np.inf}, ConfigError, r"alpha=inf: expected a positive number"),
        (
            np.ones(3),
            {},
            InputError,
            r"f.npz: expected numbers of shape \(n_items, d\) \(found float64 of shape \(3,\)",
        ),
        (np.ones((2, 3)), {}, InputError, r"f.npz: factors of 2 items, but the catalogue has 3"),
        (
            np.array([[1.0], [np.nan], [2.0]]),
            {},
            InputError,
            r"factors of 1 items are NaN or infinite \(first: row 1\)",
        ),
    ],
)
def test_factors_that_cannot_be_used_are_refused(
    factors: NDArray[np.float64], options: dict[str, float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make_fold_in(factors, item_ids=pa.array([1, 2, 3]), source="f.npz", **options)


@pytest.mark.parametrize("options", [{"rank": 0}, {"iterations": 0}, {"alpha": 0.0}, {"regularization": -1.0}])
def test_settings_of_als_out_of_their_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"als: {next(iter(options))}=.*expected"):
        fit_als(sp.csr_array(np.eye(3)), **options)  # type: ignore[arg-type]
