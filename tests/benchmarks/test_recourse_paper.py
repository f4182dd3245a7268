"""The experiment of RecRec on MovieLens: success, changes and side-effects by rank and sampling, in two settings."""

import time
from collections import defaultdict

import numpy as np
import pytest

from recsys_ops.metrics import move_overlaps
from recsys_ops.recourse.actions import Actions, group_effects
from recsys_ops.recourse.least_effort import least_overshoot
from recsys_ops.recourse.problem import MARGIN, make_cases
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses
from tests.benchmarks.catalogue import PAPER, PAPER_RANKS, PROVIDER, Catalogue, prepare

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

SAMPLING = (0.01, 0.02, 0.05, 0.1, 0.2, 1.0)


LEAST_RBO = {"100k": 0.9943, "1m": 0.97}
"""The paper's mean on MovieLens-100K; on -1M, which the paper does not use, see ``show_least_side_effect``."""


def show_least_side_effect(catalogue: Catalogue) -> None:
    """Print the overlap with every searched feature free to move and no limit on the changes.

    The same program that sets the values in the product, over 512 features instead of a few: least mean overshoot
    over the four fifths of the group that are easiest to reach. What it gives up, no sparse recourse gets back.
    """
    overlaps, changes = [], []
    for number in range(5):
        group = catalogue.group(number)
        items = np.array(catalogue.items_near(number, seen_by=0.01))
        for case in make_cases(catalogue.search(group, RecourseSettings()), items):
            rising = group.columns[case.box.upper[group.columns] > case.features[group.columns]]
            actions = Actions(rising, np.ones(len(rising)), np.full(len(rising), -1), rising)
            effects = group_effects(case, actions)
            hardness = np.where(case.missing > 0, case.missing / effects.mean(axis=1), np.inf)
            kept = np.argsort(hardness, kind="stable")[: int(0.8 * (case.missing > 0).sum())]
            gaps = case.missing[kept]
            amounts = least_overshoot(
                effects[kept], gaps * (1 + MARGIN), 1 / case.thresholds[kept],
                np.full(len(rising), np.inf), np.zeros(len(rising)),
            )  # fmt: skip
            assert amounts is not None
            features = case.features.copy()
            features[rising] += amounts
            scores = case.rescore(features)
            overlaps.append(move_overlaps(10)[case.positions(case.scores), case.positions(scores)].mean())
            changes.append((amounts > 1e-9).sum())
    print(f"without any limit on changes: {np.mean(changes):.0f} changes, mean RBO {100 * np.mean(overlaps):.2f} %")


def run_cells(
    catalogue: Catalogue, settings: RecourseSettings, *, seen_by: float
) -> dict[tuple[int, float], list[Recourse]]:
    """Recourses of five groups for each original rank and sampling share."""
    cells: dict[tuple[int, float], list[Recourse]] = defaultdict(list)
    for number in range(5):
        items = np.array(catalogue.items_near(number, seen_by=seen_by))
        for share in SAMPLING:
            found = find_recourses(catalogue.search(catalogue.group(number, share=share), settings), items)
            for rank, recourse in zip(PAPER_RANKS, found, strict=True):
                cells[rank, share].append(recourse)
    return cells


def show(title: str, cells: dict[tuple[int, float], list[Recourse]]) -> None:
    """Print a row per cell: means over the five groups."""
    print(f"\n{title}\nrank  sampled  before  100 %*   after   bound  changes  least  share changed     RBO")
    for (rank, share), found in sorted(cells.items()):
        mean = {
            name: float(np.mean([getattr(recourse, name) for recourse in found]))
            for name in ("success_before", "success_unthresholded", "success_after", "success_bound")
        }
        changes = np.mean([len(recourse.changes) for recourse in found])
        least = np.mean([recourse.lower_bound for recourse in found])
        changed = 100 * np.mean([recourse.share_changed for recourse in found])
        rbo = 100 * np.mean([recourse.rbo for recourse in found])
        print(
            f"{rank:4d} {100 * share:7.0f}% {100 * mean['success_before']:6.1f}% "
            f"{100 * mean['success_unthresholded']:6.1f}% {100 * mean['success_after']:6.1f}% "
            f"{100 * mean['success_bound']:6.1f}% {changes:8.1f} {least:6.1f} {changed:13.3f}% {rbo:7.2f}%"
        )
    everything = [recourse for found in cells.values() for recourse in found]
    print(f"mean RBO {100 * np.mean([r.rbo for r in everything]):.2f} %   (* before thresholding)")


@pytest.mark.parametrize("size", ["100k", "1m"])
@pytest.mark.parametrize("seen_by", [0.01, 1.0])
def test_with_unbounded_word_counts_everybody_is_reached_from_5_percent_sampling_on(size: str, seen_by: float) -> None:
    catalogue = prepare(size, PAPER)
    started = time.perf_counter()
    cells = run_cells(
        catalogue, RecourseSettings(max_changes=max(14, len(catalogue.encoded.columns) // 500)), seen_by=seen_by
    )
    rule = "seen by at most 1 % of the group" if seen_by < 1 else "any item of that mean rank"
    show(f"(a) MovieLens-{size}, word counts without limits, {rule}; {time.perf_counter() - started:.0f} s", cells)
    for (_, share), found in cells.items():
        if share >= 0.05:
            assert min(recourse.success_unthresholded or 0 for recourse in found) == 1.0
        assert 100 * np.mean([recourse.share_changed for recourse in found]) <= 0.2
        assert min(recourse.success_after or 0 for recourse in found) >= 0.8 * 0.9
    overlaps = [recourse.rbo for found in cells.values() for recourse in found]
    if seen_by < 1:
        show_least_side_effect(catalogue)
        assert np.mean([overlap for overlap in overlaps if overlap is not None]) >= LEAST_RBO[size]


@pytest.mark.parametrize("size", ["100k", "1m"])
@pytest.mark.parametrize("seen_by", [0.01, 1.0])
def test_within_real_bounds_the_bound_says_how_far_a_recourse_is_from_the_best(size: str, seen_by: float) -> None:
    catalogue = prepare(size, PROVIDER)
    started = time.perf_counter()
    cells = run_cells(catalogue, RecourseSettings(), seen_by=seen_by)
    rule = "seen by at most 1 % of the group" if seen_by < 1 else "any item of that mean rank"
    show(f"(b) MovieLens-{size}, TF-IDF within real bounds, {rule}; {time.perf_counter() - started:.0f} s", cells)
    for rank in PAPER_RANKS:
        best = cells[rank, 1.0][0]
        path = "  ".join(f"{point.n_changes}: {100 * point.success:.1f}%" for point in best.frontier)
        print(f"frontier, rank {rank}, first group, all users: {path}")
    for found in cells.values():
        for recourse in found:
            assert recourse.success_bound is not None
            assert recourse.success_unthresholded is not None
            assert recourse.success_unthresholded <= recourse.success_bound + 1e-12
            assert len(recourse.changes) <= 10
