"""Histories in whole units, and what removing each interaction costs."""

from pathlib import Path

import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recsys_ops.counterfactuals.histories import make_histories, read_removal_costs
from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.errors import ConfigError, InputError


def dataset(stars: list[float], *, greatest: float = 5.0) -> Dataset:
    """User u0 has rated the items i0, i1, ... with these stars."""
    n = len(stars)
    items = pa.table({"item_id": [f"i{i}" for i in range(n)], "seller_id": ["s"] * n, "title": ["t"] * n})
    rated = pa.table({"user_id": ["u0"] * n, "item_id": items["item_id"], "rating": stars})
    return build_dataset("tiny", rated, items, None, rules=(), rating_range=(0.0, greatest))


def test_an_interaction_is_one_unit_whatever_its_rating() -> None:
    histories = make_histories(dataset([0.0, 2.5, 5.0]), ratings=False)
    items, amounts, costs, may_go = histories.of_user(0)
    assert_array_equal(items, [0, 1, 2])
    assert_array_equal(amounts, [1, 1, 1])
    assert costs is may_go is None
    assert histories.scale == histories.step == 1.0
    assert_array_equal(histories.inputs.data, [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("stars", "step", "units"),
    [([1, 3, 5], 1.0, [1, 3, 5]), ([0.5, 3, 4.5], 0.5, [1, 6, 9]), ([0.1, 0.7, 5], 0.1, [1, 7, 50])],
)
def test_ratings_are_counted_in_the_largest_step_that_makes_them_whole(
    stars: list[float], step: float, units: list[int]
) -> None:
    histories = make_histories(dataset(stars), ratings=True)
    assert histories.step == step
    assert histories.scale == 5 / step
    assert_array_equal(histories.of_user(0)[1], units)
    assert_allclose(histories.amounts.data / histories.scale, histories.inputs.data, rtol=1e-6)


def test_ratings_that_are_steps_of_no_scale_or_negative_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"not steps of 0.1 stars \(first: 3.14159\)"):
        make_histories(dataset([1.0, 3.14159]), ratings=True)
    with pytest.raises(ConfigError, match=r"of 0 or more \(found -2\)"):
        make_histories(dataset([1.0, -2.0]), ratings=True)


def write(folder: Path, lines: str) -> str:
    path = folder / "costs.csv"
    path.write_text("user_id,item_id,cost\n" + lines)
    return str(path)


def test_costs_are_1_without_a_row_and_nothing_may_go_without_a_cost(tmp_path: Path) -> None:
    data = dataset([1.0, 2.0, 3.0])
    costs = read_removal_costs(write(tmp_path, "u0,i2,2.5\nu0,i0,\n"), data)
    _, _, weights, may_go = make_histories(data, ratings=False, costs=costs).of_user(0)
    assert weights is not None
    assert_array_equal(weights[1:], [1.0, 2.5])
    assert_array_equal(may_go, [False, True, True])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("u0,i0,1\nu0,i9,1\n", r"1 rows are no interactions of the data \(first: row 1\)"),
        ("u1,i0,1\n", r"1 rows are no interactions of the data \(first: row 0\)"),
        ("u0,i0,1\nu0,i1,2\nu0,i0,3\n", r"1 rows repeat an interaction \(first: row 2\)"),
        ("u0,i0,0\n", r"1 rows have a cost that is not positive and finite \(first: row 0\)"),
    ],
)
def test_rows_that_mean_nothing_are_refused_by_number(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_removal_costs(write(tmp_path, lines), dataset([1.0, 2.0]))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("u0,i0,1\nu0,i1,cheap\n", r"column 'cost' is string, expected a number \(first: row 1 = 'cheap'\)"),
        ("u0,i0,2024-01-01\n", r"column 'cost' is string, expected a number \(first: row 0 = '2024-01-01'\)"),
    ],
)
def test_a_cost_that_is_no_number_is_named_with_its_row(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_removal_costs(write(tmp_path, lines), dataset([1.0, 2.0]))


def test_ids_of_another_type_than_the_data_have_are_named_with_their_row(tmp_path: Path) -> None:
    items = pa.table({"item_id": [0, 1], "title": ["A", "B"], "seller_id": ["s", "s"]})
    interactions = pa.table({"user_id": [7, 7], "item_id": [0, 1], "rating": [1.0, 2.0]})
    data = build_dataset("toy", interactions, items, pa.table({"user_id": [7]}), rules=(), rating_range=(0.0, 5.0))
    message = r"column 'user_id' is string, expected the int64 ids of the data \(first: row 1 = 'u1'\)"
    with pytest.raises(InputError, match=message):
        read_removal_costs(write(tmp_path, "7,0,1\nu1,1,1\n"), data)


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("user_id,item_id\nu0,i0\n")
    with pytest.raises(InputError, match=r"column 'cost' is missing \(found user_id, item_id\)"):
        read_removal_costs(str(path), dataset([1.0]))
