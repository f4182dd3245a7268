"""Recourse from a Python session: what it prints, what it accepts in which form, and what it refuses."""

import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recsys_ops.datasets.synthetic import make_marketplace
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.features.sentences import plan_in_words
from recsys_ops.recourse.item_recourse import ItemRecourse, find_recourse
from recsys_ops.recourse.recommender import ItemRecommender, fit_content
from recsys_ops.status import Status

FEATURES = {
    "description": "text", "tags": "tags", "category": "category", "price": {"kind": "number", "direction": "decrease"},
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """A small marketplace as a caller has it."""
    dataset = make_marketplace(items=40, users=60, ratings_per_user=8)
    found = dataset.ratings.tocoo()
    ratings = pd.DataFrame({"user_id": found.row + 1, "item_id": found.col + 1, "rating": found.data})
    return {"ratings": ratings, "items": dataset.items.to_pandas(), "users": dataset.users.to_pandas()}


@pytest.fixture(scope="module")
def model(tables: dict[str, pd.DataFrame]) -> ItemRecommender:
    return fit_content(tables["ratings"], tables["items"], users=tables["users"], features=FEATURES)


def test_a_recourse_prints_itself_in_three_lines(model: ItemRecommender) -> None:
    found = find_recourse(model, 5, "group students", plausibility="none")
    lines = str(found).splitlines()
    title = model.dataset.items.column("title")[4].as_py()
    assert found.serves
    assert lines[0] == f"Item 5 ({title}) for group students, lists of 10."
    assert lines[1].lower() == plan_in_words([asdict(change) for change in found.changes]).lower() + "."
    assert f"{found.success_before:.1%} of {found.n_targets} users, then by {found.success_after:.1%}" in lines[2]
    assert f"at least {found.lower_bound}" in lines[2]
    assert lines[2].endswith(f"Status {found.status}.")
    assert len(lines) == 3


def test_by_default_every_change_has_the_support_of_real_items(model: ItemRecommender) -> None:
    found = [find_recourse(model, item, "group students") for item in range(1, 13)]
    changes = [change for one in found for change in one.changes]
    assert changes
    assert all(change.support is not None and change.support >= 0.25 - 1e-9 for change in changes)
    free = [find_recourse(model, item, "group students", plausibility="none") for item in range(1, 13)]
    assert sum(len(one.changes) for one in free) > len(changes)


def test_what_cannot_be_done_prints_its_reason_in_three_lines(model: ItemRecommender) -> None:
    user = int(model.dataset.ratings.nonzero()[0][0])
    item = int(model.dataset.ratings[[user]].indices[0])
    found = find_recourse(model, item + 1, [user + 1])
    assert (found.status, found.n_targets, found.rank_before) == (Status.INFEASIBLE, 0, None)
    assert str(found).splitlines()[1:] == [
        "Nothing is changed.",
        "Status infeasible (every user of the group has rated the item).",
    ]


def test_a_label_a_mask_and_ids_name_the_same_group(tables: dict[str, pd.DataFrame]) -> None:
    shuffled = tables["users"].sample(frac=1.0, random_state=0)
    model = fit_content(tables["ratings"], tables["items"], users=shuffled, features=FEATURES)
    is_student = shuffled["group"] == "students"
    by_label = find_recourse(model, 5, "group students", plausibility="none")
    ids = shuffled["user_id"][is_student]
    for group in (is_student, is_student.to_numpy(), is_student.astype("boolean"), ids, list(ids)):
        found = find_recourse(model, 5, group, plausibility="none")
        assert found.group == f"{is_student.sum()} selected users"
        assert (found.changes, found.success_after) == (by_label.changes, by_label.success_after)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_a_matrix_of_ratings_does_as_well_as_a_table(
    tables: dict[str, pd.DataFrame], model: ItemRecommender, kind: str
) -> None:
    matrix = sp.csr_array(model.dataset.ratings)
    items = tables["items"].drop(columns=["item_id", "title", "seller_id"])
    by_position = fit_content(matrix if kind == "sparse" else matrix.toarray(), items, features=FEATURES)
    found, expected = find_recourse(by_position, 4, range(20)), find_recourse(model, 5, range(1, 21))
    assert (found.title, found.changes) == ("4", expected.changes)


def test_options_are_others_that_reach_as_many_as_wanted(model: ItemRecommender) -> None:
    found = find_recourse(model, 1, "group students", options=3, select="diverse", min_success=0.3, plausibility="none")
    assert found.other_options
    for other in found.other_options:
        assert isinstance(other, ItemRecourse)
        assert other.changes != found.changes
        assert other.success_after >= 0.3


def test_aimed_at_a_rank_it_says_the_mean_ranks_that_the_recommender_gives(model: ItemRecommender) -> None:
    found = [find_recourse(model, item, "group students", aim="rank", plausibility="none") for item in range(1, 13)]
    served = [one for one in found if one.serves]
    assert served
    for one in served:
        assert one.rank_bound <= one.rank_after <= one.rank_before / 2 + 1e-9
        lines = str(one).splitlines()
        assert f"Mean rank {one.rank_before:.1f} for {one.n_targets} users, then {one.rank_after:.1f}" in lines[2]
        assert len(lines) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k=0: use 1 or more"),
        ({"k": "ten"}, "k='ten': use a number"),
        ({"options": 6}, "options=6: use 1 to 5"),
        ({"max_changes": 2.5}, "max_changes=2.5: use a whole number"),
        ({"max_cost": 0}, "max_cost=0: use more than 0"),
        ({"tolerance": 1}, "tolerance=1: use 0 or more, and less than 1"),
        ({"method": "best"}, "method='best': use 'recrec' or 'examples'"),
        ({"device": "abacus"}, "device='abacus': this machine has no such torch device"),
        ({"overlap": 0.9}, "overlap=0.9 is ignored where all features have upper limits"),
        ({"nearest": "sparsity"}, "nearest='sparsity' is ignored with method='recrec'"),
        ({"method": "examples", "tolerance": 0.1}, "tolerance=0.1 is ignored with method='examples'"),
        ({"method": "examples", "prove_seconds": 1}, "prove_seconds=1 is ignored with method='examples'"),
        ({"method": "examples", "plausibility": "support"}, "plausibility='support' is ignored with method='examples'"),
        ({"plausibility": "none", "least_support": 0.1}, "least_support=0.1 is ignored without plausibility='support'"),
        ({"least_support": 2}, "least_support=2: use 0 to 1"),
        ({"method": "examples", "device": "cpu"}, "device='cpu' is ignored with method='examples'"),
        ({"aim": "first"}, "aim='first': use 'top-k' or 'rank'"),
        ({"aim": "rank", "method": "examples"}, "aim='rank' is ignored with method='examples'"),
        ({"aim": "rank", "options": 2}, "options=2 is ignored with aim='rank'"),
        ({"aim": "rank", "min_success": 0.1}, "min_success=0.1 is ignored with aim='rank'"),
        ({"aim": "rank", "tolerance": 0.1}, "tolerance=0.1 is ignored with aim='rank'"),
        ({"select": "study"}, "select='study' is ignored with one option"),
        ({"seed": 1}, "seed=1 is ignored with one option and at most 2000 users"),
    ],
)
def test_settings_that_are_wrong_or_would_be_ignored_are_refused(
    model: ItemRecommender, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        find_recourse(model, 3, "group students", **settings)


def test_a_proof_is_refused_where_features_have_no_limit(tables: dict[str, pd.DataFrame]) -> None:
    endless = fit_content(
        tables["ratings"], tables["items"], features={"description": {"kind": "text", "upper": float("inf")}}
    )
    with pytest.raises(ConfigError, match="prove_seconds=1 is ignored where features have no upper limit"):
        find_recourse(endless, 3, [1, 2], prove_seconds=1)
    assert find_recourse(endless, 5, [1, 2], overlap=0.5, plausibility="none").changes


@pytest.mark.parametrize(
    ("item", "group", "message"),
    [
        (99, [1], "item 99: there is no such item .found 40, first: 1, 2, 3"),
        ("3", [1], "item: ids are int64 here .found string"),
        (3, "group nobody", "group 'group nobody': there is no such group.*columns: group"),
        (3, [1, 777], "group: 1 of 2 users do not exist .first: 777"),
        (3, [True, False], "group: a mask of .2,. values for 60 users"),
        (3, [], "group: it has no users"),
    ],
)
def test_unknown_items_and_groups_are_input_errors(
    model: ItemRecommender, item: object, group: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find_recourse(model, item, group)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["ratings"].drop(columns="rating"), "ratings: column 'rating' is missing"),
        (lambda t: t["ratings"].assign(rating=np.nan), "ratings: column 'rating' has .* values missing"),
        (lambda t: t["ratings"].assign(rating=np.inf), "ratings: column 'rating' has .* of NaN or infinity"),
        (lambda t: t["ratings"].assign(item_id=99), "ratings: column 'item_id' has .* that items does not have"),
        (lambda t: t["ratings"].assign(user_id=99), "ratings: column 'user_id' has .* that users does not have"),
        (lambda t: t["ratings"].astype({"item_id": str}), "column 'item_id' is .*string, but that of items is int64"),
        (lambda t: pd.concat([t["ratings"]] * 2), "rated before by the same user"),
        (lambda t: np.zeros((60, 3)), "the matrix has 3 columns, but there are 40 items"),
        (lambda t: np.zeros((7, 40)), "the matrix has 7 rows, but there are 60 users"),
        (lambda t: np.zeros(40), "expected a table with user_id, item_id, rating or numbers of shape"),
    ],
)
def test_ratings_that_cannot_be_read_are_one_clear_error(
    tables: dict[str, pd.DataFrame], change: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit_content(change(tables), tables["items"], users=tables["users"], features=FEATURES)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "features: none is named"),
        ({"description": "prose"}, "features: kind: .*prose"),
        ({"price": {"kind": "number", "mutabel": True}}, "features: mutabel"),
    ],
)
def test_features_that_mean_nothing_are_refused(
    tables: dict[str, pd.DataFrame], features: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fit_content(tables["ratings"], tables["items"], features=features)


def test_an_item_column_that_is_missing_is_named(tables: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(InputError, match="items: column 'colour' is missing"):
        fit_content(tables["ratings"], tables["items"], features={"colour": "category"})
    with pytest.raises(InputError, match="items: column 'item_id' is missing"):
        fit_content(tables["ratings"], tables["items"].drop(columns="item_id"), features=FEATURES)
    with pytest.raises(InputError, match="items: column 'item_id' has 40 values that an earlier row has"):
        fit_content(tables["ratings"], pd.concat([tables["items"]] * 2), features=FEATURES)


def test_what_is_given_is_never_modified(tables: dict[str, pd.DataFrame]) -> None:
    before = {name: table.copy(deep=True) for name, table in tables.items()}
    matrix = sp.csr_matrix(np.eye(60, 40))
    untouched = matrix.copy()
    model = fit_content(tables["ratings"], tables["items"], users=tables["users"], features=FEATURES)
    fit_content(matrix, tables["items"], features=FEATURES)
    mask = tables["users"]["group"] == "students"
    find_recourse(model, 3, mask)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, before[name])
    assert (matrix != untouched).nnz == 0


@pytest.mark.usefixtures("machine")
def test_a_clean_process_needs_no_ray() -> None:
    script = """
import sys
import pandas as pd
from recsys_ops.recourse.item_recourse import find_recourse
from recsys_ops.recourse.recommender import fit_content
ratings = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 1], "rating": [5, 1, 4]})
items = pd.DataFrame({"item_id": [1, 2, 3], "genres": ["crime|new", "war", "old|new"]})
model = fit_content(ratings, items, features={"genres": {"kind": "tags", "min_items": 1}})
print(find_recourse(model, 3, [1, 2], k=1))
assert "ray" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
