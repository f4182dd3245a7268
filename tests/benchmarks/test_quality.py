"""Every recommender that is fitted here, on all data sets: recall@20 and nDCG@100, beside popularity and chance.

To reach: hybrid has at least 90 % of the recall of EASE on warm items of every real data set and of the synthetic one,
and on items without ratings is above chance and content.
"""

import os
from pathlib import Path

import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.measurement import FROM_FEATURES, measure_lists, measure_without_ratings
from recsys_ops.models.recommender import FITTED
from recsys_ops.quality import Figure
from tests.suites.goodbooks import goodbooks

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

MODELS = (*FROM_FEATURES, *FITTED)


def data_of(name: str, folder: Path) -> str:
    if name == "synthetic":
        return name
    if name == "goodbooks":
        return goodbooks(folder)
    return f"movielens-{name}:{Path(os.environ['RECSYS_OPS_DATA'], f'ml-{name}')}"


def shown(figure: Figure) -> str:
    return f"{figure.value:.3f} ± {figure.standard_error:.3f}"


@pytest.mark.parametrize("data", ["synthetic", "100k", "1m", "goodbooks"])
def test_the_default_of_recourse_is_nearly_as_good_as_the_best_and_knows_new_items(data: str, tmp_path: Path) -> None:
    dataset = load_dataset(data_of(data, tmp_path), seed=0)
    warm = {name: measure_lists(name, dataset, seed=0).figures for name in MODELS}
    cold = {name: measure_without_ratings(name, dataset, seed=0).figures for name in FROM_FEATURES}
    print(f"\n| {data} | recall@20 | nDCG@100 | recall@20, items without ratings | nDCG@100 |")
    print("| --- | --- | --- | --- | --- |")
    for name, (recall, ndcg) in warm.items():
        new = cold.get(name)
        print(
            f"| {name} | {shown(recall)} | {shown(ndcg)} |"
            + (f" {shown(new[0])} | {shown(new[1])} |" if new else " | |")
        )
    recall, ndcg = warm["ease"]
    chance = [figure.baseline for figure in cold["hybrid"]]
    print(f"| popularity, chance | {recall.baseline:.3f} | {ndcg.baseline:.3f} | {chance[0]:.3f} | {chance[1]:.3f} |")
    assert warm["hybrid"][0].value >= 0.9 * warm["ease"][0].value
    assert cold["hybrid"][0].value > max(cold["content"][0].value, chance[0])
