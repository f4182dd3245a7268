"""The call from Python gives what the job gives, case by case."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import recsys_ops
from jobs.counterfactuals import job as counterfactuals
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.runtime.job import run_job

pytestmark = pytest.mark.usefixtures("ray_session")

DATA = "synthetic:items=30,users=40,ratings_per_user=10"
COLUMNS = ("status", "reason", "rank_before", "rank_after", "distance", "objective", "bound", "gap", "method")


@pytest.mark.parametrize("ratings", [False, True])
def test_the_call_from_python_gives_the_rows_of_the_job(tmp_path: Path, ratings: bool) -> None:
    config = CounterfactualsConfig(data=DATA, out=str(tmp_path), run_id="r", k=3, top=2, ratings=ratings)
    assert run_job(config, counterfactuals.JOB) == 0
    rows: list[dict[str, Any]] = (
        recsys_ops.open_run(f"{tmp_path}/runs/r").table("counterfactuals").to_table().to_pylist()
    )
    assert len(rows) == 80
    dataset = recsys_ops.load_dataset(DATA, seed=0)
    entries = dataset.ratings.tocoo()
    table = pd.DataFrame(
        {
            "user_id": dataset.user_ids.to_numpy(zero_copy_only=False)[entries.coords[0]],
            "item_id": dataset.item_ids.to_numpy(zero_copy_only=False)[entries.coords[1]],
            "rating": entries.data,
        }
    )
    scale = {"ratings": True, "greatest_rating": dataset.rating_range[1]} if ratings else {}
    model = recsys_ops.fit_ease(table, **scale)
    assert model.item_ids.equals(dataset.item_ids)
    for row in rows:
        found = recsys_ops.explain(model, table, row["user_id"], row["item_id"], k=3, **scale)
        assert {name: getattr(found, name) for name in COLUMNS} == {name: row[name] for name in COLUMNS}
        removed = [{"item_id": i, "stars": n} for i, n in zip(found.removed, found.stars or (), strict=False)]
        assert (removed if ratings else list(found.removed)) == (row["removed"] or [])
