"""The explanation that a caller in Python gets: from any data structure, printed in three lines, refused in one."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

import recsys_ops
from recsys_ops import ConfigError, InputError, Status
from recsys_ops.counterfactuals.explanation import UserExplanation
from recsys_ops.counterfactuals.histories import count_units
from recsys_ops.models.aggregate import keep_items
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.likelihood import Likelihood, learn_likelihood

N_USERS, N_ITEMS, K = 40, 12, 3


@pytest.fixture(scope="module")
def stars() -> np.ndarray:
    """Whole stars of 40 users for 12 items, 0 for no interaction; each user and item has some."""
    rng = np.random.default_rng(3)
    given = rng.integers(1, 6, (N_USERS, N_ITEMS)) * (rng.random((N_USERS, N_ITEMS)) < 0.4)
    given[:, 0] = np.maximum(given[:, 0], np.arange(N_USERS) % 2)
    return given.astype(np.float64)


@pytest.fixture(scope="module")
def table(stars: np.ndarray) -> pd.DataFrame:
    user, item = np.nonzero(stars)
    shuffled = pd.DataFrame({"note": "", "item_id": item, "rating": stars[user, item], "user_id": user})
    return shuffled.sample(frac=1, random_state=0)


@pytest.fixture(scope="module")
def likelihood(stars: np.ndarray) -> Likelihood:
    amounts = count_units(sp.csr_array(stars), 5.0, ratings=False).amounts
    return learn_likelihood(amounts, keep_items(amounts, n=4), seed=0)


def explained(histories: Any, user: int = 5, **options: Any) -> UserExplanation:
    """By EASE with little ridge, which few users need."""
    fitted = {name: options[name] for name in ("ratings", "greatest_rating") if name in options}
    model = recsys_ops.fit_ease(histories, ridge=1.0, **fitted)
    return recsys_ops.explain(model, histories, user, **({"k": K} | options))


@pytest.mark.parametrize("ratings", [False, True])
def test_a_table_a_sparse_matrix_and_an_array_have_the_same_explanation(
    stars: np.ndarray, table: pd.DataFrame, ratings: bool
) -> None:
    kinds = [
        table, pl.from_pandas(table), pa.Table.from_pandas(table), stars, stars.tolist(), stars.astype(int),
        sp.csr_array(stars), sp.csc_array(stars), sp.coo_matrix(stars),
    ]  # fmt: skip
    first, *others = (explained(histories, ratings=ratings) for histories in kinds)
    assert first.status is Status.OPTIMAL
    assert first.removed
    assert first.rank_before == 1
    assert first.rank_after > K
    assert all(other == first for other in others)


def test_ids_of_the_table_come_back(table: pd.DataFrame) -> None:
    plain = explained(table)
    named = table.assign(
        user_id=[f"u{user:02}" for user in table["user_id"]],
        item_id=pd.Categorical([f"i{item:02}" for item in table["item_id"]]),
    )
    model = recsys_ops.fit_ease(named, ridge=1.0)
    found = recsys_ops.explain(model, named, user="u05", item=f"i{plain.item:02}", k=K)
    assert (found.user, found.item) == ("u05", f"i{plain.item:02}")
    assert found.removed == tuple(f"i{item:02}" for item in plain.removed)
    own = named[named["user_id"] == "u05"]
    assert recsys_ops.explain(model, own, user="u05", k=K) == found


def test_other_fitted_models_and_plain_weights_are_explained_too(stars: np.ndarray) -> None:
    model = fit_item_knn(sp.csr_array(np.sign(stars)), shrinkage=0.0)
    found = recsys_ops.explain(model, stars, 5, k=K)
    assert found == recsys_ops.explain(model.weights, stars, 5, k=K)
    assert found == recsys_ops.explain(model.weights.toarray(), sp.csr_array(stars), np.int64(5), k=K)


def test_what_is_given_stays_as_it_is(stars: np.ndarray, table: pd.DataFrame) -> None:
    unsorted = sp.csr_array(stars)
    unsorted.indices, unsorted.data = unsorted.indices.copy(), unsorted.data.copy()
    first, last = unsorted.indptr[5:7]
    unsorted.indices[first:last] = unsorted.indices[first:last][::-1].copy()
    unsorted.data[first:last] = unsorted.data[first:last][::-1].copy()
    unsorted.has_sorted_indices = False
    before = unsorted.indices.tobytes(), unsorted.data.tobytes(), table.copy(), stars.copy()
    assert explained(unsorted) == explained(table) == explained(stars)
    assert (unsorted.indices.tobytes(), unsorted.data.tobytes()) == before[:2]
    pd.testing.assert_frame_equal(table, before[2])
    np.testing.assert_array_equal(stars, before[3])


def test_an_explanation_prints_what_was_recommended_what_it_hangs_on_and_how_sure_that_is(stars: np.ndarray) -> None:
    found = explained(stars)
    first, second, third = str(found).splitlines()
    assert first == f"User 5 is recommended item {found.item} at rank 1."
    listed = ", ".join(str(item) for item in found.removed)
    assert second.startswith(f"It hangs on {len(found.removed)} of {found.n_history} interactions: removing {listed} ")
    assert second.endswith("takes it out of the top 3.")
    assert third.startswith(f"Status optimal: rank {found.rank_after} afterwards, distance {found.distance:g}, bound ")


def test_every_outcome_prints_three_lines(stars: np.ndarray) -> None:
    rated = explained(stars, ratings=True)
    assert "lowering the ratings of" in str(rated)
    assert len(rated.removed) == len(rated.stars)
    impossible = explained(stars, max_distance=0.5)
    assert impossible.status is Status.INFEASIBLE
    assert "No part of the" in str(impossible)
    already = next(
        found for item in range(N_ITEMS) if stars[5, item] == 0
        and (found := explained(stars, item=item)).status is Status.ALREADY_SATISFIED
    )  # fmt: skip
    assert "not among the first 3" in str(already)
    by_score = next(
        found for user in range(N_USERS) if (found := explained(stars, user, validity="score", k=1)).rank_after == 1
    )
    assert "lowers its score below that of number 1" in str(by_score)
    for found in (rated, impossible, already, by_score):
        assert len(str(found).splitlines()) == 3


@pytest.mark.parametrize("plausibility", ["optimise", "threshold"])
def test_a_likelihood_makes_the_explanation_plausible(
    stars: np.ndarray, likelihood: Likelihood, plausibility: str
) -> None:
    found = explained(stars, plausibility=plausibility, likelihood=likelihood)
    assert found.status in (Status.OPTIMAL, Status.INFEASIBLE)
    assert found.log_likelihood_before is not None


def test_a_likelihood_of_other_items_or_units_is_refused(stars: np.ndarray, likelihood: Likelihood) -> None:
    with pytest.raises(InputError, match="it was learned for 12 items, but the model knows 11"):
        explained(stars[:, :11], likelihood=likelihood)
    with pytest.raises(InputError, match="from amounts up to 1, but here an interaction counts up to 5"):
        explained(stars, likelihood=likelihood, ratings=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.3}, r"alpha=0.3 is ignored with plausibility='none'\. Leave it out, or set plausibility='opt"),
        ({"threshold": -3.0}, "threshold=-3 is ignored with plausibility='none'"),
        ({"mixture": "best"}, "mixture='best' is ignored with plausibility='none'"),
        ({"plausibility": "optimise", "threshold": -3.0}, "threshold=-3 is ignored with plausibility='optimise'"),
        ({"plausibility": "threshold", "alpha": 0.1}, "alpha=0.1 is ignored with plausibility='threshold'"),
        ({"plausibility": "optimise", "mixture": "exact", "engine": "pyomo"}, "is ignored with engine='pyomo'"),
        ({"plausibility": "optimise"}, "plausibility='optimise' needs a likelihood"),
        ({"greatest_rating": 5.0}, "greatest_rating=5 is ignored with ratings=False"),
        ({"greatest_rating": 3.0, "ratings": True}, "there is a rating of 5"),
        ({"k": 0}, "k=0: expected a whole number of at least 1"),
        ({"max_removed": 0}, "max_removed=0"),
        ({"max_distance": 0.0}, "max_distance=0.0: expected a positive number"),
        ({"time_limit": float("nan")}, "time_limit=nan"),
        ({"validity": "rank"}, "validity='rank': expected 'kth' or 'score'"),
        ({"engine": "fast"}, "engine='fast': expected 'direct' or 'pyomo'"),
    ],
)
def test_settings_that_would_be_ignored_or_mean_nothing_are_refused(
    stars: np.ndarray, options: dict[str, Any], message: str
) -> None:
    model = recsys_ops.fit_ease(stars, ridge=1.0)
    with pytest.raises(ConfigError, match=message):
        recsys_ops.explain(model, stars, 5, **({"k": K} | options))


def test_users_and_items_that_mean_nothing_are_refused_in_one_line(stars: np.ndarray, table: pd.DataFrame) -> None:
    model = recsys_ops.fit_ease(stars, ridge=1.0)
    seen = int(np.flatnonzero(stars[5])[0])
    unseen = int(np.flatnonzero(stars[5] == 0)[0])
    full, empty = stars.copy(), stars.copy()
    full[5], empty[5] = 1.0, 0.0
    cases: list[tuple[Any, Any, Any, str]] = [
        (stars, 99, unseen, r"user 99: there is no such user \(found 40, ids of type int64, first: 0, 1, 2\)"),
        (table, "5", unseen, "user '5': there is no such user"),
        (table, None, unseen, "user None: there is no such user"),
        (stars, 5, -1, "item -1: there is no such item"),
        (stars, 5, 12, "item 12: there is no such item"),
        (stars, 5, seen, f"item {seen} is in the history of user 5"),
        (empty, 5, unseen, "user 5: the history is empty"),
        (full, 5, None, "user 5: every item is in the history"),
    ]
    for histories, user, item, message in cases:
        with pytest.raises(InputError, match=message) as refused:
            recsys_ops.explain(model, histories, user, item, k=K)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((12, 11)), "model: the weights have shape"),
        (np.full((12, 12), np.nan), "model: 144 weights are NaN"),
        (np.zeros(12), "model: expected a fitted recommender, or weights"),
        (np.zeros((11, 11)), "the matrix has 12 columns, but the model knows 11 items"),
    ],
)
def test_weights_that_are_those_of_no_recommender_are_refused(
    stars: np.ndarray, weights: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        recsys_ops.explain(weights, stars, 5, k=K)
