"""Options of 200 cases of MovieLens-100K: all valid, within caps, pairwise different; beside one option per case."""

import time
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.distances import measure, pairwise_difference
from recsys_ops.recourse.examples import Examples, find_examples, fixed_kinds
from recsys_ops.recourse.group import TargetGroup
from recsys_ops.recourse.options import Offer, find_options
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses
from recsys_ops.status import Status
from tests.benchmarks.catalogue import PROVIDER, Catalogue, prepare

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

CASES_PER_GROUP = 40
SETTINGS = {
    "no cap but 10 changes": RecourseSettings(),
    "proximity at most 3": RecourseSettings(max_proximity=3.0),
    "proximity at most 1.5, cost at most 4": RecourseSettings(max_proximity=1.5, max_cost=4.0),
    "proximity at most 1.5, half of the group wanted": RecourseSettings(max_proximity=1.5, min_success=0.5),
}


@dataclass
class Tally:
    """What is added up over the cases."""

    seconds: float = 0.0
    options: list[list[Recourse]] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)


def items_to_improve(catalogue: Catalogue, number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Items of a group at mean ranks 15 to 150, where there is something to reach."""
    counts = catalogue.counts.n_candidates[number]
    ranks = np.array([catalogue.mean_rank(number, item) if n > 50 else np.inf for item, n in enumerate(counts)])
    return np.sort(rng.choice(np.flatnonzero((ranks > 15) & (ranks < 150)), CASES_PER_GROUP, replace=False))


@dataclass(frozen=True)
class Ranked:
    """All items scored for a group: ``scores (n_users, n_items)``, -inf for what a user has rated."""

    group: TargetGroup
    profiles: sp.csr_array
    scores: NDArray[np.float64]

    def success(self, option: Recourse) -> float:
        """Share of the users who may be shown the item with it in their top k, ranked again with its new features."""
        scores = self.scores.copy()
        shown = np.isfinite(scores[:, option.item])
        scores[:, option.item] = self.profiles @ option.features
        own = scores[shown, option.item][:, None]
        ranks = 1 + (scores[shown] > own + 1e-9 * np.abs(own)).sum(axis=1)
        return float((ranks <= self.group.k).mean())


def ranked(catalogue: Catalogue, group: TargetGroup) -> Ranked:
    """Score everything once."""
    profiles = sp.csr_array(group.histories @ catalogue.model.features)
    scores = (profiles @ catalogue.model.features.T).toarray()
    scores[group.histories.nonzero()] = -np.inf
    return Ranked(group, profiles, scores)


def check(
    catalogue: Catalogue, everything: Ranked, single: Recourse, options: list[Recourse], settings: RecourseSettings
) -> float:
    """Every option of one case is valid, within the caps, and differs from the others; the least difference of two."""
    (before,) = catalogue.encoded.matrix[[single.item]].toarray()
    rows = np.array([option.features for option in options])
    distances = measure(catalogue.encoded.columns, before, rows)
    assert settings.caps.allow(distances).all()
    gained = single.success_unthresholded - single.success_before
    for option in options:
        assert option.success_after >= single.success_before + (1 - settings.tolerance) * gained - 1e-9
        assert option.success_after >= settings.min_success
        assert everything.success(option) >= option.success_after - 1e-9
    difference = pairwise_difference(catalogue.encoded.columns, rows)
    assert all(one.changes != other.changes for one, other in combinations(options, 2))
    least = min((difference[pair] for pair in combinations(range(len(options)), 2)), default=np.inf)
    assert least > 1e-6
    return float(least)


@pytest.mark.parametrize("name", SETTINGS)
def test_options_are_valid_within_caps_and_different(name: str) -> None:
    catalogue, settings = prepare("100k", PROVIDER), SETTINGS[name]
    tallies = {"single": Tally(), "study": Tally(), "diverse": Tally()}
    rng = np.random.default_rng(0)
    for number in range(5):
        group, items = catalogue.group(number), items_to_improve(catalogue, number, rng)
        everything = ranked(catalogue, group)
        started = time.perf_counter()
        singles = find_recourses(catalogue.search(group, settings), items)
        tallies["single"].seconds += time.perf_counter() - started
        tallies["single"].options += [[single] for single in singles]
        for select in ("study", "diverse"):
            started = time.perf_counter()
            found = find_options(catalogue.search(group, settings), items, Offer(5, select))
            tallies[select].seconds += time.perf_counter() - started
            tallies[select].options += found
            for single, options in zip(singles, found, strict=True):
                if single.serves:
                    tallies[select].differences.append(check(catalogue, everything, single, options, settings))
    print_table(name, tallies)
    n_serving = [len(options) for options in tallies["study"].options if options[0].serves]
    assert np.mean(n_serving) > 1


def print_table(name: str, tallies: dict[str, Tally]) -> None:
    """One line per way to choose."""
    print(f"\n{name}: {len(tallies['single'].options)} cases")
    print("           ms/case  infeasible  bound  options  success  sparsity  proximity  least difference (median)")
    for way, tally in tallies.items():
        cases = tally.options
        infeasible = sum(options[0].status is Status.INFEASIBLE for options in cases)
        served = [options for options in cases if options[0].serves]
        flat = [option for options in served for option in options]
        finite = [least for least in tally.differences if np.isfinite(least)]
        print(
            f"{way:>10} {1000 * tally.seconds / len(cases):8.1f} {infeasible:11d} "
            f"{100 * np.mean([options[0].success_bound or 0 for options in cases]):5.1f}% "
            f"{np.mean([len(options) for options in served]):8.2f} "
            f"{100 * np.mean([option.success_after for option in flat]):7.2f}% "
            f"{np.mean([option.sparsity for option in flat]):9.2f} "
            f"{np.mean([option.proximity for option in flat]):10.2f} "
            f"{np.median(finite) if finite else np.nan:10.2f}"
        )


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_recourse_from_examples_beside_recrec(share: float) -> None:
    catalogue = prepare("100k", PROVIDER)
    kinds, rng = fixed_kinds(catalogue.encoded), np.random.default_rng(0)
    found: list[Recourse] = []
    seconds = 0.0
    for number in range(5):
        group, items = catalogue.group(number), items_to_improve(catalogue, number, rng)
        everything = ranked(catalogue, group)
        seen = catalogue.counts.n_in_top[number] / np.maximum(catalogue.counts.n_candidates[number], 1)
        examples, settings = Examples(seen, kinds, share), RecourseSettings(max_changes=np.inf)
        started = time.perf_counter()
        rows = find_examples(catalogue.search(group, settings), items, Offer(), examples)
        seconds += time.perf_counter() - started
        found += [options[0] for options in rows]
        for one in serving(found[-len(items) :]):
            assert one.success_after >= share
            assert everything.success(one) >= one.success_after - 1e-9
            same_kind = catalogue.encoded.matrix[np.flatnonzero(kinds == kinds[one.item])].toarray()
            assert any(np.array_equal(one.features, row) for row in same_kind)
    served = serving(found)
    counts = {str(status): sum(one.status is status for one in found) for status in Status}
    print(f"\nexamples, {share:.0%} of the group wanted: {counts}; {1000 * seconds / len(found):.0f} ms per case")
    print(f"median sparsity {np.median([one.sparsity for one in served]):.0f}")
    print(f"median proximity {np.median([one.proximity for one in served]):.1f}")
    print(f"mean success {100 * np.mean([one.success_after for one in served]):.1f} %")


def serving(recourses: list[Recourse]) -> list[Recourse]:
    """Those that change something and reach what is wanted."""
    return [one for one in recourses if one.serves]
