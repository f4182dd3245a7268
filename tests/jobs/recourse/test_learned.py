"""Recourse of learned recommenders in the job: the same rows whoever computes them, and the same for ``ask``."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_limits

from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import RecourseInputs, make_catalogue, make_inputs
from jobs.recourse.job import JOB
from jobs.recourse.models import recourse_models, restored_model, restored_recourse
from jobs.recourse.work import run_shard, summarise_blocks
from jobs.runtime import job as runtime
from jobs.runtime.shards import Shard
from jobs.runtime.worker import one_thread
from recsys_ops.acceptance.learned import Learned
from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.features.encode import encode_items
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.runs import open_run

DATA = "synthetic:items=40,users=60,ratings_per_user=8"
MODELS = ("hybrid", "lightfm", "towers")
N_USERS = 60


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return load_dataset(DATA, seed=0)


def named(model: str, shop: Dataset, folder: Path) -> str:
    """The model as ``--model`` takes it, its factors drawn and written if it is brought."""
    rng = np.random.default_rng(4)
    n_items, n_features = shop.n_items, len(encode_items(shop.items, shop.rules).columns)
    shapes = {
        "lightfm": {"user_embeddings": N_USERS, "item_embeddings": n_items + n_features},
        "towers": {"user_vectors": N_USERS, "item_vectors": n_items, "feature_map": n_features},
    }
    if model not in shapes:
        return model
    path = folder / f"{model}.npz"
    np.savez(path, **{name: rng.normal(size=(n, 6)) for name, n in shapes[model].items()})
    return f"{model}:{path}"


def inputs_of(config: RecourseConfig, shop: Dataset, *, restored: bool = False) -> RecourseInputs:
    """What the workers read; with ``restored`` from what the run has stored."""
    items = np.arange(shop.n_items)
    catalogue = make_catalogue(config, shop, lambda encoded: make_feature_model(str(config.model), shop, encoded))
    arguments = {
        "k": config.k, "groups": catalogue.group_of_user, "n_groups": len(catalogue.labels), "selected": items,
        "columns": catalogue.encoded.columns,
    }  # fmt: skip
    with one_thread():
        summary, counts = summarise_blocks(catalogue.model, [(0, N_USERS)], arguments)
    if restored:
        models = recourse_models(summary, counts, items, catalogue.model)
        catalogue = make_catalogue(config, shop, lambda encoded: restored_model(models, shop, encoded))
        summary, counts = restored_recourse(models, items)
    return make_inputs(config, catalogue, items, summary, counts, learned=Learned(), seen_by=None)


def rows_digest(table: pa.Table) -> str:
    return hashlib.sha256(repr(table.to_pylist()).encode()).hexdigest()


def digest_of(inputs: RecourseInputs, shards: list[tuple[int, int]]) -> str:
    """Of the rows of batches, cut into shards."""
    starts = inputs.cases.batch_starts
    with one_thread():
        parts = [
            run_shard(inputs, Shard(number, first, last, int(starts[last + 1] - starts[first])), {}).tables["recourse"]
            for number, (first, last) in enumerate(shards)
        ]
    return rows_digest(pa.concat_tables(parts))


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("model", MODELS)
def test_rows_depend_on_no_shard_worker_or_thread_and_are_those_of_the_stored_model(
    model: str, shop: Dataset, tmp_path: Path
) -> None:
    is_fitted = model == "hybrid"
    config = RecourseConfig(
        data=DATA, groups="n_ratings:2", model=named(model, shop, tmp_path), folds=3 if is_fitted else 0, shards=4,
        items=",".join(map(str, shop.item_ids.to_pylist())), quality=False, together=False, rule_cost_cases=0,
        out=str(tmp_path), run_id="r",
    )  # fmt: skip
    with threadpool_limits(limits=1):
        inputs = inputs_of(config, shop)
        last = len(inputs.cases.batch_starts) - 2
        assert last > 0
        expected = digest_of(inputs, [(0, last)])
    assert digest_of(inputs_of(config, shop, restored=True), [(0, last)]) == expected
    if is_fitted:  # tests/jobs/recourse/test_determinism.py has its runs
        with threadpool_limits(limits=2):
            assert digest_of(inputs_of(config, shop), [(n, n) for n in range(last + 1)]) == expected
        return
    assert runtime.run_job(config, JOB) == 0
    run = open_run(str(tmp_path / "runs/r"), verify=True)
    assert len(run.manifest["shards"]) > 1
    assert rows_digest(run.table("recourse").to_table()) == expected
