"""What is reported of antidote data holds for an independent refit; intervals and verdicts are what they say."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats

from recsys_ops.antidote.as_used import AsUsed, Interval, another_value, keeps_limits, over_splits, verdict_of
from recsys_ops.antidote.objectives import IndividualUnfairness, Objective, Polarisation, measure
from recsys_ops.antidote.standing import Standing, share_kept, standing, top_lists
from recsys_ops.models.mf import AlsSettings, Factors, fit_als
from recsys_ops.models.mf_balance import balanced_items, evenly_balanced_items
from recsys_ops.models.mf_rows import LocalRows, packed_outer
from recsys_ops.models.mf_settled import fit_settled
from tests.twins import antidote as twin

LISTS = np.array([[0, 1, -1], [2, 3, 4]], np.int32)


def stars(seed: int, n_users: int = 20, n_items: int = 14) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    ratings = np.clip(np.round(3.5 + taste + 0.5 * rng.normal(size=taste.shape)), 1, 5)
    known = np.nonzero(rng.random(ratings.shape) < 0.5)
    return sp.csr_array((ratings[known], known), shape=ratings.shape)


def stand(value: float, *, rmse: float = 0.7, lists: np.ndarray = LISTS) -> Standing:
    return Standing(0, value, rmse, lists, is_settled=True)


def loss_of(ratings: np.ndarray, factors: Factors, extra: np.ndarray, ridge: float) -> float:
    users = np.vstack([factors.users, extra])
    penalty = sum(float(np.sum(part**2)) for part in (users, factors.items))
    return float(np.nansum((users @ factors.items.T - ratings) ** 2)) + ridge * penalty


@pytest.mark.parametrize("seed", range(6))
def test_a_settled_fit_is_where_the_textbook_ends_after_ten_thousand_iterations(seed: int) -> None:
    real, added = stars(seed), sp.csr_array(np.random.default_rng(seed).uniform(1, 5, (2, 14)))
    settings = AlsSettings(2, 2.0, seed=seed)
    rows, objective = LocalRows(real), Polarisation()
    fit = fit_settled(rows, settings, lambda factors: objective.value(measure(rows, factors)), artificial=added)
    both = np.vstack([np.where(real.toarray() > 0, real.toarray(), np.nan), added.toarray()])
    users, items = twin.als(both, fit.factors.items, 2.0, iterations=10_000, tolerance=1e-12)
    assert fit.converged
    assert loss_of(both, fit.factors, fit.artificial, 2.0) == pytest.approx(
        loss_of(both, Factors(users[:20], items), users[20:], 2.0), rel=1e-6
    )
    assert objective.value(measure(rows, fit.factors)) == pytest.approx(
        twin.polarisation(users[:20] @ items.T), rel=5e-3
    )


def test_a_plateau_on_which_plain_iterations_stop_is_left() -> None:
    """One factor for two tastes of almost the same strength: that of all users, and one that parts them."""
    users, items = np.where(np.arange(20) < 10, 1.0, -1.0), np.where(np.arange(14) < 7, 1.0, -1.0)
    rows, objective = LocalRows(sp.csr_array(3.0 + 2.95 * np.outer(users, items))), Polarisation()
    start = (items + 1e-3)[:, None]
    early = fit_als(rows, AlsSettings(1, 1.0), start=start)
    late = fit_settled(rows, AlsSettings(1, 1.0), lambda factors: objective.value(measure(rows, factors)), start=start)
    values = [objective.value(measure(rows, factors)) for factors in (early.factors, late.factors)]
    assert early.converged
    assert values[0] > 1
    assert values[1] < 1e-2


def test_blocks_change_no_bit_of_a_settled_fit() -> None:
    objective = IndividualUnfairness()
    found = []
    for size in (10_000, 30):
        rows = LocalRows(stars(1), block_ratings=size)
        found.append(standing(rows, objective, AlsSettings(2, 1.0, seed=3)))
    assert (found[0].value, found[0].rmse) == (found[1].value, found[1].rmse)
    assert found[0].lists.tobytes() == found[1].lists.tobytes()


def test_even_balance_is_that_of_the_singular_values_without_their_signs() -> None:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(9, 3)), rng.normal(size=(7, 3))
    grams = (packed_outer(items).sum(axis=0), packed_outer(users).sum(axis=0))
    one, other = balanced_items(items, *grams), evenly_balanced_items(items, *grams)
    np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-10)
    singular = np.zeros((7, 3))
    np.testing.assert_array_equal(evenly_balanced_items(singular, np.zeros(6), grams[1]), singular)


def test_an_interval_is_students_for_one_more_value() -> None:
    """95 of 100 further values lie inside, whatever mean and spread are."""
    rng, inside = np.random.default_rng(0), []
    for _ in range(2000):
        values = 3 + 0.4 * rng.normal(size=6)
        interval = another_value(values[:5])
        inside.append(interval.low <= values[5] <= interval.high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
    assert another_value(np.array([0.2])).holds_zero


def test_splits_that_share_ratings_count_for_less_than_independent_ones() -> None:
    values = np.array([-0.3, -0.2, -0.25])
    reach = scipy.stats.t.ppf(0.975, 2) * values.std(ddof=1) * np.sqrt(1 / 3 + 0.2 / 0.8)
    found = over_splits(values, 0.2)
    assert (found.low, found.high) == (pytest.approx(-0.25 - reach), pytest.approx(-0.25 + reach))
    assert over_splits(values[:1], 0.2).holds_zero


def test_effect_and_noise_floor_are_those_of_the_starts() -> None:
    moved = np.array([[0, 9, -1], [2, 8, 7]], np.int32)
    used = AsUsed(
        (stand(1.0), stand(2.0), stand(1.5)),
        (stand(0.5, rmse=0.8, lists=moved), stand(1.2, rmse=0.8, lists=moved), stand(0.9, rmse=0.8, lists=moved)),
        (stand(1.0), stand(1.9), stand(1.5)),
    )
    np.testing.assert_allclose(used.changes, np.array([-0.5, -0.8, -0.6]) / 1.5)
    assert used.effect.mean == pytest.approx(2.6 / 4.5 - 1)
    assert (used.worst(1.0), used.worst(-1.0)) == (pytest.approx(-0.5 / 1.5), pytest.approx(-0.8 / 1.5))
    assert used.kept[0] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert used.floor_kept == used.random_kept == 1.0
    np.testing.assert_allclose(used.rmse_changes, 0.1)
    assert not keeps_limits(used, max_rmse_loss=0.05)
    assert not keeps_limits(used, min_overlap=0.5)
    assert keeps_limits(used, max_rmse_loss=0.2, min_overlap=0.4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("effect", "beyond", "within", "verdict"),
    [
        ((-0.4, -0.2), (-0.3, -0.1), True, "helps"),
        ((-0.4, 0.1), (-0.3, -0.1), True, "uncertain"),
        ((0.1, 0.4), (-0.3, -0.1), True, "harms"),
        ((-0.4, -0.2), (-0.1, 0.1), True, "as random"),
        ((-0.4, -0.2), (0.1, 0.3), True, "as random"),
        ((-0.4, -0.2), (-0.3, -0.1), False, "beyond limits"),
    ],
)
def test_a_verdict_follows_from_the_intervals(
    effect: tuple[float, float], beyond: tuple[float, float], within: bool, verdict: str, sign: float
) -> None:
    def interval(ends: tuple[float, float]) -> Interval:
        low, high = sorted(sign * end for end in ends)
        return Interval((low + high) / 2, low, high)

    assert verdict_of(interval(effect), interval(beyond), sign, within_limits=within) == verdict


def test_lists_are_the_best_that_are_not_rated_and_short_ones_count_as_they_are() -> None:
    real, rng = stars(2), np.random.default_rng(0)
    factors = Factors(rng.normal(size=(20, 2)), rng.normal(size=(14, 2)))
    lists = top_lists(LocalRows(real, block_ratings=20), factors)
    for user in range(20):
        rated = set(real.indices[real.indptr[user] : real.indptr[user + 1]])
        wanted = [item for item in np.argsort(-(factors.items @ factors.users[user])) if item not in rated][:10]
        assert [item for item in lists[user] if item >= 0] == wanted
    assert share_kept(np.full((2, 3), -1, np.int32), LISTS) == 1.0
    assert share_kept(LISTS, LISTS) == 1.0


def independent_changes(
    real: np.ndarray, artificial: np.ndarray, objective: Objective, settings: AlsSettings, starts: range
) -> np.ndarray:
    """The change of the objective from other starts, by the textbook's ALS to 1e-10."""
    found = []
    for start in starts:
        items = np.random.default_rng(start).normal(0.5, 0.4, (real.shape[1], settings.rank))
        values = []
        for both in (real, np.vstack([real, artificial])):
            users, fitted = twin.als(both, items, settings.regularisation, tolerance=1e-10, is_balanced=True)
            predictions = users[: len(real)] @ fitted.T
            is_variance = isinstance(objective, Polarisation)
            values.append(
                twin.polarisation(predictions) if is_variance else twin.unfairness(twin.user_losses(real, predictions))
            )
        found.append(values)
    before, after = np.array(found).T
    return (after - before) / before.mean()


@pytest.mark.parametrize(("objective", "seed"), [(Polarisation(), 0), (IndividualUnfairness(), 1), (Polarisation(), 2)])
def test_what_is_told_holds_for_an_independent_refit(objective: Objective, seed: int) -> None:
    real = stars(seed)
    artificial = sp.csr_array(np.random.default_rng(seed).choice([1.0, 5.0], (2, 14)))
    rows, settings = LocalRows(real), AlsSettings(2, 1.0)
    stands = [
        tuple(standing(rows, objective, AlsSettings(2, 1.0, seed=start), artificial=added) for start in range(5))
        for added in (None, artificial)
    ]
    effect = AsUsed(*stands, stands[0]).effect
    dense = np.where(real.toarray() > 0, real.toarray(), np.nan)
    changes = independent_changes(dense, artificial.toarray(), objective, settings, range(3))
    assert effect.low <= changes.mean() <= effect.high
