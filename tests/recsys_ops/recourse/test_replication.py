"""RecRec's experiment: which items it takes, and what its rows say, against all scores of all users."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.datasets import load_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.recourse.replication import RANKS, SEEN_BY, Experiment, K, paper_rules, prepare, replicate


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(load_dataset("synthetic:items=150,users=60,ratings_per_user=8", seed=1), "n_ratings")


def all_ranks(experiment: Experiment) -> NDArray[np.float64]:
    """Rank of every item for every user, NaN where rated, by the definition of the content recommender."""
    features, ratings = experiment.items.matrix.toarray(), experiment.dataset.ratings.toarray()
    scores = np.where(ratings > 0, -np.inf, ratings @ features @ features.T)
    ranks = np.array([[1 + (row > one * (1 + 1e-9)).sum() for one in row] for row in scores], dtype=np.float64)
    return np.where(ratings > 0, np.nan, ranks)


def test_items_are_those_nearest_to_the_papers_ranks_that_few_see(experiment: Experiment) -> None:
    ranks = all_ranks(experiment)
    rows = replicate(experiment, [0.2], seed=0).to_pylist()
    ids = [str(one) for one in experiment.dataset.items["item_id"].to_pylist()]
    assert [row["rank"] for row in rows] == list(RANKS) * (len(rows) // len(RANKS))
    for row in rows:
        of_group = ranks[experiment.group_of_user == experiment.labels.index(row["group"])]
        means, seen = np.nanmean(of_group, axis=0), np.nanmean(np.where(np.isnan(of_group), np.nan, of_group <= K), 0)
        place = ids.index(row["item_id"])
        assert row["mean_rank"] == pytest.approx(means[place])
        assert row["success_before"] == pytest.approx(seen[place])
        assert abs(means[place] - row["rank"]) == pytest.approx(np.abs(means - row["rank"])[seen <= SEEN_BY].min())
        assert row["success_before"] <= row["success_after"] <= row["success_all_changes"]


def test_a_draw_repeats_by_its_seed_and_another_seed_searches_other_users(experiment: Experiment) -> None:
    one, again, other = (replicate(experiment, [0.1], seed=seed, groups=[2]) for seed in (3, 3, 4))
    assert one.equals(again)
    assert one["item_id"].equals(other["item_id"])
    assert not one["success_after"].equals(other["success_after"])


def test_only_words_lose_their_limits() -> None:
    rules = (FeatureRule(column="plot", kind="text"), FeatureRule(column="price", kind="number", upper=3))
    words, price = paper_rules(rules)
    assert (words.weighting, words.upper, words.step) == ("count", np.inf, 0)
    assert price == rules[1]


def test_a_catalogue_of_which_everybody_sees_every_item_is_refused(experiment: Experiment) -> None:
    seen = replace(experiment.counts, n_in_top=experiment.counts.n_candidates)
    with pytest.raises(ConfigError, match="the catalogue is too small for this experiment"):
        replicate(replace(experiment, counts=seen), [1.0], seed=0)
