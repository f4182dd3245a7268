"""Twenty nights, a hundred times: is more acted upon where the search knows what each provider is likely to do?

Plans of every number of changes, with and without each column, are searched once on the synthetic marketplace. Then
simulated providers see one plan for each item, look at a few of them a night, rate these, and act or not; what they
refused is not shown again. What is shown first is the plan of the greatest reach within the fitted cap (``caps``), of
the greatest reach times fitted probability (``willing``), or of the true one (``oracle``). The first night is a study:
options of all distances, rated whatever comes first; from it the off-policy estimate is made, and compared with the
truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from recsys_ops.acceptance.acting import ACTS_FROM, Acting, fit_acting, own_columns
from recsys_ops.acceptance.loop import mean_with_interval
from recsys_ops.acceptance.policy_value import PolicyValue, estimate_value
from recsys_ops.acceptance.propensity import Finding, fit_propensity
from recsys_ops.acceptance.rated_options import RatedOptions
from recsys_ops.acceptance.simulator import Behaviour
from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.synthetic import RULES
from recsys_ops.features.distances import Distances
from recsys_ops.features.plans import Plans
from recsys_ops.recourse.nearer import plans_to_choose_from
from recsys_ops.recourse.plausible import LEAST_GAIN, fit_plausibility
from recsys_ops.recourse.selection import select_spread
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import solve_cases
from tests.benchmarks.catalogue import catalogue_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

SEEDS, NIGHTS, LOOKED_AT, STUDIED = 100, 20, 2, 2
FITTED_EVERY = 5
"""Nights."""
COLUMNS = ("description", "tag")
DIFFERENT = {"alike": (0.0, 0.0, 0.0), "different": (0.9, 0.05, 0.8)}
"""Standard deviations of the providers' intercepts, slopes by sparsity, and levels of the columns."""

Chooser = Callable[[int, NDArray[np.intp]], int]


@dataclass(frozen=True)
class Market:
    """Plans of every case, one after the other; ``case`` and ``provider`` of each plan."""

    plans: Plans
    case: NDArray[np.int64]
    provider: NDArray[np.int64]

    def of(self, case: int) -> NDArray[np.intp]:
        """Its plans."""
        return np.flatnonzero(self.case == case)


@pytest.fixture(scope="module")
def market() -> Market:
    """Plans of all items of a marketplace for its first group, where something can be done for several."""
    dataset = load_dataset("synthetic:items=900,users=600,sellers=60", seed=0)
    catalogue = catalogue_of(dataset, RULES, groups="group", model="hybrid")
    plausibility = fit_plausibility(catalogue.encoded, dataset.sellers, 0.1)
    search = replace(
        catalogue.search(catalogue.group(0), RecourseSettings(least_gain=LEAST_GAIN)), plausibility=plausibility
    )
    rows: list[tuple[float, float, frozenset[str], float, int, int]] = []
    sellers = dataset.sellers
    for solved in solve_cases(search, np.arange(dataset.n_items)):
        case, found = solved.case, solved.recourse
        if not found.serves or found.features is None or solved.bounds is None:
            continue
        plans = plans_to_choose_from(case, found.features)
        distances, before = case.distances_to(plans), case.success(case.scores)
        for n, plan in enumerate(plans):
            features = frozenset(change.feature for change in case.changes_to(plan))
            gain = case.success(case.rescore(plan)) - before
            row = (float(distances.sparsity[n]), float(distances.proximity[n]), features, gain)
            rows.append((*row, case.item, int(sellers[case.item])))
    sparsity, proximity, features, gain, item, seller = zip(*rows, strict=True)
    plans = Plans(np.array(sparsity), np.array(proximity), list(features), np.array(gain))
    return Market(plans, *(np.unique(one, return_inverse=True)[1] for one in (item, seller)))


@dataclass(frozen=True)
class Truth:
    """What providers would do: ``acting (n_plans,)`` the probability, ``rating (n_plans,)`` the answer if looked at."""

    acting: NDArray[np.float64]
    rating: NDArray[np.float64]


def draw_truth(market: Market, sds: tuple[float, float, float], seed: int) -> Truth:
    rng, behaviour = np.random.default_rng([seed, 0]), Behaviour()
    n = int(market.provider.max()) + 1
    scale = np.r_[sds[0], sds[1], np.full(len(COLUMNS), sds[2])]
    effects = rng.standard_normal((n, len(scale))) * scale
    own = own_columns(market.plans, COLUMNS)
    feeling = behaviour.mean("act", market.plans.sparsity) + 0.6 + np.einsum("ni,ni->n", own, effects[market.provider])
    answer = np.rint(feeling + behaviour.residual_sd * rng.standard_normal(len(feeling)))
    acting = ndtr((feeling - (ACTS_FROM - 0.5)) / behaviour.residual_sd)
    return Truth(acting, np.clip(answer, 1, 7).astype(np.float64))


def study(market: Market, seed: int) -> NDArray[np.intp]:
    """Plans rated in the first night: options of all distances of some cases of every provider."""
    rng, chosen = np.random.default_rng([seed, 1]), []
    for provider in range(int(market.provider.max()) + 1):
        cases = np.unique(market.case[market.provider == provider])
        for case in rng.permutation(cases)[:STUDIED]:
            of = market.of(int(case))
            plans = market.plans.only(of)
            spread = select_spread(Distances(plans.sparsity.astype(np.int64), plans.proximity, plans.sparsity), 5)
            chosen.append(of[spread])
    return np.concatenate(chosen)


def fit(market: Market, rated: list[int], truth: Truth) -> Acting:
    plans = np.array(rated)
    names = [str(provider) for provider in market.provider[plans]]
    return fit_acting(market.plans.only(plans), truth.rating[plans], names)


def cap(market: Market, rated: list[int], truth: Truth, seed: int) -> float:
    plans = np.array(rated)
    _, person = np.unique(market.provider[plans], return_inverse=True)
    found = fit_propensity(market.plans.sparsity[plans], truth.rating[plans], person, seed=seed)
    allowed = found.cap(whole=True)
    return np.inf if found.finding != Finding.FALLS_THEN_FLAT or allowed is None else allowed


def nights(market: Market, truth: Truth, seed: int, policy: str) -> float:
    """Exposure that is acted upon in all nights, in shares of the group."""
    rng, gain = np.random.default_rng([seed, 2]), market.plans.gain
    rated, open_plans, total = study(market, seed).tolist(), np.ones(len(gain), dtype=bool), 0.0
    choose = chooser(market, truth, rated, (policy, seed, 0))
    n_cases, case_provider = int(market.case.max()) + 1, market.provider[np.unique(market.case, return_index=True)[1]]
    for night in range(NIGHTS):
        if night % FITTED_EVERY == 0:
            choose = chooser(market, truth, rated, (policy, seed, night))
        is_open = np.array([open_plans[market.case == case].any() for case in range(n_cases)])
        for provider in range(int(case_provider.max()) + 1):
            cases = np.flatnonzero(is_open & (case_provider == provider))
            for case in rng.permutation(cases)[:LOOKED_AT]:
                of = market.of(int(case))
                plan = choose(provider, of[open_plans[of]])
                rated.append(plan)
                open_plans[plan] = False
                if truth.rating[plan] >= ACTS_FROM:
                    open_plans[of] = False
                    total += gain[plan]
    return total


def chooser(market: Market, truth: Truth, rated: list[int], about: tuple[str, int, int]) -> Chooser:
    policy, seed, night = about
    gain = market.plans.gain
    if policy == "oracle":
        return lambda provider, plans: int(plans[np.argmax(gain[plans] * truth.acting[plans])])
    if policy == "caps":
        most = cap(market, rated, truth, seed)

        def within(provider: int, plans: NDArray[np.intp]) -> int:
            return int(plans[np.lexsort((-gain[plans], market.plans.sparsity[plans] > most))[0]])

        return within
    model, rng = fit(market, rated, truth), np.random.default_rng([seed, 3, night])

    def willing(provider: int, plans: NDArray[np.intp]) -> int:
        explores = rng if policy == "exploring" and rng.random() < 0.1 else None
        acting = model.probability(str(provider), market.plans.only(plans), explores)
        return int(plans[np.argmax(gain[plans] * acting)])

    return willing


def off_policy(market: Market, truth: Truth, seed: int) -> tuple[PolicyValue, float]:
    """The estimate from the first night, and the true difference of the two policies on its cases."""
    plans = study(market, seed)
    order = np.argsort(market.case[plans], kind="stable")
    plans = plans[order]
    names = [str(provider) for provider in market.provider[plans]]
    case = np.unique(market.case[plans], return_inverse=True)[1]
    found = estimate_value(RatedOptions(market.plans.only(plans), names, case, truth.rating[plans]), seed=seed)
    assert found is not None
    model, true = fit(market, plans.tolist(), truth), []
    for one in range(int(case.max()) + 1):
        of = plans[case == one]
        value = market.plans.gain[of] * truth.acting[of]
        acting = model.probability(str(market.provider[of[0]]), market.plans.only(of))
        true.append(value[np.argmax(market.plans.gain[of] * acting)] - value[0])
    return found, float(np.mean(true))


@pytest.mark.parametrize("who", DIFFERENT)
def test_more_is_acted_upon_where_providers_differ_and_not_less_where_they_do_not(who: str, market: Market) -> None:
    found: dict[str, list[float]] = {name: [] for name in ("caps", "willing", "exploring", "oracle")}
    estimates, held, switched = [], 0, 0
    for seed in range(SEEDS):
        truth = draw_truth(market, DIFFERENT[who], seed)
        for policy in found:
            found[policy].append(nights(market, truth, seed, policy))
        estimate, true = off_policy(market, truth, seed)
        estimates.append(estimate.more - true)
        held += estimate.low <= true <= estimate.high
        switched += estimate.is_better
    print(f"\n{who}: exposure acted upon in {NIGHTS} nights (shares of the group, all items), mean of {SEEDS} seeds")
    for policy, totals in found.items():
        gains = [a - b for a, b in zip(totals, found["caps"], strict=True)]
        mean, low, high = mean_with_interval(gains)
        print(f"{policy:>10} {np.mean(totals):.3f}; against caps {mean:+.3f} (95 % interval {low:+.3f} to {high:+.3f})")
    print(f"off-policy: bias {np.mean(estimates):+.5f}, interval holds the truth in {held}, better in {switched}")
    gains = [a - b for a, b in zip(found["willing"], found["caps"], strict=True)]
    mean, low, _ = mean_with_interval(gains)
    assert low > 0 if who == "different" else low > -0.02 * np.mean(found["caps"])
    assert held >= 0.9 * SEEDS
