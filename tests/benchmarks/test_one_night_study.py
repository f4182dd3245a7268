"""A study of one night: are options from near to far far enough apart to see how distance matters?

The options of one night of the synthetic marketplace are rated by 200 simulated people of the published behaviour, who
see the five options of a case each. Of those that do as much as each other (``study``) no curve can be seen, of those
spread over all distances it can.
"""

from pathlib import Path

import numpy as np
import pytest

from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime import job as runtime
from jobs.runtime.cluster import connect
from recsys_ops.acceptance.feedback import RatedCases, read_cases
from recsys_ops.acceptance.propensity import fit_propensity
from recsys_ops.acceptance.rated_options import case_of
from recsys_ops.acceptance.simulator import simulate_people
from recsys_ops.runs import open_run

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800), pytest.mark.usefixtures("machine")]

STUDIES, PEOPLE = 100, 200


def night(out: Path, select: str) -> RatedCases:
    config = RecourseConfig(
        data="synthetic:items=200,users=300,sellers=60", out=str(out), run_id=select, options=5, least_support=0.1,
        select=select, together=False, rule_cost_cases=0,
    )  # fmt: skip
    assert runtime.run_job(config, recourse.JOB) == 0
    return read_cases([open_run(f"{out}/runs/{select}")])


def curves_seen(cases: RatedCases) -> int:
    """Studies whose fit of willingness to act by sparsity is not flat."""
    names = [case_of(name) for name in cases.table["case_id"].to_pylist()]
    first = np.flatnonzero([n == 0 or name != names[n - 1] for n, name in enumerate(names)])
    of_case = np.split(np.arange(len(names)), first[1:])
    whole, sparsity = [case for case in of_case if len(case) == 5], cases.table["sparsity"].to_numpy()
    seen = 0
    for seed in range(STUDIES):
        rng, people = np.random.default_rng([seed, 9]), simulate_people(PEOPLE, seed=seed)
        rated = np.concatenate([whole[one] for one in rng.integers(0, len(whole), PEOPLE)])
        person = np.repeat(np.arange(PEOPLE), 5)
        act = people.rate("act", person, sparsity[rated], rng).astype(np.float64)
        found = fit_propensity(sparsity[rated], act, person, seed=seed)
        seen += found.fit is not None and found.fit.p < 0.05
    return seen


def test_a_curve_is_seen_from_the_options_of_one_night(tmp_path: Path) -> None:
    with connect("local", 1):
        found = {select: curves_seen(night(tmp_path, select)) for select in ("study", "distance")}
    print(f"\ncurve of willingness seen in {found} of {STUDIES} studies of {PEOPLE} people")
    assert found["distance"] >= 90
