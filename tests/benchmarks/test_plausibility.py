"""Is advice true, and does it pass for real? Hidden features of real catalogues, and a classifier that looks on."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import cross_val_score

from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.recourse.plausible import LEAST_SUPPORT
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse
from tests.benchmarks.catalogue import movielens
from tests.benchmarks.hidden_truth import HiddenTruth, hide
from tests.suites.goodbooks import goodbooks

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

LEVELS = (None, 0.1, 0.2, LEAST_SUPPORT, 0.3, 0.5)
SEEDS = range(5)
N_BOOKS = 300
Found = dict[float | None, list[tuple[HiddenTruth, list[Recourse]]]]


def sweep(dataset: Dataset, column: str, *, n_items: int, least: int, groups: str, model: str) -> Found:
    """Recourses with 30 % of the column hidden, by level and seed."""
    found: Found = defaultdict(list)
    for seed in SEEDS:
        hidden = hide(dataset, column, n_items=n_items, least=least, seed=seed, where=(groups, model))
        plausibility = hidden.plausibility(LEAST_SUPPORT)
        for level in LEVELS:
            allowed = None if level is None else replace(plausibility, level=level)
            found[level].append((hidden, hidden.search(allowed, RecourseSettings())))
    return found


def show(title: str, found: Found) -> dict[float | None, float]:
    """Print a row per level, and give the share that is true."""
    print(f"\n{title}\nleast support   true  success   bound  changes  cases   proven  median gap")
    shares = {}
    for level, runs in found.items():
        recourses = [one for _, several in runs for one in several]
        serving = [one for one in recourses if one.serves]
        added = [hidden.truths(several) for hidden, several in runs]
        shares[level] = float(np.mean(np.concatenate(added))) if len(np.concatenate(added)) else float("nan")
        success, bound = (
            100 * float(np.mean([getattr(one, name) or 0.0 for one in recourses]))
            for name in ("success_after", "success_bound")
        )
        gaps = [one.gap for one in serving if one.gap is not None]
        changes = np.mean([len(one.changes) for one in serving]) if serving else 0.0
        proven = 100 * np.mean([gap == 0 for gap in gaps]) if gaps else 0.0
        print(
            f"{'no rule' if level is None else level!s:>13s} {100 * shares[level]:5.1f} % {success:6.2f} %"
            f" {bound:6.2f} % {changes:8.1f} {100 * len(serving) / len(recourses):5.0f} % {proven:6.0f} %"
            f" {np.median(gaps) if gaps else np.nan:9.2f}",
            flush=True,
        )
    return shares


@pytest.mark.parametrize("model", ["content", "hybrid"])
def test_of_hidden_shelves_at_least_half_of_what_is_suggested_by_default_is_true(model: str, tmp_path: Path) -> None:
    dataset = load_dataset(goodbooks(tmp_path), seed=0)
    found = sweep(dataset, "shelves", n_items=N_BOOKS, least=12, groups="n_ratings:5", model=model)
    shares = show(f"goodbooks, {model}", found)
    assert shares[LEAST_SUPPORT] >= 0.5
    assert shares[None] < 0.3


@pytest.mark.parametrize("model", ["content", "hybrid"])
@pytest.mark.parametrize("data", ["100k", "synthetic"])
def test_hidden_words_of_plots_and_hidden_tags_of_a_marketplace(data: str, model: str) -> None:
    if data == "synthetic":
        dataset = load_dataset("synthetic", seed=0)
        show(f"synthetic, tags, {model}", sweep(dataset, "tags", n_items=150, least=3, groups="group", model=model))
    else:
        dataset = load_dataset(movielens(data), seed=0)
        show(
            f"MovieLens-100K, words of plots, {model}",
            sweep(dataset, "plot", n_items=150, least=12, groups="age:5", model=model),
        )


@pytest.mark.parametrize("model", ["content", "hybrid"])
def test_a_classifier_hardly_tells_changed_books_from_real_ones(model: str, tmp_path: Path) -> None:
    dataset = load_dataset(goodbooks(tmp_path), seed=0)
    hidden = hide(dataset, "shelves", n_items=N_BOOKS, least=12, seed=0, where=("n_ratings:5", model), share=0.0)
    shelf = np.array([rule.kind == "tags" for rule in hidden.items.rules])[hidden.items.columns.rule]
    real = (hidden.items.matrix.toarray()[:, shelf] > 0).astype(float)
    areas = {}
    for name, allowed in (("no rule", None), ("default", hidden.plausibility(LEAST_SUPPORT))):
        found = [one for one in hidden.search(allowed, RecourseSettings(knee=allowed is not None)) if one.serves]
        changed = np.array([one.features for one in found])[:, shelf] > 0
        others = np.setdiff1d(np.flatnonzero(real.sum(axis=1) >= 12), [one.item for one in found])
        drawn = np.random.default_rng(0).choice(others, size=3 * len(found), replace=False)
        rows = np.vstack([changed.astype(float), real[drawn]])
        seen = np.hstack([TruncatedSVD(40, random_state=0).fit(real).transform(rows), rows.sum(axis=1, keepdims=True)])
        labels = np.repeat([1, 0], [len(found), len(drawn)])
        scores = cross_val_score(GradientBoostingClassifier(random_state=0), seen, labels, cv=5, scoring="roc_auc")
        areas[name] = float(scores.mean())
        print(f"{model}, {name}: {len(found)} changed books, area under the ROC curve {areas[name]:.3f}", flush=True)
    assert areas["default"] <= 0.75
