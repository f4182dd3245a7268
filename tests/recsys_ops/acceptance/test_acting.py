"""How likely providers act: the model against itself written out, what it finds, and what acting by it is worth."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_ops.acceptance.acting import ACTS_FROM, Acting, fit_acting, own_columns
from recsys_ops.acceptance.acting_tables import acting_tables, learn_acting, read_acting
from recsys_ops.acceptance.learned import Learned
from recsys_ops.acceptance.moments import moments_of
from recsys_ops.acceptance.policy_value import LEAST_CASES, PolicyValue, estimate_value
from recsys_ops.acceptance.rated_options import RatedOptions
from recsys_ops.acceptance.reml import solve
from recsys_ops.features.plans import Plans
from tests.reactions import MemoryRun

COLUMNS = ("description", "price", "tag")


def random_plans(rng: np.random.Generator, n: int) -> Plans:
    sparsity = rng.integers(1, 9, n).astype(float)
    features = [frozenset(rng.choice(["price", "tag: new", "tag: old", "description"], 2)) for _ in range(n)]
    return Plans(sparsity, sparsity * rng.uniform(0.2, 1, n), features, rng.uniform(0, 0.3, n))


def ratings(plans: Plans, person: NDArray[np.int64], effects: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    own = own_columns(plans, COLUMNS)
    feeling = 5 - 0.2 * plans.sparsity + (own * effects[person]).sum(axis=1)
    return np.clip(np.rint(feeling + np.random.default_rng(seed).normal(0, 1, len(person))), 1, 7)


def world(seed: int, *, n_people: int = 30, n_each: int = 8, sd: float = 1.0) -> tuple[Plans, Any, Any, Any]:
    """Plans, who rated each, what each person adds, and the ratings."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n_people), n_each)
    plans = random_plans(rng, len(person))
    effects = rng.normal(0, 1, (n_people, 2 + len(COLUMNS))) * np.r_[sd, 0.0, np.full(len(COLUMNS), sd)]
    return plans, person, effects, ratings(plans, person, effects, seed)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), at=st.tuples(*[st.floats(-3, 4)] * 4))
def test_with_shared_penalties_the_likelihood_is_that_of_the_model_written_out(seed: int, at: Any) -> None:
    rng = np.random.default_rng(seed)
    person, n_people = rng.integers(0, 4, 25), 4
    x, z, y = rng.normal(size=(25, 5)), rng.normal(size=(25, 3)), rng.normal(size=25)
    of_columns, of_effects = np.array([0, 0, 1]), np.array([2, 3, 3])
    moments = moments_of(x, z, person, y, n_people, n_fixed=2, column_penalty=of_columns, effect_penalty=of_effects)
    found = solve(moments, np.array(at))
    member = (person[:, None] == np.arange(n_people)).astype(float)
    parts = [(x[:, 2 + n], of_columns[n]) for n in range(3)]
    parts += [(member[:, m] * z[:, n], of_effects[n]) for n in range(3) for m in range(n_people)]
    v = np.eye(25) + sum(np.exp(-at[penalty]) * np.outer(column, column) for column, penalty in parts)
    inverse, fixed = np.linalg.inv(v), x[:, :2]
    information = fixed.T @ inverse @ fixed
    best = np.linalg.solve(information, fixed.T @ inverse @ y)
    left = inverse @ (y - fixed @ best)
    variance = float((y - fixed @ best) @ left) / 23
    determinants = np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1]
    assert found.loss == pytest.approx((23 * (1 + np.log(2 * np.pi * variance)) + determinants) / 2, rel=1e-7)
    assert np.allclose(found.coefficients[:2], best, atol=1e-6)
    effects = np.array([np.exp(-at[of_effects[n]]) * (member * z[:, [n]]).T @ left for n in range(3)]).T
    assert np.allclose(found.effects, effects, atol=1e-6)


def test_who_refuses_a_feature_is_found_to_refuse_it() -> None:
    plans, person, effects, _ = world(1, n_people=40, sd=0.0)
    effects[0, 2 + COLUMNS.index("tag")] = -3.0
    effects[1:20, 2 + COLUMNS.index("price")] = -2.0
    effects[20:40, 2 + COLUMNS.index("price")] = 2.0
    model = fit_acting(plans, ratings(plans, person, effects, 1), [f"s{one}" for one in person])
    tag, price = (Plans(np.ones(1), np.ones(1), [{name}], np.ones(1)) for name in ("tag: any", "price"))
    assert model.columns == COLUMNS
    assert model.probability("s0", tag)[0] < model.probability("s30", tag)[0] - 0.2
    assert model.probability("s5", price)[0] < 0.4 < 0.7 < model.probability("s30", price)[0]


def test_nobody_differs_where_nobody_does_and_a_stranger_is_the_average_provider() -> None:
    plans, person, _, rating = world(2, n_people=60, sd=0.0)
    model = fit_acting(plans, rating, [f"s{one:02}" for one in person])
    near, far = (Plans(np.array([n]), np.array([0.5 * n]), [{"price"}], np.ones(1)) for n in (1.0, 8.0))
    known = [model.probability(f"s{one:02}", near)[0] for one in range(60)]
    assert np.ptp(known) < 0.15
    assert model.probability("who?", near)[0] == pytest.approx(np.mean(known), abs=0.05)
    assert model.probability("who?", near)[0] > model.probability("who?", far)[0] + 0.2


def test_probabilities_are_those_of_the_ratings_to_come() -> None:
    plans, person, _, rating = world(3, n_people=120, n_each=8)
    names = np.array([f"s{one:03}" for one in person])
    seen = np.arange(len(person)) % 2 == 0
    model = fit_acting(plans.only(np.flatnonzero(seen)), rating[seen], names[seen].tolist())
    said = np.array([model.probability(names[n], plans.only(np.array([n])))[0] for n in np.flatnonzero(~seen)])
    acts = rating[~seen] >= ACTS_FROM
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
        within = (said >= low) & (said < high)
        assert within.sum() > 30
        assert acts[within].mean() == pytest.approx(said[within].mean(), abs=0.15)


def test_what_a_provider_is_like_is_drawn_from_what_is_known_of_it() -> None:
    plans, person, _, rating = world(4)
    model = fit_acting(plans, rating, [f"s{one}" for one in person])
    one = plans.only(np.array([0]))
    rng = np.random.default_rng(0)
    drawn = [model.probability("s1", one, rng)[0] for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(model.probability("s1", one)[0], abs=0.02)


def rated(seed: int, *, share: float, sd: float = 1.0, n_people: int = 30) -> RatedOptions:
    """Three options of each of four cases of every provider, some of them rated."""
    plans, person, _, rating = world(seed, n_people=n_people, n_each=12, sd=sd)
    is_rated = np.random.default_rng(seed).random(len(rating)) < share
    is_rated[::3] |= ~(is_rated[1::3] | is_rated[2::3])
    names = [f"s{one}" for one in person]
    return RatedOptions(plans, names, np.arange(len(person)) // 3, np.where(is_rated, rating, np.nan))


def test_where_every_option_is_rated_the_value_is_what_was_answered() -> None:
    options = rated(5, share=1.0)
    found = estimate_value(options, seed=0)
    assert found is not None
    acts = (options.rating >= ACTS_FROM) * options.plans.gain
    assert found.n_cases == 120
    assert found.first == pytest.approx(acts[::3].mean())
    assert found.first + found.more <= acts.reshape(-1, 3).max(axis=1).mean() + 1e-12
    assert found.low < found.more < found.high


@pytest.mark.benchmark
def test_the_value_is_that_of_the_whole_on_average_where_options_were_rated_at_random() -> None:
    whole = [estimate_value(rated(seed, share=1.0), seed=0) for seed in range(12)]
    part = [estimate_value(rated(seed, share=0.4), seed=0) for seed in range(12)]
    of_whole, of_part = (np.array([one.first for one in values if one]) for values in (whole, part))
    assert np.mean(of_part - of_whole) == pytest.approx(0.0, abs=2.5 * np.std(of_part - of_whole) / np.sqrt(12))


def test_too_few_cases_have_no_value() -> None:
    options = rated(6, share=1.0, n_people=(LEAST_CASES - 1) // 4)
    assert estimate_value(options, seed=0) is None


def tables_of(model: Acting | None, *, more: float = 1.0) -> MemoryRun:
    value = PolicyValue(40, 0.1, more, more - 0.5, more + 0.5)
    return MemoryRun(
        "learned", acting_tables(pa.array(["s1", "s0", None, "s7"]), dict.fromkeys(["s0", "s1", "s7"], 8), model, value)
    )


def test_a_model_comes_back_from_its_tables_where_it_is_better_and_not_otherwise() -> None:
    plans, person, _, rating = world(7)
    model = fit_acting(plans, rating, [f"s{one}" for one in person])
    again = read_acting(tables_of(model))
    assert again is not None
    for seller in ("s0", "s1", "s7", "nobody"):
        assert np.allclose(again.probability(seller, plans), model.probability(seller, plans), atol=1e-12)
    assert read_acting(tables_of(model, more=0.1)) is None
    assert read_acting(MemoryRun("older", {})) is None


def test_too_few_ratings_are_said_and_have_no_model() -> None:
    tables = learn_acting(pa.array(["s0"]), rated(8, share=1.0, n_people=3), seed=0)
    (row,) = tables["acting_value"].to_pylist()
    assert "36 ratings, at least 100 needed" in row["reason"]
    assert not row["is_better"]
    assert len(tables["acting"]) == len(tables["acting_terms"]) == 0


def test_what_is_impossible_or_dismissed_is_expected_to_gain_nothing() -> None:
    plans, person, _, rating = world(9)
    model = fit_acting(plans, rating, [f"s{one}" for one in person])
    shown = Plans(np.ones(3), np.ones(3), [{"price"}, {"tag: new"}, {"tag: old"}], np.full(3, 0.2))
    learned = Learned(impossible={"s0": {"price"}}, dismissed={"7": {frozenset({"tag: new"})}}, acting=model)
    expected = learned.expected_gain(shown, seller="s0", item="7")
    assert expected[:2].tolist() == [0, 0]
    assert expected[2] == pytest.approx(0.2 * model.probability("s0", shown)[2])
    assert np.all(learned.expected_gain(shown, seller="s1", item="8") > 0)
    assert np.all(Learned().expected_gain(shown, seller="s1", item="8") == 0)
