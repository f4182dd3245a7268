"""What drives differences between people: planted properties found, null ones not; and the calculator of power.

Ratings are whole numbers, clipped to 1..7. The calculator plans with what one large study measures of the same people.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from recsys_ops.acceptance.covariates import Covariate, Covariates
from recsys_ops.acceptance.differences import Difference, find_differences
from recsys_ops.acceptance.gamm import fit_gamm
from recsys_ops.acceptance.methods import MethodRatings, compare_methods
from recsys_ops.acceptance.power import Question, StudyPlan, people_needed, power
from recsys_ops.acceptance.simulator import Behaviour, People, rate_study, simulate_people
from recsys_ops.tables import rejected_schema

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

STUDIES, REPEATS, LEVEL = 100, 1000, 0.05
PLANTED = {"intercept": 0.45, "slope": 0.12}
"""Points per standard deviation, of slopes per unit of distance as well."""


def known(values: NDArray[np.float64], names: tuple[str, ...]) -> Covariates:
    """Numbers as properties of people, all known."""
    found = [Covariate(name, one[:, None], np.ones(1), ("",), "") for name, one in zip(names, values.T, strict=True)]
    return Covariates(tuple(found), np.ones(len(values), dtype=bool), rejected_schema().empty_table())


def people_with(drawn: NDArray[np.float64], behaviour: Behaviour, seed: int, effects: dict[str, float]) -> People:
    """People whose intercepts and slopes follow the first and second property."""
    people = simulate_people(len(drawn), seed=seed, behaviour=behaviour)
    moved = drawn[:, :2] * np.array([effects.get("intercept", 0.0), effects.get("slope", 0.0)])
    return replace(people, effects={response: own + moved for response, own in people.effects.items()})


def found_of(seed: int, effects: dict[str, float], n_people: int = 200) -> list[Difference]:
    """What is found in one study of four properties: two planted (or not), two that do nothing."""
    drawn = np.random.default_rng([seed, 9]).standard_normal((n_people, 4))
    study = rate_study(people_with(drawn, Behaviour(), seed, effects), seed=seed)
    found = find_differences(study.sparsity, study.act.astype(float), study.person, known(drawn, ("a", "b", "c", "d")))
    return [one for one in found.found if one.p_adjusted < LEVEL]


def test_planted_properties_are_found_and_null_ones_are_not() -> None:
    planted = [found_of(seed, PLANTED) for seed in range(STUDIES)]
    named = [{(one.covariate.name, one.effect) for one in found} for found in planted]
    n_intercept, n_slope = sum(("a", "intercept") in one for one in named), sum(("b", "slope") in one for one in named)
    beside = sum(bool({name for name, _ in one} & {"c", "d"}) for one in named)
    null = sum(bool(found_of(seed, {})) for seed in range(1000, 1000 + STUDIES))
    more = sum(bool(found_of(seed, {})) for seed in range(2000, 2000 + REPEATS))
    print(
        f"\nof {STUDIES} studies of 200 people x 5 ratings: the property of intercepts found in {n_intercept}, that of "
        f"slopes in {n_slope}, a null one beside them in {beside}; of {STUDIES} null studies any property in {null}, "
        f"of {REPEATS} others in {more}"
    )
    assert min(n_intercept, n_slope) >= 90
    assert null <= 5
    assert beside <= 5


def ratings_at(people: People, plan: StudyPlan, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances and ratings of people who all rate the same distances, shape (n_people * n_distances,)."""
    n_people = len(people.effects["act"])
    distance = np.tile(np.array(plan.distances), n_people)
    person = np.repeat(np.arange(n_people), len(plan.distances))
    return distance, people.rate("act", person, distance, np.random.default_rng([seed, 7])).astype(float)


@pytest.mark.parametrize(
    ("question", "effect"), [("intercept", 0.4), ("slope", 0.08), ("distance", 0.08), ("distance", 0.04)]
)
def test_the_power_of_the_mixed_model_is_that_of_simulated_studies(question: Question, effect: float) -> None:
    plan = StudyPlan()
    fall = 12 * effect if question == "distance" else 0.0
    line = Behaviour(nearest=0.0, threshold=12.0, fall=fall, act_level=4 - fall / 2 if fall else 3.2)
    effects = {} if question == "distance" else {str(question): effect}

    def fitted(n_people: int, seed: int) -> tuple[float, float, StudyPlan]:
        drawn = np.random.default_rng([seed, 9]).standard_normal((n_people, 2))
        drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
        distance, rating = ratings_at(people_with(drawn, line, seed, effects), plan, seed)
        person = np.repeat(np.arange(n_people), len(plan.distances))
        if question == "distance":
            fit = fit_gamm(distance, rating, person, n_people)
            slope = float(np.polyfit(distance, fit.curve(distance), 1)[0])
            sds = replace(plan, intercept_sd=fit.intercept_sd, slope_sd=fit.slope_sd, residual_sd=fit.residual_sd)
            return fit.p, slope, sds
        column = drawn[:, [0 if question == "intercept" else 1]]
        found = find_differences(distance, rating, person, known(column, ("x",))).found[question == "slope"]
        levels = drawn[person] * np.array([effects.get("intercept", 0), effects.get("slope", 0)])
        left = fit_gamm(
            distance, rating - found.coefficients[0] * _per_unit(question, levels, effect, distance), person, n_people
        )
        sds = replace(plan, intercept_sd=left.intercept_sd, slope_sd=left.slope_sd, residual_sd=left.residual_sd)
        return found.p, float(found.coefficients[0]), sds

    _, seen, measured = fitted(40_000, 10**6)
    n_people = people_needed(question, abs(seen), 0.8, measured)
    promised = power(question, abs(seen), n_people, measured)
    simulated = float(np.mean([fitted(n_people, seed)[0] < LEVEL for seed in range(REPEATS)]))
    print(f"\n{question}, {effect}: {n_people} people, power {promised:.3f}, simulated {simulated:.3f}")
    assert simulated == pytest.approx(promised, abs=0.03)


def _per_unit(
    question: Question, moved: NDArray[np.float64], effect: float, distance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The column of the property, as it stands in the model."""
    return moved[:, 0] / effect if question == "intercept" else moved[:, 1] / effect * (distance - distance.mean())


def test_the_power_of_pairs_of_methods_is_that_of_simulated_studies() -> None:
    def rated(n_people: int, seed: int, gap: float) -> MethodRatings:
        rng = np.random.default_rng([seed, 5])
        feeling = 3.6 + 0.8 * rng.standard_normal((n_people, 1)) + np.array([gap, 0.0, 0.0])
        points = np.clip(np.rint(feeling + 0.9 * rng.standard_normal((n_people, 3))), 1, 6)
        person, method = np.repeat(np.arange(n_people), 3), np.tile(np.arange(3), n_people)
        return MethodRatings(
            pa.array(range(n_people)),
            ("a", "b", "c"),
            person,
            method,
            points.ravel(),
            {},
            rejected_schema().empty_table(),
        )

    large = rated(2_000_000, 0, 0.4)
    table = large.points.reshape(-1, 3)
    gap = float((table[:, 0] - table[:, 1]).mean())
    plan = StudyPlan(residual_sd=float((table[:, 0] - table[:, 1]).std() / np.sqrt(2)), n_tests=3)
    n_people = people_needed("methods", gap, 0.8, plan)
    pairs = [compare_methods(rated(n_people, seed, 0.4)).pairs for seed in range(1, REPEATS + 1)]
    simulated = float(np.mean([one[0].p_adjusted < LEVEL for one in pairs]))
    null = float(np.mean([one[2].p_adjusted < LEVEL for one in pairs]))
    promised = power("methods", gap, n_people, plan)
    print(f"\nmethods: {n_people} people, power {promised:.3f}, simulated {simulated:.3f}; null pair {null:.3f}")
    assert simulated == pytest.approx(promised, abs=0.03)
