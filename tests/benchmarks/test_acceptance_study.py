"""A hundred simulated studies of the paper's size whose curves are known: what is found of them.

Ratings are rounded and clipped to 1..7; the true curve is the mean answer after that.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.acceptance.gamm import NORMAL_95, MixedFit
from recsys_ops.acceptance.propensity import Finding, fit_propensity
from recsys_ops.acceptance.simulator import Behaviour, Response, simulate_study

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

STUDIES = 100
WORLDS = {
    "sparsity, threshold 5": Behaviour(),
    "proximity, threshold 3": Behaviour(distance="proximity", nearest=0.0, threshold=3.0),
    "sparsity, threshold 8": Behaviour(threshold=8.0),
    "sparsity, falls to the end": Behaviour(threshold=12.0),
}


def coverage(fit: MixedFit, behaviour: Behaviour, response: Response, distance: NDArray[np.float64]) -> float:
    """Share of the range in which the 95 % band holds the true curve."""
    at = np.unique(distance) if behaviour.distance == "sparsity" else np.linspace(distance.min(), distance.max(), 50)
    mean = behaviour.expected_rating(response, distance).mean()
    truth = behaviour.expected_rating(response, at) - mean
    return float((np.abs(fit.curve(at) - truth) <= NORMAL_95 * fit.curve_se(at)).mean())


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_there_is_found(name: str) -> None:
    behaviour = WORLDS[name]
    flat, falls, close, held, widths = 0, 0, 0, [], []
    covered: dict[Response, list[float]] = {"accept": [], "act": []}
    for seed in range(STUDIES):
        study = simulate_study(seed=seed, behaviour=behaviour)
        distance = study.proximity if behaviour.distance == "proximity" else study.sparsity
        for response in covered:
            ratings = getattr(study, response).astype(np.float64)
            found = fit_propensity(distance, ratings, study.person, seed=seed)
            assert found.fit is not None
            covered[response].append(coverage(found.fit, behaviour, response, distance))
            if response == "accept":
                flat += found.finding == Finding.FLAT
                continue
            falls += found.fit.p < 0.05
            if found.threshold is not None:
                close += abs(found.threshold.at - behaviour.threshold) <= 0.1 * np.ptp(distance)
                held.append(found.threshold.low <= behaviour.threshold <= found.threshold.high)
                widths.append(found.threshold.high - found.threshold.low)
    share = {response: float(np.mean(values)) for response, values in covered.items()}
    interval = f"{100 * np.mean(held or [0]):.0f} % (mean width {np.mean(widths or [0]):.2f})"
    print(
        f"\n{name}: of {STUDIES} studies acceptance flat in {flat}, action not flat in {falls}, a threshold in "
        f"{len(held)}, within 10 % of the range in {close}; its interval holds it in {interval}; "
        f"bands hold {100 * share['accept']:.1f} % of the curve of "
        f"acceptance, {100 * share['act']:.1f} % of that of action"
    )
    assert flat >= 90
    assert falls >= 95
    if name in ("sparsity, threshold 5", "proximity, threshold 3"):
        assert close >= 80
        assert 0.90 <= (share["accept"] + share["act"]) / 2 <= 0.98
    if name == "sparsity, falls to the end":
        assert len(held) <= 5
