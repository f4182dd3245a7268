"""Recourse of the hybrid recommender beside that of the content one: what it reaches, and what it takes."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest

from jobs.runtime.worker import one_thread
from recsys_ops.datasets import load_dataset
from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses
from tests.benchmarks.catalogue import PAPER, PROVIDER, Catalogue, catalogue_of, prepare
from tests.suites.goodbooks import goodbooks

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

MODELS = ("content", "hybrid")
HEADER = f"\n{'':<24} cases  before   after   bound  changes  least   RBO  CPU s a case  example"


def show(name: str, found: Sequence[Recourse], seconds: float) -> None:
    """Print means over the cases that were searched."""
    searched = [one for one in found if one.features is not None and one.lower_bound is not None]

    def mean(field: str) -> float:
        return float(np.mean([getattr(one, field) for one in searched]))

    best = max(searched, key=lambda one: (one.success_after or 0) - (one.success_before or 0))
    print(
        f"{name:<24} {len(found):5d} {mean('success_before'):7.1%} {mean('success_after'):7.1%} "
        f"{mean('success_bound'):7.1%} {mean('sparsity'):8.1f} {mean('lower_bound'):6.1f} "
        f"{mean('rbo'):6.1%} {seconds / len(found):8.2f}      {'; '.join(one.text for one in best.changes)[:200]}",
        flush=True,
    )


def of_groups(catalogue: Catalogue, settings: RecourseSettings, *, n_items: int | None) -> tuple[list[Recourse], float]:
    """Recourses of items for five groups: those of the paper's ranks, or some drawn of those that few see."""
    found, begun = [], time.process_time()
    for number in range(5):
        items = np.array(catalogue.items_near(number, seen_by=0.01))
        if n_items is not None:
            shown = np.maximum(catalogue.counts.n_candidates[number], 1)
            rare = np.flatnonzero(catalogue.counts.n_in_top[number] / shown < 0.01)
            items = np.sort(np.random.default_rng([0, number]).choice(rare, n_items, replace=False))
        found += find_recourses(catalogue.search(catalogue.group(number), settings), items)
    return found, time.process_time() - begun


@pytest.mark.parametrize(("title", "rules"), [("(a)", PAPER), ("(b)", PROVIDER)])
def test_the_paper_s_settings(title: str, rules: tuple[FeatureRule, ...]) -> None:
    print(HEADER)
    for model in MODELS:
        with one_thread():
            catalogue = prepare("100k", rules, model=model)
            settings = RecourseSettings(max_changes=14 if title == "(a)" else 10)
            show(f"{title} ML-100K, {model}", *of_groups(catalogue, settings, n_items=None))


def test_books_of_goodbooks(tmp_path: Path) -> None:
    dataset = load_dataset(goodbooks(tmp_path), seed=0)
    print(HEADER)
    for model in MODELS:
        with one_thread():
            begun = time.process_time()
            catalogue = catalogue_of(dataset, dataset.rules, groups="n_ratings:5", model=model)
            print(f"{model}: fit and summary {time.process_time() - begun:.0f} CPU s", flush=True)
            show(f"goodbooks, {model}", *of_groups(catalogue, RecourseSettings(), n_items=8))


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_time_and_memory_at_scale(share: float) -> None:
    sizes = [round(size * share) for size in (20_000, 100_000, 5_000)]
    text = "synthetic:items={},users={},features={},ratings_per_user=50".format(*sizes)
    dataset = load_dataset(text, seed=0)
    print(HEADER)
    for model in MODELS:
        with one_thread():
            begun = time.process_time()
            catalogue = catalogue_of(dataset, dataset.rules, groups="n_ratings:5", model=model)
            peak = psutil.Process().memory_info().rss / 2**30
            print(f"{model}: fit and summary {time.process_time() - begun:.0f} CPU s, {peak:.2f} GiB after it")
            show(f"{sizes}, {model}", *of_groups(catalogue, RecourseSettings(), n_items=4))
