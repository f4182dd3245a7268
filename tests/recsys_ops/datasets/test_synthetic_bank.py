"""The made bank: sizes near those of the study, the same for a seed, with habits in it."""

import numpy as np
import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.synthetic_bank import KINDS, make_bank
from recsys_ops.errors import ConfigError
from recsys_ops.evaluation import held_out_quality
from recsys_ops.models.ease import fit_ease
from recsys_ops.models.linear import history_matrix


def test_the_same_seed_gives_the_same_bank_and_another_seed_another() -> None:
    prints = [load_dataset("bank:items=60,users=40", seed=seed).fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_customers_visit_as_many_merchants_categories_and_tags_as_those_of_the_study() -> None:
    bank = make_bank(users=300)
    visits, tags = bank.ratings, bank.items["tags"].to_pylist()
    assert bank.values == "weights"
    assert visits.shape == (300, 300)
    merchants = [visits.indices[start:end] for start, end in zip(visits.indptr, visits.indptr[1:], strict=False)]
    category = np.array(bank.items["category"].to_pylist())
    assert set(category) == set(KINDS)
    assert np.median(visits.sum(axis=1)) == pytest.approx(465, rel=0.15)
    assert np.median([len(of) for of in merchants]) == pytest.approx(113, rel=0.25)
    assert np.median([len(set(category[of])) for of in merchants]) == pytest.approx(19, abs=3)
    assert np.median([len({tag for one in of for tag in tags[one]}) for of in merchants]) == pytest.approx(92, rel=0.2)
    assert len(set(bank.items["title"].to_pylist())) == 300


def test_where_customers_went_says_where_they_will_go() -> None:
    histories = history_matrix(make_bank(users=400).ratings, binary=True, scale=1.0)
    quality = held_out_quality(histories, lambda known: fit_ease(known, ridge=500.0), seed=0)
    assert quality.model.recall.mean() > 1.15 * quality.popularity.recall.mean()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("bank:items=20", "items is 20. Use 44 to 100000"),
        ("bank:users=3", "users is 3"),
        ("bank:visits_per_user=1", "visits_per_user is 1"),
    ],
)
def test_a_size_out_of_its_range_is_refused(data: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(data, seed=0)
