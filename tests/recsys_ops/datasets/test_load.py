"""``--data`` and what ``validate`` says about a data set."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from recsys_ops.datasets import describe, load_dataset
from recsys_ops.errors import ConfigError

SMALL = "synthetic:items=60,users=50,sellers=7,ratings_per_user=8"


def test_synthetic_takes_its_sizes_from_data_and_its_seed_from_the_caller() -> None:
    dataset = load_dataset(SMALL, seed=4)
    assert (dataset.n_users, dataset.n_items) == (50, 60)
    assert dataset.fingerprint == load_dataset(SMALL, seed=4).fingerprint != load_dataset(SMALL, seed=5).fingerprint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("synthetic:item=3", r"no parameter 'item' \(available: items, users, sellers, features, ratings_per_user\)"),
        ("synthetic:items=many", r"items is 'many', not a whole number. Use items=1000"),
        ("movielens-100k", r"no folder. Use --data movielens-100k:DIR"),
    ],
)
def test_data_that_name_nothing_say_what_would_be_right(data: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(data, seed=0)


def test_a_description_has_sizes_features_groups_and_rejected_rows(
    tables: dict[str, pa.Table], write: Callable[..., str]
) -> None:
    tables["interactions"] = tables["interactions"].set_column(2, "rating", pa.array([1.0, 9.0, 5.0, 3.0, 2.0]))
    lines = dict(describe(load_dataset(write(tables), seed=0, on_bad_rows="quarantine")))
    assert lines["users"] == "4"
    assert lines["sellers"] == "2"
    assert lines["ratings"] == "4 in [1, 5]"
    assert lines["density"] == "33.333%"
    assert lines["distribution"] == "1: 1, 2: 1, 3: 1, 5: 1"
    assert lines["feature price"] == "number, mutable, may only decrease, 2 values, 33.3% missing"
    assert lines["feature colour"] == "category, immutable, 2 values, 33.3% missing"
    assert lines["group city"] == "2 values, 25.0% missing"
    assert lines["group n_ratings"] == "0 to 2, mean 1.0"
    assert lines["rejected rows"] == "1 of interactions"


def test_tags_are_described_by_how_many_items_have_none() -> None:
    assert dict(describe(load_dataset(SMALL, seed=0)))["feature tags"] == "tags, mutable, 0.0% missing"
