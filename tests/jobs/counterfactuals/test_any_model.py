"""The counterfactuals job with recommenders of every form: the same rows for any shards, and each verified."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from jobs.counterfactuals import ask as ask_counterfactuals
from jobs.counterfactuals import job as counterfactuals
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.runtime import job as runtime
from recsys_ops.datasets import load_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.models.recommender import make_recommender
from recsys_ops.runs import Run, open_run
from tests.suites import onnx_files

DATA = "synthetic:items=60,users=120,ratings_per_user=15"


def run_job(out: Path, model: str, run_id: str, shards: int) -> Run:
    config = CounterfactualsConfig(
        data=DATA, out=str(out), run_id=run_id, model=model, users="1,2,3,4,5,6", k=5, top=2, shards=shards
    )
    assert runtime.run_job(config, counterfactuals.JOB) == 0
    return open_run(str(out / "runs" / run_id), verify=True)


def model_of(kind: str, folder: Path) -> str:
    if kind == "als":
        return "als"
    if kind == "embeddings":
        np.save(folder / "vectors.npy", np.random.default_rng(0).normal(size=(60, 6)))
        return f"embeddings:{folder}/vectors.npy"
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    weights = onnx_files.random_weights(np.random.default_rng(0), (60, 6, 60))
    (folder / "model.onnx").write_bytes(onnx_files.autoencoder(weights))
    return f"onnx:{folder}/model.onnx"


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("kind", ["als", "onnx", "embeddings"])
def test_rows_are_verified_independent_of_shards_and_given_to_those_who_ask(kind: str, tmp_path: Path) -> None:
    name = model_of(kind, tmp_path)
    run, other = run_job(tmp_path, name, "one", 1), run_job(tmp_path, name, "two", 4)
    rows: list[dict[str, Any]] = run.table("counterfactuals").to_table().to_pylist()
    assert rows == other.table("counterfactuals").to_table().to_pylist()
    settings = ask_counterfactuals.settings_of(run)
    dataset = load_dataset(DATA, seed=0)
    found = ask_counterfactuals.rows(run, settings, dataset, user="5")
    assert found == [row for row in rows if row["user_id"] == 5]
    recommender = make_recommender(
        name, sp.csr_array((dataset.ratings > 0).astype(np.float64)), item_ids=dataset.item_ids
    )
    items, users = dataset.item_ids.to_pylist(), dataset.user_ids.to_pylist()
    explained = [row for row in rows if row["n_removed"]]
    assert len(explained) >= 4
    for row in explained:
        history = (dataset.ratings[[users.index(row["user_id"])]].toarray()[0] > 0).astype(np.float64)
        candidates = np.flatnonzero(history == 0)
        history[[items.index(item) for item in row["removed"]]] = 0
        scores = recommender.scores(sp.csr_array(history[None]))[0]
        above = int((scores[candidates] > scores[items.index(row["item_id"])]).sum())
        assert row["rank_after"] == 1 + above > 5


@pytest.mark.parametrize("options", [{"plausibility": "threshold"}, {"plausibility": "optimise"}, {"engine": "pyomo"}])
def test_what_only_linear_recommenders_have_is_refused_before_anything_is_read(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=rf"--{name} {options[name]}: .*linear in the history"):
        counterfactuals.check(CounterfactualsConfig(data="nowhere", model="als", **options))
