"""One recourse from Python against the rows of the job for the same cases."""

import numpy as np
import pytest

from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import Catalogue, make_catalogue, make_inputs
from jobs.recourse.work import run_shard, summarise_blocks
from jobs.runtime.shards import Shard
from jobs.runtime.worker import one_thread
from recsys_ops.acceptance.learned import Learned
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.recourse.item_recourse import ItemRecourse, find_recourse
from recsys_ops.recourse.recommender import fit_recommender

SETTINGS = [
    {},
    {"plausibility": "none"},
    {"options": 3, "max_changes": 4, "max_proximity": 1.5, "seed": 0, "plausibility": "none"},
    {"options": 3, "least_support": 0.1, "seed": 0},
    {"method": "examples", "min_success": 0.1},
]
MEASURES = (
    "status", "reason", "n_targets", "rank_before", "success_before", "success_after", "success_bound", "lower_bound",
    "gap", "cost", "proximity", "rbo", "method",
)  # fmt: skip


def _catalogue(config: RecourseConfig, dataset: Dataset) -> Catalogue:
    return make_catalogue(config, dataset, lambda items: make_feature_model(str(config.model), dataset, items))


def rows_of_job(config: RecourseConfig) -> list[dict[str, object]]:
    """All rows of the recourse table, without Ray."""
    dataset = load_dataset(config.data, seed=config.seed)
    catalogue, items = _catalogue(config, dataset), np.arange(dataset.n_items)
    arguments = {
        "k": config.k, "groups": catalogue.group_of_user, "n_groups": len(catalogue.labels), "selected": items,
        "columns": catalogue.encoded.columns,
    }  # fmt: skip
    summary, counts = summarise_blocks(catalogue.model, [(0, dataset.n_users)], arguments)
    inputs = make_inputs(config, catalogue, items, summary, counts, learned=Learned(), seen_by=config.seen_by)
    with one_thread():
        shard = Shard(0, 0, len(inputs.cases.batch_starts) - 2, len(inputs.cases.item))
        rows: list[dict[str, object]] = run_shard(inputs, shard, {}).tables["recourse"].to_pylist()
    return rows


@pytest.mark.parametrize(
    ("model_name", "settings"), [*(("content", each) for each in SETTINGS), ("hybrid", SETTINGS[0])]
)
def test_a_recourse_from_python_is_the_row_of_the_job(
    model_name: str, settings: dict[str, object], tmp_path: object
) -> None:
    data = "synthetic:items=40,users=60,ratings_per_user=8"
    rows = rows_of_job(RecourseConfig(data=data, model=model_name, groups="group", out=str(tmp_path), **settings))
    dataset = load_dataset(data, seed=0)
    found = dataset.ratings.tocoo()
    ratings = {"user_id": found.row + 1, "item_id": found.col + 1, "rating": found.data}
    model = fit_recommender(ratings, dataset.items, users=dataset.users, features=dataset.rules, model=model_name)
    cases = sorted({(row["item_id"], row["group"]) for row in rows})
    assert len(cases) > 10
    for item, group in cases[::5]:
        recourse = find_recourse(model, item, group, **settings)
        of_case = [row for row in rows if (row["item_id"], row["group"]) == (item, group)]
        for one, row in zip([recourse, *recourse.other_options], of_case, strict=True):
            assert_is_row(one, row)


def assert_is_row(found: ItemRecourse, row: dict[str, object]) -> None:
    assert (found.item, found.title, found.group) == (row["item_id"], row["title"], row["group"])
    assert [change.text for change in found.changes] == [change["text"] for change in row["changes"] or []]
    for name in MEASURES:
        value = getattr(found, name)
        assert value == (pytest.approx(row[name]) if isinstance(value, float) else row[name]), name
