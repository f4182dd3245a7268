"""The calculator of power: against the information of the model written out, and against itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from recsys_ops.acceptance.power import Question, StudyPlan, people_needed, power
from recsys_ops.errors import ConfigError

PLAN = StudyPlan()


@pytest.mark.parametrize("question", ["intercept", "slope"])
def test_the_scatter_of_an_effect_is_that_of_generalised_least_squares(question: Question) -> None:
    at, n_people = np.array(PLAN.distances), 60
    x = np.repeat([1.0, -1.0], n_people // 2)
    z = np.column_stack([np.ones_like(at), at - at.mean()])
    effects = np.column_stack([np.ones_like(at), at])
    inner = effects @ np.diag([PLAN.intercept_sd**2, PLAN.slope_sd**2]) @ effects.T + PLAN.residual_sd**2 * np.eye(
        len(at)
    )
    v = np.kron(np.eye(n_people), inner)
    fixed = np.vstack([np.hstack([z, one * z]) for one in x])
    variance = np.linalg.inv(fixed.T @ np.linalg.inv(v) @ fixed)[2 + (question == "slope"), 2 + (question == "slope")]
    dof, noncentrality = n_people - 2, 0.2 / np.sqrt(variance)
    critical = stats.t.ppf(0.975, dof)
    expected = stats.nct.sf(critical, dof, noncentrality) + stats.nct.cdf(-critical, dof, noncentrality)
    assert power(question, 0.2, n_people, PLAN) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("question", ["distance", "intercept", "slope", "methods"])
def test_the_number_of_people_is_the_least_with_the_power_that_is_wanted(question: Question) -> None:
    n = people_needed(question, 0.1, 0.8, PLAN)
    assert power(question, 0.1, n - 1, PLAN) < 0.8 <= power(question, 0.1, n, PLAN)
    assert people_needed(question, 0.1, 0.8, replace(PLAN, n_tests=5)) > n
    assert people_needed(question, 0.2, 0.8, PLAN) < n


def test_no_effect_is_found_as_often_as_the_level_says() -> None:
    assert power("intercept", 1e-9, 50, PLAN) == pytest.approx(0.05, abs=1e-6)
    assert power("intercept", 1.0, 2, PLAN) == 0.0


def test_an_effect_too_small_for_any_study_is_said() -> None:
    with pytest.raises(ConfigError, match="needs more than 1,000,000 people"):
        people_needed("intercept", 1e-5, 0.8, PLAN)
