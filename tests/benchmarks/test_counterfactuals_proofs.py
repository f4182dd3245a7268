"""20,000 random small cases of every mode and every scale against everything that can be taken away: no false claim.

Half of them without the proof by trying everything, so that what the solver says and its second solve are tested too.
"""

import time
from collections import Counter

import numpy as np
import pytest

from recsys_ops.counterfactuals import certificate
from tests.scales import false_claims, random_case

N_CASES = 20_000

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]


@pytest.mark.parametrize("most_removals", [certificate.MOST_REMOVALS, 0])
def test_nothing_false_is_claimed_of_any_case(most_removals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "MOST_REMOVALS", most_removals)
    counts: Counter[str] = Counter()
    false = {}
    started = time.perf_counter()
    for seed in range(N_CASES // 2):
        found, explanations = false_claims(random_case(np.random.default_rng(seed)))
        counts.update(str(explanation.status) for explanation in explanations)
        if found:
            false[seed] = found
    print(f"\n{N_CASES // 2} cases in {time.perf_counter() - started:.0f} s: {dict(counts)}; false: {len(false)}")
    assert not false
