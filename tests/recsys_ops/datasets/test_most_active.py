"""The users and items with most ratings, as a data set of their own."""

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from recsys_ops.datasets import Dataset, build_dataset
from recsys_ops.datasets.most_active import most_active, with_ratings


def dataset() -> Dataset:
    """User b rates 3 items, a and c 2, d none; item z has 3 ratings, w and x 2, y none; a's rating of w is 0."""
    rows = [("a", "w", 0.0), ("a", "z", 2.0), ("b", "w", 3.0), ("b", "x", 4.0), ("b", "z", 5.0), ("c", "x", 1.0)]
    rows.append(("c", "z", 2.0))
    users, items, ratings = zip(*rows, strict=True)
    interactions = pa.table({"user_id": users, "item_id": items, "rating": ratings})
    catalogue = pa.table({"item_id": ["z", "y", "x", "w"], "seller_id": ["s"] * 4, "title": ["Z", "Y", "X", "W"]})
    people = pa.table({"user_id": ["d", "c", "b", "a"], "age": [4, 3, 2, 1]})
    return build_dataset("toy", interactions, catalogue, people, rules=(), rating_range=(0.0, 5.0))


def test_the_first_of_equally_active_users_and_items_are_kept_in_their_order() -> None:
    kept = most_active(dataset(), users=2, items=2)
    assert (kept.user_ids.to_pylist(), kept.item_ids.to_pylist()) == (["a", "b"], ["w", "z"])
    assert (kept.users["age"].to_pylist(), kept.items["title"].to_pylist()) == ([1, 2], ["W", "Z"])
    np.testing.assert_array_equal(kept.ratings.toarray(), [[0, 2], [3, 5]])


def test_a_rating_of_0_stays_a_rating() -> None:
    assert most_active(dataset(), users=2, items=2).ratings.nnz == 4


def test_without_limits_and_with_great_ones_everything_is_kept() -> None:
    whole = dataset()
    for kept in (most_active(whole), most_active(whole, users=99, items=99)):
        assert kept.users.equals(whole.users)
        assert kept.items.equals(whole.items)
        assert is_equal(kept.ratings, whole.ratings)


def test_users_who_rated_nothing_can_be_left_out() -> None:
    rated = with_ratings(dataset())
    assert rated.user_ids.to_pylist() == rated.users["user_id"].to_pylist() == ["a", "b", "c"]
    assert rated.items.equals(dataset().items)
    assert is_equal(rated.ratings, dataset().ratings[:3])
    assert with_ratings(rated) is rated


def is_equal(one: sp.csr_array, other: sp.csr_array) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("data", "indices", "indptr"))
