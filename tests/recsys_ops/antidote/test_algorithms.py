"""Every algorithm keeps the limits, the search beats the rules of thumb, and evaluation sees real users only."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.antidote import algorithms, search
from recsys_ops.antidote.algorithms import ALGORITHMS, propose
from recsys_ops.antidote.contribution import contributions, gradient_contributions
from recsys_ops.antidote.evaluate import evaluate, jaccard_curve, similarity_by_length
from recsys_ops.antidote.objectives import GroupUnfairness, IndividualUnfairness, Polarisation, measure
from recsys_ops.antidote.problem import AntidoteProblem, budget_users, whole_range
from recsys_ops.antidote.unseen import PENALTIES, choose_reference, expect_unseen, unrated_pairs
from recsys_ops.errors import ConfigError
from recsys_ops.models.mf import AlsSettings, Factors, fit_als
from recsys_ops.models.mf_rows import LocalRows
from recsys_ops.models.mf_validation import hold_out
from tests.twins import antidote as twin

RANGE = (1.0, 5.0)


@pytest.fixture(autouse=True)
def short_descents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps: the catalogues are small."""
    for name, number in (("RANDOM_STARTS", 2), ("PAPER_STEPS", 4)):
        monkeypatch.setattr(algorithms, name, number)
    for name, number in (("FIRST_STEPS", 3), ("LEGS", 2), ("LEG_STEPS", 6)):
        monkeypatch.setattr(search, name, number)


def marketplace(seed: int = 0, n_users: int = 60, n_items: int = 40) -> sp.csr_array:
    """Ratings of users with two tastes, and noise."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    stars = np.clip(np.round(3.5 + taste + 0.5 * rng.normal(size=taste.shape)), 1, 5)
    known = np.nonzero(rng.random(stars.shape) < 0.4)
    return sp.csr_array((stars[known], known), shape=stars.shape)


def polarisation_problem(**changes: object) -> AntidoteProblem:
    """Less polarisation in a small marketplace."""
    problem = AntidoteProblem(
        LocalRows(marketplace()), Polarisation(), "min", AlsSettings(3, 0.5, tolerance=1e-4), RANGE
    )
    return replace(problem, **changes)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_keeps_range_cap_and_whole_ratings(algorithm: str) -> None:
    problem = polarisation_problem(max_ratings=7, whole_ratings=True)
    made = propose(problem, algorithm, 3, seed=0)
    assert made.shape == (3, 40)
    assert (np.diff(made.indptr) == 7).all()
    assert set(made.data) <= {1.0, 2.0, 3.0, 4.0, 5.0}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_gives_the_same_bytes_again(algorithm: str) -> None:
    problem = polarisation_problem(max_ratings=10)
    blocks = replace(problem, rows=LocalRows(marketplace(), block_ratings=100))
    first, again = propose(problem, algorithm, 2, seed=4), propose(blocks, algorithm, 2, seed=4)
    assert first.data.tobytes() == again.data.tobytes()
    assert first.indices.tobytes() == again.indices.tobytes()


@pytest.mark.parametrize("direction", ["min", "max"])
def test_the_search_moves_the_objective_further_than_every_other_algorithm(direction: str) -> None:
    problem = polarisation_problem(direction=direction)
    after = {
        name: problem.sign * evaluate(problem, propose(problem, name, 3, seed=0)).train.value_after
        for name in ALGORITHMS
    }
    assert min(after, key=lambda name: after[name]) == "search"


@pytest.mark.parametrize(
    "objective",
    [IndividualUnfairness(), GroupUnfairness("items", sp.csr_array(np.repeat(np.eye(4), 10, axis=0)))],
)
def test_the_search_lowers_unfairness(objective: IndividualUnfairness | GroupUnfairness) -> None:
    problem = polarisation_problem(objective=objective)
    effect = evaluate(problem, propose(problem, "search", 3, seed=0)).train
    assert effect.value_after < 0.7 * effect.value_before


def test_the_limit_on_accuracy_lost_holds_and_costs_some_of_the_effect() -> None:
    free, limited = polarisation_problem(), polarisation_problem(max_rmse_loss=0.02)
    effects = [evaluate(problem, propose(problem, "search", 4, seed=0)).train for problem in (free, limited)]
    assert effects[0].rmse_after - effects[0].rmse_before > 0.02 >= effects[1].rmse_after - effects[1].rmse_before
    assert effects[0].value_after < effects[1].value_after < effects[1].value_before


def test_the_limit_is_about_the_fit_also_where_the_objective_is_evaluated_on_unseen_ratings() -> None:
    unseen = expect_unseen(marketplace(), AlsSettings(2, 1.0), seed=0)
    problem = polarisation_problem(objective=IndividualUnfairness(), evaluated_on=unseen, max_rmse_loss=0.02)
    made = propose(problem, "search", 4, seed=0)
    fits = [problem.fit(rows).factors for rows in (None, made)]
    before, after = (measure(problem.rows, factors).rmse for factors in fits)
    values = [problem.objective.value(problem.measure(factors)) for factors in fits]
    assert made.shape[0] == 4
    assert after - before <= 0.02
    assert values[1] < values[0]


@pytest.mark.parametrize("limit", [0.01, 0.02, 0.03, 0.05])
def test_as_many_artificial_users_as_the_limit_allows_are_kept(limit: float) -> None:
    problem = polarisation_problem(max_rmse_loss=limit)
    made = propose(polarisation_problem(), "baseline_max", 7, seed=0)
    kept = search.within_limits(problem, made).shape[0]
    before = measure(problem.rows, problem.fit().factors).rmse
    losses = [measure(problem.rows, problem.fit(made[:n]).factors).rmse - before for n in range(8)]
    assert losses[kept] <= limit
    assert kept == 7 or losses[kept + 1] > limit


def test_nothing_is_proposed_where_every_artificial_user_breaks_the_limit() -> None:
    assert propose(polarisation_problem(max_rmse_loss=-1.0), "random", 3, seed=0).shape == (0, 40)


def test_an_unknown_algorithm_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match=r"--algorithm magic: unknown.*search"):
        propose(polarisation_problem(), "magic", 1, seed=0)


def test_the_rules_of_thumb_are_what_they_say() -> None:
    problem, ratings = polarisation_problem(), marketplace()
    means = propose(problem, "baseline_min", 2, seed=0).toarray()
    counts = np.bincount(ratings.indices, minlength=40)
    np.testing.assert_allclose(means, np.tile(ratings.sum(axis=0) / counts, (2, 1)))
    halves = propose(problem, "baseline_max", 4, seed=0).toarray()
    np.testing.assert_array_equal(halves[:, 0], [5, 1, 5, 1])
    for name in ("heuristic1", "heuristic2"):
        rows = propose(problem, name, 3, seed=0).toarray()
        assert (rows == rows[0]).all()
        assert set(np.unique(rows)) == {1.0, 5.0}


def test_the_second_heuristic_rates_by_the_sign_of_the_folded_gradient() -> None:
    problem = polarisation_problem()
    factors = problem.fit().factors
    predictions = factors.users @ factors.items.T
    derivative = 2 / predictions.size * (predictions - predictions.mean(axis=0))
    wanted = np.where((derivative.T @ factors.users).sum(axis=1) > 0, 1.0, 5.0)
    np.testing.assert_array_equal(propose(problem, "heuristic2", 1, seed=0).toarray()[0], wanted)


def test_an_evaluation_is_that_of_the_textbook_on_real_users_only() -> None:
    ratings = marketplace()
    train, held_out = hold_out(ratings, 0.2, seed=0)
    problem = polarisation_problem(rows=LocalRows(train), objective=IndividualUnfairness())
    artificial = propose(problem, "random", 3, seed=0)
    evaluation = evaluate(problem, artificial, held_out=held_out)
    factors = evaluation.after.factors
    assert evaluation.after.artificial.shape == (3, 3)
    for part, effect in ((train, evaluation.train), (held_out, evaluation.held_out)):
        dense = np.where(part.toarray() > 0, part.toarray(), np.nan)
        predictions = factors.users @ factors.items.T
        assert effect is not None
        assert effect.value_after == pytest.approx(twin.unfairness(twin.user_losses(dense, predictions)))
        assert effect.rmse_after == pytest.approx(twin.rmse(dense, predictions))


def test_lists_are_compared_without_what_the_user_has_rated() -> None:
    rng, ratings = np.random.default_rng(0), marketplace()
    one, other = (Factors(rng.normal(size=(60, 3)), rng.normal(size=(40, 3))) for _ in range(2))
    curve = jaccard_curve(LocalRows(ratings, block_ratings=50), one, other, depth=5)
    wanted = []
    for k in range(1, 6):
        shares = []
        for user in range(60):
            rated = set(ratings.indices[ratings.indptr[user] : ratings.indptr[user + 1]])
            tops = [
                set([item for item in np.argsort(-(f.items @ f.users[user])) if item not in rated][:k])
                for f in (one, other)
            ]
            shares.append(len(tops[0] & tops[1]) / len(tops[0] | tops[1]))
        wanted.append(np.mean(shares))
    np.testing.assert_allclose(curve, wanted)


def test_short_lists_are_compared_as_they_are() -> None:
    found = similarity_by_length(np.array([[4, 7, -1], [-1, -1, -1]]), np.array([[7, -1, -1], [-1, -1, -1]]))
    np.testing.assert_allclose(found, [[0, 1 / 2, 1 / 2], [1, 1, 1]])


def test_the_first_order_contribution_is_the_derivative_by_a_users_weight() -> None:
    small = marketplace(n_users=14, n_items=9)
    problem = polarisation_problem(
        rows=LocalRows(small), als=AlsSettings(2, 2.0, tolerance=-np.inf, max_iterations=800)
    )
    artificial = propose(problem, "random", 2, seed=1)
    found = gradient_contributions(problem, artificial, problem.rows, problem.fit(artificial))
    ratings = np.where(small.toarray() > 0, small.toarray(), np.nan)
    start, moved = problem.fit(artificial).factors.items, []
    for weight in (1.01, 0.99):
        users, items = weighted_als(ratings, artificial.toarray(), np.array([weight, 1.0]), start, 2.0)
        moved.append(float((users @ items.T).var(axis=0).mean()))
    assert found[0] == pytest.approx((moved[0] - moved[1]) / 0.02, rel=1e-3)


def weighted_als(
    ratings: np.ndarray, artificial: np.ndarray, weights: np.ndarray, start: np.ndarray, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    """ALS in which the squared errors of artificial users count ``weights`` times; factors of the real ones."""
    everybody = np.vstack([ratings, artificial])
    weight = np.concatenate([np.ones(len(ratings)), weights])
    rated, items = ~np.isnan(everybody), start
    users = np.zeros((len(everybody), start.shape[1]))
    for _ in range(300):
        for user in range(len(everybody)):
            known = items[rated[user]]
            system = weight[user] * known.T @ known + ridge * np.eye(start.shape[1])
            users[user] = np.linalg.solve(system, weight[user] * known.T @ everybody[user, rated[user]])
        items = items.copy()
        for item in range(everybody.shape[1]):
            known, counted = users[rated[:, item]], weight[rated[:, item]]
            system = (known.T * counted) @ known + ridge * np.eye(start.shape[1])
            items[item] = np.linalg.solve(system, (known.T * counted) @ everybody[rated[:, item], item])
    return users[: len(ratings)], items


def test_leaving_a_user_out_is_what_the_contribution_says() -> None:
    train, held_out = (LocalRows(part) for part in hold_out(marketplace(), 0.2, seed=0))
    problem = polarisation_problem(rows=train, objective=IndividualUnfairness())
    artificial = propose(problem, "gd_random", 3, seed=0)
    found = contributions(problem, artificial, held_out, problem.fit(artificial))
    fewer = sp.csr_array(artificial.toarray()[[0, 2]])
    values = [problem.objective.value(measure(held_out, problem.fit(rows).factors)) for rows in (artificial, fewer)]
    assert found[1] == pytest.approx(values[0] - values[1], abs=1e-9)


def test_unseen_ratings_are_at_unrated_pairs_as_many_as_the_user_rated() -> None:
    ratings = marketplace()
    pairs = unrated_pairs(ratings, seed=0)
    assert not ((pairs.toarray() > 0) & (ratings.toarray() > 0)).any()
    lengths = np.diff(ratings.indptr)
    np.testing.assert_array_equal(np.diff(pairs.indptr), np.minimum(lengths, 40 - lengths))


def test_the_reference_is_the_one_that_predicts_held_out_ratings_best() -> None:
    ratings = marketplace()
    train, held_out = hold_out(ratings, 0.2, seed=3)
    candidates = [AlsSettings(rank, penalty, seed=3) for rank in (1, 2) for penalty in PENALTIES]
    errors = [measure(LocalRows(held_out), fit_als(LocalRows(train), one).factors).rmse for one in candidates]
    assert choose_reference(ratings, 1, seed=3) == candidates[int(np.argmin(errors))]


def test_expected_losses_of_the_reference_itself_are_the_noise() -> None:
    ratings, reference = marketplace(), AlsSettings(2, 1.0)
    unseen = expect_unseen(ratings, reference, seed=0)
    losses = unseen.measure(fit_als(LocalRows(ratings), reference).factors).user_losses
    np.testing.assert_allclose(losses, unseen.user_noise, rtol=1e-9)


def test_a_user_whose_only_rating_is_held_out_adds_no_noise() -> None:
    ratings = marketplace().toarray()
    for user in range(20):
        ratings[user, np.flatnonzero(ratings[user])[1:]] = 0
    noise = expect_unseen(sp.csr_array(ratings), AlsSettings(2, 1.0), seed=0).user_noise
    assert (noise[:20] == noise[0]).all()
    assert noise[0] == pytest.approx(noise[20:].mean(), rel=0.3)


def test_whole_ratings_need_a_whole_number_in_the_range() -> None:
    assert whole_range((0.5, 5.0)) == (1.0, 5.0)
    with pytest.raises(ConfigError, match=r"--whole-ratings: there is no whole number from 2\.2 to 2\.9"):
        whole_range((2.2, 2.9))


def test_a_search_evaluated_on_unseen_ratings_improves_the_objective_on_them() -> None:
    unseen = expect_unseen(marketplace(), AlsSettings(2, 1.0), seed=0)
    problem = polarisation_problem(objective=IndividualUnfairness(), evaluated_on=unseen)
    before, after = (
        problem.objective.value(problem.measure(problem.fit(rows).factors))
        for rows in (None, propose(problem, "search", 3, seed=0))
    )
    assert after < 0.9 * before


@pytest.mark.parametrize(("budget", "n"), [("20", 20), ("2%", 120), ("0.01%", 1), ("0.5 %", 30)])
def test_budgets_are_users_or_shares_of_them(budget: str, n: int) -> None:
    assert budget_users(budget, 6000) == n


@pytest.mark.parametrize("budget", ["0", "-3", "2.5", "many", "nan%", "0%"])
def test_a_budget_that_buys_nothing_is_refused(budget: str) -> None:
    with pytest.raises(ConfigError, match=f"--budget {budget}"):
        budget_users(budget, 1000)
